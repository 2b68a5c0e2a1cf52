"""Observation models: elementwise log-densities in nats with an explicit scale.

The scale says how precisely a quantity is observed, in the quantity's own unit. It is the only
exchange rate between reconstruction and KL: a "mean-reduced" loss hides it (Hsu et al. 2019 use a
fixed variance per frame; sums over frames and mel bands are kept here).
"""

import math

import torch
from torch import Tensor, nn
from torch.autograd.function import FunctionCtx
from torch.nn.functional import logsigmoid

from tts_vae.latents.sampling import standard_normal


class Likelihood(nn.Module):
    """How an observation scatters about the location that a network predicts."""

    def log_prob(self, location: Tensor, target: Tensor) -> Tensor:
        """Log-density of ``target``, elementwise, nats, in float32 or the wider given type."""
        raise NotImplementedError

    def mean(self, location: Tensor) -> Tensor:
        """Return the expected observation, the shape of ``location``."""
        return location

    def location_of(self, mean: Tensor) -> Tensor:
        """Return the location of which ``mean`` is (nearly) the expectation, to start a bias at."""
        return mean

    def sample(self, location: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Draw an observation for each element; not differentiable."""
        raise NotImplementedError


class BernoulliLikelihood(Likelihood):
    """Binary observations; the location is the logit of 1.

    A target between 0 and 1 is an expectation: the result is then the expected log-probability of
    the binary observations that it stands for.
    """

    def log_prob(self, location: Tensor, target: Tensor) -> Tensor:
        """Return ``x l - log(1 + e^l)``: no logarithm sees 0, however large the logit."""
        return _LogMass.apply(_wide(location), _wide(target))

    def mean(self, location: Tensor) -> Tensor:
        """Return the probability of 1."""
        return torch.sigmoid(location)

    def location_of(self, mean: Tensor) -> Tensor:
        """Return the logits of probabilities cut to [0.001, 0.999], as Burda et al. 2016 do."""
        return torch.logit(mean, eps=1e-3)

    def sample(self, location: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Draw 0 or 1 in the type of ``location``."""
        return (_uniform(location, generator) < torch.sigmoid(location)).to(location.dtype)


class _LogMass(torch.autograd.Function):
    """x l - log(1 + e^l), with the gradient x - sigmoid(l).

    log(1 + e^l) = max(l, 0) + log(1 + e^-|l|), exact to a rounding of 1. On CPUs that is several
    times faster than ``softplus``: torch has no vectorised log1p, which was a tenth of a step.
    """

    @staticmethod
    def forward(ctx: FunctionCtx, location: Tensor, target: Tensor) -> Tensor:
        ctx.save_for_backward(location, target)
        normaliser = location.abs().neg_().exp_().add_(1).log_().add_(location.clamp(min=0))
        return (target * location).sub_(normaliser)

    @staticmethod
    def backward(ctx: FunctionCtx, gradient: Tensor) -> tuple[Tensor | None, Tensor | None]:
        location, target = ctx.saved_tensors  # type: ignore[attr-defined]
        for_location, for_target = ctx.needs_input_grad  # type: ignore[attr-defined]
        return (
            _fit(gradient * (target - torch.sigmoid(location)), location) if for_location else None,
            _fit(gradient * location, target) if for_target else None,
        )


def _fit(gradient: Tensor, tensor: Tensor) -> Tensor:
    """Sum over the dimensions that ``tensor`` was broadcast over."""
    return gradient.sum_to_size(tensor.shape)


class ScaledLikelihood(Likelihood):
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


class LaplaceLikelihood(ScaledLikelihood):
    """Laplace density: the absolute error in units of the scale (robust, sharp formants)."""

    def log_prob(self, location: Tensor, target: Tensor) -> Tensor:
        """Return ``-|x - m| / b - log 2b``, same shape as ``target``."""
        error = (_wide(target) - _wide(location)).abs()
        return -error * torch.exp(-self.log_scale) - self.log_scale - math.log(2)

    @torch.no_grad()
    def sample(self, location: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Draw by the inverse of the distribution function."""
        centred = _uniform(location, generator) - 0.5
        tail = torch.log1p(-2 * centred.abs())
        return location - self.log_scale.exp() * centred.sign() * tail


class GaussianLikelihood(ScaledLikelihood):
    """Gaussian density: the squared error in units of the standard deviation."""

    def log_prob(self, location: Tensor, target: Tensor) -> Tensor:
        """Return ``-(x - m)^2 / 2 s^2 - log s - log sqrt(2 pi)``, same shape as ``target``."""
        error = _wide(target) - _wide(location)
        peak = -self.log_scale - 0.5 * math.log(2 * math.pi)
        return torch.addcmul(peak, error, error * (-0.5 * torch.exp(-2 * self.log_scale)))

    @torch.no_grad()
    def sample(self, location: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Draw ``m + s eps``."""
        noise = standard_normal(location.shape, location, generator)
        return location + self.log_scale.exp() * noise


class DiscretizedLogisticLikelihood(ScaledLikelihood):
    """A logistic density integrated over grey levels: a probability of discrete observations.

    Salimans et al. 2017 (arXiv 1701.05517, eq. 2; here one component): levels 0, 1/(L-1), ..., 1;
    the outer two take all the mass beyond them.

    Args:
        levels: number of grey levels L.
        scale: initial scale of the logistic, in units of the observation.
        learned: as in :class:`ScaledLikelihood`.

    Raises:
        ValueError: for fewer than two levels, or a scale that is not positive.
    """

    def __init__(self, levels: int = 256, scale: float = 0.1, learned: bool = True) -> None:
        super().__init__(scale, learned)
        if levels < 2:
            raise ValueError(f"levels must be at least 2, got {levels}; 256 for 8-bit images")
        self.levels = levels

    def log_prob(self, location: Tensor, target: Tensor) -> Tensor:
        """Return the log-probability of the level nearest to ``target``, nats.

        Exact in both tails: with a and b the standardised edges, sigmoid(a) - sigmoid(b) =
        sigmoid(a) sigmoid(-b) (1 - e^(b - a)), and a - b is the same for every level.
        """
        location, top = _wide(location), self.levels - 1
        target = (_wide(target) * top).round() / top
        precision = torch.exp(-self.log_scale)
        centred = (target - location) * precision
        half = 0.5 / top * precision
        inside = torch.log(-torch.expm1(-2 * half))
        below = logsigmoid(centred + half)  # log P(observation <= target)
        above = logsigmoid(half - centred)  # log P(observation >= target)
        outer = torch.where(target <= 0, below, above)
        return torch.where((target > 0) & (target < 1), below + above + inside, outer)

    @torch.no_grad()
    def mean(self, location: Tensor) -> Tensor:
        """Return the expected level, sum_k P(observation >= k) / (L-1); not differentiable."""
        top, precision = self.levels - 1, torch.exp(-self.log_scale)
        total = torch.zeros_like(location)
        for level in range(1, self.levels):
            total += torch.sigmoid((location - (level - 0.5) / top) * precision)
        return total / top

    @torch.no_grad()
    def sample(self, location: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Draw from the logistic by its inverse distribution function and round to a level."""
        # a float32 draw may be 0: keep its logit finite
        uniform = _uniform(location, generator).clamp(1e-7, 1 - 1e-7)
        drawn = location + self.log_scale.exp() * torch.logit(uniform)
        top = self.levels - 1
        return (drawn * top).round().clamp(0, top) / top


def _wide(values: Tensor) -> Tensor:
    """At least float32: half precision cannot hold a sum over thousands of elements."""
    return values.to(torch.promote_types(values.dtype, torch.float32))


def _uniform(like: Tensor, generator: torch.Generator | None) -> Tensor:
    """Uniform in [0, 1) in the shape of ``like``, drawn on the generator's own device."""
    device = like.device if generator is None else generator.device
    return torch.rand(like.shape, dtype=like.dtype, device=device, generator=generator).to(like)
