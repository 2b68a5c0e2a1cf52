"""Draws, clamps and masked sums: the tensor mechanics under the contract of a latent."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.distributions import Distribution, Independent, MultivariateNormal, Normal


def standard_normal(
    shape: Sequence[int], like: Tensor, generator: torch.Generator | None = None
) -> Tensor:
    """Draw N(0, 1) of ``shape`` in the type and on the device of ``like``.

    The numbers are drawn on the generator's own device, so that one CPU generator gives the same
    draw on every machine.
    """
    device = like.device if generator is None else generator.device
    noise = torch.randn(tuple(shape), dtype=like.dtype, device=device, generator=generator)
    return noise.to(like.device)


def reparameterise(
    posterior: Distribution,
    sample_shape: Sequence[int] = (),
    mask: Tensor | None = None,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Draw z = mu + A eps (Kingma & Welling 2014, section 2.4), A diagonal or a Cholesky factor.

    Noise is drawn for real steps only, so at one seed padding does not move the other draws.

    Args:
        posterior: diagonal ``Independent(Normal, 1)`` or ``MultivariateNormal``.
        sample_shape: leading dimensions.
        mask: (batch, *steps) bool or None.
        generator: source of randomness; None is torch's global one.

    Returns:
        (*sample_shape, batch, *steps, width).

    Raises:
        ValueError: for any other family.
    """
    mean = posterior.mean
    width = mean.shape[-1]
    if mask is None:
        noise = standard_normal((*sample_shape, *mean.shape), mean, generator)
    else:
        noise = mean.new_zeros((*sample_shape, mask.numel(), width))
        real = mask.flatten().nonzero().squeeze(-1)
        noise[..., real, :] = standard_normal((*sample_shape, len(real), width), mean, generator)
        noise = noise.reshape(*sample_shape, *mean.shape)
    if isinstance(posterior, MultivariateNormal):
        return mean + (posterior.scale_tril @ noise.unsqueeze(-1)).squeeze(-1)
    if isinstance(posterior, Independent) and isinstance(posterior.base_dist, Normal):
        return mean + posterior.base_dist.scale * noise
    raise ValueError(
        "reparameterise expects Independent(Normal) or MultivariateNormal, got "
        f"{type(posterior).__name__}; override the draw for other families"
    )


def broadcast_value(value: Tensor, shape: Sequence[int], batch_dims: int) -> Tensor:
    """Broadcast a clamped value to (*samples, batch, *steps, width).

    Args:
        value: (width,), or at least ``batch_dims + 1`` dimensions, named from the right.
        shape: (*sample_shape, batch, *steps, width).
        batch_dims: number of dimensions in (batch, *steps).

    Raises:
        ValueError: if the value does not fit. A (batch, width) value never slides silently onto
            the steps of a fine-grained site.
    """
    wanted = tuple(shape)
    explicit = value.ndim == 1 or value.ndim > batch_dims
    if value.ndim >= 1 and value.shape[-1] == wanted[-1] and explicit:
        try:
            result = torch.broadcast_shapes(value.shape, wanted)
        except RuntimeError:
            result = None
        if result is not None and result[-batch_dims - 1 :] == wanted[-batch_dims - 1 :]:
            return value.expand(result)
    raise ValueError(
        f"value must broadcast to (*samples, batch, *steps, width) = {wanted} and name batch and "
        f"steps, or be ({wanted[-1]},); got {tuple(value.shape)}; unsqueeze the missing dimensions"
    )


def masked_sum(terms: Tensor, mask: Tensor | None, steps: int) -> Tensor:
    """Sum (*leading, batch, *steps) over the real steps.

    Args:
        terms: the last ``steps`` dimensions are steps.
        mask: (batch, *steps) bool or None.
        steps: number of step dimensions; with 0 a masked example counts 0.

    Returns:
        (*leading, batch).
    """
    if mask is not None:
        terms = terms.masked_fill(~mask, 0.0)
    return terms.sum(tuple(range(-steps, 0))) if steps else terms


def check_temperature(temperature: float) -> None:
    """Raise ValueError unless ``temperature`` is finite and not negative."""
    if not 0 <= temperature < float("inf"):
        raise ValueError(
            f"temperature must be finite and at least 0, got {temperature}; 1 is the prior itself"
        )
