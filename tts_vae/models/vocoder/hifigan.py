"""The generator of HiFi-GAN (Kong et al. 2020, arXiv 2010.05646), to run public checkpoints.

Layers carry the names of the published code, so that its ``state_dict`` fits once the weight
normalisation is folded in (:func:`fold_weight_norm`). For synthesis; nothing here trains it.
"""

import re
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

_SLOPE = 0.1


class _TwoStep(nn.Module):
    """Residual block 1 (V1, V2): each dilated convolution is followed by a plain one."""

    def __init__(self, channels: int, kernel_size: int, dilations: Sequence[int]) -> None:
        super().__init__()
        self.convs1 = nn.ModuleList(_same(channels, kernel_size, d) for d in dilations)
        self.convs2 = nn.ModuleList(_same(channels, kernel_size, 1) for _ in dilations)

    def forward(self, x: Tensor) -> Tensor:
        for first, second in zip(self.convs1, self.convs2, strict=True):
            h = first(functional.leaky_relu(x, _SLOPE))
            x = x + second(functional.leaky_relu(h, _SLOPE))
        return x


class _OneStep(nn.Module):
    """Residual block 2 (V3)."""

    def __init__(self, channels: int, kernel_size: int, dilations: Sequence[int]) -> None:
        super().__init__()
        self.convs = nn.ModuleList(_same(channels, kernel_size, d) for d in dilations)

    def forward(self, x: Tensor) -> Tensor:
        for conv in self.convs:
            x = x + conv(functional.leaky_relu(x, _SLOPE))
        return x


class HifiGanGenerator(nn.Module):
    """Log-mels (batch, frames, n_mels) -> waveform (batch, frames * product of upsample_rates).

    Args:
        n_mels: mel bands.
        resblock: "1" or "2", as the published configurations say.
        upsample_rates: factor of every stage.
        upsample_kernel_sizes: of its transposed convolution.
        upsample_initial_channel: channels before the first stage; halved by each.
        resblock_kernel_sizes: of the residual blocks that every stage sums.
        resblock_dilation_sizes: dilations of each of them.

    Raises:
        ValueError: if the lists do not match or the block is unknown.
    """

    def __init__(
        self,
        n_mels: int,
        resblock: str,
        upsample_rates: Sequence[int],
        upsample_kernel_sizes: Sequence[int],
        upsample_initial_channel: int,
        resblock_kernel_sizes: Sequence[int],
        resblock_dilation_sizes: Sequence[Sequence[int]],
    ) -> None:
        super().__init__()
        if (
            str(resblock) not in ("1", "2")
            or len(upsample_rates) != len(upsample_kernel_sizes)
            or len(resblock_kernel_sizes) != len(resblock_dilation_sizes)
        ):
            raise ValueError(
                "expected resblock 1 or 2, a kernel for every upsample rate and dilations for every"
                f" block kernel, got {resblock!r}, {list(upsample_rates)} with "
                f"{list(upsample_kernel_sizes)}, {list(resblock_kernel_sizes)} with "
                f"{list(resblock_dilation_sizes)}; use the config.json of the checkpoint"
            )
        block = _TwoStep if str(resblock) == "1" else _OneStep
        widths = [upsample_initial_channel // 2**n for n in range(len(upsample_rates) + 1)]
        self.blocks_per_stage = len(resblock_kernel_sizes)
        self.conv_pre = nn.Conv1d(n_mels, widths[0], 7, padding=3)
        self.ups = nn.ModuleList(
            nn.ConvTranspose1d(widths[n], widths[n + 1], kernel, rate, (kernel - rate) // 2)
            for n, (rate, kernel) in enumerate(
                zip(upsample_rates, upsample_kernel_sizes, strict=True)
            )
        )
        self.resblocks = nn.ModuleList(
            block(width, kernel, dilations)
            for width in widths[1:]
            for kernel, dilations in zip(
                resblock_kernel_sizes, resblock_dilation_sizes, strict=True
            )
        )
        self.conv_post = nn.Conv1d(widths[-1], 1, 7, padding=3)

    def forward(self, mels: Tensor) -> Tensor:
        """Mels (batch, frames, n_mels) -> samples (batch, frames * hop)."""
        x = self.conv_pre(mels.transpose(1, 2))
        for stage, up in enumerate(self.ups):
            x = up(functional.leaky_relu(x, _SLOPE))
            first = stage * self.blocks_per_stage
            heard = [block(x) for block in self.resblocks[first : first + self.blocks_per_stage]]
            x = torch.stack(heard).mean(0)
        # the published code leaves this slope at torch's default
        return torch.tanh(self.conv_post(functional.leaky_relu(x))).squeeze(1)


def fold_weight_norm(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights that magnitudes and directions stand for, w = g v / |v|.

    Both ways in which torch has named them are known; what has no magnitude is taken as it is.
    """
    folded: dict[str, Tensor] = {}
    for name, tensor in state.items():
        found = re.fullmatch(r"(.*)\.(?:weight_v|parametrizations\.weight\.original1)", name)
        if found:
            old, new = f"{found[1]}.weight_g", f"{found[1]}.parametrizations.weight.original0"
            magnitude = state[old] if old in state else state[new]
            length = tensor.flatten(1).norm(dim=1).reshape(-1, *[1] * (tensor.dim() - 1))
            folded[f"{found[1]}.weight"] = magnitude * tensor / length
        elif not name.endswith((".weight_g", ".parametrizations.weight.original0")):
            folded[name] = tensor
    return folded


def _same(channels: int, kernel_size: int, dilation: int) -> nn.Conv1d:
    padding = (kernel_size * dilation - dilation) // 2
    return nn.Conv1d(channels, channels, kernel_size, dilation=dilation, padding=padding)
