"""Durations of a whole corpus by forced alignment, stored beside its features."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from rich.progress import track
from safetensors.torch import save_file
from torch import Tensor

from tts_vae.models.speech.alignment import BoundaryRule, forced_alignment
from tts_vae.models.speech.recogniser import CtcRecogniser
from tts_vae.text.symbols import SymbolTable
from tts_vae.training.recogniser_batches import Recording, label_lookup, pad_recordings
from tts_vae.whole_file import whole_file

log = logging.getLogger(__name__)


def align_recordings(
    recogniser: CtcRecogniser,
    recordings: Sequence[Recording],
    table: SymbolTable,
    boundary: BoundaryRule = "change",
    batch_size: int = 16,
) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Align every recording with its tokens.

    Args:
        recogniser: trained on this table's labels, in evaluation mode.
        recordings: in memory.
        table: of their tokens.
        boundary: see :mod:`tts_vae.models.speech.alignment`.
        batch_size: recordings at once.

    Returns:
        Durations by id, (tokens,) int64 frames that sum to the recording's frames; and by id
        the reason where there is no alignment, logged as a warning too.
    """
    _, lookup = label_lookup(table)
    durations: dict[str, Tensor] = {}
    failures: dict[str, str] = {}
    for start in track(range(0, len(recordings), batch_size), description="aligning"):
        items = recordings[start : start + batch_size]
        batch = pad_recordings(items, lookup)
        labels = [lookup[item.tokens].tolist() for item in items]
        ids = [item.id for item in items]
        aligned = forced_alignment(
            recogniser, batch.mels, batch.mel_mask, labels, ids, boundary=boundary
        )
        failures.update(aligned.failures)
        for name, frames in zip(ids, aligned.durations, strict=True):
            if frames is not None:
                durations[name] = frames
    for name, reason in failures.items():
        log.warning("%s has no alignment: %s", name, reason)
    return durations, failures


def save_durations(durations: Mapping[str, Tensor], path: Path) -> None:
    """Write ``{utterance id: (phones,) int64 frames}`` as safetensors, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as partial:
        save_file({name: frames.to(torch.int64) for name, frames in durations.items()}, partial)
