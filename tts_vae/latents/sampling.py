"""Draws, clamps and masked sums: the tensor mechanics under the contract of a latent."""

from abc import abstractmethod
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor
from torch.distributions import Distribution, Independent, MultivariateNormal, Normal

from tts_vae.latents.divergences import is_diagonal


def full_precision(device_type: str) -> AbstractContextManager[object]:
    """Leave autocast for a while; where it is off already there is nothing to do, and no time lost.

    Args:
        device_type: as ``tensor.device.type`` says it.
    """
    if torch.is_autocast_enabled(device_type):
        return torch.autocast(device_type, enabled=False)
    return nullcontext()


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


class NoiseDriven(Distribution):
    """A distribution whose draw is a function of standard normal noise of the draw's own shape."""

    @property
    @abstractmethod
    def like(self) -> Tensor:
        """A tensor of the type and on the device of the draws."""

    @abstractmethod
    def from_noise(self, noise: Tensor) -> Tensor:
        """Map noise (*samples, *batch_shape, *event_shape) to a draw of that shape."""

    @abstractmethod
    def detached(self) -> "NoiseDriven":
        """Return the same distribution, through whose parameters no gradient flows."""


def real_noise(
    shape: Sequence[int],
    like: Tensor,
    mask: Tensor | None = None,
    generator: torch.Generator | None = None,
    draw: Callable[[Sequence[int], Tensor, torch.Generator | None], Tensor] = standard_normal,
) -> Tensor:
    """Noise for real steps only, 0 on padding: at one seed padding does not move other draws.

    Args:
        shape: (*sample_shape, batch, *steps, width).
        like: gives type and device.
        mask: (batch, *steps) bool or None.
        generator: source of randomness; None is torch's global one.
        draw: ``(shape, like, generator) -> noise``.
    """
    if mask is None:
        return draw(shape, like, generator)
    samples, width = tuple(shape[: len(shape) - 1 - mask.ndim]), shape[-1]
    noise = like.new_zeros((*samples, mask.numel(), width))
    real = mask.flatten().nonzero().squeeze(-1)
    noise[..., real, :] = draw((*samples, len(real), width), like, generator)
    return noise.reshape(tuple(shape))


def reparameterise(
    posterior: Distribution,
    sample_shape: Sequence[int] = (),
    mask: Tensor | None = None,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Draw z = mu + A eps (Kingma & Welling 2014, section 2.4), A diagonal or a Cholesky factor.

    Noise is drawn for real steps only (:func:`real_noise`).

    Args:
        posterior: diagonal ``Independent(Normal, 1)``, ``MultivariateNormal`` or ``NoiseDriven``.
        sample_shape: leading dimensions.
        mask: (batch, *steps) bool or None.
        generator: source of randomness; None is torch's global one.

    Returns:
        (*sample_shape, batch, *steps, width).

    Raises:
        ValueError: for any other family.
    """
    shape = (*sample_shape, *posterior.batch_shape, *posterior.event_shape)
    if isinstance(posterior, NoiseDriven):
        return posterior.from_noise(real_noise(shape, posterior.like, mask, generator))
    if isinstance(posterior, MultivariateNormal):
        noise = real_noise(shape, posterior.loc, mask, generator)
        return posterior.loc + (posterior.scale_tril @ noise.unsqueeze(-1)).squeeze(-1)
    if isinstance(posterior, Independent) and isinstance(posterior.base_dist, Normal):
        noise = real_noise(shape, posterior.mean, mask, generator)
        return posterior.mean + posterior.base_dist.scale * noise
    raise _not_reparameterised("reparameterise", posterior)


def detached(posterior: Distribution) -> Distribution:
    """Return the same distribution, through whose parameters no gradient flows.

    Raises:
        ValueError: for a family that is not reparameterised.
    """
    if isinstance(posterior, NoiseDriven):
        return posterior.detached()
    if isinstance(posterior, MultivariateNormal):
        factor = posterior.scale_tril.detach()
        return MultivariateNormal(posterior.loc.detach(), scale_tril=factor, validate_args=False)
    if isinstance(posterior, Independent) and isinstance(posterior.base_dist, Normal):
        base = posterior.base_dist
        normal = Normal(base.loc.detach(), base.scale.detach(), validate_args=False)
        return Independent(normal, 1, validate_args=False)
    raise _not_reparameterised("detached", posterior)


def _not_reparameterised(what: str, posterior: Distribution) -> ValueError:
    return ValueError(
        f"{what} expects Independent(Normal), MultivariateNormal or a NoiseDriven chain, got "
        f"{type(posterior).__name__}; only reparameterised families have a draw to differentiate"
    )


def check_sample_shape(sample_shape: Sequence[int]) -> None:
    """Raise ValueError if ``sample_shape`` asks for no draw at all."""
    if any(size < 1 for size in sample_shape):
        raise ValueError(
            f"sample_shape must hold sizes of at least 1, got {tuple(sample_shape)}; k draws are "
            "sample_shape=(k,) with k >= 1, and () is one draw without a sample dimension"
        )


def average_draws(terms: Tensor, batch_dims: int) -> Tensor:
    """Average (*samples, *batch) over the sample dimensions; ``batch_dims`` of them remain."""
    draws = terms.ndim - batch_dims
    return terms.mean(tuple(range(draws))) if draws > 0 else terms


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


def densities_of(
    posterior: Distribution, prior: Distribution, z: Tensor, mask: Tensor | None, steps: int
) -> Callable[[], tuple[Tensor, Tensor]]:
    """Return a function that gives log q and log p of z, (*samples, batch), as of now.

    A family that holds nothing but its own values waits until it is asked; any other may look at
    parameters, which an optimiser changes, and is asked at once.

    Args:
        posterior: batch (batch, *steps).
        prior: batch (batch, *steps).
        z: (*samples, batch, *steps, width).
        mask: (batch, *steps) bool or None.
        steps: number of step dimensions.
    """
    gradients = torch.is_grad_enabled()

    def densities() -> tuple[Tensor, Tensor]:
        # whoever asks may be under no_grad or autocast
        with torch.set_grad_enabled(gradients), full_precision(z.device.type):
            log_q, log_p = (masked_sum(d.log_prob(z), mask, steps) for d in (posterior, prior))
            return log_q, log_p

    if all(_holds_values_only(each) for each in (posterior, prior)):
        return densities
    found = densities()
    return lambda: found


def _holds_values_only(distribution: Distribution) -> bool:
    return is_diagonal(distribution) or type(distribution) is MultivariateNormal


def check_temperature(temperature: float) -> None:
    """Raise ValueError unless ``temperature`` is finite and not negative."""
    if not 0 <= temperature < float("inf"):
        raise ValueError(
            f"temperature must be finite and at least 0, got {temperature}; 1 is the prior itself"
        )
