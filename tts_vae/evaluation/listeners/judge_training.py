"""Making a judge of intelligibility from a corpus's own recordings, and storing it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor

from tts_vae.audio.mel import MelConfig
from tts_vae.evaluation.listeners.intelligibility import Judge
from tts_vae.models.speech.recogniser import CtcRecogniser
from tts_vae.text.symbols import SymbolTable
from tts_vae.training.recogniser_batches import Recording
from tts_vae.training.recogniser_training import RecogniserSettings, train_recogniser
from tts_vae.whole_file import whole_file

LARGEST_BYTES = 4_000_000


def train_judge(
    train: Sequence[Recording],
    held_out: Sequence[Recording],
    table: SymbolTable,
    mel: MelConfig,
    settings: RecogniserSettings | None = None,
    checkpoint: Path | None = None,
    resume: bool = False,
    notes: Mapping[str, Any] | None = None,
) -> Judge:
    """Train a phone recogniser on natural recordings and measure it on held-out ones.

    Args:
        train: recordings to learn from.
        held_out: natural recordings whose phone error rate, rounded weights included, goes into
            the notes; none of them may be in ``train``.
        table: of the tokens.
        mel: convention of the mels.
        settings: budget and augmentation.
        checkpoint: see :func:`train_recogniser`.
        resume: go on from ``checkpoint``.
        notes: more to record (the corpus's name and seed, the command).

    Raises:
        ValueError: a held-out recording is among the training ones, or none can be used.
    """
    settings = settings or RecogniserSettings()
    shared = sorted({item.id for item in train} & {item.id for item in held_out})
    if shared:
        raise ValueError(
            f"expected held-out recordings apart from the training ones, got {len(shared)} in "
            f"both ({shared[0]} ...); measure on the test split"
        )
    trained = train_recogniser(train, [], table, settings, checkpoint, resume)
    judge = Judge(rounded_to_half(trained.recogniser), trained.labels, mel)
    tokens = [table.decode(item.tokens.tolist()) for item in held_out]
    error = judge.per(tokens, [item.mels for item in held_out]) if held_out else None
    judge.notes = {
        "natural_per": error.rate if error else None,
        "natural_per_interval": [error.low, error.high] if error else None,
        "held_out_utterances": len(held_out),
        "train_utterances": len(train),
        "steps": trained.steps,
        "minutes": round(trained.minutes, 2),
        "settings": asdict(settings),
        "date": datetime.now(UTC).date().isoformat(),
        **(notes or {}),
    }
    return judge


def save_judge(judge: Judge, path: Path) -> None:
    """Write ``path`` (.safetensors, float16) and its ``.json`` sidecar, each whole or not at all.

    Raises:
        ValueError: the name does not end in .safetensors, or the weights exceed 4 MB.
    """
    if path.suffix != ".safetensors":
        raise ValueError(f"expected a name ending in .safetensors, got {path.name!r}; add it")
    weights = {
        name: value.to(torch.float16).contiguous()
        for name, value in judge.recogniser.state_dict().items()
    }
    data = save(weights)
    if len(data) > LARGEST_BYTES:
        raise ValueError(
            f"expected at most {LARGEST_BYTES} bytes, got {len(data)}; make conv_width or "
            "lstm_width smaller"
        )
    sidecar = {
        "labels": list(judge.labels),
        "recogniser": _shape(weights),
        "mel": asdict(judge.mel),
        "notes": judge.notes,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(sidecar, indent=1, ensure_ascii=False) + "\n"
    _write_whole(path.with_suffix(".json"), text.encode())
    _write_whole(path, data)


def rounded_to_half(module: CtcRecogniser) -> CtcRecogniser:
    """Round weights to what float16 stores, in place, so that a saved judge judges alike."""
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(parameter.to(torch.float16))
    return module


def _shape(weights: Mapping[str, Tensor]) -> dict[str, int]:
    """Constructor arguments of the recogniser that has these weights."""
    conv_width, n_mels, _ = weights["conv.weight"].shape
    return {
        "n_mels": n_mels,
        "conv_width": conv_width,
        "lstm_width": weights["first.onward.weight_hh_l0"].shape[1],
    }


def _write_whole(path: Path, data: bytes) -> None:
    with whole_file(path) as partial:
        partial.write_bytes(data)
