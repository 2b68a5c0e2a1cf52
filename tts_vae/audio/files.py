"""Reading, writing and cleaning recordings. Waveforms are float32 (samples,), mono, in [-1, 1]."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from tts_vae.whole_file import whole_file

Waveform = NDArray[np.float32]

SPEECH_TOP_DB = 40.0
"""Sound this far below the loudest moment counts as silence."""


def read_audio(path: str | Path, sample_rate: int | None = None) -> tuple[Waveform, int]:
    """Reads any format that libsndfile knows (wav, flac, ogg, mp3) as mono.

    Args:
        path: The file.
        sample_rate: Resample to this rate in Hz; None keeps the file's own.

    Returns:
        The waveform (samples,), channels averaged, and its sample rate in Hz.

    Raises:
        ValueError: If the file is missing, unreadable, empty or not finite; one line that names it.
    """
    path = Path(path)
    if not path.is_file():
        raise ValueError(f"expected a sound file, got no such file: {path}; check the path")
    try:
        data, rate = soundfile.read(str(path), dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, RuntimeError, OSError) as error:
        detail = " ".join(str(error).split())
        raise ValueError(
            f"expected a readable sound file, got {path} ({detail}); convert it to wav or flac"
        ) from error
    if not data.shape[0]:
        raise ValueError(f"expected sound, got 0 samples in {path}; record it again")
    waveform = data.mean(axis=1) if data.shape[1] > 1 else data[:, 0]
    if not np.isfinite(waveform).all():
        raise ValueError(f"expected finite samples, got NaN or infinity in {path}; export it again")
    if sample_rate is not None and sample_rate != rate:
        waveform = resample(waveform, rate, sample_rate)
    return np.ascontiguousarray(waveform, dtype=np.float32), sample_rate or rate


def resample(waveform: Waveform, source_rate: int, target_rate: int) -> Waveform:
    """Band-limited resampling (soxr, high quality), (samples,) -> (about samples * ratio,)."""
    return np.asarray(
        soxr.resample(np.asarray(waveform, dtype=np.float32), source_rate, target_rate, "HQ")
    )


def write_wav(path: str | Path, waveform: np.ndarray, sample_rate: int) -> Path:
    """Writes 16-bit PCM through a temporary file, so that no reader ever sees half a wav.

    Args:
        path: Target; folders are made as needed.
        waveform: (samples,) in [-1, 1]; louder samples are clipped.
        sample_rate: Hz.

    Returns:
        The path written.

    Raises:
        ValueError: If the waveform is not one finite channel or the path cannot be written.
    """
    path = Path(path)
    samples = np.asarray(waveform, dtype=np.float32)
    if samples.ndim != 1 or not np.isfinite(samples).all():
        raise ValueError(
            f"expected one channel of finite samples, got shape {samples.shape} "
            f"({'finite' if np.isfinite(samples).all() else 'with NaN or infinity'}) for {path}"
        )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as partial:
            soundfile.write(
                str(partial), samples.clip(-1.0, 1.0), sample_rate, subtype="PCM_16", format="WAV"
            )
    except (OSError, RuntimeError) as error:
        raise ValueError(
            f"expected a place to write, got {path} ({' '.join(str(error).split())}); "
            "choose another folder"
        ) from error
    return path


def frame_rms(waveform: np.ndarray, sample_rate: int, seconds: float = 0.01) -> np.ndarray:
    """Root mean square of consecutive pieces: (samples,) -> (pieces,); the last may be shorter."""
    size = max(1, round(seconds * sample_rate))
    squares = np.asarray(waveform, dtype=np.float64) ** 2
    starts = np.arange(0, len(squares), size)
    counts = np.diff(np.append(starts, len(squares)))
    return np.sqrt(np.add.reduceat(squares, starts) / counts)


def trim_silence(
    waveform: Waveform, sample_rate: int, top_db: float = SPEECH_TOP_DB, margin_s: float = 0.05
) -> Waveform:
    """Cuts silence off both ends, keeping a margin.

    Args:
        waveform: (samples,).
        sample_rate: Hz.
        top_db: Pieces of 10 ms this far below the loudest (its 99th percentile) are silence.
        margin_s: Seconds kept before the first and after the last sound.

    Returns:
        A slice of the waveform.

    Raises:
        ValueError: If there is no sound at all.
    """
    rms = frame_rms(waveform, sample_rate)
    loudest = float(np.percentile(rms, 99)) if len(rms) else 0.0
    if loudest <= 1e-6:
        raise ValueError("expected sound, got only digital silence; record it again")
    loud = np.flatnonzero(rms > loudest * 10 ** (-top_db / 20))
    size = max(1, round(0.01 * sample_rate))
    margin = round(margin_s * sample_rate)
    start = max(0, int(loud[0]) * size - margin)
    end = min(len(waveform), (int(loud[-1]) + 1) * size + margin)
    return waveform[start:end]


def speech_level_db(waveform: np.ndarray, sample_rate: int, top_db: float = SPEECH_TOP_DB) -> float:
    """RMS level in dB re full scale over the pieces that are not silence (see trim_silence)."""
    rms = frame_rms(waveform, sample_rate)
    loudest = float(np.percentile(rms, 99)) if len(rms) else 0.0
    loud = rms[rms > loudest * 10 ** (-top_db / 20)]
    return float(10 * np.log10(np.mean(loud**2) + 1e-12)) if len(loud) else -120.0


def normalise_loudness(
    waveform: Waveform,
    sample_rate: int,
    target_db: float = -23.0,
    peak: float = 0.95,
    top_db: float = SPEECH_TOP_DB,
) -> Waveform:
    """Scales speech to an RMS level, pauses not counted, without ever clipping.

    Args:
        waveform: (samples,).
        sample_rate: Hz.
        target_db: RMS in dB re full scale over the parts that are not silence.
        peak: Largest magnitude allowed; the gain is lowered where it would be exceeded.
        top_db: What counts as silence (see trim_silence).

    Returns:
        The waveform times one gain. Digital silence is returned as it is.
    """
    largest = float(np.abs(waveform).max(initial=0.0))
    if largest <= 1e-6:
        return waveform
    gain = 10 ** ((target_db - speech_level_db(waveform, sample_rate, top_db)) / 20)
    return np.asarray(waveform * min(gain, peak / largest), dtype=np.float32)
