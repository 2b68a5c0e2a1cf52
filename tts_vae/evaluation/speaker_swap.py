"""Does the pitch level follow the speaker when the prosody is somebody else's?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tts_vae.evaluation.pitch import REFERENCE_HZ, measure_f0
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
        name: float(np.nanmedian([measure_f0(w, voice.sample_rate).median_hz for w in waves]))
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
    return SpeakerSwap(
        natural_hz=dict(natural_hz),
        spoken_hz={name: list(values) for name, values in spoken_hz.items()},
        error_st=float(np.nanmean(np.abs(ours - level[:, None]))),
        pairs_in_order=float(np.mean(order)) if order else float("nan"),
    )


def _semitones(hz: float) -> float:
    return float(12 * np.log2(hz / REFERENCE_HZ)) if hz > 0 else float("nan")
