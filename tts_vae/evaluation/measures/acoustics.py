"""What can be heard in a clip, measured on its waveform alone: length, rate, pitch, level."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tts_vae.audio.files import speech_level_db, trim_silence
from tts_vae.evaluation.listeners.intelligibility import spoken_phones
from tts_vae.evaluation.measures.pitch import f0_statistics


@dataclass(frozen=True)
class Acoustics:
    """Measured on one clip.

    Attributes:
        seconds: of the whole clip.
        speech_s: from the first sound to the last.
        phones_per_s: phones spoken in a second of ``speech_s``, inner pauses included.
        f0_median_hz: median voiced F0; NaN where next to nothing is voiced.
        level_db: RMS level re full scale, silences left out.
    """

    seconds: float
    speech_s: float
    phones_per_s: float
    f0_median_hz: float
    level_db: float


@dataclass(frozen=True)
class Change:
    """One clip relative to another of the same text.

    Attributes:
        pitch_st: change of median F0 in semitones; NaN where either has none.
        rate: how many times as fast.
        level_db: how much louder.
    """

    pitch_st: float
    rate: float
    level_db: float

    @property
    def size(self) -> float:
        """How different they sound, roughly: 2 semitones, 10 % of rate and 3 dB count alike."""
        pitch = 0.0 if math.isnan(self.pitch_st) else self.pitch_st
        return abs(pitch) / 2 + abs(math.log(self.rate)) / 0.1 + abs(self.level_db) / 3


def measure_acoustics(
    waveform: NDArray[np.float32], sample_rate: int, tokens: Sequence[str], f0_hz: ArrayLike
) -> Acoustics:
    """Measure a clip.

    Args:
        waveform: (samples,) mono.
        sample_rate: Hz.
        tokens: what is said; pauses are not counted.
        f0_hz: (frames,) its F0 track, 0 where unvoiced.

    Raises:
        ValueError: the clip is silent.
    """
    speech_s = len(trim_silence(waveform, sample_rate, margin_s=0.0)) / sample_rate
    return Acoustics(
        seconds=len(waveform) / sample_rate,
        speech_s=speech_s,
        phones_per_s=len(spoken_phones(tokens)) / speech_s,
        f0_median_hz=f0_statistics(f0_hz).median_hz,
        level_db=speech_level_db(waveform, sample_rate),
    )


def change(clip: Acoustics, usual: Acoustics) -> Change:
    """What a clip does differently from the usual one of the same text."""
    return Change(
        pitch_st=12 * math.log2(clip.f0_median_hz / usual.f0_median_hz),
        rate=usual.speech_s / clip.speech_s,
        level_db=clip.level_db - usual.level_db,
    )


def most_different(clips: Sequence[Acoustics]) -> tuple[int, int]:
    """The two clips of one text that differ most, by :attr:`Change.size`.

    Raises:
        ValueError: there are fewer than two.
    """
    if len(clips) < 2:
        raise ValueError(f"expected two clips or more to compare, got {len(clips)}")
    pairs = [(i, j) for j in range(len(clips)) for i in range(j)]
    return max(pairs, key=lambda pair: change(clips[pair[0]], clips[pair[1]]).size)
