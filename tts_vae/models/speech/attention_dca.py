"""Dynamic Convolution Attention: filters over the last weights, never the text itself."""

from typing import Any

import torch
from torch import Tensor, nn

from tts_vae.models.speech.attention import (
    Attention,
    State,
    check_odd,
    masked_softmax,
    outside,
    squashed_energies,
    windows,
)
from tts_vae.models.speech.shared_matmul import SharedMatmul

LEAST_PRIOR = 1e-6
"""Floor under the prior: its logarithm must stay finite where no path leads."""


class DynamicConvolutionAttention(Attention):
    """Location-relative attention that generalises to long text (Battenberg et al. 2020).

    e = v tanh(U f + T g + b) + p (arXiv 1910.10288, eq. 8-11): f from learned static filters,
    g from filters that the query computes, and p the logarithm of a causal filter that only moves
    forward, on average ``prior_length * alpha / (alpha + beta)`` tokens a step. It attends to the
    first token before the first step.

    Args:
        width: of the query, the sum inside tanh and the hidden layer of the dynamic filters.
        static_filters: number of static filters.
        dynamic_filters: number of dynamic filters.
        kernel_size: odd number of tokens both see.
        prior_length: taps of the causal filter, at most half a kernel and one.
        alpha: of the beta-binomial distribution of the prior filter.
        beta: the same.

    Raises:
        ValueError: if the kernel is even or shorter than the prior needs.
    """

    uses_keys = False
    query_bias = True
    prior: Tensor

    def __init__(
        self,
        width: int = 128,
        static_filters: int = 8,
        dynamic_filters: int = 8,
        kernel_size: int = 21,
        prior_length: int = 11,
        alpha: float = 0.1,
        beta: float = 0.9,
    ) -> None:
        super().__init__(width)
        self.kernel_size = check_odd(kernel_size)
        if prior_length > kernel_size // 2 + 1:
            raise ValueError(
                f"prior_length must be at most {kernel_size // 2 + 1} for kernel_size "
                f"{kernel_size}, got {prior_length}; lengthen the kernel"
            )
        self.static_conv = nn.Linear(kernel_size, static_filters, bias=False)
        self.static_dense = nn.Linear(static_filters, width, bias=False)
        self.filters = nn.Linear(width, dynamic_filters * kernel_size, bias=False)
        self.dynamic_dense = nn.Linear(dynamic_filters, width)
        self.energy = nn.Linear(width, 1, bias=False)
        # as a window sees it: the last tap first
        taps = beta_binomial(prior_length, alpha, beta).flip(0)
        self.register_buffer("prior", taps, persistent=False)

    def begin(self, keys: Tensor | None, mask: Tensor) -> tuple[Any, State]:
        """See :class:`Attention`."""
        static = self.static_conv.weight.t() @ self.static_dense.weight.t()
        scene = (
            static,
            SharedMatmul(self.filters.weight.t(), len(mask)),
            SharedMatmul(self.dynamic_dense.weight.t(), len(mask) * self.kernel_size),
            outside(mask),
        )
        first = torch.zeros(mask.shape, device=mask.device)
        first[:, 0] = 1.0
        return scene, (first,)

    def step(
        self, query: Tensor, scene: Any, state: State, allowed: Tensor | None = None
    ) -> tuple[Tensor, State]:
        """See :class:`Attention`."""
        static, filters, dense, hidden = scene
        seen = windows(state[0].unsqueeze(1), self.kernel_size)
        half = self.kernel_size // 2
        prior = seen[..., half + 1 - len(self.prior) : half + 1] @ self.prior
        dynamic = filters(torch.tanh(query)).view(len(query), -1, self.kernel_size)
        # both convolutions and their projections are one product with a kernel of each item
        kernel = dense(dynamic.transpose(1, 2)) + static
        summed = torch.baddbmm(self.dynamic_dense.bias, seen, kernel)
        energies = squashed_energies(summed, self.energy.weight)
        energies = energies + torch.log(prior.clamp(min=LEAST_PRIOR))
        weights = masked_softmax(energies, hidden, allowed)
        return weights, (weights,)


def beta_binomial(length: int, alpha: float, beta: float) -> Tensor:
    """Probabilities (length,) of 0 to length - 1 under BetaBinomial(length - 1, alpha, beta)."""
    count = torch.tensor(length - 1.0, dtype=torch.float64)
    k = torch.arange(length, dtype=torch.float64)
    a, b = torch.tensor(alpha).double(), torch.tensor(beta).double()

    def log_beta(x: Tensor, y: Tensor) -> Tensor:
        return torch.lgamma(x) + torch.lgamma(y) - torch.lgamma(x + y)

    choose = torch.lgamma(count + 1) - torch.lgamma(k + 1) - torch.lgamma(count - k + 1)
    return torch.exp(choose + log_beta(k + a, count - k + b) - log_beta(a, b)).float()
