"""Recordings with their phones as batches for a CTC recogniser."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
import torchaudio.functional
from torch import Tensor, nn

from tts_vae.models.speech.recogniser import STRIDE, CtcRecogniser, steps_needed
from tts_vae.text.symbols import PAUSE_LABEL, SymbolTable, ctc_labels, plain_phone

log = logging.getLogger(__name__)


class Recording(Protocol):
    """What training needs of an utterance: its id, tokens (phones,) and mels (frames, n_mels)."""

    @property
    def id(self) -> str:
        """Name, for reports."""

    @property
    def tokens(self) -> Tensor:
        """(phones,) int64 indices into the symbol table."""

    @property
    def mels(self) -> Tensor:
        """(frames, n_mels) natural-log magnitude, any float type."""


@dataclass(frozen=True)
class LabelledBatch:
    """Padded recordings and labels.

    Attributes:
        mels: (batch, frames, n_mels) float32.
        mel_mask: (batch, frames) bool.
        labels: (batch, most labels) int64, padded with 0.
        label_lengths: (batch,) int64.
    """

    mels: Tensor
    mel_mask: Tensor
    labels: Tensor
    label_lengths: Tensor


def label_lookup(table: SymbolTable) -> tuple[tuple[str, ...], Tensor]:
    """Labels of a symbol table, and for each token index its label index, (symbols,) int64.

    The padding symbol, which is no token, maps to 0.
    """
    labels = tuple(ctc_labels(table))
    index = {label: i for i, label in enumerate(labels)}
    lookup = [0] + [index[plain_phone(symbol)] for symbol in table.symbols[1:]]
    return labels, torch.tensor(lookup)


def pad_recordings(items: Sequence[Recording], lookup: Tensor) -> LabelledBatch:
    """Pad recordings; ``lookup`` as :func:`label_lookup` gives it."""
    pad = nn.utils.rnn.pad_sequence
    lengths = torch.tensor([item.mels.shape[0] for item in items])
    labels = [lookup[item.tokens] for item in items]
    return LabelledBatch(
        mels=pad([item.mels.float() for item in items], batch_first=True),
        mel_mask=torch.arange(int(lengths.max())) < lengths.unsqueeze(1),
        labels=pad(labels, batch_first=True),
        label_lengths=torch.tensor([len(row) for row in labels]),
    )


def long_enough(item: Recording, lookup: Tensor) -> bool:
    """Whether a recording has a step for each label; where not, its id is logged."""
    labels = lookup[item.tokens].tolist()
    steps = -(-item.mels.shape[0] // STRIDE)
    if labels and steps >= steps_needed(labels):
        return True
    log.warning(
        "%s left out: %d frames are too few for %d phones", item.id, item.mels.shape[0], len(labels)
    )
    return False


@torch.no_grad()
def phone_error_rate(
    recogniser: CtcRecogniser,
    items: Sequence[Recording],
    lookup: Tensor,
    labels: Sequence[str],
) -> float:
    """Phone errors per phone over recordings, pauses left out; NaN without any recording."""
    pause = labels.index(PAUSE_LABEL)
    errors = total = 0
    for start in range(0, len(items), 16):
        batch = pad_recordings(items[start : start + 16], lookup)
        decoded = recogniser.greedy(recogniser(batch.mels, batch.mel_mask))
        for row, count, found in zip(batch.labels, batch.label_lengths, decoded, strict=True):
            truth = [label for label in row[:count].tolist() if label != pause]
            found = [label for label in found if label != pause]
            errors += torchaudio.functional.edit_distance(truth, found)
            total += len(truth)
    return errors / total if total else float("nan")
