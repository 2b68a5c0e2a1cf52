"""Pre-norm causal transformer blocks, with a cache for drawing one step at a time.

Vaswani et al. 2017 (arXiv 1706.03762); normalisation before each part as in Child et al. 2019
(arXiv 1904.10509). Sequences are (batch, steps, width).
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class KeyValueCache:
    """Keys and values of one layer for the steps seen so far.

    Args:
        capacity: steps that the whole sequence will have.
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.filled = 0
        self._store: Tensor | None = None

    def extend(self, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Append (batch, heads, new, head_width) and return all of them so far."""
        if self._store is None:
            batch, heads, _, width = keys.shape
            self._store = keys.new_empty(2, batch, heads, self.capacity, width)
        start, self.filled = self.filled, self.filled + keys.shape[2]
        self._store[0, :, :, start : self.filled] = keys
        self._store[1, :, :, start : self.filled] = values
        return self._store[0, :, :, : self.filled], self._store[1, :, :, : self.filled]


class CausalAttention(nn.Module):
    """Multi-head attention of every step to itself and those before it.

    Args:
        width: of a step.
        heads: must divide the width.
        dropout: of attention weights, in training.

    Raises:
        ValueError: if the heads do not divide the width.
    """

    def __init__(self, width: int, heads: int, dropout: float = 0.0) -> None:
        super().__init__()
        if heads < 1 or width % heads:
            raise ValueError(
                f"heads must divide width, got heads={heads} and width={width}; change either"
            )
        self.heads = heads
        self.dropout = dropout
        self.inputs = nn.Linear(width, 3 * width)
        self.output = nn.Linear(width, width)

    def forward(
        self, x: Tensor, real: Tensor | None = None, cache: KeyValueCache | None = None
    ) -> Tensor:
        """Attend.

        Args:
            x: (batch, steps, width).
            real: (batch, all steps so far) bool, False on steps that nobody may attend to; the
                first must be real. None means all real.
            cache: holds the steps before these; None where these are all.
        """
        batch, steps, width = x.shape
        split = self.inputs(x).reshape(batch, steps, 3, self.heads, width // self.heads)
        queries, keys, values = split.permute(2, 0, 3, 1, 4)
        if cache is not None:
            keys, values = cache.extend(keys, values)
        total = keys.shape[2]
        allowed, causal = None, False
        if real is None:
            # a single step sees all there is; the fast path wants queries and keys aligned
            causal = total == steps and steps > 1
        if not causal and (real is not None or steps > 1):
            order = torch.arange(total, device=x.device)
            allowed = order <= order[total - steps :, None]
            if real is not None:
                allowed = allowed & real[:, None, None, :]
        mixed = F.scaled_dot_product_attention(
            queries,
            keys,
            values,
            attn_mask=allowed,
            dropout_p=self.dropout if self.training else 0.0,
            is_causal=causal,
        )
        return self.output(mixed.transpose(1, 2).reshape(batch, steps, width))


class TransformerBlock(nn.Module):
    """Attention and a GELU perceptron of four times the width, each normalised before, residual.

    Args:
        width: of a step.
        heads: of attention.
        dropout: of attention weights and of what each part adds.
        depth: number of blocks in the stack; what a block adds starts 1/sqrt(2 depth) as large,
            so that the sum over the stack keeps its scale (Radford et al. 2019).
    """

    def __init__(self, width: int, heads: int, dropout: float = 0.0, depth: int = 1) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(width)
        self.attention = CausalAttention(width, heads, dropout)
        self.perceptron_norm = nn.LayerNorm(width)
        self.expand = nn.Linear(width, 4 * width)
        self.contract = nn.Linear(4 * width, width)
        self.dropout = nn.Dropout(dropout)
        for linear in (self.attention.inputs, self.expand):
            nn.init.normal_(linear.weight, std=0.02)
            nn.init.zeros_(linear.bias)
        for linear in (self.attention.output, self.contract):
            nn.init.normal_(linear.weight, std=0.02 / math.sqrt(2 * depth))
            nn.init.zeros_(linear.bias)

    def forward(
        self, x: Tensor, real: Tensor | None = None, cache: KeyValueCache | None = None
    ) -> Tensor:
        """(batch, steps, width) -> the same shape; arguments as :class:`CausalAttention`."""
        x = x + self.dropout(self.attention(self.attention_norm(x), real, cache))
        return x + self.dropout(self.contract(F.gelu(self.expand(self.perceptron_norm(x)))))
