"""Attention of a recurrent decoder: one interface, and the location-sensitive classic behind it."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tts_vae.models.speech.shared_matmul import SharedMatmul

State = tuple[Tensor, ...]
"""What an attention remembers from step to step; the first entry is the last weights."""


class Attention(nn.Module):
    """Base: weights over tokens, one step of the decoder after the other.

    Args:
        width: of queries and keys, which the decoder projects.
    """

    uses_keys = True  # whether the text is looked at, or only how far one has come
    query_bias = False  # whether the projection of the query has a bias

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width

    def begin(self, keys: Tensor | None, mask: Tensor) -> tuple[Any, State]:
        """Whatever does not change from step to step, and the state before the first.

        Args:
            keys: (batch, tokens, width), projected memory; None unless ``uses_keys``.
            mask: (batch, tokens) bool.
        """
        raise NotImplementedError

    def step(
        self, query: Tensor, scene: Any, state: State, allowed: Tensor | None = None
    ) -> tuple[Tensor, State]:
        """Attend once.

        Args:
            query: (batch, width).
            scene: from :meth:`begin`.
            state: of the step before.
            allowed: (batch, tokens) bool, a window at synthesis; None allows every token.

        Returns:
            Weights (batch, tokens), 0 on padding, and the new state.
        """
        raise NotImplementedError


class LocationSensitiveAttention(Attention):
    """Content and location (Chorowski et al. 2015, arXiv 1506.07503), as Tacotron 2 uses it.

    e = v tanh(W s + V h + U f), f from a convolution over the last and the summed weights.

    Args:
        width: of queries, keys and their sum.
        filters: of the convolution.
        kernel_size: odd number of tokens a filter sees.
    """

    def __init__(self, width: int = 128, filters: int = 32, kernel_size: int = 31) -> None:
        super().__init__(width)
        self.location_conv = nn.Conv1d(
            2, filters, kernel_size, padding=check_odd(kernel_size) // 2, bias=False
        )
        self.location_dense = nn.Linear(filters, width, bias=False)
        self.energy = nn.Linear(width, 1, bias=False)
        for module, gain in ((self.location_conv, 1.0), (self.location_dense, 5 / 3)):
            nn.init.xavier_uniform_(module.weight, gain=gain)

    def begin(self, keys: Tensor | None, mask: Tensor) -> tuple[Any, State]:
        """See :class:`Attention`; it starts without having attended to anything."""
        assert keys is not None
        # two linear maps in a row are one: (channel, offset) -> width
        kernel = torch.einsum("af,fck->cka", self.location_dense.weight, self.location_conv.weight)
        nothing = torch.zeros(mask.shape, device=mask.device)
        scene = (keys, outside(mask), SharedMatmul(kernel.flatten(0, 1), mask.numel()))
        return scene, (nothing, nothing)

    def step(
        self, query: Tensor, scene: Any, state: State, allowed: Tensor | None = None
    ) -> tuple[Tensor, State]:
        """See :class:`Attention`."""
        keys, hidden, location = scene
        size: int = self.location_conv.kernel_size[0]
        seen = windows(torch.stack(state, 1), size)
        summed = location(seen, keys) + query.unsqueeze(1)
        weights = masked_softmax(squashed_energies(summed, self.energy.weight), hidden, allowed)
        return weights, (weights, state[1] + weights)


def squashed_energies(summed: Tensor, energy: Tensor) -> Tensor:
    """``v tanh(x)`` up to a constant, which a softmax does not see.

    tanh(x) = 2 sigmoid(2 x) - 1, and on CPUs a sigmoid is several times faster.

    Args:
        summed: x, (batch, tokens, width).
        energy: v, (1, width).
    """
    return torch.sigmoid(2 * summed) @ (2 * energy[0])


def check_odd(kernel_size: int) -> int:
    """The size itself, if it is odd.

    Raises:
        ValueError: if it is even.
    """
    if kernel_size % 2 == 0:
        raise ValueError(f"kernel_size must be odd, got {kernel_size}; a window has a centre")
    return kernel_size


def outside(mask: Tensor) -> Tensor:
    """0 on real tokens, minus infinity on padding: added to energies it forbids padding."""
    return torch.zeros(mask.shape, device=mask.device).masked_fill_(~mask, float("-inf"))


def masked_softmax(energies: Tensor, hidden: Tensor, allowed: Tensor | None) -> Tensor:
    """Softmax over tokens that are real and, at synthesis, inside the window."""
    energies = energies + hidden
    if allowed is not None:
        energies = energies.masked_fill(~allowed, float("-inf"))
    return F.softmax(energies, dim=-1)


def windows(weights: Tensor, size: int) -> Tensor:
    """What a centred window of ``size`` tokens sees at every token.

    Args:
        weights: (batch, channels, tokens); outside them there are zeros.
        size: odd.

    Returns:
        (batch, tokens, channels * size).
    """
    return _Windows.apply(weights, size)


class _Windows(torch.autograd.Function):
    """Unfold and fold; torch's backward of ``unfold`` walks element by element."""

    @staticmethod
    def forward(ctx: Any, weights: Tensor, size: int) -> Tensor:
        ctx.shape, ctx.size = weights.shape, size
        half = size // 2
        views = F.pad(weights, (half, half)).unfold(2, size, 1)
        return views.permute(0, 2, 1, 3).flatten(2)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        (batch, channels, tokens), size = ctx.shape, ctx.size
        rows = gradient.view(batch, tokens, channels, size).permute(0, 2, 3, 1)
        # padding each row by `size` and reading on one element sooner shifts row k by k
        skewed = F.pad(rows, (0, size)).flatten(2)[..., :-size]
        shifted = skewed.view(batch, channels, size, tokens + size - 1)
        half = size // 2
        return shifted.sum(2)[..., half : half + tokens], None
