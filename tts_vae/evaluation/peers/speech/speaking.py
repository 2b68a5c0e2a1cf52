"""Tacotron 2 on its own, ours and others': as many frames as asked, one sentence at a time.

Weights are random, so nobody knows when to stop: everybody speaks to the same limit.
"""

import contextlib
import io
import logging
import warnings

import torch
from torch import nn

from tts_vae.evaluation.peers.latents.contestant import named, require
from tts_vae.evaluation.peers.speech.tacotrons import Step
from tts_vae.evaluation.peers.speech.work import Piece
from tts_vae.models.speech.tacotron import TacotronDecoder
from tts_vae.models.speech.tacotron_speaking import LIMIT_START

NEVER = 2.0
"""A probability that no stop token reaches."""


def our_speech(decoder: TacotronDecoder, phones: int, frames: int) -> tuple[str, Step]:
    """Our decoder without sites, in float32.

    Args:
        decoder: of the published sizes; put into evaluation mode.
        phones: of the sentence.
        frames: that it makes.
    """
    decoder.eval()
    log = logging.getLogger(type(decoder).__module__)
    decoder.stop_threshold, decoder.frames_per_token = NEVER, (frames - LIMIT_START) / phones

    def speak(piece: Piece) -> None:
        mask = torch.ones_like(piece.tokens, dtype=torch.bool)
        log.disabled = True  # of the limit
        try:
            made = decoder.generate(piece.tokens, mask, {}, seed=0)
        finally:
            log.disabled = False
        check_length("ours", made.mels.shape[1], frames)

    return "ours, float32", speak


def torchaudio_speech(symbols: int, frames: int) -> tuple[str, Step]:
    """``torchaudio.models.Tacotron2.infer``."""
    (models,) = require("torchaudio", "torchaudio.models")
    model = models.Tacotron2(
        n_symbol=symbols,
        decoder_max_step=frames,
        decoder_early_stopping=False,
        gate_threshold=NEVER,
    ).eval()

    def speak(piece: Piece) -> None:
        with torch.inference_mode(), warnings.catch_warnings(action="ignore"):  # of the limit
            mels, _, _ = model.infer(piece.tokens, piece.token_lengths)
        check_length("torchaudio", mels.shape[2], frames)

    return named("torchaudio", "Tacotron2"), speak


def coqui_speech(symbols: int, frames: int) -> tuple[str, Step]:
    """``TTS.tts.models.tacotron2.Tacotron2.inference``, one frame a step."""
    configs, models = require(
        "coqui-tts", "TTS.tts.configs.tacotron2_config", "TTS.tts.models.tacotron2"
    )
    with contextlib.redirect_stdout(io.StringIO()):
        config = configs.Tacotron2Config(num_chars=symbols, r=1, out_channels=80)
        model = models.Tacotron2(config).eval()
    model.embedding = nn.Embedding(symbols, model.embedding.embedding_dim, padding_idx=0)
    model.decoder.max_decoder_steps, model.decoder.stop_threshold = frames, NEVER

    def speak(piece: Piece) -> None:
        with torch.inference_mode(), contextlib.redirect_stdout(io.StringIO()):
            made = model.inference(piece.tokens)["model_outputs"]
        check_length("coqui-tts", made.shape[1], frames)

    return named("coqui-tts", "Tacotron2"), speak


def check_length(name: str, made: int, frames: int) -> None:
    """A contestant that stopped early would only seem fast.

    Raises:
        RuntimeError: if it made fewer than 99 % or more than 101 % of the frames.
    """
    if not 0.99 * frames <= made <= 1.01 * frames:
        raise RuntimeError(f"expected {frames} frames of {name}, got {made}; the others made them")
