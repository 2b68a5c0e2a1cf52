"""Maps from one tensor to a diagonal Gaussian over another: p(z | context), and links of chains."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.distributions import Normal

from tts_vae.latents.scales import bounded_log_scale, check_initial, floored_scale, raw_of_scale


class ConditionalNormal(nn.Module):
    """N(mean(x), diag scale(x)^2), both linear in x or in tanh layers of x.

    Args:
        in_width: width of x.
        width: width of the Gaussian.
        hidden: widths of tanh layers in between; () is a linear map.
        initial_log_scale: log standard deviation at the start.
        log_scale_floor: log of the lower limit of the scale, for a learned prior that must not
            collapse onto an example; None is the exponential of Burda et al., within e^-6 and e^6.
        gain: of the initial output weights (Glorot); small values start near N(0, scale^2).

    Shapes: x (..., in_width) -> Normal of batch shape (..., width).

    Raises:
        ValueError: if a width is not positive or the start lies below the floor.
    """

    def __init__(
        self,
        in_width: int,
        width: int,
        hidden: Sequence[int] = (),
        initial_log_scale: float = 0.0,
        log_scale_floor: float | None = None,
        gain: float = 1.0,
    ) -> None:
        super().__init__()
        widths = (in_width, *hidden)
        if min(*widths, width) < 1:
            raise ValueError(f"widths must be at least 1, got {widths} -> {width}")
        layers: list[nn.Module] = []
        for i, o in zip(widths[:-1], widths[1:], strict=True):
            linear = nn.Linear(i, o)
            nn.init.xavier_uniform_(linear.weight)
            nn.init.zeros_(linear.bias)
            layers += [linear, nn.Tanh()]
        self.body = nn.Sequential(*layers)
        self.mean = nn.Linear(widths[-1], width)
        self.raw_log_scale = nn.Linear(widths[-1], width)
        self.log_scale_floor = log_scale_floor
        start = torch.tensor(initial_log_scale)
        if log_scale_floor is not None:
            check_initial(initial_log_scale, log_scale_floor)
            start = raw_of_scale(start.exp(), log_scale_floor)
        for layer in (self.mean, self.raw_log_scale):
            nn.init.xavier_uniform_(layer.weight, gain)
        nn.init.zeros_(self.mean.bias)
        nn.init.constant_(self.raw_log_scale.bias, float(start))

    def forward(self, x: Tensor) -> Normal:
        """Return the Gaussian given x (..., in_width)."""
        hidden = self.body(x)
        raw = self.raw_log_scale(hidden)
        if self.log_scale_floor is None:
            scale = torch.exp(bounded_log_scale(raw))
        else:
            scale = floored_scale(raw, self.log_scale_floor)
        return Normal(self.mean(hidden), scale, validate_args=False)


def fit_context(
    context: Tensor | None, width: int, batch_shape: Sequence[int], owner: str
) -> Tensor:
    """Check the context of a conditional prior and give it the site's step dimensions.

    Args:
        context: (batch, width), the same at all steps, or (*samples, batch, *steps, width) whose
            steps may be 1.
        width: context_width of the prior.
        batch_shape: (batch, *steps) of the site.
        owner: class name, for messages.

    Returns:
        (*samples, batch, *steps, width), at least float32.

    Raises:
        ValueError: if the context is missing or does not fit. A context of draws never slides
            silently onto steps.
    """
    shape = tuple(batch_shape)
    if context is None:
        raise ValueError(
            f"the prior of this {owner} is conditioned on a parent site: pass context="
            f"(batch, {width}) (LatentModel does where parents names the site)"
        )
    if context.ndim == 2 and context.shape == (shape[0], width):
        context = context.reshape(shape[0], *(1,) * (len(shape) - 1), width)
    own = context.shape[-1 - len(shape) : -1]
    fits = context.ndim > len(shape) and context.shape[-1] == width and own[:1] == shape[:1]
    if not fits or any(
        size not in (1, step) for size, step in zip(own[1:], shape[1:], strict=True)
    ):
        raise ValueError(
            f"context must be (batch, {width}) or (*samples, batch, *steps, {width}) with (batch, "
            f"*steps) = {shape}, got {tuple(context.shape)}; check context_width against the "
            "parents' widths and name their steps (1 where they have none)"
        )
    context = context.to(torch.promote_types(context.dtype, torch.float32))
    samples = context.shape[: context.ndim - 1 - len(shape)]
    return context.expand(*samples, *shape, width)
