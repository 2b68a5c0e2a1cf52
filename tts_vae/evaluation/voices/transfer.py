"""Speaker A in the style of a recording of B: how much of the style arrives, and is it still A?"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tts_vae.evaluation.measures.attributes import measure_speeches
from tts_vae.evaluation.measures.smoothness import rank_correlation
from tts_vae.evaluation.measures.speaker_accuracy import SpeakerClassifier
from tts_vae.evaluation.measures.summary import bootstrap_interval
from tts_vae.evaluation.voices.own_level import STYLE_ATTRIBUTES, NaturalSpeech
from tts_vae.synthesis.style import SPEAKER
from tts_vae.synthesis.voice import Voice

RESAMPLES = 300
"""Of the bootstrap: ranking is slow, and the interval is wanted to a digit or two."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Transfer:
    """One attribute of the references against the outputs.

    Attributes:
        n: pairs where both are defined.
        undefined: pairs where one is not.
        spearman: rank correlation over pairs; NaN where either never changes.
        low: lower end of its bootstrap 95 % interval.
        high: upper end.
        mae: mean absolute difference, in the attribute's unit.
        bias: mean of output minus reference.
        slope: of the regression of outputs on references; 1 is the whole of the style.
    """

    n: int
    undefined: int
    spearman: float
    low: float
    high: float
    mae: float
    bias: float
    slope: float


def transfer(reference: ArrayLike, output: ArrayLike, seed: int = 0) -> Transfer:
    """Compare an attribute of references (pairs,) with that of the outputs (pairs,).

    Raises:
        ValueError: the lists differ in length.
    """
    a, b = np.asarray(reference, dtype=np.float64), np.asarray(output, dtype=np.float64)
    if a.ndim != 1 or a.shape != b.shape:
        raise ValueError(
            f"expected one reference and one output for each pair, got {a.shape} and {b.shape}"
        )
    pairs = np.stack([a, b], axis=1)[~(np.isnan(a) | np.isnan(b))]
    nan = math.nan
    undefined = len(a) - len(pairs)
    if not len(pairs):
        return Transfer(0, undefined, nan, nan, nan, nan, nan, nan)
    spearman = rank_correlation(pairs[:, 0], pairs[:, 1])
    low, high = nan, nan
    if not math.isnan(spearman):
        low, high = bootstrap_interval(
            pairs, lambda rows: rank_correlation(*rows.T), resamples=RESAMPLES, seed=seed
        )
    spread = pairs[:, 0] - pairs[:, 0].mean()
    power = float(spread @ spread)
    return Transfer(
        n=len(pairs),
        undefined=undefined,
        spearman=spearman,
        low=low,
        high=high,
        mae=float(np.mean(np.abs(pairs[:, 1] - pairs[:, 0]))),
        bias=float(np.mean(pairs[:, 1] - pairs[:, 0])),
        slope=float(spread @ pairs[:, 1]) / power if power > 0 else nan,
    )


