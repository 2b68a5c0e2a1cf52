"""What a Tacotron 2 is trained on in a comparison: random phones and mels of one fixed size."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Piece:
    """One batch without padding; speed does not depend on what is said.

    Attributes:
        tokens: (batch, phones) int64, from 1 on.
        mels: (batch, frames, bands).
    """

    tokens: Tensor
    mels: Tensor

    @property
    def token_lengths(self) -> Tensor:
        """Phones of each example, (batch,)."""
        return torch.full((len(self.tokens),), self.tokens.shape[1])

    @property
    def mel_lengths(self) -> Tensor:
        """Frames of each example, (batch,)."""
        return torch.full((len(self.mels),), self.mels.shape[1])

    @property
    def stops(self) -> Tensor:
        """1 on the last frame, (batch, frames)."""
        stops = torch.zeros(self.mels.shape[:2])
        stops[:, -1] = 1.0
        return stops


def pieces(
    rounds: int, batch: int, phones: int, frames: int, bands: int = 80, symbols: int = 80
) -> Iterator[Piece]:
    """Yield as many batches, drawn one by one from a fixed seed."""
    generator = torch.Generator().manual_seed(0)
    for _ in range(rounds):
        yield Piece(
            torch.randint(1, symbols, (batch, phones), generator=generator),
            torch.randn(batch, frames, bands, generator=generator) - 5.0,
        )
