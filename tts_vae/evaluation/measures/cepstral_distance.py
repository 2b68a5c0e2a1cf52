"""Mel-cepstral distortion along the best warping of time, in dB.

MCD (Kubichek 1993) = 10 sqrt(2) / ln 10 x mean over the path of sqrt(sum_k (c_k - c'_k)^2), with
k = 1 to ``ORDER``: c_0, the level, does not count. The cepstrum of a frame is that of its natural-
log mel magnitudes, ln |X| at band n = c_0 + sum_k c_k cos(pi k (n + 1/2) / bands), so the frequency
warping is the Slaney mel scale of ``audio/mel.py`` (80 bands to 8 kHz) and the figure is the RMS
difference of two smoothed spectra in dB. Frames lie 5 ms apart. Published figures use other
warpings (all-pass, alpha 0.42 or so) and orders: compare only what was measured in one way.

The path is that of dynamic time warping over the same distances, steps (1, 1), (1, 0) and (0, 1) of
equal weight, from the first frames to the last.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from tts_vae.audio.mel import MelConfig, MelSpectrogram

ORDER = 13
DB_FACTOR = 10 * math.sqrt(2) / math.log(10)
"""6.14185 dB for each unit of cepstral distance."""
HOP_S = 0.005

Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class CepstralDistance:
    """Two clips of one text compared.

    Attributes:
        mcd_db: mean over the path.
        path: (steps, 2) frames of the first and of the second clip that were paired.
        order: highest coefficient; the lowest is 1.
    """

    mcd_db: float
    path: NDArray[np.int64]
    order: int


def cepstral_distance(
    reference: ArrayLike, synthesis: ArrayLike, sample_rate: int, order: int = ORDER
) -> CepstralDistance:
    """MCD-DTW of two waveforms (samples,) of one rate.

    Raises:
        ValueError: a clip is too short for a frame.
    """
    first = mel_cepstra(log_mels(reference, sample_rate), order)
    second = mel_cepstra(log_mels(synthesis, sample_rate), order)
    path = warping_path(first, second)
    return CepstralDistance(mcd_db(first, second, path), path, order)


def log_mels(waveform: ArrayLike, sample_rate: int) -> Matrix:
    """Natural-log mel magnitudes (frames, 80) every 5 ms, centred as ``track_f0`` centres frames.

    Raises:
        ValueError: the clip is too short for a frame.
    """
    hop = round(HOP_S * sample_rate)
    standard = MelConfig()
    size = 2 ** round(math.log2(standard.n_fft * sample_rate / standard.sample_rate))
    config = MelConfig(
        sample_rate=sample_rate,
        n_fft=size + hop % 2,  # n_fft - hop must be even for frames to be centred
        hop_length=hop,
        win_length=size,
        fmax=min(standard.fmax, sample_rate / 2),
    )
    samples = torch.as_tensor(np.array(waveform, dtype=np.float32))
    return MelSpectrogram(config)(samples).numpy().astype(np.float64)


def mel_cepstra(mels: ArrayLike, order: int = ORDER) -> Matrix:
    """Cepstral coefficients 1 to ``order``: (frames, bands) ln magnitude -> (frames, order).

    Raises:
        ValueError: the mels are not a matrix, or have no band for each coefficient.
    """
    spectra = np.asarray(mels, dtype=np.float64)
    if spectra.ndim != 2 or not 1 <= order < spectra.shape[1]:
        raise ValueError(
            f"expected mels (frames, more than {order} bands), got {spectra.shape}; "
            "give a lower order or more bands"
        )
    bands = spectra.shape[1]
    angles = np.pi * np.outer(np.arange(bands) + 0.5, np.arange(1, order + 1)) / bands
    return spectra @ np.cos(angles) * (2 / bands)


def warping_path(first: ArrayLike, second: ArrayLike) -> NDArray[np.int64]:
    """Cheapest pairing of frames: (frames, order) and (others, order) -> (steps, 2).

    Raises:
        ValueError: the orders differ, or one has no frames.
    """
    a, b = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1] or not len(a) or not len(b):
        raise ValueError(
            f"expected cepstra (frames, order) of one order, got {a.shape} and {b.shape}; "
            "compute both with mel_cepstra"
        )
    from librosa.sequence import dtw  # slow to import

    _, path = dtw(a.T, b.T, metric="euclidean")
    return np.asarray(path[::-1], dtype=np.int64)


def mcd_db(first: ArrayLike, second: ArrayLike, path: ArrayLike) -> float:
    """Mean distance in dB of the paired frames of two cepstra (frames, order)."""
    steps = np.asarray(path)
    a, b = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    distances = np.linalg.norm(a[steps[:, 0]] - b[steps[:, 1]], axis=1)
    return float(DB_FACTOR * distances.mean())
