"""Utterances as a model sees them: tensors of one recording, with prosody per phone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from tts_vae.audio.prosody import hz_to_semitones, interpolate_unvoiced, phone_means
from tts_vae.data.store import FeatureRecord, FeatureStore


@dataclass(frozen=True)
class Utterance:
    """One recording.

    Attributes:
        id: Its name in the corpus.
        text: What is said.
        tokens: (phones,) int64.
        mels: (frames, n_mels) float16, natural-log magnitude.
        f0_hz: (frames,) float32, 0 where unvoiced.
        frame_energy_db: (frames,) float32.
        durations: (phones,) int64 frames, or None.
        pitch_st: (phones,) float32, mean semitones above 55 Hz, F0 interpolated through unvoiced;
            zeros without durations, and where nothing is voiced.
        energy_db: (phones,) float32, mean within the phone; zeros without durations.
        voiced: (phones,) float32, share of voiced frames; zeros without durations.
        speaker: Index into the corpus's table.
        held_out: none, sentence or factors.
        factors: What is known about how it was said.
    """

    id: str
    text: str
    tokens: Tensor
    mels: Tensor
    f0_hz: Tensor
    frame_energy_db: Tensor
    durations: Tensor | None
    pitch_st: Tensor
    energy_db: Tensor
    voiced: Tensor
    speaker: int
    held_out: str = "none"
    factors: dict[str, Any] = field(default_factory=dict)


def to_utterance(record: FeatureRecord) -> Utterance:
    """Adds the prosody of each phone to the features of one recording."""
    if record.durations is None:
        pitch = energy = voiced = np.zeros(len(record.tokens), dtype=np.float32)
    else:
        durations, f0 = record.durations.numpy(), record.f0_hz.numpy()
        semitones = np.nan_to_num(hz_to_semitones(interpolate_unvoiced(f0)), nan=0.0)
        pitch = phone_means(semitones, durations)
        energy = phone_means(record.energy_db.numpy(), durations)
        voiced = phone_means((f0 > 0).astype(np.float32), durations)
    return Utterance(
        id=record.id,
        text=record.text,
        tokens=record.tokens,
        mels=record.mels,
        f0_hz=record.f0_hz,
        frame_energy_db=record.energy_db,
        durations=record.durations,
        pitch_st=torch.from_numpy(pitch),
        energy_db=torch.from_numpy(energy),
        voiced=torch.from_numpy(voiced),
        speaker=record.speaker,
        held_out=record.held_out,
        factors=record.factors,
    )


class UtteranceDataset(Dataset[Utterance]):
    """The utterances of a store; the prosody of each is computed on first use and kept."""

    def __init__(self, store: FeatureStore | Sequence[FeatureRecord]) -> None:
        """Takes any sequence of records, e.g. a slice of a store."""
        self.store = store
        self._utterances: list[Utterance | None] = [None] * len(store)

    def __len__(self) -> int:
        """Number of utterances."""
        return len(self._utterances)

    def __getitem__(self, index: int) -> Utterance:
        """One utterance."""
        utterance = self._utterances[index]
        if utterance is None:
            utterance = self._utterances[index] = to_utterance(self.store[index])
        return utterance

    @property
    def frames(self) -> list[int]:
        """Frames of every utterance, for the sampler."""
        return [len(record.mels) for record in self.store]
