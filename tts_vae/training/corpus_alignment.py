"""Durations for a corpus that has none, by either aligner, stored beside its features."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from torch import Tensor

from tts_vae.models.speech.recogniser import CtcRecogniser
from tts_vae.training.aligner_training import aligner_durations, train_aligner
from tts_vae.training.data_module import SpeechData
from tts_vae.training.recogniser_alignment import align_recordings, save_durations
from tts_vae.training.recogniser_training import (
    REAL_SPEECH,
    RecogniserSettings,
    train_recogniser,
)

Aligner = Literal["ctc", "forward_sum"]


@dataclass(frozen=True)
class FoundDurations:
    """Durations of a corpus.

    Attributes:
        durations: utterance id -> (phones,) int64 frames.
        report: what was trained, for how long, and what could not be aligned.
        recogniser: the trained recogniser of "ctc", for another corpus to start from.
        labels: its labels.
    """

    durations: dict[str, Tensor]
    report: dict[str, Any]
    recogniser: CtcRecogniser | None = None
    labels: tuple[str, ...] = ()


def find_durations(
    data: SpeechData,
    aligner: Aligner,
    minutes: float,
    batch_size: int = 16,
    seed: int = 0,
    initial: CtcRecogniser | None = None,
    checkpoint: Path | None = None,
    resume: bool = False,
) -> FoundDurations:
    """Train an aligner on the training split and align training and validation recordings.

    Args:
        data: features without durations.
        aligner: "ctc" or "forward_sum".
        minutes: wall-clock budget of the training.
        batch_size: recordings in a batch.
        seed: of weights and order.
        initial: recogniser to start "ctc" from.
        checkpoint: of "ctc", written every minute.
        resume: go on from ``checkpoint``.

    Returns:
        The durations and how they came about.

    Raises:
        ValueError: for an unknown aligner.
    """
    train, valid = list(data.train_store), list(data.valid_store)
    if aligner == "forward_sum":
        model = train_aligner(train, len(data.table), minutes, batch_size, seed=seed)
        report: dict[str, Any] = {"aligner": aligner, "minutes": minutes}
        return FoundDurations(aligner_durations(model, train + valid), report)
    if aligner != "ctc":
        raise ValueError(f"aligner must be ctc or forward_sum, got {aligner!r}")
    settings = RecogniserSettings(
        minutes=minutes, batch_size=batch_size, seed=seed, augmentation=REAL_SPEECH
    )
    trained = train_recogniser(train, valid, data.table, settings, checkpoint, resume, initial)
    durations, failures = align_recordings(trained.recogniser, train + valid, data.table)
    report = {
        "aligner": aligner,
        "minutes": trained.minutes,
        "steps": trained.steps,
        "valid_phone_error_rate": trained.valid_error_rate,
        "failures": failures,
    }
    return FoundDurations(durations, report, trained.recogniser, trained.labels)


def store_durations(data_dir: Path, name: str, durations: Mapping[str, Tensor]) -> Path:
    """Write durations where ``corpus.durations=<name>`` finds them."""
    path = data_dir / "durations" / f"{name}.safetensors"
    save_durations(durations, path)
    return path
