"""A convolution over the frames of (batch, frames, channels)."""

from torch import Tensor, nn
from torch.nn import functional


def convolve(conv: nn.Conv1d, x: Tensor, mask: Tensor | None) -> Tensor:
    """Apply a layer without stride; the output has as many frames.

    A dense one is a matrix product of the frames beside each other: for layers as small as a
    vocoder's, a convolution's own preparations take as long as its arithmetic.

    Args:
        conv: its kernel is odd.
        x: (batch, frames, channels).
        mask: (batch, frames, 1); padding counts as zeros.
    """
    if mask is not None:
        x = x * mask
    (size,) = conv.kernel_size
    if conv.groups > 1:
        return conv(x.transpose(1, 2)).transpose(1, 2)
    beside = functional.pad(x, (0, 0, size // 2, size // 2)).unfold(1, size, 1)
    return functional.linear(beside.flatten(2), conv.weight.flatten(1), conv.bias)