def voice_transfer(
    voice: Voice,
    corpus_dir: str | Path,
    limit: int = 60,
    seed: int = 0,
    natural: NaturalSpeech | None = None,
    classifier: SpeakerClassifier | None = None,
) -> dict[str, Any]:
    """Speak with the voice of one speaker and the prosody of a held-out recording of another.

    Each reference is taken twice: for its own text (parallel) and for that of another held-out
    recording (non-parallel). "relative" compares departures from what is usual for A and for B
    (``own_level``), which is what a prosody site without the speaker can carry; "absolute" the
    values themselves. A voice of one speaker, or without a speaker site, keeps its own speaker.

    Args:
        voice: with latent sites.
        corpus_dir: its prepared corpus.
        limit: references.
        seed: of the speakers and of the waveforms.
        natural: recordings measured before; read and measured if None.
        classifier: of the corpus's speakers, if already trained.

    Returns:
        "pairs", "across_speakers" (whether A differs from B), "usual": what "relative" is relative
        to, and for "parallel" and "non_parallel": "relative" and "absolute": attribute ->
        :class:`Transfer`, "speaker_accuracy" (None for one speaker) with "speaker_accuracy_natural"
        beside it, and "items": "reference" (id), "speaker", "reference_speaker", "text",
        "recognised_as", and attribute -> [reference, output] relative values.
    """
    natural = natural or NaturalSpeech.of(voice, Path(corpus_dir))
    across = SPEAKER in voice.bundle.model.sites and len(voice.speakers) > 1
    if across and classifier is None:
        classifier = SpeakerClassifier(
            [r.natural for r in natural.training],
            [r.speaker for r in natural.training],
            voice.sample_rate,
        )
    chosen = np.linspace(0, len(natural.recordings) - 1, min(limit, len(natural.recordings)))
    indices = [int(index) for index in chosen.round()]
    generator = np.random.default_rng(seed)
    speakers = []
    for index in indices:
        own = natural.recordings[index].speaker
        others = [name for name in voice.speakers if name != own and name in natural.usual]
        speakers.append(str(generator.choice(others)) if across and others else own)
    kept_natural = None
    if classifier is not None:
        guesses = classifier.predict([r.natural for r in natural.recordings])
        kept_natural = float(
            np.mean([g == r.speaker for g, r in zip(guesses, natural.recordings, strict=True)])
        )
    shift = max(len(natural.recordings) // 2, 1)
    result: dict[str, Any] = {"pairs": len(indices), "across_speakers": across}
    result["usual"] = {
        name: dict(zip(STYLE_ATTRIBUTES, values.tolist(), strict=True))
        for name, values in natural.usual.items()
    }
    for kind, step in (("parallel", 0), ("non_parallel", shift)):
        texts = [natural.recordings[(i + step) % len(natural.recordings)].text for i in indices]
        found = _speak(voice, natural, indices, speakers, texts, across, seed)
        waveforms, outputs = found
        entry = _compared(natural, indices, speakers, outputs, seed)
        recognised: Sequence[str | None] = [None] * len(indices)
        entry["speaker_accuracy"] = None
        if classifier is not None:
            recognised = classifier.predict(waveforms)
            right = [a == b for a, b in zip(recognised, speakers, strict=True)]
            entry["speaker_accuracy"] = float(np.mean(right))
        entry["speaker_accuracy_natural"] = kept_natural
        for item, text, name in zip(entry["items"], texts, recognised, strict=True):
            item |= {"text": text, "recognised_as": name}
        result[kind] = entry
    return result


def _speak(
    voice: Voice,
    natural: NaturalSpeech,
    indices: Sequence[int],
    speakers: Sequence[str],
    texts: Sequence[str],
    across: bool,
    seed: int,
) -> tuple[list[NDArray[np.float32]], Floats]:
    """Waveforms, and their attributes (pairs, 3)."""
    styles = [
        voice.style(reference=natural.recordings[index].path, speaker=speaker if across else None)
        for index, speaker in zip(indices, speakers, strict=True)
    ]
    speeches = voice.speak_many(texts, styles, seed=seed)
    measured = measure_speeches(speeches, natural.judge)
    table = np.array([[getattr(row, name) for name in STYLE_ATTRIBUTES] for row in measured])
    return [speech.waveform for speech in speeches], table


def _compared(
    natural: NaturalSpeech,
    indices: Sequence[int],
    speakers: Sequence[str],
    outputs: Floats,
    seed: int,
) -> dict[str, Any]:
    references = natural.values[list(indices)]
    own = np.array([natural.usual[name] for name in speakers])
    pairs = {
        "relative": (natural.relative[list(indices)], outputs - own),
        "absolute": (references, outputs),
    }
    entry: dict[str, Any] = {
        kind: {
            name: asdict(transfer(before[:, column], after[:, column], seed))
            for column, name in enumerate(STYLE_ATTRIBUTES)
        }
        for kind, (before, after) in pairs.items()
    }
    before, after = pairs["relative"]
    entry["items"] = [
        {
            "reference": natural.recordings[index].id,
            "reference_speaker": natural.recordings[index].speaker,
            "speaker": speaker,
        }
        | {
            name: [float(before[row, column]), float(after[row, column])]
            for column, name in enumerate(STYLE_ATTRIBUTES)
        }
        for row, (index, speaker) in enumerate(zip(indices, speakers, strict=True))
    ]
    return entry
