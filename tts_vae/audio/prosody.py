"""What the ear follows: fundamental frequency in Hz and energy in dB, on the frames of the mels.

Frame i is centred on sample (i + 1/2) hop, as in audio/mel.py, and there are samples // hop frames.
Two trackers: "praat" (Boersma 1993, autocorrelation, through the optional GPL package parselmouth)
and "pyin" (Mauch & Dixon 2014, through librosa; slower, always there).
"""

from __future__ import annotations

from typing import Literal

import numpy as np

Tracker = Literal["praat", "pyin"]
TRACKERS: tuple[str, ...] = ("praat", "pyin")
_PERIODS_PER_WINDOW = 3  # Praat's autocorrelation method uses three periods of the floor


def track_f0(
    waveform: np.ndarray,
    sample_rate: int,
    hop_length: int = 256,
    tracker: str = "praat",
    fmin: float = 60.0,
    fmax: float = 500.0,
) -> np.ndarray:
    """Fundamental frequency per frame.

    Args:
        waveform: (samples,).
        sample_rate: Hz.
        hop_length: Samples per frame.
        tracker: "praat" or "pyin".
        fmin: Lowest F0 in Hz.
        fmax: Highest F0 in Hz.

    Returns:
        (samples // hop_length,) float32 in Hz, 0 where unvoiced.

    Raises:
        ValueError: If the tracker is not known or its package is not installed.
    """
    if tracker not in TRACKERS:
        raise ValueError(f"expected a tracker of {', '.join(TRACKERS)}, got {tracker!r}")
    if not 0 < fmin < fmax < sample_rate / 2:
        raise ValueError(f"expected 0 < fmin < fmax < {sample_rate / 2}, got {fmin} and {fmax} Hz")
    frames = len(waveform) // hop_length
    samples = np.asarray(waveform[: frames * hop_length], dtype=np.float64)
    if frames == 0 or not np.any(samples):
        return np.zeros(frames, dtype=np.float32)
    track = _praat if tracker == "praat" else _pyin
    f0 = track(samples, sample_rate, hop_length, fmin, fmax)
    if len(f0) != frames:  # never seen; a changed dependency must not shift the frames silently
        raise ValueError(f"{tracker}: expected {frames} frames, got {len(f0)}; use the other one")
    return np.asarray(f0, dtype=np.float32)


def _praat(samples: np.ndarray, sample_rate: int, hop: int, fmin: float, fmax: float) -> np.ndarray:
    try:
        import parselmouth
    except ImportError as error:
        raise ValueError(
            "the praat F0 tracker needs praat-parselmouth (GPL): "
            "pip install 'tts_vae[evaluation]', or choose the f0 tracker pyin"
        ) from error
    # Praat lays its frames symmetrically: n = 1 + floor((length - window) / step), around the
    # middle. Zeros of (window - step / 2) / 2 on either side make n ours and put them on our times.
    step = hop / sample_rate
    window = _PERIODS_PER_WINDOW / fmin
    padding = round((window - step / 2) / 2 * sample_rate)
    sound = parselmouth.Sound(np.pad(samples, padding), sampling_frequency=sample_rate)
    pitch = sound.to_pitch_ac(time_step=step, pitch_floor=fmin, pitch_ceiling=fmax)
    return np.asarray(pitch.selected_array["frequency"])


def _pyin(samples: np.ndarray, sample_rate: int, hop: int, fmin: float, fmax: float) -> np.ndarray:
    import librosa  # slow to import

    # Two periods of the lowest tone must fit the half frame that YIN compares.
    length = max(1024, 2 ** int(np.ceil(np.log2(2 * sample_rate / fmin))))
    left = (length - hop) // 2
    padded = np.pad(samples, (left, length - hop - left))
    f0, voiced, _ = librosa.pyin(
        padded,
        sr=sample_rate,
        fmin=fmin,
        fmax=fmax,
        frame_length=length,
        hop_length=hop,
        center=False,
        resolution=0.25,
        n_thresholds=40,
        fill_na=0.0,
    )
    return np.where(voiced, f0, 0.0)


