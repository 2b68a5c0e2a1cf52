"""A top-down hierarchy: p(z) = prod p(z_i | z_<i), q(z | x) = prod q(z_i | z_<i, x), one latent.

Inference shares the generative path (VDVAE: Child 2021, arXiv 2011.10650, figure 3): one state runs
down, and at every group the posterior reads it beside the features. The posterior is relative to
the prior, q_i = N(mu_p + d_mu, (sigma_p d_sigma)^2) (NVAE: Vahdat & Kautz 2020, arXiv 2007.03898,
section 3.2, "residual normal distributions"), so that saying nothing costs nothing.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.distributions import Distribution, Normal

from tts_vae.latents.chain import Choose, GaussianChain, conditional_kl_per_dim, network_walk
from tts_vae.latents.conditional_normal import ConditionalNormal, fit_context
from tts_vae.latents.contract import Latent
from tts_vae.latents.outcome import Divergence
from tts_vae.latents.sampling import average_draws, check_temperature, real_noise
from tts_vae.latents.scales import bounded_log_scale


class HierarchicalLatent(Latent):
    """Groups of z, each a Gaussian given all groups before it; the decoder reads all of them.

    Args:
        feature_width: width of the encoder features.
        width: width of z, all groups together.
        groups: number of equal groups, or the width of each from the top down.
        hidden: width of the state that runs down, and of the layers beside it.
        context_width: width of a parent site's z that the first state reads; 0 for none, and the
            first group's prior is N(0, I).
        prior_log_scale_floor: log of the lower limit of the scales of p(z_i | z_<i).
        posterior_initial_log_scale: log d_sigma at the start. Below 0 the decoder hears the code
            from the first step.

    Shapes: features (batch, *steps, feature_width), context (batch, *steps, context_width) ->
    z (*samples, batch, *steps, width), groups side by side from the top down; steps are
    independent of each other. kl is the sum over groups of the analytic KL of the conditionals
    given the drawn ancestors, averaged over draws; its expectation is KL(q || p).

    Raises:
        ValueError: if the groups do not make up the width, or hidden is not positive.
    """

    def __init__(
        self,
        feature_width: int,
        width: int,
        groups: int | Sequence[int] = 2,
        hidden: int = 64,
        context_width: int = 0,
        prior_log_scale_floor: float = -4.0,
        posterior_initial_log_scale: float = -1.0,
    ) -> None:
        super().__init__(feature_width, width)
        self.widths = group_widths(width, groups)
        if hidden < 1 or context_width < 0:
            raise ValueError(
                f"hidden must be at least 1 and context_width at least 0, got {hidden} and "
                f"{context_width}"
            )
        self.context_width = context_width
        self.network = TopDownNetwork(
            feature_width,
            self.widths,
            hidden,
            context_width,
            prior_log_scale_floor,
            posterior_initial_log_scale,
        )

    def posterior(
        self, features: Tensor, condition: Tensor | None = None, mask: Tensor | None = None
    ) -> GaussianChain:
        """Return q(z | features); with a context_width it needs one: use forward(context=)."""
        return self._posterior(features, condition, None)

    def prior(
        self,
        batch_shape: Sequence[int],
        condition: Tensor | None = None,
        context: Tensor | None = None,
    ) -> GaussianChain:
        """Return p(z) or p(z | context)."""
        self._no_condition(condition)
        context = self._context(context, batch_shape)
        start = self.network.start_state(batch_shape, context)
        return GaussianChain(
            network_walk(self.network, start, None), self.widths, start.shape[:-1], start
        )

    def distributions(
        self,
        features: Tensor,
        condition: Tensor | None = None,
        context: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> tuple[Distribution, Distribution]:
        """Return posterior and prior, both given the context: the one is relative to the other."""
        prior = self.prior(features.shape[:-1], condition, context)
        return self._posterior(features, condition, context), prior

    def divergence(
        self, posterior: Distribution, prior: Distribution, z: Tensor, mask: Tensor | None = None
    ) -> Divergence:
        """Sum of the groups' analytic KL given the ancestors in z, averaged over draws."""
        if not (isinstance(posterior, GaussianChain) and isinstance(prior, GaussianChain)):
            raise ValueError(
                f"expected chains, got {type(posterior).__name__} and {type(prior).__name__}"
            )
        per_dim = conditional_kl_per_dim(posterior, prior, z)
        per_dim = average_draws(per_dim, len(posterior.batch_shape) + 1)
        return Divergence(per_dim.sum(-1), per_dim)

    def sample(
        self,
        sample_shape: Sequence[int],
        condition: Tensor | None = None,
        temperature: float = 1.0,
        generator: torch.Generator | None = None,
        context: Tensor | None = None,
    ) -> Tensor:
        """Draw from the top down, every scale multiplied by ``temperature``."""
        check_temperature(temperature)
        shape = tuple(sample_shape)
        batch_shape = shape if context is None else context.shape[:-1]
        prior = self.prior(batch_shape, condition, context)
        full = (*(() if context is None else shape), *batch_shape, self.width)
        return prior.from_noise(temperature * real_noise(full, prior.like, None, generator))

    def _posterior(
        self, features: Tensor, condition: Tensor | None, context: Tensor | None
    ) -> GaussianChain:
        self._no_condition(condition)
        context = self._context(context, features.shape[:-1])
        start = self.network.start_state(features.shape[:-1], context)
        walk = network_walk(self.network, start, features)
        return GaussianChain(walk, self.widths, start.shape[:-1], features)

    def _context(self, context: Tensor | None, batch_shape: Sequence[int]) -> Tensor | None:
        if not self.context_width:
            self._no_context(context)
            return None
        fitted = fit_context(context, self.context_width, batch_shape, type(self).__name__)
        if fitted.ndim > len(tuple(batch_shape)) + 1:
            raise ValueError(
                f"context {tuple(fitted.shape)} has sample dimensions, which this posterior would "
                "depend on; fold draws into the batch of features and context"
            )
        return fitted


