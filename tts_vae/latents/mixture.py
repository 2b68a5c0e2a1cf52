"""A Gaussian-mixture prior: VaDE / GMVAE, the latent that the speech model exists for.

p(c) = Cat(pi), p(z | c) = N(mu_c, diag sigma_c^2); q(c | x) is no network but the posterior
responsibility of the drawn z: p(c | z) (VaDE, Jiang et al. 2017, arXiv 1611.05148, eq. 16) or its
expectation E_{q(z|x)} p(c | z) (GMVAE-Tacotron, Hsu et al. 2019, arXiv 1810.07217, appendix A).
"""

import math
from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn
from torch.distributions import Categorical, Distribution, Independent, MixtureSameFamily, Normal

from tts_vae.latents.contract import Divergence, Latent
from tts_vae.latents.divergences import categorical_kl, log_responsibilities, mixture_kl_per_dim
from tts_vae.latents.gaussian_posterior import GaussianPosterior
from tts_vae.latents.sampling import check_temperature, standard_normal
from tts_vae.latents.scales import check_initial, floored_scale, raw_of_scale

INITIAL_SEPARATION = 4.0  # distance between component means at the start, in component scales


class MixtureLatent(Latent):
    """Diagonal Gaussian posterior under a learned mixture prior.

    KL = sum_c q(c|x) KL(q(z|x) || p(z|c)) + KL(q(c|x) || p(c)), an upper bound on
    KL(q(z|x) || p(z)) that is tight where one component answers. ``log_p`` is the density of the
    mixture itself, so importance bounds are exact.

    Args:
        feature_width: width of the encoder features.
        width: width of z.
        components: number of components.
        responsibilities: "average" (Hsu et al.) takes q(c|x) as the mean of p(c|z) over the drawn
            samples; "sample" (VaDE) takes the mean of the KL with q(c|x) = p(c|z) of each draw.
            With one draw they are the same.
        learn_weights: learn pi; else it stays uniform, or as :meth:`initialise` sets it.
        initial_log_scale: log sigma_c at the start (Hsu et al.: 0 or -1).
        log_scale_floor: log of the lower limit of sigma_c (Hsu et al.: -1 or -2).
        posterior_initial_log_scale: log scale of the posterior at the start.

    Raises:
        ValueError: for fewer than one component, an unknown option, or a start below the floor.
    """

    def __init__(
        self,
        feature_width: int,
        width: int,
        components: int = 10,
        responsibilities: Literal["average", "sample"] = "average",
        learn_weights: bool = False,
        initial_log_scale: float = -1.0,
        log_scale_floor: float = -2.0,
        posterior_initial_log_scale: float = -1.0,
    ) -> None:
        super().__init__(feature_width, width)
        if components < 1:
            raise ValueError(f"components must be at least 1, got {components}")
        if responsibilities not in ("average", "sample"):
            raise ValueError(
                f'responsibilities must be "average" or "sample", got {responsibilities!r}'
            )
        check_initial(initial_log_scale, log_scale_floor)
        self.components = components
        self.responsibilities = responsibilities
        self.log_scale_floor = log_scale_floor
        self.posterior_head = GaussianPosterior(
            feature_width, width, "diagonal", posterior_initial_log_scale
        )
        scale = math.exp(initial_log_scale)
        radius = INITIAL_SEPARATION * scale / math.sqrt(2)
        self.means = nn.Parameter(radius * spread_directions(components, width))
        scales = torch.full((components, width), scale)
        self.raw_scales = nn.Parameter(raw_of_scale(scales, log_scale_floor))
        logits = torch.zeros(components)
        if learn_weights:
            self.logits = nn.Parameter(logits)
        else:
            self.register_buffer("logits", logits)

    @property
    def scales(self) -> Tensor:
        """Standard deviations sigma_c, (components, width)."""
        return floored_scale(self.raw_scales, self.log_scale_floor)

    @property
    def log_weights(self) -> Tensor:
        """Logarithms of pi, (components,), normalised."""
        return torch.log_softmax(self.logits, dim=-1)

    @torch.no_grad()
    def initialise(self, means: Tensor, scales: Tensor, weights: Tensor | None = None) -> None:
        """Set the prior from outside, e.g. from a mixture fitted by EM to encoded means.

        Args:
            means: (components, width).
            scales: (components, width) standard deviations; those below the floor are lifted to it.
            weights: (components,) positive, normalised here; None means uniform.

        Raises:
            ValueError: on shapes that do not fit, or values that are not finite and positive.
        """
        for name, given in (("means", means), ("scales", scales)):
            if given.shape != self.means.shape:
                raise ValueError(
                    f"{name} must be (components, width) = {tuple(self.means.shape)}, "
                    f"got {tuple(given.shape)}"
                )
        if weights is None:
            weights = torch.ones(self.components)
        if weights.shape != (self.components,):
            raise ValueError(f"weights must be ({self.components},), got {tuple(weights.shape)}")
        if not (means.isfinite().all() and scales.isfinite().all() and weights.isfinite().all()):
            raise ValueError("means, scales and weights must be finite; refit the mixture")
        if not ((scales > 0).all() and (weights > 0).all()):
            raise ValueError("scales and weights must be positive; drop empty components first")
        self.means.copy_(means)
        self.raw_scales.copy_(raw_of_scale(scales.double(), self.log_scale_floor))
        self.logits.copy_(weights.double().log() - weights.double().sum().log())

    def posterior(
        self, features: Tensor, condition: Tensor | None = None, mask: Tensor | None = None
    ) -> "Independent[Normal]":
        """Return the diagonal q(z | features)."""
        return self.posterior_head(features)

    def prior(
        self,
        batch_shape: Sequence[int],
        condition: Tensor | None = None,
        context: Tensor | None = None,
    ) -> MixtureSameFamily:
        """Return the mixture p(z), the same at every position of ``batch_shape``."""
        self._no_condition(condition)
        self._no_context(context)
        shape = (*batch_shape, self.components, self.width)
        normal = Normal(self.means.expand(shape), self.scales.expand(shape), validate_args=False)
        return MixtureSameFamily(
            Categorical(logits=self.log_weights.expand(shape[:-1]), validate_args=False),
            Independent(normal, 1, validate_args=False),
            validate_args=False,
        )

    def divergence(
        self, posterior: Distribution, prior: Distribution, z: Tensor, mask: Tensor | None = None
    ) -> Divergence:
        """KL_z + KL_c of the class docstring; reports ``responsibilities`` (batch, components)."""
        if not isinstance(posterior, Independent):
            raise ValueError(f"expected a diagonal posterior, got {type(posterior).__name__}")
        q = posterior.base_dist
        log_weights = self.log_weights
        log_q_c = log_responsibilities(z, self.means, self.scales, log_weights)
        log_q_c = log_q_c.reshape(-1, *posterior.batch_shape, self.components)
        average = torch.logsumexp(log_q_c, 0) - math.log(len(log_q_c))
        if self.responsibilities == "average":
            kl_component = categorical_kl(average, log_weights)
        else:
            kl_component = categorical_kl(log_q_c, log_weights).mean(0)
        # KL_z is linear in q(c|x): averaging before or after it is the same.
        per_dim = mixture_kl_per_dim(q.loc, q.scale, self.means, self.scales, average.exp())
        shares = _average_steps(average.exp().detach(), mask)
        return Divergence(per_dim.sum(-1) + kl_component, per_dim, {"responsibilities": shares})

    def sample(
        self,
        sample_shape: Sequence[int],
        condition: Tensor | None = None,
        temperature: float = 1.0,
        generator: torch.Generator | None = None,
        context: Tensor | None = None,
    ) -> Tensor:
        """Draw c ~ pi, then mu_c + temperature * sigma_c * eps; pi is not tempered."""
        check_temperature(temperature)
        self._no_condition(condition)
        self._no_context(context)
        shape = tuple(sample_shape)
        device = self.means.device if generator is None else generator.device
        weights = self.log_weights.detach().exp().to(device)
        drawn = torch.multinomial(weights, math.prod(shape), True, generator=generator)
        index = drawn.reshape(shape).to(self.means.device)
        mean = self.means[index]
        noise = standard_normal(mean.shape, mean, generator)
        return mean + temperature * self.scales[index] * noise

    def _component(self, index: int) -> Tensor:
        return self.means[index]


def spread_directions(count: int, width: int) -> Tensor:
    """Return ``count`` unit vectors (count, width), at right angles or opposite while they last.

    The first ``width`` rows are orthonormal, the next ``width`` their opposites; any further ones
    are random directions.
    """
    basis = nn.init.orthogonal_(torch.empty(width, width))
    extra = torch.randn(max(count - 2 * width, 0), width)
    extra = extra / extra.norm(dim=-1, keepdim=True)
    return torch.cat([basis, -basis, extra])[:count]


def _average_steps(shares: Tensor, mask: Tensor | None) -> Tensor:
    """Mean of (batch, *steps, components) over the real steps; (batch, components)."""
    flat = shares.flatten(1, -2) if shares.ndim > 2 else shares.unsqueeze(1)
    if mask is None:
        return flat.mean(1)
    weight = mask.reshape(*flat.shape[:2], 1).to(flat)
    return (flat * weight).sum(1) / weight.sum(1).clamp(min=1.0)
