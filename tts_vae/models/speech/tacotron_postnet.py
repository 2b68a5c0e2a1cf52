"""Convolutions with batch norm over real steps: Tacotron 2's text convolutions and its postnet."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tts_vae.models.speech.random_masks import dropout

GAINS = {"relu": 2**0.5, "tanh": 5 / 3, "none": 1.0}
"""Activation -> gain of its weights at the start."""


class NormedConv(nn.Module):
    """Same-length convolution without bias, batch norm, activation, dropout.

    Args:
        width_in: channels of the input.
        width: channels of the output.
        kernel_size: odd number of steps.
        activation: "relu", "tanh" or "none".
        dropout: probability of dropping a value.
        masked: whether padding is hidden from convolution and statistics. False reproduces
            implementations in which it leaks into the last steps of a shorter item.
    """

    def __init__(
        self,
        width_in: int,
        width: int,
        kernel_size: int,
        activation: str,
        dropout: float,
        masked: bool = True,
    ) -> None:
        super().__init__()
        if kernel_size % 2 == 0:
            raise ValueError(f"kernel_size must be odd, got {kernel_size}; 5 is the published one")
        self.conv = nn.Conv1d(width_in, width, kernel_size, padding=kernel_size // 2, bias=False)
        nn.init.xavier_uniform_(self.conv.weight, gain=GAINS[activation])
        self.norm = nn.BatchNorm1d(width)
        self.activation = activation
        self.dropout = dropout
        self.masked = masked

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Convolve x (batch, channels, steps), mask (batch, steps) bool."""
        if not self.masked:
            x = self.norm(self.conv(x))
        else:
            real = mask.unsqueeze(1)
            x = self.conv(x * real)
            x = _masked_norm(self.norm, x, real) if self.training else self.norm(x)
        if self.activation != "none":
            x = F.relu(x) if self.activation == "relu" else torch.tanh(x)
        return dropout(x, self.dropout, self.training)


def _masked_norm(norm: nn.BatchNorm1d, x: Tensor, real: Tensor) -> Tensor:
    """Batch norm with the mean and variance of real steps (training)."""
    if bool(real.all()):
        return norm(x)
    share = real.float().mean()
    x = x * real
    mean = x.float().mean((0, 2)) / share
    centred = torch.where(real, x - mean.to(x).unsqueeze(-1), 0.0)
    variance = centred.float().square().mean((0, 2)) / share
    if norm.running_mean is not None and norm.running_var is not None:
        momentum = norm.momentum or 0.1
        norm.running_mean.lerp_(mean.detach(), momentum)
        norm.running_var.lerp_(variance.detach(), momentum)
    scale = norm.weight * torch.rsqrt(variance + norm.eps)
    return torch.addcmul(norm.bias.to(x).unsqueeze(-1), centred, scale.to(x).unsqueeze(-1))


class Postnet(nn.Module):
    """Five convolutions that predict a residual of the mels (Shen et al. 2018, 2.2).

    Args:
        n_mels: mel bands.
        width: channels.
        layers: convolutions, 2 or more.
        kernel_size: odd number of frames.
        dropout: of every layer.
        masked: as in :class:`NormedConv`.

    Raises:
        ValueError: for fewer than two layers.
    """

    def __init__(
        self,
        n_mels: int,
        width: int = 512,
        layers: int = 5,
        kernel_size: int = 5,
        dropout: float = 0.5,
        masked: bool = True,
    ) -> None:
        super().__init__()
        if layers < 2:
            raise ValueError(f"layers must be at least 2, got {layers}; 5 is the published number")
        widths = [n_mels, *[width] * (layers - 1), n_mels]
        self.layers = nn.ModuleList(
            NormedConv(
                widths[k],
                widths[k + 1],
                kernel_size,
                "tanh" if k < layers - 1 else "none",
                dropout,
                masked,
            )
            for k in range(layers)
        )

    def forward(self, mels: Tensor, mask: Tensor) -> Tensor:
        """Residual of mels (batch, frames, n_mels), mask (batch, frames) bool; the same shape."""
        x = mels.transpose(1, 2)
        for layer in self.layers:
            x = layer(x, mask)
        return x.transpose(1, 2)
