"""Does the pitch level follow the speaker when the prosody is somebody else's?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tts_vae.audio.files import read_audio
from tts_vae.corpora.manifests import read_cuts
from tts_vae.evaluation.measures.pitch import REFERENCE_HZ, measure_f0
from tts_vae.evaluation.measures.summary import summarise
from tts_vae.evaluation.voices.held_out import HeldOut
from tts_vae.synthesis.style import Style
from tts_vae.synthesis.voice import Voice


@dataclass(frozen=True)
class SpeakerSwap:
    """Median F0 in Hz of each speaker, natural and spoken with the prosody of others.

    Attributes:
        natural_hz: speaker -> median over the speaker's recordings.
        spoken_hz: speaker -> median F0 of each text, in the order of the prosodies.
        error_st: mean absolute difference of spoken from natural level, semitones.
        pairs_in_order: share of speaker pairs at least a semitone apart in nature that come in the
            same order in the synthesis of a text; NaN where there is no such pair.
    """

    natural_hz: Mapping[str, float]
    spoken_hz: Mapping[str, Sequence[float]]
    error_st: float
    pairs_in_order: float


def swap_held_out(
    voice: Voice, items: Sequence[HeldOut], corpus: Path, seed: int = 0, each: int = 6
) -> SpeakerSwap:
    """F0 of every speaker with borrowed prosody, beside ``each`` of the speaker's recordings.

    Args:
        voice: with a speaker site.
        items: held-out recordings; the last of each speaker lends its text and its style.
        corpus: folder of the prepared corpus they are of.
        seed: of the waveforms.
        each: recordings of a speaker that tell its natural level.
    """
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


def swap_speakers(
    voice: Voice,
    texts: Sequence[str],
    prosodies: Sequence[Style],
    recordings: Mapping[str, Sequence[NDArray[np.float32]]],
    seed: int = 0,
) -> SpeakerSwap:
    """Speak each text with one prosody in the voice of every speaker, and measure F0 by Praat.

    Args:
        voice: with a speaker site.
        texts: a few.
        prosodies: the style whose prosody each text takes.
        recordings: speaker -> natural waveforms (samples,) at the voice's sample rate.
        seed: of the waveforms.

    Raises:
        ValueError: if texts and prosodies differ in number, or a speaker is not the voice's.
    """
    if len(texts) != len(prosodies):
        raise ValueError(f"expected one prosody a text, got {len(prosodies)} for {len(texts)}")
    natural = {
        name: summarise([measure_f0(w, voice.sample_rate).median_hz for w in waves]).median
        for name, waves in recordings.items()
    }
    spoken = {
        name: [
            measure_f0(
                voice.speak(text, voice.style(speaker=name).with_prosody(style), seed).waveform,
                voice.sample_rate,
            ).median_hz
            for text, style in zip(texts, prosodies, strict=True)
        ]
        for name in natural
    }
    return compare_levels(natural, spoken)


def compare_levels(
    natural_hz: Mapping[str, float], spoken_hz: Mapping[str, Sequence[float]]
) -> SpeakerSwap:
    """The figures of :class:`SpeakerSwap` from medians in Hz; NaN is left out."""
    names = list(natural_hz)
    level = np.array([_semitones(natural_hz[name]) for name in names])
    ours = np.array([[_semitones(hz) for hz in spoken_hz[name]] for name in names])
    order = []
    for i in range(len(names)):
        for j in range(i):
            if abs(level[i] - level[j]) >= 1:
                gaps = ours[i] - ours[j]
                gaps = gaps[~np.isnan(gaps)]
                order.extend(np.sign(gaps) == np.sign(level[i] - level[j]))
    errors, nan = np.abs(ours - level[:, None]), float("nan")
    return SpeakerSwap(
        natural_hz=dict(natural_hz),
        spoken_hz={name: list(values) for name, values in spoken_hz.items()},
        error_st=float(errors[~np.isnan(errors)].mean()) if not np.isnan(errors).all() else nan,
        pairs_in_order=float(np.mean(order)) if order else nan,
    )


def _semitones(hz: float) -> float:
    return float(12 * np.log2(hz / REFERENCE_HZ)) if hz > 0 else float("nan")
