"""Scales that cannot run away: smooth bounds for posteriors, a floor for learned priors.

An unbounded log-variance is the NaN of published VaDE code; a prior scale without a floor lets a
component collapse onto one example (Hsu et al. 2019, appendix B, floors it).
"""

import math

import torch
from torch import Tensor
from torch.nn import functional

LOG_SCALE_BOUND = 6.0  # posterior scales stay within e^-6 (0.0025) and e^6 (403)


def bounded_log_scale(raw: Tensor) -> Tensor:
    """Map any real smoothly into (-6, 6), close to the identity around 0: 6 tanh(raw / 6)."""
    return LOG_SCALE_BOUND * torch.tanh(raw / LOG_SCALE_BOUND)


def floored_scale(raw: Tensor, log_floor: float) -> Tensor:
    """Return the scale e^log_floor + softplus(raw), same shape as ``raw``."""
    return math.exp(log_floor) + functional.softplus(raw)


def raw_of_scale(scale: Tensor, log_floor: float) -> Tensor:
    """Invert :func:`floored_scale`; scales below 1.01 times the floor are lifted to it.

    softplus never reaches 0, so a scale exactly at its floor starts 1 % above it.
    """
    floor = math.exp(log_floor)
    excess = (scale - floor).clamp(min=0.01 * floor)
    return excess + torch.log(-torch.expm1(-excess))


def check_initial(initial_log_scale: float, log_floor: float) -> None:
    """Raise ValueError if a prior would start below its own floor, or is not finite."""
    if not (math.isfinite(initial_log_scale) and math.isfinite(log_floor)):
        raise ValueError(f"log scales must be finite, got {initial_log_scale} and {log_floor}")
    if initial_log_scale < log_floor:
        raise ValueError(
            f"initial log scale {initial_log_scale} lies below its floor {log_floor}; "
            "raise the initial value or lower the floor"
        )
