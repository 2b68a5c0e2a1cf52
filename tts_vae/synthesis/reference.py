"""A reference recording -> the mels a reference encoder sees."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tts_vae.audio.mel import MelConfig, MelSpectrogram

SHORTEST_S, LONGEST_S = 0.3, 30.0
"""A shorter reference says nothing of prosody; of a longer one the beginning is used."""

Recording = str | Path | tuple[Any, int]
"""A file, or (samples (samples,) or (samples, channels), sample rate in Hz)."""


def reference_mels(reference: Recording, config: MelConfig, level_db: float | None) -> Tensor:
    """Mels of a recording of any rate and any number of channels, silence at the ends removed.

    Args:
        reference: a file or (samples, sample rate).
        config: analysis constants of the voice.
        level_db: RMS level that the voice's training recordings were brought to; None if their
            level varied, and is thus a part of style.

    Returns:
        (1, frames, n_mels).

    Raises:
        ValueError: if the recording is missing, corrupt, silent, too short or not finite.
    """
    from tts_vae.audio.files import normalise_loudness, resample, trim_silence

    name = str(reference) if isinstance(reference, str | Path) else "the reference array"
    waveform, sample_rate = _mono(reference)
    if not np.isfinite(waveform).all():
        raise ValueError(f"{name} holds samples that are not finite; give another reference")
    if np.abs(waveform).max(initial=0.0) < 1e-4:
        raise ValueError(f"{name} is silent; give a recording of speech")
    if sample_rate < config.sample_rate:
        warnings.warn(
            f"{name} has {sample_rate} Hz and the voice {config.sample_rate} Hz: upsampled, but "
            f"what lies above {sample_rate // 2} Hz is missing and the style may suffer",
            stacklevel=2,
        )
    if sample_rate != config.sample_rate:
        waveform = resample(waveform, sample_rate, config.sample_rate)
    waveform = trim_silence(waveform, config.sample_rate)
    seconds = len(waveform) / config.sample_rate
    if seconds < SHORTEST_S:
        raise ValueError(
            f"{name} holds {seconds:.2f} s of sound; a reference needs {SHORTEST_S} s or more"
        )
    if seconds > LONGEST_S:
        warnings.warn(
            f"{name} holds {seconds:.0f} s of sound; the first {LONGEST_S:.0f} s are used",
            stacklevel=2,
        )
        waveform = waveform[: int(LONGEST_S * config.sample_rate)]
    if level_db is not None:
        waveform = normalise_loudness(waveform, config.sample_rate, level_db)
    return MelSpectrogram(config)(torch.from_numpy(np.ascontiguousarray(waveform))).unsqueeze(0)


def _mono(reference: Recording) -> tuple[NDArray[np.float32], int]:
    """Samples (samples,) at the recording's own rate."""
    if isinstance(reference, str | Path):
        from tts_vae.audio.files import read_audio

        return read_audio(reference)
    if not (isinstance(reference, tuple | list) and len(reference) == 2):
        raise ValueError(
            f"reference must be a path or (samples, sample rate), got {type(reference).__name__}"
        )
    samples, sample_rate = np.asarray(reference[0]), int(reference[1])
    if samples.ndim not in (1, 2) or not np.issubdtype(samples.dtype, np.number):
        raise ValueError(
            "reference samples must be numbers of shape (samples,) or (samples, channels), got "
            f"shape {samples.shape} of {samples.dtype}"
        )
    if not 1_000 <= sample_rate <= 768_000:
        raise ValueError(f"reference sample rate must be in Hz, such as 22050, got {sample_rate}")
    if np.issubdtype(samples.dtype, np.integer):
        samples = samples / -float(np.iinfo(samples.dtype).min)
    if samples.ndim == 2:  # the shorter axis is the channels, whatever the convention
        samples = samples.mean(axis=int(np.argmin(samples.shape)))
    return np.ascontiguousarray(samples, np.float32), sample_rate
