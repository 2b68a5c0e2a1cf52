"""A trained voice as it goes into the package: in half precision, with a card that says whence.

Half precision is for the files alone: a voice computes in the type its network was built in. Its
eleven bits are finer than what training leaves undecided; :func:`ship_voice` measures what they
change.
"""

import hashlib
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
import yaml

from tts_vae.synthesis.bundle import CARD, CONFIG, STYLES, WEIGHTS
from tts_vae.synthesis.voice import Voice

LARGEST = 15_000_000  # bytes of a shipped voice
SENTENCE = "The quick brown fox jumps over the lazy dog."


@dataclass(frozen=True)
class Shipped:
    """What was written.

    Attributes:
        folder: of the shipped voice.
        size: of its files, bytes.
        mel_difference: largest change of a mel bin of one sentence by the storage, nepers.
    """

    folder: Path
    size: int
    mel_difference: float


def ship_voice(voice: Path, folder: Path, description: Mapping[str, str]) -> Shipped:
    """Write a voice into a folder in half precision.

    Args:
        voice: folder of a trained voice.
        folder: where to; replaced if it exists.
        description: heading -> paragraph of the card: data, licence, training command, measured.

    Raises:
        ValueError: if ``voice`` is none, a number does not fit half precision, or the files are
            larger than ``LARGEST``.
    """
    before = Voice.load(voice)
    config = yaml.safe_load((voice / CONFIG).read_text(encoding="utf-8"))
    halves = {name: _half(name, t) for name, t in _tensors(voice / WEIGHTS).items()}
    weights = safetensors.torch.save(halves)
    config["weights_sha256"] = hashlib.sha256(weights).hexdigest()
    config.pop("corpus_dir", None)  # of the machine that trained it
    config["card"] = dict(description)
    paragraphs = "".join(f"## {name}\n\n{text}\n\n" for name, text in description.items())
    partial = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        partial.mkdir(parents=True)
        (partial / CARD).write_text(f"# {folder.name}\n\n{paragraphs}".rstrip() + "\n", "utf-8")
        shutil.copyfile(voice / STYLES, partial / STYLES)
        (partial / WEIGHTS).write_bytes(weights)
        written = yaml.safe_dump(config, sort_keys=False, allow_unicode=True)
        (partial / CONFIG).write_text(written, "utf-8")
        size = sum(file.stat().st_size for file in partial.iterdir())
        if size > LARGEST:
            raise ValueError(
                f"{voice} takes {size} bytes in half precision, more than the {LARGEST} of a "
                "shipped voice; train a narrower decoder"
            )
        difference = _difference(before, Voice.load(partial))
        shutil.rmtree(folder, ignore_errors=True)
        partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return Shipped(folder, size, difference)


def _tensors(path: Path) -> dict[str, Any]:
    tensors: dict[str, Any] = safetensors.torch.load_file(path)
    return tensors


def _half(name: str, tensor: torch.Tensor) -> torch.Tensor:
    if not tensor.is_floating_point():
        return tensor
    half = tensor.half()
    if not half.isfinite().all():
        raise ValueError(f"{name} holds numbers beyond half precision; ship it in float32")
    # a few numbers that everything is measured in cost nothing in full
    return half if tensor.numel() > 1000 else tensor


def _difference(first: Voice, second: Voice) -> float:
    """Largest difference of the mels of one sentence, as long as both have the same frames."""
    mels = [voice.speak(SENTENCE).mels for voice in (first, second)]
    if mels[0].shape != mels[1].shape:
        return float("inf")
    return float(abs(mels[0] - mels[1]).max())
