"""Our Tacotron 2 doing the same step: teacher forcing without a style, one frame a step."""

from dataclasses import dataclass

import torch
from torch import Tensor

from tts_vae.evaluation.speech_peers.tacotrons import Step
from tts_vae.evaluation.speech_peers.work import Piece
from tts_vae.models.speech.tacotron import TacotronDecoder


@dataclass(frozen=True)
class WholeBatch:
    """A piece as our decoder takes its targets: nothing is padding, no alignment is known."""

    tokens: Tensor
    mels: Tensor

    @property
    def token_mask(self) -> Tensor:
        """(batch, phones), all real."""
        return torch.ones_like(self.tokens, dtype=torch.bool)

    @property
    def mel_mask(self) -> Tensor:
        """(batch, frames), all real."""
        return torch.ones(self.mels.shape[:2], dtype=torch.bool)

    @property
    def durations(self) -> Tensor | None:
        """None: attention has to find them."""
        return None

    @property
    def pitch_st(self) -> Tensor:
        """(batch, phones) of zeros."""
        return torch.zeros(self.tokens.shape)

    @property
    def energy_db(self) -> Tensor:
        """(batch, phones) of zeros."""
        return torch.zeros(self.tokens.shape)

    @property
    def voiced(self) -> Tensor:
        """(batch, phones) of zeros."""
        return torch.zeros(self.tokens.shape)


def our_tacotron(decoder: TacotronDecoder, bfloat16: bool) -> tuple[str, Step]:
    """A training step of a decoder without sites, by the optimiser of our trainers.

    Args:
        decoder: of the published sizes.
        bfloat16: whether matrix products are in bfloat16, as ``trainer.precision=auto`` chooses
            where the processor computes in it.
    """
    optimizer = torch.optim.Adam(decoder.parameters(), lr=1e-4, fused=True)

    def step(piece: Piece) -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
            terms, _ = decoder(WholeBatch(piece.tokens, piece.mels), {})
        loss = -sum(term.mean() for term in terms.values()) / piece.mels.shape[1:].numel()
        optimizer.zero_grad()
        loss.backward()  # type: ignore[union-attr]
        optimizer.step()

    return f"ours, {'bfloat16' if bfloat16 else 'float32'}", step