def frame_energy_db(waveform: np.ndarray, hop_length: int = 256, n_fft: int = 1024) -> np.ndarray:
    """Level per frame: Hann-weighted mean square of n_fft samples around its centre.

    A sine of amplitude a gives 10 log10(a^2 / 2); digital silence gives -100 dB.

    Args:
        waveform: (samples,).
        hop_length: Samples per frame.
        n_fft: Samples under the window.

    Returns:
        (samples // hop_length,) float32, dB re full scale.
    """
    frames = len(waveform) // hop_length
    if frames == 0:
        return np.zeros(0, dtype=np.float32)
    padding = (n_fft - hop_length) // 2
    mode = "reflect" if len(waveform) > padding else "constant"
    padded = np.pad(np.asarray(waveform, dtype=np.float64), padding, mode=mode)  # type: ignore[call-overload]
    window = np.hanning(n_fft + 1)[:-1]
    pieces = np.lib.stride_tricks.sliding_window_view(padded**2, n_fft)[::hop_length][:frames]
    power = pieces @ (window / window.sum())
    return (10 * np.log10(np.maximum(power, 1e-10))).astype(np.float32)


def hz_to_semitones(f0: np.ndarray | float, reference_hz: float = 55.0) -> np.ndarray:
    """Hz -> semitones above the reference (55 Hz = A1); NaN where there is no pitch (0 Hz)."""
    hz = np.asarray(f0, dtype=np.float64)
    voiced = np.where(hz > 0, hz, np.nan)
    return (12 * np.log2(voiced / reference_hz)).astype(np.float32)


def interpolate_unvoiced(f0: np.ndarray) -> np.ndarray:
    """Fills 0 Hz: straight lines in log-Hz between voiced frames, the nearest one at the ends.

    Args:
        f0: (frames,) Hz, 0 where unvoiced.

    Returns:
        (frames,) Hz; all zeros where nothing is voiced.
    """
    hz = np.asarray(f0, dtype=np.float32)
    voiced = np.flatnonzero(hz > 0)
    if not len(voiced):
        return np.zeros_like(hz)
    return np.exp(np.interp(np.arange(len(hz)), voiced, np.log(hz[voiced]))).astype(np.float32)


def phone_means(
    values: np.ndarray, durations: np.ndarray, valid: np.ndarray | None = None
) -> np.ndarray:
    """Mean of a frame-level quantity within each phone.

    A phone without valid frames takes the mean over all its frames; a phone of no frames takes the
    value at the frame where it would stand.

    Args:
        values: (frames,).
        durations: (phones,) whole frames, which sum to frames.
        valid: (frames,) bool: frames that count; None counts all.

    Returns:
        (phones,) float32.

    Raises:
        ValueError: If the durations do not sum to the number of frames.
    """
    values = np.asarray(values, dtype=np.float64)
    durations = np.asarray(durations, dtype=np.int64)
    if durations.sum() != len(values) or (durations < 0).any():
        raise ValueError(
            f"expected durations >= 0 that sum to {len(values)} frames, got {durations.sum()}; "
            "align the utterance again"
        )
    if not len(values):
        return np.zeros(len(durations), dtype=np.float32)
    ends = np.cumsum(durations)
    starts = ends - durations

    def within(series: np.ndarray) -> np.ndarray:
        total = np.concatenate([[0.0], np.cumsum(series)])
        return total[ends] - total[starts]

    standing = values[np.minimum(starts, len(values) - 1)]
    means = np.where(durations > 0, within(values) / np.maximum(durations, 1), standing)
    if valid is not None:
        counts = within(np.asarray(valid, dtype=np.float64))
        sums = within(np.where(valid, values, 0.0))
        means = np.where(counts > 0, sums / np.maximum(counts, 1), means)
    return means.astype(np.float32)
