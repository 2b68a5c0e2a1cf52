"""The contract of every latent: shapes, units, masks, and the one forward pass they all share.

A concrete latent states its posterior, its prior and how to draw from the prior; where no
closed-form KL is registered with torch.distributions it also states its divergence. Everything
else (clamping, sampling, masking, summing over steps, precision) happens once, here.

Dimensions read ``(*samples, batch, *steps, width)``; ``steps`` is () for an utterance-level style,
(phones,) for a fine-grained one. Terms are nats per example. Masks are True on real steps, and
masked steps never change an output, not even the random draw at a given seed.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn
from torch.distributions import Distribution, kl_divergence

from tts_vae.latents.divergences import gaussian_kl_per_dim, is_diagonal
from tts_vae.latents.outcome import Divergence as Divergence
from tts_vae.latents.outcome import LatentOutput as LatentOutput
from tts_vae.latents.outcome import known
from tts_vae.latents.sampling import (
    average_draws,
    broadcast_value,
    check_sample_shape,
    densities_of,
    full_precision,
    masked_sum,
    reparameterise,
)


class Latent(nn.Module, ABC):
    """Base of all latents.

    Args:
        feature_width: width of the encoder features this latent reads.
        width: width of z.

    Raises:
        ValueError: if a width is not positive.
    """

    components: int = 0  # number of named values; 0 where the latent has none

    def __init__(self, feature_width: int, width: int) -> None:
        super().__init__()
        if feature_width < 1 or width < 1:
            raise ValueError(
                f"feature_width and width must be at least 1, got {feature_width} and {width}"
            )
        self.feature_width = feature_width
        self.width = width

    @property
    def decoded_width(self) -> int:
        """How many leading dimensions of z a decoder reads; all, where nothing else is said."""
        return self.width

    def set_step(self, step: int) -> None:  # noqa: B027
        """Tell the training step; most latents have no schedule and do not care."""

    @abstractmethod
    def posterior(
        self, features: Tensor, condition: Tensor | None = None, mask: Tensor | None = None
    ) -> Distribution | None:
        """Return q(z | features), batch (batch, *steps), event (width,); None for a plain code."""

    @abstractmethod
    def prior(
        self,
        batch_shape: Sequence[int],
        condition: Tensor | None = None,
        context: Tensor | None = None,
    ) -> Distribution | None:
        """Return p(z | condition, context), batch ``batch_shape``, event (width,)."""

    @abstractmethod
    def sample(
        self,
        sample_shape: Sequence[int],
        condition: Tensor | None = None,
        temperature: float = 1.0,
        generator: torch.Generator | None = None,
        context: Tensor | None = None,
    ) -> Tensor:
        """Draw from the prior.

        Args:
            sample_shape: leading shape of the draw.
            condition: class indices (batch,), or None.
            temperature: multiplies the spread of the prior; 0 gives its centre(s).
            generator: source of randomness; None is torch's global one.
            context: (batch, *steps, context_width) of the sites above, where the prior reads it.

        Returns:
            (*sample_shape, width), or (*sample_shape, batch, width) where a condition is given, or
            (*sample_shape, batch, *steps, width) where a context is.
        """

    def component(self, index: int) -> Tensor:
        """Return the value (width,) that component ``index`` stands for.

        Raises:
            ValueError: if the latent has no such component; the message lists the valid ones.
        """
        self._check_index(index, self.components, "component")
        return self._component(index)

    def divergence(
        self, posterior: Distribution, prior: Distribution, z: Tensor, mask: Tensor | None = None
    ) -> Divergence:
        """Return KL(posterior || prior): analytic where registered, else the mean over draws.

        Args:
            posterior: batch (batch, *steps).
            prior: batch (batch, *steps).
            z: (*samples, batch, *steps, width), the draws a sample estimate averages over, and
                what a prior that depends on draws (a context with samples) is averaged over.
            mask: (batch, *steps) bool; only statistics may look at it.
        """
        dims = len(posterior.batch_shape)
        if is_diagonal(posterior) and is_diagonal(prior):
            q, p = posterior.base_dist, prior.base_dist
            per_dim = average_draws(gaussian_kl_per_dim(q.loc, q.scale, p.loc, p.scale), dims + 1)
            return Divergence(per_dim.sum(-1), per_dim)
        try:
            return Divergence(average_draws(kl_divergence(posterior, prior), dims))
        except NotImplementedError:
            return Divergence(average_draws(posterior.log_prob(z) - prior.log_prob(z), dims))

    def distributions(
        self,
        features: Tensor,
        condition: Tensor | None = None,
        context: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> tuple[Distribution | None, Distribution | None]:
        """Return posterior and prior; overridden where the posterior is relative to the prior."""
        posterior = self.posterior(features, condition, mask)
        return posterior, self.prior(features.shape[:-1], condition, context)

    def point(self, features: Tensor, posterior: Distribution | None) -> Tensor:
        """Return the one value (batch, *steps, width) that stands for the posterior: its mean."""
        if posterior is None:
            raise NotImplementedError(f"{type(self).__name__} has no posterior: override point()")
        return posterior.mean

    def forward(
        self,
        features: Tensor,
        *,
        condition: Tensor | None = None,
        context: Tensor | None = None,
        mask: Tensor | None = None,
        sample_shape: Sequence[int] = (),
        value: Tensor | None = None,
        mode: Literal["sample", "mean"] = "sample",
        generator: torch.Generator | None = None,
    ) -> LatentOutput:
        """Infer the site: a value, its posterior and prior, and their divergence.

        Densities and KL are computed outside autocast, in float32 or the wider type of features.

        Args:
            features: (batch, *steps, feature_width).
            condition: condition of the prior, e.g. class indices (batch,).
            context: what a conditional prior reads of the sites above, (batch, context_width) or
                (*samples, batch, *steps, context_width); steps may be 1.
            mask: (batch, *steps) bool, True on real steps; None means all real.
            sample_shape: leading dimensions of z.
            value: clamps z; (width,) or anything that broadcasts from the right against
                (*sample_shape, batch, *steps, width) and names at least batch, steps and width.
            mode: "sample" draws by reparameterisation; "mean" takes the posterior mean.
            generator: source of randomness; None is torch's global one.

        Raises:
            ValueError: on shapes that do not fit, no draw, no real step, or an unknown mode.
        """
        features, mask = self._check_call(features, mask, sample_shape, mode)
        batch_shape = features.shape[:-1]
        with full_precision(features.device.type):
            posterior, prior = self.distributions(features, condition, context, mask)
            if value is not None:
                shape = (*sample_shape, *batch_shape, self.width)
                z = broadcast_value(value.to(features), shape, len(batch_shape))
            elif mode == "mean" or posterior is None:
                point = self.point(features, posterior)
                z = point.expand(*sample_shape, *point.shape) if sample_shape else point
            else:
                z = reparameterise(posterior, sample_shape, mask, generator)
            if mask is not None:
                z = z.masked_fill(~mask.unsqueeze(-1), 0.0)
            output = self._describe(posterior, prior, z, mask, batch_shape)
            output.mask, output.context = mask, context
            return output

    def _describe(
        self,
        posterior: Distribution | None,
        prior: Distribution | None,
        z: Tensor,
        mask: Tensor | None,
        batch_shape: Sequence[int],
    ) -> LatentOutput:
        """Densities and divergence of a chosen z, summed over real steps."""
        steps = len(batch_shape) - 1
        if posterior is None or prior is None:
            nothing = z.new_zeros(z.shape[: z.ndim - 1 - steps])
            kl = z.new_zeros(batch_shape[0])
            return LatentOutput(z, posterior, prior, known(nothing, nothing), kl)
        divergence = self.divergence(posterior, prior, z, mask)
        per_dim = divergence.per_dim
        if per_dim is not None and mask is not None:
            per_dim = per_dim.masked_fill(~mask.unsqueeze(-1), 0.0)
        return LatentOutput(
            z=z,
            posterior=posterior,
            prior=prior,
            densities=densities_of(posterior, prior, z, mask, steps),
            kl=masked_sum(divergence.nats, mask, steps),
            kl_per_dim=per_dim,
            statistics=divergence.statistics,
        )

    def _component(self, index: int) -> Tensor:
        raise NotImplementedError(f"{type(self).__name__} declares components but no values")

    def _check_index(self, index: int, count: int, what: str) -> None:
        if not 0 <= index < count:
            name = type(self).__name__
            valid = f"valid: 0 to {count - 1}" if count else f"{name} has none"
            raise ValueError(f"{what} {index} does not exist; {valid}")

    def _no_condition(self, condition: Tensor | None) -> None:
        if condition is not None:
            raise ValueError(
                f"{type(self).__name__} has no conditional prior but got a condition of shape "
                f"{tuple(condition.shape)}; remove it, or use GaussianLatent(condition_classes=...)"
            )

    def _no_context(self, context: Tensor | None) -> None:
        if context is not None:
            raise ValueError(
                f"{type(self).__name__} has no prior on a parent site but got a context of shape "
                f"{tuple(context.shape)}; remove it, or use GaussianLatent(context_width=...)"
            )

    def _check_call(
        self, features: Tensor, mask: Tensor | None, sample_shape: Sequence[int], mode: str
    ) -> tuple[Tensor, Tensor | None]:
        """Features and mask as :meth:`_check_features` gives them, once all arguments fit."""
        check_sample_shape(sample_shape)
        if mode not in ("sample", "mean"):
            raise ValueError(f'mode must be "sample" or "mean", got {mode!r}')
        return self._check_features(features, mask)

    def _check_features(
        self, features: Tensor, mask: Tensor | None
    ) -> tuple[Tensor, Tensor | None]:
        """Features in at least float32, 0 on padding; the mask as bool."""
        if features.ndim < 2 or features.shape[-1] != self.feature_width:
            raise ValueError(
                f"features must be (batch, *steps, {self.feature_width}), "
                f"got {tuple(features.shape)}; check feature_width against the encoder"
            )
        features = features.to(torch.promote_types(features.dtype, torch.float32))
        if mask is None:
            return features, None
        if mask.shape != features.shape[:-1]:
            raise ValueError(
                f"mask must be (batch, *steps) = {tuple(features.shape[:-1])}, "
                f"got {tuple(mask.shape)}; it is True on real steps"
            )
        mask = mask.bool()
        if mask.device.type == "cpu" and not mask.any():  # elsewhere a check would stall the device
            raise ValueError(
                f"mask {tuple(mask.shape)} marks no real step in the whole batch; it is True on "
                "real steps: drop empty batches, or invert the mask"
            )
        return features.masked_fill(~mask.unsqueeze(-1), 0.0), mask
