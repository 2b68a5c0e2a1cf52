"""Tacotron 2 in torchaudio and in coqui-tts, randomly initialised: a training step of each.

Both have the published sizes (Shen et al. 2018) and one frame a step, and are trained on squared
errors before and after the postnet and the stop token's cross-entropy, by Adam.
"""

import contextlib
import io
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from tts_vae.evaluation.peers.latents.contestant import named, require
from tts_vae.evaluation.peers.speech.work import Piece

Step = Callable[[Piece], object]


def torchaudio_tacotron(symbols: int = 80, bands: int = 80) -> tuple[str, Step]:
    """``torchaudio.models.Tacotron2`` with its own defaults."""
    (models,) = require("torchaudio", "torchaudio.models")
    model = models.Tacotron2(n_symbol=symbols, n_mels=bands)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-4)

    def step(piece: Piece) -> None:
        mels = piece.mels.transpose(1, 2)
        before, after, stops, _ = model(piece.tokens, piece.token_lengths, mels, piece.mel_lengths)
        _descend(optimizer, _loss(before, after, stops, mels, piece.stops))

    return named("torchaudio", "Tacotron2"), step


def coqui_tacotron(symbols: int = 80, bands: int = 80) -> tuple[str, Step]:
    """``TTS.tts.models.tacotron2.Tacotron2`` with its own defaults and one frame a step."""
    configs, models = require(
        "coqui-tts", "TTS.tts.configs.tacotron2_config", "TTS.tts.models.tacotron2"
    )
    with contextlib.redirect_stdout(io.StringIO()):
        config = configs.Tacotron2Config(num_chars=symbols, r=1, out_channels=bands)
        model = models.Tacotron2(config)
    # it counts the characters of its own alphabet, whatever the configuration says
    model.embedding = nn.Embedding(symbols, model.embedding.embedding_dim, padding_idx=0)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-4)

    def step(piece: Piece) -> None:
        found = model(piece.tokens, piece.token_lengths, piece.mels, piece.mel_lengths)
        before, after = found["decoder_outputs"], found["model_outputs"]
        stops = found["stop_tokens"].flatten(1)
        _descend(optimizer, _loss(before, after, stops, piece.mels, piece.stops))

    return named("coqui-tts", "Tacotron2"), step


def _loss(before: Tensor, after: Tensor, stops: Tensor, mels: Tensor, last: Tensor) -> Tensor:
    squared = functional.mse_loss(before, mels) + functional.mse_loss(after, mels)
    return squared + functional.binary_cross_entropy_with_logits(stops, last)


def _descend(optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
