"""Convolutions that look back in raster order only: the layers of the gated PixelCNN's two stacks.

van den Oord et al. 2016 (arXiv 1606.05328), figure 2. Masks A and B are kernels that do not extend
to where the mask would be zero: the same function with none of the wasted products.
"""

from torch import Tensor, nn
from torch.nn import functional as F


class RasterConv(nn.Module):
    """Convolution (batch, in, rows, columns) -> (batch, out, rows, columns) that looks back only.

    Args:
        in_channels: channels of the input.
        out_channels: channels of the output.
        kernel_size: odd extent of the full kernel, of which the part before its centre remains.
        vertical: see the rows above at all columns around; else the same row to the left.
        with_centre: see the current row (vertical) or code (horizontal) as well: mask B; the
            first layer must not: mask A.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        *,
        vertical: bool,
        with_centre: bool,
    ) -> None:
        super().__init__()
        reach = kernel_size // 2
        back = reach + int(with_centre)
        shape = (back, kernel_size) if vertical else (1, back)
        self.padding = (reach, reach, reach, 0) if vertical else (reach, 0, 0, 0)
        self.conv = nn.Conv2d(in_channels, out_channels, shape)

    def forward(self, x: Tensor) -> Tensor:
        """Convolve; without the centre the kernel leaves one row or column too many."""
        rows, columns = x.shape[-2:]
        return self.conv(F.pad(x, self.padding))[..., :rows, :columns]


class VerticalLayer(nn.Module):
    """Gated convolution over the rows above, and its link to the horizontal stack."""

    def __init__(self, hidden: int, kernel_size: int, first: bool) -> None:
        super().__init__()
        self.conv = RasterConv(
            hidden, 2 * hidden, kernel_size, vertical=True, with_centre=not first
        )
        self.link = nn.Conv2d(2 * hidden, 2 * hidden, 1)

    def forward(self, x: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
        """(batch, hidden, rows, columns) -> the next layer's input and (batch, 2 hidden, ...)."""
        features = self.conv(x)
        return _gate(features + bias), self.link(features)


class HorizontalLayer(nn.Module):
    """Gated convolution over the codes to the left plus the vertical link; residual but at first.

    A residual around the first layer would show every code to itself.
    """

    def __init__(self, hidden: int, kernel_size: int, first: bool, dropout: float) -> None:
        super().__init__()
        self.conv = RasterConv(
            hidden, 2 * hidden, kernel_size, vertical=False, with_centre=not first
        )
        self.project = nn.Conv2d(hidden, hidden, 1)
        self.dropout = nn.Dropout(dropout)
        self.first = first

    def forward(self, x: Tensor, link: Tensor, bias: Tensor) -> Tensor:
        """(batch, hidden, rows, columns) -> the same shape."""
        y = self.project(self.dropout(_gate(self.conv(x) + link + bias)))
        return y if self.first else x + y


def _gate(x: Tensor) -> Tensor:
    """tanh(first half of the channels) * sigmoid(second half): equation 2."""
    signal, gate = x.chunk(2, 1)
    return signal.tanh() * gate.sigmoid()
