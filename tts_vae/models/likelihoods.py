"""Observation models: elementwise log-densities in nats with an explicit scale.

The scale says how precisely a quantity is observed, in the quantity's own unit. It is the only
exchange rate between reconstruction and KL: a "mean-reduced" loss hides it (Hsu et al. 2019 use a
fixed variance per frame; sums over frames and mel bands are kept here).
"""

import math

import torch
from torch import Tensor, nn


class Likelihood(nn.Module):
    """Location-scale density with a fixed or learned scale shared by all elements.

    Args:
        scale: initial scale, in the unit of the observation; must be positive.
        learned: if true the log-scale is a parameter (maximum likelihood), else a constant.

    Raises:
        ValueError: if ``scale`` is not positive.
    """

    def __init__(self, scale: float, learned: bool = False) -> None:
        super().__init__()
        if not scale > 0:
            raise ValueError(f"scale must be positive, got {scale}; it is a standard unit of error")
        log_scale = torch.tensor(math.log(scale))
        if learned:
            self.log_scale = nn.Parameter(log_scale)
        else:
            self.register_buffer("log_scale", log_scale)

    def log_prob(self, location: Tensor, target: Tensor) -> Tensor:
        """Log-density of ``target``, elementwise, float32, nats."""
        raise NotImplementedError


class LaplaceLikelihood(Likelihood):
    """Laplace density: the absolute error in units of the scale (robust, sharp formants)."""

    def log_prob(self, location: Tensor, target: Tensor) -> Tensor:
        """Return ``-|x - m| / b - log 2b``, same shape as ``target``."""
        error = (target.float() - location.float()).abs()
        return -error * torch.exp(-self.log_scale) - self.log_scale - math.log(2)


class GaussianLikelihood(Likelihood):
    """Gaussian density: the squared error in units of the standard deviation."""

    def log_prob(self, location: Tensor, target: Tensor) -> Tensor:
        """Return ``-(x - m)^2 / 2 s^2 - log s - log sqrt(2 pi)``, same shape as ``target``."""
        error = (target.float() - location.float()) * torch.exp(-self.log_scale)
        return -0.5 * error.square() - self.log_scale - 0.5 * math.log(2 * math.pi)
