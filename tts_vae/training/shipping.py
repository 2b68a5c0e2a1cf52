"""Trained voices and vocoders as they go into the package: in half precision, with a card.

Half precision is for the files alone: a voice computes in the type its network was built in. Its
eleven bits are finer than what training leaves undecided; :func:`ship_voice` measures what they
change.
"""

import hashlib
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import safetensors.torch
import torch
import yaml

from tts_vae.audio.mel import MelSpectrogram
from tts_vae.synthesis.bundle import CARD, CONFIG, STYLES, WEIGHTS
from tts_vae.synthesis.vocoder_bundle import NeuralVocoder
from tts_vae.synthesis.vocoders import GRIFFIN_LIM
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
    before = Voice.load(voice, GRIFFIN_LIM)
    with _replacing(folder) as partial:
        shutil.copyfile(voice / STYLES, partial / STYLES)
        size = _write(voice, partial, folder.name, description)
        difference = _difference(before, Voice.load(partial, GRIFFIN_LIM))
    return Shipped(folder, size, difference)


def ship_vocoder(vocoder: Path, folder: Path, description: Mapping[str, str]) -> Shipped:
    """Write a vocoder into a folder in half precision.

    Args:
        vocoder: folder of a trained vocoder.
        folder: where to; replaced if it exists.
        description: as in :func:`ship_voice`.

    Raises:
        ValueError: as in :func:`ship_voice`.
    """
    before = NeuralVocoder(vocoder)
    noise = torch.randn(
        1, 200, before.bundle.mel.n_mels, generator=torch.Generator().manual_seed(0)
    )
    with _replacing(folder) as partial:
        size = _write(vocoder, partial, folder.name, description)
        analyse = MelSpectrogram(before.bundle.mel)
        sounds = [each(noise - 5.0) for each in (before, NeuralVocoder(partial))]
        first, second = (analyse(sound) for sound in sounds)
    return Shipped(folder, size, float((first - second).abs().max()))


@contextmanager
def _replacing(folder: Path) -> Iterator[Path]:
    """A folder to fill, which takes the place of ``folder`` if nothing goes wrong."""
    partial = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        partial.mkdir(parents=True)
        yield partial
        shutil.rmtree(folder, ignore_errors=True)
        partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _write(trained: Path, partial: Path, name: str, description: Mapping[str, str]) -> int:
    """Halved weights, their configuration and the card; returns the bytes of the folder."""
    config = yaml.safe_load((trained / CONFIG).read_text(encoding="utf-8"))
    tensors = safetensors.torch.load_file(trained / WEIGHTS)
    weights = safetensors.torch.save({key: _half(key, t) for key, t in tensors.items()})
    config["weights_sha256"] = hashlib.sha256(weights).hexdigest()
    config.pop("corpus_dir", None)  # of the machine that trained it
    config["card"] = dict(description)
    paragraphs = "".join(f"## {title}\n\n{text}\n\n" for title, text in description.items())
    (partial / CARD).write_text(f"# {name}\n\n{paragraphs}".rstrip() + "\n", "utf-8")
    (partial / WEIGHTS).write_bytes(weights)
    written = yaml.safe_dump(config, sort_keys=False, allow_unicode=True)
    (partial / CONFIG).write_text(written, "utf-8")
    size = sum(file.stat().st_size for file in partial.iterdir())
    if size > LARGEST:
        raise ValueError(
            f"{trained} takes {size} bytes in half precision, more than the {LARGEST} of a "
            "shipped voice; train a narrower network"
        )
    return size


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
