"""A gain in dB on log-mels, exact: it adds to every band."""

import math

import torch
from torch import Tensor

from tts_vae.models.speech.upsampling import frame_to_phone

DECIBEL_NEPERS = math.log(10) / 20
"""Change of a natural-log magnitude per dB."""


def with_gain(mels: Tensor, gain_db: float | Tensor, durations: Tensor, frames: int) -> Tensor:
    """Mels (batch, frames, n_mels) louder by a gain, scalar or (batch, phones) dB."""
    per_phone = torch.zeros(durations.shape, device=mels.device) + gain_db
    index = frame_to_phone(durations, frames)
    return mels + DECIBEL_NEPERS * torch.gather(per_phone, 1, index).unsqueeze(-1)
