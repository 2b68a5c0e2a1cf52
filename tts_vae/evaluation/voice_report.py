"""All figures of a trained voice on its corpus's held-out recordings: `tts-vae evaluate`."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from rich.progress import track

from tts_vae.audio.files import read_audio
from tts_vae.audio.mel import MelSpectrogram
from tts_vae.corpora.manifests import read_cuts, write_json
from tts_vae.evaluation.clustering import latent_use
from tts_vae.evaluation.duration import length_ratio
from tts_vae.evaluation.intelligibility import Judge
from tts_vae.evaluation.outside_recognisers import PocketsphinxRecogniser, text_error_rates
from tts_vae.evaluation.speaker_swap import SpeakerSwap, swap_speakers
from tts_vae.evaluation.style_effect import style_effect
from tts_vae.evaluation.timing import real_time_factor
from tts_vae.synthesis.style import Style
from tts_vae.synthesis.voice import Voice

TIMING_TEXT = "The quick brown fox jumps over the lazy dog while seven small birds sing softly."


@dataclass
class HeldOut:
    """One held-out recording and what the voice made of its text.

    Attributes:
        id: of the utterance.
        text: what is said.
        kind: why it is held out: "sentence" or "factors".
        speaker: who says it.
        natural: (samples,) the recording.
        style: the recording's own style.
        synthesis: (samples,) the text spoken freely in that style.
        tokens: what was spoken.
        frames: (synthesis, natural) lengths in frames.
    """

    id: str
    text: str
    kind: str
    speaker: str
    natural: NDArray[np.float32]
    style: Style
    synthesis: NDArray[np.float32]
    tokens: tuple[str, ...]
    frames: tuple[int, int]


def evaluate_voice(
    voice_dir: str | Path,
    out_dir: str | Path,
    corpus_dir: str | Path | None = None,
    limit: int | None = 150,
    seed: int = 0,
) -> dict[str, Any]:
    """Measure a voice and write ``metrics.json``.

    Intelligibility is phone error by the shipped judge on the embedded corpus, and word and
    character error by pocketsphinx on real recordings, always beside natural and copy-synthesis.

    Args:
        voice_dir: a voice folder.
        out_dir: where to write; created.
        corpus_dir: prepared corpus; the one the voice was trained on if None.
        limit: held-out recordings used, evenly spread; None for all.
        seed: seed of waveforms and prior samples.

    Returns:
        The contents of metrics.json.

    Raises:
        ValueError: if there is no voice or no prepared corpus with held-out recordings.
    """
    voice = Voice.load(voice_dir)
    corpus = corpus_dir or voice.bundle.metadata.get("corpus_dir")
    if corpus is None:
        raise ValueError("the voice does not say where its corpus is; give the prepared folder")
    out = Path(out_dir)
    out.mkdir(parents=True, exist_ok=True)
    items = held_out_speech(voice, Path(corpus), limit, seed)
    metrics: dict[str, Any] = {
        "voice": {
            k: voice.bundle.metadata.get(k) for k in ("experiment", "corpus", "steps", "git")
        },
        "utterances": len(items),
        "intelligibility": intelligibility(voice, items, seed),
        "length": asdict(length_ratio(*zip(*(item.frames for item in items), strict=True))),
        "latents": latents(voice, items),
        "style_changes_output": style_effect(voice, [item.text for item in items[:4]], seed),
        "rtf": speed(voice),
    }
    if "speaker" in voice.bundle.model.sites and len(voice.speakers) > 1:
        metrics["speaker_swap"] = asdict(speaker_swap(voice, items, Path(corpus), seed))
    write_json(out / "metrics.json", metrics)
    return metrics


def held_out_speech(
    voice: Voice, corpus: Path, limit: int | None = None, seed: int = 0
) -> list[HeldOut]:
    """Speak every held-out text in the style of its own recording.

    Raises:
        ValueError: if the corpus has no test recordings.
    """
    cuts = list(read_cuts(corpus, "test"))
    if not cuts:
        raise ValueError(f"{corpus} has no test recordings; prepare more utterances")
    if limit is not None and len(cuts) > limit:
        cuts = [cuts[i] for i in np.linspace(0, len(cuts) - 1, limit).round().astype(int)]
    items = []
    for cut in track(cuts, description="speaking held-out texts"):
        supervision = cut.supervisions[0]
        path = cut.recording.sources[0].source
        natural, _ = read_audio(path, voice.sample_rate)
        style = voice.style(reference=path)
        speech = voice.speak(supervision.text, style, seed=seed)
        items.append(
            HeldOut(
                id=cut.id,
                text=supervision.text,
                kind=(supervision.custom or {}).get("held_out", "sentence"),
                speaker=supervision.speaker,
                natural=natural,
                style=style,
                synthesis=speech.waveform,
                tokens=speech.phones,
                frames=(len(speech.mels), len(natural) // voice.bundle.mel.hop_length),
            )
        )
    return items


def intelligibility(voice: Voice, items: Sequence[HeldOut], seed: int = 0) -> dict[str, Any]:
    """Error rates of natural recordings, their copy-synthesis and synthesis, per held-out kind."""
    rate = voice.sample_rate
    analyse = MelSpectrogram(voice.bundle.mel)
    copies = []
    for item in track(items, description="copy-synthesis"):
        mels = analyse(torch.from_numpy(item.natural)).unsqueeze(0)
        copies.append(voice.vocode(mels, seed))
    sounds = {
        "natural": [item.natural for item in items],
        "copy_synthesis": copies,
        "synthesis": [item.synthesis for item in items],
    }
    result: dict[str, Any] = {}
    if voice.bundle.metadata.get("corpus") == "espeak":
        judge = Judge.load("espeak")
        kinds = {"all": list(range(len(items)))}
        for index, item in enumerate(items):
            kinds.setdefault(item.kind, []).append(index)
        for kind, chosen in kinds.items():
            tokens = [items[i].tokens for i in chosen]
            result[kind] = {
                name: judge.per_of_waveforms(tokens, [waves[i] for i in chosen], rate).summary()
                for name, waves in sounds.items()
            }
        return {"measure": "PER", "judge": "espeak", **result}
    recogniser = PocketsphinxRecogniser()
    texts = [item.text for item in items]
    for name, waves in sounds.items():
        rates = text_error_rates(recogniser, texts, waves, rate)
        result[name] = {"wer": rates.wer.summary(), "cer": rates.cer.summary()}
    return {"measure": "WER and CER", "judge": recogniser.name, "all": result}


@torch.no_grad()
def latents(voice: Voice, items: Sequence[HeldOut]) -> dict[str, Any]:
    """KL, active units and components in use of every site over the held-out recordings."""
    model, analyse = voice.bundle.model, MelSpectrogram(voice.bundle.mel)
    rows: dict[str, list[Any]] = {site: [] for site in model.sites}
    for item in items:
        mels = analyse(torch.from_numpy(item.natural)).unsqueeze(0)
        conditions = {}
        if "speaker" in model.conditions and item.speaker in voice.speakers:
            conditions["speaker"] = torch.tensor([voice.speakers.index(item.speaker)])
        mask = torch.ones(mels.shape[:2], dtype=torch.bool)
        outputs = model.infer(mels, mask, conditions, mode="mean")
        for site, output in outputs.items():
            rows[site].append((output.z[0], output.kl[0], output.statistics))
    result = {}
    for site, seen in rows.items():
        shares = [s["responsibilities"][0] for _, _, s in seen if "responsibilities" in s]
        use = latent_use(
            torch.stack([z for z, _, _ in seen]).numpy(),
            torch.stack([kl for _, kl, _ in seen]).numpy(),
            torch.stack(shares).numpy() if shares else None,
        )
        result[site] = asdict(use)
    return result


def speaker_swap(
    voice: Voice, items: Sequence[HeldOut], corpus: Path, seed: int, each: int = 6
) -> SpeakerSwap:
    """F0 of every speaker with borrowed prosody, beside ``each`` of the speaker's recordings."""
    recordings: dict[str, list[NDArray[np.float32]]] = {name: [] for name in voice.speakers}
    for split in ("test", "valid", "train"):
        for cut in read_cuts(corpus, split):
            waves = recordings.get(cut.supervisions[0].speaker, [])
            if len(waves) < each:
                waves.append(read_audio(cut.recording.sources[0].source, voice.sample_rate)[0])
    borrowed = {item.speaker: item for item in items}  # one of each speaker
    return swap_speakers(
        voice,
        [item.text for item in borrowed.values()],
        [item.style for item in borrowed.values()],
        {name: waves for name, waves in recordings.items() if waves},
        seed,
    )


def speed(voice: Voice) -> dict[str, Any]:
    """Real-time factor of the acoustic model alone and of text -> waveform."""

    def to_seconds(vocode: bool) -> float:
        speech = (voice if vocode else silent).speak(TIMING_TEXT)
        return speech.duration_s

    silent = Voice(voice.bundle, vocoder=_NoVocoder(voice.bundle.mel.hop_length))
    return {
        "acoustic": asdict(real_time_factor(lambda: to_seconds(False), len(TIMING_TEXT))),
        "text_to_waveform": asdict(
            real_time_factor(lambda: to_seconds(True), len(TIMING_TEXT), repeats=5)
        ),
    }


class _NoVocoder:
    """Silence of the right length: what remains is the cost of the front end and the model."""

    def __init__(self, hop_length: int) -> None:
        self.hop_length = hop_length

    def __call__(self, mels: torch.Tensor, lengths: torch.Tensor | None = None) -> torch.Tensor:
        return torch.zeros(len(mels), mels.shape[1] * self.hop_length)
