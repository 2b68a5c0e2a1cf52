"""Masked convolution blocks conditioned on style; padding never changes a real step."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class MaskedConv(nn.Conv1d):
    """Same-length 1-D convolution over (batch, steps, channels) that sees zeros on padding.

    Args:
        in_channels: width of the input.
        out_channels: width of the output.
        kernel_size: odd number of steps.
    """

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int) -> None:
        super().__init__(in_channels, out_channels, kernel_size, padding=kernel_size // 2)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Convolve; ``mask``: (batch, steps) bool, True on real steps."""
        if mask is not None:
            x = x * mask.unsqueeze(-1)
        return super().forward(x.transpose(1, 2)).transpose(1, 2)


class ConvBlock(nn.Module):
    """Residual block: layer norm, style scale and shift, dense convolution, ReLU, projection.

    Dense kernels on purpose: on CPUs with bf16 matrix units they are faster than depthwise ones.

    Args:
        width: channels.
        kernel_size: odd number of steps.
        condition_width: width of the per-step condition; 0 for none.
        dropout: probability of dropping a channel of a step.
    """

    def __init__(
        self, width: int, kernel_size: int, condition_width: int = 0, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.condition = nn.Linear(condition_width, 2 * width) if condition_width else None
        if self.condition is not None:
            nn.init.zeros_(self.condition.bias)
        self.conv = MaskedConv(width, width, kernel_size)
        self.project = nn.Linear(width, width)
        self.dropout = nn.Dropout(dropout)

    def modulation(self, condition: Tensor) -> Tensor:
        """Scale and shift of each step, (batch, steps, 2 width)."""
        assert self.condition is not None
        return self.condition(condition)

    def forward(self, x: Tensor, mask: Tensor, modulation: Tensor | None = None) -> Tensor:
        """(batch, steps, width) -> the same shape; ``modulation`` as :meth:`modulation` gives."""
        h = self.norm(x)
        if modulation is not None:
            scale, shift = modulation.chunk(2, dim=-1)
            h = h * (1 + scale) + shift
        h = F.relu(self.conv(h, mask))
        return x + self.dropout(self.project(h))


class ConvStack(nn.Module):
    """Several :class:`ConvBlock`, then a layer norm."""

    def __init__(
        self,
        width: int,
        layers: int,
        kernel_size: int,
        condition_width: int = 0,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(
            ConvBlock(width, kernel_size, condition_width, dropout) for _ in range(layers)
        )
        self.norm = nn.LayerNorm(width)

    def forward(
        self,
        x: Tensor,
        mask: Tensor,
        condition: Tensor | None = None,
        gather: Tensor | None = None,
    ) -> Tensor:
        """Run the blocks.

        Args:
            x: (batch, steps, width).
            mask: (batch, steps) bool.
            condition: (batch, sources, condition_width) or None.
            gather: (batch, steps) index of the source of each step: a per-phone condition is
                projected once per phone and then spread over frames. None if sources = steps.
        """
        for block in self.blocks:
            modulation = None
            if condition is not None:
                modulation = block.modulation(condition)  # type: ignore[operator]
                if gather is not None:
                    modulation = take_steps(modulation, gather)
            x = block(x, mask, modulation)
        return self.norm(x)


def take_steps(x: Tensor, index: Tensor) -> Tensor:
    """Pick steps: x (batch, sources, width), index (batch, steps) -> (batch, steps, width)."""
    return torch.gather(x, 1, index.unsqueeze(-1).expand(-1, -1, x.shape[-1]))


class FrameNetwork(nn.Module):
    """Masked convolutions over frames, each normalised: where small recognisers begin.

    Args:
        n_mels: mel bands of the (standardised) input.
        width: channels.
        layers: convolutions of five frames.
    """

    def __init__(self, n_mels: int, width: int, layers: int) -> None:
        super().__init__()
        widths = (n_mels, *(width for _ in range(layers)))
        self.convs = nn.ModuleList(
            MaskedConv(i, o, 5) for i, o in zip(widths[:-1], widths[1:], strict=True)
        )
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(layers))

    def frames(self, mels: Tensor, mask: Tensor, dropout: nn.Dropout | None = None) -> Tensor:
        """Return (batch, frames, width) of mels (batch, frames, n_mels), mask (batch, frames)."""
        x = mels
        for conv, norm in zip(self.convs, self.norms, strict=True):
            x = F.relu(norm(conv(x, mask)))
            if dropout is not None:
                x = dropout(x)
        return x
