"""How long a voice takes: the acoustic model alone, and from text to waveform."""

from dataclasses import asdict
from typing import Any

import torch

from tts_vae.evaluation.measures.timing import real_time_factor
from tts_vae.synthesis.voice import Voice

TIMING_TEXT = "The quick brown fox jumps over the lazy dog while seven small birds sing softly."


def speed(voice: Voice, repeats: int = 20) -> dict[str, Any]:
    """Real-time factor of the acoustic model alone and of text -> waveform, batch 1.

    Loading is excluded; the cold start is the very first call.

    Args:
        voice: already loaded.
        repeats: timed calls of each.
    """

    def to_seconds(vocode: bool) -> float:
        speech = (voice if vocode else silent).speak(TIMING_TEXT)
        return speech.duration_s

    silent = Voice(voice.bundle, vocoder=_NoVocoder(voice.bundle.mel.hop_length))
    characters = len(TIMING_TEXT)
    acoustic = real_time_factor(lambda: to_seconds(False), characters, repeats=repeats)
    whole = real_time_factor(lambda: to_seconds(True), characters, repeats=repeats)
    return {"acoustic": asdict(acoustic), "text_to_waveform": asdict(whole)}


class _NoVocoder:
    """Silence of the right length: what remains is the cost of the front end and the model."""

    def __init__(self, hop_length: int) -> None:
        self.hop_length = hop_length

    def __call__(self, mels: torch.Tensor, lengths: torch.Tensor | None = None) -> torch.Tensor:
        return torch.zeros(len(mels), mels.shape[1] * self.hop_length)
