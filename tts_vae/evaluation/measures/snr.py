"""Signal-to-noise ratio of a clip of which nothing else is known.

WADA-SNR (Kim & Stern 2008, Interspeech, "Robust signal-to-noise ratio estimation based on waveform
amplitude distribution analysis"): clean speech has amplitudes of the Gamma density of shape 0.4
with either sign, noise is Gaussian, and G = ln E|x| - E ln|x| of their sum depends on nothing but
the SNR. G is measured, and the SNR read from a curve, computed here from the two densities (the
table that circulates was simulated, and lies up to 0.006 above it). It is an estimate: speech of
another amplitude distribution, or noise that is not Gaussian, shifts it, so compare it with that of
clean recordings of the same speakers.
"""

import math
from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tts_vae.audio.files import frame_rms

SHAPE = 0.4
"""Shape of the Gamma density of speech amplitudes, equation 1 of the paper."""
LOWEST_DB, HIGHEST_DB = -20.0, 100.0
"""Ends of the curve; a clip beyond them gets the end."""
_SMALLEST = 1e-10
_NODES = 4000

Floats = NDArray[np.float64]


def wada_snr_db(waveform: ArrayLike) -> float:
    """SNR in dB of a clip (samples,), ``LOWEST_DB`` to ``HIGHEST_DB``; NaN for digital silence.

    Stretches of exact zeros, which no microphone records, count as speech of amplitude 1e-10 of the
    peak and raise the estimate: cut them off first.

    Raises:
        ValueError: the clip is empty, not one channel, or not finite.
    """
    samples = _checked(waveform)
    peak = np.abs(samples).max()
    if peak == 0:
        return float("nan")
    return snr_of_statistic(amplitude_statistic(samples / peak))


def amplitude_statistic(samples: ArrayLike) -> float:
    """G = ln E|x| - E ln|x|, nats; amplitudes below 1e-10 count as that."""
    amplitude = np.maximum(np.abs(np.asarray(samples, dtype=np.float64)), _SMALLEST)
    return float(np.log(amplitude.mean()) - np.log(amplitude).mean())


def snr_of_statistic(statistic: float) -> float:
    """The SNR in dB at which Gamma speech in Gaussian noise has this G, by the computed curve."""
    levels_db, values = statistic_curve()
    return float(np.interp(statistic, values, levels_db))


@cache
def statistic_curve() -> tuple[Floats, Floats]:
    """The curve: SNR in dB from -20 to 100 in steps of 1, and G at each.

    With noise of variance 1 and speech |s| = b t, t ~ Gamma(0.4), G follows from two expectations
    over t: that of E|s + n|, the mean of a folded normal, and that of E ln|s + n|. Substituting
    u = t^0.4 takes the pole of the density at 0 away, and the rest is a sum over a fine grid of u.
    """
    levels_db = np.arange(LOWEST_DB, HIGHEST_DB + 1)
    # E s^2 = b^2 shape (shape + 1) for speech of scale b
    scales = np.sqrt(10 ** (levels_db / 10) / (SHAPE * (SHAPE + 1)))
    u = (np.arange(_NODES) + 0.5) / _NODES * 60**SHAPE  # beyond t = 60 lies 1e-27 of the mass
    t = u ** (1 / SHAPE)
    weights = np.exp(-t)
    weights /= weights.sum()
    means = np.array([weights @ _folded_mean(scale * t) for scale in scales])
    logs = np.array([weights @ _folded_log(scale * t) for scale in scales])
    return levels_db, np.log(means) - logs


def percentile_snr_db(
    waveform: ArrayLike, sample_rate: int, quiet: float = 10.0, loud: float = 90.0
) -> float:
    """Level of the loud moments over that of the quiet ones, the noise taken off, in dB.

    10 log10((P_loud - P_quiet) / P_quiet) with percentiles of the power of 10 ms pieces. It needs
    pauses: without them the quiet moments are speech. Infinite where they are digital silence, NaN
    for silence throughout or where the level never changes.

    Args:
        waveform: (samples,).
        sample_rate: Hz.
        quiet: percentile of the pieces that is noise.
        loud: percentile of the pieces that is speech with noise.

    Raises:
        ValueError: the clip is empty, not one channel, or not finite.
    """
    power = frame_rms(_checked(waveform), sample_rate) ** 2
    noise, speech = np.percentile(power, [quiet, loud])
    if speech <= noise:
        return float("nan")
    return float(10 * math.log10((speech - noise) / noise)) if noise > 0 else math.inf


def _folded_mean(mean: Floats) -> Floats:
    """E|N(mean, 1)|."""
    from scipy.special import erf

    gaussian = math.sqrt(2 / math.pi) * np.exp(-(mean**2) / 2)
    return np.asarray(gaussian + mean * erf(mean / math.sqrt(2)))


def _folded_log(mean: Floats) -> Floats:
    """E ln|N(mean, 1)|, for mean >= 0.

    (N(mean, 1))^2 is a Poisson(mean^2 / 2) mixture of chi-squares of 1 + 2j degrees, whose E ln is
    ln 2 + digamma(1/2 + j); far from 0 the series of E ln(mean + n) in 1 / mean is exact enough.
    """
    from scipy.special import digamma, gammaln

    far = mean > 12
    half = mean[~far, None] ** 2 / 2
    j = np.arange(200)
    poisson = np.exp(j * np.log(np.maximum(half, 1e-300)) - half - gammaln(j + 1))
    out = np.empty(len(mean))
    out[~far] = 0.5 * (math.log(2) + poisson @ digamma(0.5 + j))
    m = mean[far]
    out[far] = np.log(m) - 1 / (2 * m**2) - 3 / (4 * m**4) - 5 / (2 * m**6)
    return out


def _checked(waveform: ArrayLike) -> Floats:
    samples = np.asarray(waveform, dtype=np.float64)
    if samples.ndim != 1 or not len(samples) or not np.isfinite(samples).all():
        raise ValueError(
            f"expected one channel of finite samples, got shape {samples.shape}; average the "
            "channels and cut out what is broken"
        )
    return samples
