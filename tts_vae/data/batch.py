"""Utterances of different lengths as one batch of padded tensors and their masks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor
from torch.nn.functional import pad
from torch.nn.utils.rnn import pad_sequence

from tts_vae.data.dataset import Utterance


@dataclass
class SpeechBatch:
    """A batch of utterances; batch first, time second, padding on the right.

    Attributes:
        ids: Names of the utterances.
        texts: What is said.
        tokens: (batch, phones) int64, 0 in the padding.
        token_mask: (batch, phones) bool, True on phones.
        mels: (batch, frames, n_mels) float32, natural-log magnitude, 0 in the padding.
        mel_mask: (batch, frames) bool, True on frames.
        durations: (batch, phones) int64 frames, 0 in the padding; None if any is unknown.
        pitch_st: (batch, phones) float32, mean semitones above 55 Hz.
        energy_db: (batch, phones) float32, mean dB.
        voiced: (batch, phones) float32, share of voiced frames.
        speaker: (batch,) int64.
    """

    ids: list[str]
    texts: list[str]
    tokens: Tensor
    token_mask: Tensor
    mels: Tensor
    mel_mask: Tensor
    durations: Tensor | None
    pitch_st: Tensor
    energy_db: Tensor
    voiced: Tensor
    speaker: Tensor

    def __len__(self) -> int:
        """Number of utterances."""
        return len(self.ids)

    @property
    def observation(self) -> Tensor:
        """What the encoders of a latent model see: the mels."""
        return self.mels

    @property
    def observation_mask(self) -> Tensor:
        """(batch, frames) bool, True on frames."""
        return self.mel_mask

    def to(self, device: torch.device | str, non_blocking: bool = False) -> SpeechBatch:
        """The same batch with its tensors on a device."""
        return self._mapped(lambda tensor: tensor.to(device, non_blocking=non_blocking))

    def pin_memory(self) -> SpeechBatch:
        """The same batch in pinned memory; called by the DataLoader."""
        return self._mapped(lambda tensor: tensor.pin_memory())

    def _mapped(self, function) -> SpeechBatch:  # type: ignore[no-untyped-def]
        values = {entry.name: getattr(self, entry.name) for entry in fields(self)}
        moved = {name: function(v) for name, v in values.items() if isinstance(v, Tensor)}
        return replace(self, **moved)


PHONE_MULTIPLE, FRAME_MULTIPLE = 4, 16
"""Padded lengths are multiples of these: few distinct shapes keep the caches of the convolution
libraries small (on CPUs they hold kernels and buffers for every shape they have seen)."""


def collate(utterances: Sequence[Utterance]) -> SpeechBatch:
    """Pads utterances into a batch.

    Raises:
        ValueError: If there is nothing to collate.
    """
    if not utterances:
        raise ValueError("expected at least one utterance to collate, got none")
    timed = [u.durations for u in utterances if u.durations is not None]
    phones = torch.tensor([len(u.tokens) for u in utterances])
    frames = torch.tensor([len(u.mels) for u in utterances])
    most_phones = _round_up(int(phones.max()), PHONE_MULTIPLE)
    most_frames = _round_up(int(frames.max()), FRAME_MULTIPLE)

    def phonewise(tensors: Sequence[Tensor]) -> Tensor:
        joined = pad_sequence(list(tensors), batch_first=True)
        return pad(joined, (0, most_phones - joined.shape[1]))

    mels = pad_sequence([u.mels for u in utterances], batch_first=True).float()
    return SpeechBatch(
        ids=[u.id for u in utterances],
        texts=[u.text for u in utterances],
        tokens=phonewise([u.tokens for u in utterances]),
        token_mask=torch.arange(most_phones) < phones[:, None],
        mels=pad(mels, (0, 0, 0, most_frames - mels.shape[1])),
        mel_mask=torch.arange(most_frames) < frames[:, None],
        durations=phonewise(timed) if len(timed) == len(utterances) else None,
        pitch_st=phonewise([u.pitch_st for u in utterances]),
        energy_db=phonewise([u.energy_db for u in utterances]),
        voiced=phonewise([u.voiced for u in utterances]),
        speaker=torch.tensor([u.speaker for u in utterances]),
    )


def _round_up(length: int, multiple: int) -> int:
    return -(-length // multiple) * multiple
