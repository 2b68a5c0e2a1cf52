"""What speech decoders explain and what they make: the two ends of their one interface."""

from dataclasses import dataclass
from typing import Protocol

from torch import Tensor


class SpeechTargets(Protocol):
    """The fields of a batch this decoder explains; all phone-wise ones are (batch, phones)."""

    tokens: Tensor
    token_mask: Tensor
    mels: Tensor
    mel_mask: Tensor
    durations: Tensor | None
    pitch_st: Tensor
    energy_db: Tensor
    voiced: Tensor


@dataclass
class Generated:
    """Speech as the decoder makes it.

    Attributes:
        mels: (batch, frames, n_mels) natural-log magnitude.
        mel_mask: (batch, frames) bool.
        durations: (batch, phones) int64 frames.
        pitch_st: (batch, phones) semitones re 55 Hz; NaN where a decoder states none.
        energy_db: (batch, phones) dB; NaN likewise.
        failures: what went wrong with each item, "" where nothing did; () of a decoder that cannot
            fail.
        alignments: (batch, steps, phones) weights of a decoder that attends, else None.
    """

    mels: Tensor
    mel_mask: Tensor
    durations: Tensor
    pitch_st: Tensor
    energy_db: Tensor
    failures: tuple[str, ...] = ()
    alignments: Tensor | None = None
