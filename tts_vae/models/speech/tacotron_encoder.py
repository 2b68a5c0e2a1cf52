"""Tacotron 2's text encoder: convolutions and one bidirectional LSTM over symbols."""

import torch
from torch import Tensor, nn

from tts_vae.models.speech.layers import take_steps
from tts_vae.models.speech.tacotron_postnet import NormedConv


class TacotronTextEncoder(nn.Module):
    """Embedding, 3 convolutions with batch norm, BiLSTM (Shen et al. 2018, arXiv 1712.05884, 2.2).

    Args:
        n_symbols: size of the symbol table; index 0 is padding.
        width: of embedding, convolutions and output; even, the LSTM has half as many units a side.
        layers: convolutions.
        kernel_size: odd number of symbols a convolution sees.
        dropout: of the convolutions.
        masked: whether padding is hidden from the convolutions; see
            :class:`tts_vae.models.speech.tacotron_postnet.NormedConv`.

    Shape:
        tokens (batch, phones) int64, mask (batch, phones) bool -> (batch, phones, width).

    Raises:
        ValueError: if the width is odd.
    """

    def __init__(
        self,
        n_symbols: int,
        width: int = 512,
        layers: int = 3,
        kernel_size: int = 5,
        dropout: float = 0.5,
        masked: bool = True,
    ) -> None:
        super().__init__()
        if width % 2:
            raise ValueError(f"width must be even, got {width}; each direction has half of it")
        self.width = width
        self.embedding = nn.Embedding(n_symbols, width)
        nn.init.xavier_uniform_(self.embedding.weight)
        self.convolutions = nn.ModuleList(
            NormedConv(width, width, kernel_size, "relu", dropout, masked) for _ in range(layers)
        )
        self.forwards = nn.LSTM(width, width // 2, batch_first=True)
        self.backwards = nn.LSTM(width, width // 2, batch_first=True)

    def forward(self, tokens: Tensor, mask: Tensor) -> Tensor:
        """Encode tokens; padded positions are 0."""
        x = self.embedding(tokens).transpose(1, 2)
        for convolution in self.convolutions:
            x = convolution(x, mask)
        x = x.transpose(1, 2).float()
        # each item is reversed within its own length: no packing, which would cost the fast path
        lengths = mask.sum(1, keepdim=True)
        order = torch.arange(tokens.shape[1], device=tokens.device)
        reverse = torch.where(order < lengths, lengths - 1 - order, order)
        with torch.autocast(x.device.type, enabled=False):
            there, _ = self.forwards(x)
            back, _ = self.backwards(take_steps(x, reverse))
        return torch.cat([there, take_steps(back, reverse)], -1) * mask.unsqueeze(-1)
