"""Level and range of F0 in semitones, and errors against a request."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tts_vae.audio.prosody import track_f0

REFERENCE_HZ = 55.0
FEWEST_VOICED_FRAMES = 10
HOP_S = 0.005


@dataclass(frozen=True)
class PitchStatistics:
    """F0 of one utterance; NaN where fewer than ``FEWEST_VOICED_FRAMES`` frames are voiced.

    Attributes:
        median_hz: median voiced F0.
        level_st: 12 log2(median_hz / 55).
        deviation_st: standard deviation of voiced semitones.
        range_st: 90th minus 10th percentile of voiced semitones.
        voiced_frames: number of voiced frames.
    """

    median_hz: float
    level_st: float
    deviation_st: float
    range_st: float
    voiced_frames: int


def measure_f0(waveform: NDArray[np.floating], sample_rate: int) -> PitchStatistics:
    """F0 statistics of a recording by Praat's autocorrelation, 5 ms hop, 60-500 Hz.

    Args:
        waveform: (samples,) mono.
        sample_rate: Hz.

    Raises:
        ImportError: the ``evaluation`` extra (praat-parselmouth) is not installed.
    """
    hop = round(HOP_S * sample_rate)
    track = track_f0(waveform, sample_rate, hop_length=hop, tracker="praat", fmin=60, fmax=500)
    return f0_statistics(track)


def f0_statistics(f0_hz: ArrayLike) -> PitchStatistics:
    """Statistics of a track (frames,) in Hz, 0 or NaN where unvoiced."""
    track = np.asarray(f0_hz, dtype=np.float64)
    voiced = track[np.nan_to_num(track) > 0]
    if len(voiced) < FEWEST_VOICED_FRAMES:
        nan = float("nan")
        return PitchStatistics(nan, nan, nan, nan, len(voiced))
    semitones = 12 * np.log2(voiced / REFERENCE_HZ)
    median_hz = float(np.median(voiced))
    low, high = np.percentile(semitones, [10, 90])
    return PitchStatistics(
        median_hz=median_hz,
        level_st=float(12 * np.log2(median_hz / REFERENCE_HZ)),
        deviation_st=float(semitones.std()),
        range_st=float(high - low),
        voiced_frames=len(voiced),
    )


def level_error_st(realised_hz: ArrayLike, requested_hz: ArrayLike) -> NDArray[np.float64]:
    """Realised minus requested F0 level in semitones, NaN where either is undefined."""
    realised = np.asarray(realised_hz, dtype=np.float64)
    requested = np.asarray(requested_hz, dtype=np.float64)
    defined = (np.nan_to_num(realised) > 0) & (np.nan_to_num(requested) > 0)
    ratio = np.divide(realised, requested, out=np.full(realised.shape, np.nan), where=defined)
    return 12 * np.log2(ratio)


def count_octave_errors(errors_st: ArrayLike, tolerance_st: float = 2.0) -> int:
    """How many level errors lie within ``tolerance_st`` of a whole octave or more (not zero)."""
    errors = np.asarray(errors_st, dtype=np.float64)
    errors = errors[~np.isnan(errors)]
    octaves = np.round(errors / 12)
    return int(((octaves != 0) & (np.abs(errors - 12 * octaves) <= tolerance_st)).sum())
