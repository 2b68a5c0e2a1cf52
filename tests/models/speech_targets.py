"""What a decoder of speech needs to know of a batch, as plain fields."""

from dataclasses import dataclass

from torch import Tensor


@dataclass
class Targets:
    tokens: Tensor
    token_mask: Tensor
    mels: Tensor
    mel_mask: Tensor
    durations: Tensor | None
    pitch_st: Tensor
    energy_db: Tensor
    voiced: Tensor
