"""What latents made of codebook entries share: rows, masks, straight-through, penalties, codes.

A vector quantiser has no density: posterior and prior are None, log_q, log_p and kl are 0. What
training needs instead are its penalties, and what a sampler needs is a prior over the codes.
"""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.distributions import Distribution
from torch.nn import functional

from tts_vae.latents.contract import Latent, LatentOutput
from tts_vae.latents.outcome import known
from tts_vae.latents.sampling import broadcast_value, check_temperature, full_precision


@dataclass(frozen=True)
class Quantised:
    """Rows (n, width) and what stands for them.

    Attributes:
        vectors: (n, width) code vectors, without a gradient.
        codes: (n,), or (n, levels); -1 where a level is left out.
        penalties: name -> (n,) squared errors, summed over the width.
        statistics: name -> detached tensor.
    """

    vectors: Tensor
    codes: Tensor
    penalties: dict[str, Tensor]
    statistics: dict[str, Tensor]


class CodeLatent(Latent):
    """Base of latents whose z is looked up.

    ``codes`` and ``penalties`` describe what the features were quantised to, also where ``value``
    clamps z. Codebooks learn only in training mode, with gradients enabled. Modes "sample" and
    "mean" are the same.

    Args:
        feature_width: width of the encoder features.
        width: width of z.
        codes: size of the vocabulary.
        projection: put a linear map from the features to ``width`` before the codebook; without it
            the two widths must be equal.
        normalised: scale every vector to unit length before it is quantised.

    Raises:
        ValueError: for a size below 1, or widths that differ without a projection.
    """

    levels: int | None = None  # length of the last axis of codes; None where there is no such axis

    def __init__(
        self, feature_width: int, width: int, codes: int, projection: bool, normalised: bool
    ) -> None:
        super().__init__(feature_width, width)
        if not projection and feature_width != width:
            raise ValueError(
                f"without a projection feature_width and width must be equal, got {feature_width} "
                f"and {width}; set projection=true or width={feature_width}"
            )
        self.components = codes
        self.normalised = normalised
        self.project = nn.Linear(feature_width, width) if projection else nn.Identity()

    @property
    def code_count(self) -> int:
        """Size of the vocabulary: codes are 0 to ``code_count - 1``, at every level."""
        return self.components

    @abstractmethod
    def quantise(
        self,
        rows: Tensor,
        owners: Tensor,
        learn: bool = False,
        generator: torch.Generator | None = None,
    ) -> Quantised:
        """Quantise real rows (n, width); the example that each belongs to is in owners (n,)."""

    @abstractmethod
    def codes_to_z(self, codes: Tensor) -> Tensor:
        """Return the z (*any, width) that codes stand for; 0 where a code is -1 (padding).

        Args:
            codes: (*any) integers, or (*any, levels) of a latent with levels.

        Raises:
            ValueError: if codes are not integers or out of range.
        """

    @abstractmethod
    def centre(self) -> Tensor:
        """Return the mean (width,) of z under uniform codes."""

    def posterior(
        self, features: Tensor, condition: Tensor | None = None, mask: Tensor | None = None
    ) -> Distribution | None:
        """Return None: the code is a point."""
        self._no_condition(condition)
        return None

    def prior(
        self,
        batch_shape: Sequence[int],
        condition: Tensor | None = None,
        context: Tensor | None = None,
    ) -> Distribution | None:
        """Return None: a prior over codes is a model of its own, trained afterwards."""
        self._no_condition(condition)
        return None

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
        """Quantise the real steps; see :meth:`Latent.forward`.

        The gradient of z passes to the quantised vector unchanged (straight-through: van den Oord
        et al. 2017, section 3.2); the codebook gets none from z. ``context`` is for a prior over
        the codes, a model of its own: it is handed on in the outcome.

        Raises:
            ValueError: on shapes that do not fit, no draw, an unknown mode, or no real step.
        """
        self._no_condition(condition)
        features, mask = self._check_call(features, mask, sample_shape, mode)
        shape = features.shape[:-1]
        with full_precision(features.device.type):
            places = None if mask is None else mask.flatten().nonzero().squeeze(-1)
            rows = features.flatten(0, -2)
            steps = len(rows) // max(1, shape[0])
            owners = torch.arange(shape[0], device=rows.device).repeat_interleave(steps)
            if places is not None:
                rows, owners = rows[places], owners[places]
            if not len(rows):
                raise ValueError(
                    f"the batch of shape {tuple(shape)} has no real step to quantise; the mask must"
                    " be True somewhere: drop empty examples before batching"
                )
            rows = self.project(rows)
            if self.normalised:
                rows = functional.normalize(rows, dim=-1)
            learn = self.training and torch.is_grad_enabled()
            found = self.quantise(rows, owners, learn, generator)

            def put(values: Tensor, padding: float = 0.0) -> Tensor:
                """Lay rows (n, ...) out as (batch, *steps, ...)."""
                if places is not None:
                    whole = values.new_full((shape.numel(), *values.shape[1:]), padding)
                    values = whole.index_copy(0, places, values)
                return values.reshape(*shape, *values.shape[1:])

            if value is None:
                # adds 0, exactly: z is the code vector to the bit, its gradient is that of rows
                z = put(found.vectors + (rows - rows.detach()))
                z = z.expand(*sample_shape, *z.shape)
            else:
                wanted = (*sample_shape, *shape, self.width)
                z = broadcast_value(value.to(features), wanted, len(shape))
                if mask is not None:
                    z = z.masked_fill(~mask.unsqueeze(-1), 0.0)
            nothing = z.new_zeros(z.shape[: z.ndim - len(shape)])  # (*samples, batch)
            return LatentOutput(
                z=z,
                posterior=None,
                prior=None,
                densities=known(nothing, nothing),
                kl=z.new_zeros(shape[0]),
                codes=put(found.codes, -1),
                penalties={
                    name: put(error).flatten(1).sum(1) if len(shape) > 1 else put(error)
                    for name, error in found.penalties.items()
                },
                statistics=found.statistics,
                mask=mask,
                context=context,
            )

    def sample(
        self,
        sample_shape: Sequence[int],
        condition: Tensor | None = None,
        temperature: float = 1.0,
        generator: torch.Generator | None = None,
        context: Tensor | None = None,
    ) -> Tensor:
        """Draw codes uniformly, as long as no prior over them is trained.

        Args:
            sample_shape: leading shape of the draw.
            condition: refused; there is no conditional prior.
            temperature: multiplies the distance to the mean of all codes; 1 gives code vectors.
            generator: source of randomness; None is torch's global one.
            context: refused; codes that depend on a parent site need a prior that reads it.

        Returns:
            (*sample_shape, width).
        """
        check_temperature(temperature)
        self._no_condition(condition)
        self._no_context(context)
        centre = self.centre().detach()
        device = centre.device if generator is None else generator.device
        shape = (*sample_shape,) if self.levels is None else (*sample_shape, self.levels)
        codes = torch.randint(self.components, shape, generator=generator, device=device)
        z = self.codes_to_z(codes.to(centre.device)).detach()
        return z if temperature == 1 else centre + temperature * (z - centre)

    def _check_codes(self, codes: Tensor) -> None:
        if codes.is_floating_point() or codes.is_complex() or codes.dtype == torch.bool:
            raise ValueError(
                f"codes must be integers, got {codes.dtype}; keep indices in int64, a rounded "
                "float names another code"
            )
        low, high = (int(codes.min()), int(codes.max())) if codes.numel() else (0, 0)
        if low < -1 or high >= self.components:
            raise ValueError(
                f"codes must lie in 0 to {self.components - 1}, or be -1 for padding, got {low} to "
                f"{high}; check which latent they come from"
            )


def squared_errors(rows: Tensor, vectors: Tensor, pulls_codebook: bool) -> dict[str, Tensor]:
    """The penalties of van den Oord et al. 2017, eq. 3, per row (n,), unweighted.

    Args:
        rows: (n, width) what was quantised; "commitment" pulls it to its code.
        vectors: (n, width) code vectors; "codebook" pulls them to the rows.
        pulls_codebook: emit "codebook"; a moving average needs none.
    """
    penalties = {"commitment": (rows - vectors.detach()).square().sum(-1)}
    if pulls_codebook:
        penalties["codebook"] = (rows.detach() - vectors).square().sum(-1)
    return penalties
