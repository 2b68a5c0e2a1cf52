"""Random masks for dropout and zoneout, several times faster on a CPU than one draw a value."""

from collections.abc import Sequence

import torch
from torch import Tensor


def keep_mask(shape: Sequence[int], keep: float, device: torch.device) -> Tensor:
    """Bool mask that is True with probability ``keep``, from torch's global random state.

    On CPUs each 64-bit draw serves four values: the probability is right to 1 / 65536.
    """
    if device.type != "cpu":
        return torch.rand(*shape, device=device) < keep
    if not 0 < keep < 1:  # the comparison below would leave the range of its type
        return torch.full(tuple(shape), keep > 0)
    count = torch.Size(shape).numel()
    bits = torch.empty(-(-count // 4), dtype=torch.int64).random_(-(2**63), None)
    below = min(round(keep * 65536) - 32768, 32767)
    return (bits.view(torch.int16)[:count] < below).view(*shape)


def dropout(x: Tensor, rate: float, training: bool) -> Tensor:
    """Zero values with probability ``rate`` while training and scale the others up."""
    if not training or rate == 0:
        return x
    mask = keep_mask(x.shape, 1 - rate, x.device).to(x.dtype)
    return x * mask.mul_(1 / (1 - rate))
