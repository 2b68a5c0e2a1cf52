"""Phones -> frames: whole-frame durations, gather indices and positions inside a phone."""

import torch
from torch import Tensor


def whole_frames(durations: Tensor, mask: Tensor) -> Tensor:
    """Round durations so that every prefix sum is right to half a frame.

    Rounding each phone on its own would bias the length of an utterance.

    Args:
        durations: (batch, phones) frames, real-valued.
        mask: (batch, phones) bool.

    Returns:
        (batch, phones) int64, 0 on padding, at least 1 on real phones.
    """
    ends = torch.cumsum(durations.double().clamp(min=1.0) * mask, dim=1).round().long()
    return torch.diff(ends, dim=1, prepend=torch.zeros_like(ends[:, :1])) * mask


def stretched(durations: Tensor, factor: float | Tensor) -> Tensor:
    """Make some phones longer or shorter and leave the others as they are.

    Stretching before :func:`whole_frames` rounds would move frames between all phones that follow.

    Args:
        durations: (batch, phones) int64 frames, 0 on padding.
        factor: scalar or (batch, phones).

    Returns:
        (batch, phones) int64, 0 on padding, at least 1 on real phones.
    """
    if not isinstance(factor, Tensor) and factor == 1.0:
        return durations
    longer = (durations * factor).round().long()
    return torch.maximum(longer, durations.clamp(max=1))


def frame_to_phone(durations: Tensor, frames: int) -> Tensor:
    """Index of the phone that each frame belongs to.

    Args:
        durations: (batch, phones) int64 frames.
        frames: number of frames of the result.

    Returns:
        (batch, frames) int64; frames past the end repeat the last phone.
    """
    ends = torch.cumsum(durations, dim=1).contiguous()
    times = torch.arange(frames, device=durations.device).expand(len(durations), frames)
    index = torch.searchsorted(ends, times.contiguous(), right=True)
    return index.clamp(max=durations.shape[1] - 1)


def phone_positions(durations: Tensor, index: Tensor) -> Tensor:
    """Where each frame stands in its phone.

    Args:
        durations: (batch, phones) int64 frames.
        index: (batch, frames) from :func:`frame_to_phone`.

    Returns:
        (batch, frames, 4): fraction of the phone passed, log duration, and the distances from
        both ends in units of eight frames, saturating.
    """
    ends = torch.cumsum(durations, dim=1)
    end = torch.gather(ends, 1, index).float()
    duration = torch.gather(durations, 1, index).float().clamp(min=1.0)
    time = torch.arange(index.shape[1], device=index.device) + 0.5
    since = time - (end - duration)
    until = end - time
    return torch.stack(
        [
            (since / duration).clamp(0, 1),
            torch.log(duration) - 1.5,
            (since / 8).clamp(0, 2),
            (until / 8).clamp(0, 2),
        ],
        dim=-1,
    )


def glide(values: Tensor, mask: Tensor, index: Tensor, fraction: Tensor) -> Tensor:
    """Phone-wise values as a contour: straight lines between the middles of the phones.

    Args:
        values: (batch, phones).
        mask: (batch, phones) bool; padded phones are never looked at.
        index: (batch, frames) from :func:`frame_to_phone`.
        fraction: (batch, frames) how much of the phone has passed, 0 to 1.

    Returns:
        (batch, frames); constant before the first middle and after the last.
    """
    before = torch.gather(values, 1, (index - 1).clamp(min=0))
    here = torch.gather(values, 1, index)
    last = (mask.sum(1, keepdim=True) - 1).clamp(min=0)
    after = torch.gather(values, 1, torch.minimum(index + 1, last))
    late = (fraction - 0.5).clamp(min=0)
    early = (0.5 - fraction).clamp(min=0)
    return here + early * (before - here) + late * (after - here)
