"""Tokens -> one hidden vector per phone."""

import torch
from torch import Tensor, nn

from tts_vae.models.speech.layers import ConvStack


class ConvTextEncoder(nn.Module):
    """Embedding and dense residual convolutions over phones.

    Args:
        n_symbols: size of the symbol table; index 0 is padding.
        width: channels of embedding and output.
        layers: residual blocks.
        kernel_size: odd number of phones a block sees.
        dropout: dropout of the residual branches.

    Shape:
        tokens (batch, phones) int64, mask (batch, phones) bool -> (batch, phones, width).
    """

    def __init__(
        self,
        n_symbols: int,
        width: int = 192,
        layers: int = 4,
        kernel_size: int = 5,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        self.width = width
        self.embedding = nn.Embedding(n_symbols, width, padding_idx=0)
        nn.init.normal_(self.embedding.weight, std=0.3)
        with torch.no_grad():
            self.embedding.weight[0].zero_()
        self.stack = ConvStack(width, layers, kernel_size, dropout=dropout)

    def forward(self, tokens: Tensor, mask: Tensor) -> Tensor:
        """Encode tokens; padded positions hold values nobody may read."""
        return self.stack(self.embedding(tokens), mask)
