"""Our Tacotron 2 doing the same step: teacher forcing without a style, one frame a step."""

import torch

from tts_vae.data.batch import SpeechBatch
from tts_vae.evaluation.peers.speech.tacotrons import Step
from tts_vae.evaluation.peers.speech.work import Piece
from tts_vae.models.speech.tacotron import TacotronDecoder


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
            terms, _ = decoder(_batch(piece), {})
        loss = -sum(term.mean() for term in terms.values()) / piece.mels.shape[1:].numel()
        optimizer.zero_grad()
        loss.backward()  # type: ignore[union-attr]
        optimizer.step()

    return f"ours, {'bfloat16' if bfloat16 else 'float32'}", step


def _batch(piece: Piece) -> SpeechBatch:
    """As our data gives it: nothing is padding, and attention has to find the alignment."""
    silent = torch.zeros(piece.tokens.shape)
    return SpeechBatch(
        ids=[""] * len(piece.tokens),
        texts=[""] * len(piece.tokens),
        tokens=piece.tokens,
        token_mask=torch.ones_like(piece.tokens, dtype=torch.bool),
        mels=piece.mels,
        mel_mask=torch.ones(piece.mels.shape[:2], dtype=torch.bool),
        durations=None,
        pitch_st=silent,
        energy_db=silent,
        voiced=silent,
        speaker=torch.zeros(len(piece.tokens), dtype=torch.int64),
    )