class TopDownNetwork(nn.Module):
    """The state that runs down, and at every group a prior and a posterior that read it.

    Arguments as in :class:`HierarchicalLatent`.
    """

    def __init__(
        self,
        feature_width: int,
        widths: Sequence[int],
        hidden: int,
        context_width: int,
        prior_log_scale_floor: float,
        posterior_initial_log_scale: float,
    ) -> None:
        super().__init__()
        self.widths = tuple(widths)
        self.start = nn.Parameter(0.1 * torch.randn(hidden))
        self.read_context = nn.Linear(context_width, hidden) if context_width else None
        self.priors = nn.ModuleList(
            # small at the start: the chain begins near independent standard normals
            ConditionalNormal(hidden, width, (), 0.0, prior_log_scale_floor, gain=0.1)
            for width in (widths if context_width else widths[1:])
        )
        self.posteriors = nn.ModuleList(
            _ResidualPosterior(hidden, feature_width, width, posterior_initial_log_scale)
            for width in widths
        )
        self.updates = nn.ModuleList(_Update(hidden, width) for width in widths[:-1])

    def start_state(self, batch_shape: Sequence[int], context: Tensor | None) -> Tensor:
        """Return the first state (*batch_shape, hidden); context fits batch_shape."""
        state = self.start.expand(*batch_shape, -1)
        if self.read_context is None or context is None:
            return state
        return state + self.read_context(context.to(self.start))

    def forward(self, choose: Choose, state: Tensor, features: Tensor | None) -> list[Normal]:
        """Walk down; the posterior's conditionals where features are given, else the prior's."""
        missing = len(self.posteriors) - len(self.priors)  # 1 where the first prior is N(0, I)
        normals = []
        for index, posterior in enumerate(self.posteriors):
            if index >= missing:
                normal = self.priors[index - missing](state)
            else:
                mean = state.new_zeros(*state.shape[:-1], self.widths[index])
                normal = Normal(mean, torch.ones_like(mean), validate_args=False)
            if features is not None:
                normal = posterior(state, features, normal)
            normals.append(normal)
            z = choose(index, normal)
            if index < len(self.updates):
                state = self.updates[index](state, z)
        return normals


class _ResidualPosterior(nn.Module):
    """q_i relative to p_i, from the state and the features."""

    def __init__(
        self, hidden: int, feature_width: int, width: int, initial_log_scale: float
    ) -> None:
        super().__init__()
        self.read_state = nn.Linear(hidden, hidden)
        self.read_features = nn.Linear(feature_width, hidden)
        self.mean = nn.Linear(hidden, width)
        self.raw_log_scale = nn.Linear(hidden, width)
        nn.init.normal_(self.raw_log_scale.weight, std=0.01)
        nn.init.constant_(self.raw_log_scale.bias, initial_log_scale)

    def forward(self, state: Tensor, features: Tensor, prior: Normal) -> Normal:
        x = nn.functional.gelu(self.read_state(state) + self.read_features(features))
        scale = prior.stddev * torch.exp(bounded_log_scale(self.raw_log_scale(x)))
        return Normal(prior.mean + self.mean(x), scale, validate_args=False)


class _Update(nn.Module):
    """The state after a group: z joins it, then a residual block."""

    def __init__(self, hidden: int, width: int) -> None:
        super().__init__()
        self.merge = nn.Linear(width, hidden)
        self.widen = nn.Linear(hidden, hidden)
        self.narrow = nn.Linear(hidden, hidden)

    def forward(self, state: Tensor, z: Tensor) -> Tensor:
        state = state + self.merge(z)
        return state + self.narrow(nn.functional.gelu(self.widen(state)))


def group_widths(width: int, groups: int | Sequence[int]) -> tuple[int, ...]:
    """Return the width of every group.

    Raises:
        ValueError: if the groups do not make up ``width``.
    """
    if isinstance(groups, int):
        if groups < 1 or width % groups:
            raise ValueError(
                f"groups must divide width, got {groups} groups for width {width}; give another "
                "number, or the width of each group"
            )
        return (width // groups,) * groups
    widths = tuple(groups)
    if not widths or min(widths) < 1 or sum(widths) != width:
        raise ValueError(
            f"the groups' widths must be at least 1 and sum up to width {width}, got {widths}"
        )
    return widths
