"""Where voices are: those of the package by name, those nearby by folder, and what they are.

Nothing here reads weights or loads torch, so that listing voices is quick.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tts_vae import voices

CONFIG, WEIGHTS, STYLES, CARD = "config.yaml", "model.safetensors", "styles.json", "README.md"
"""The files of a voice."""

VOCODER = "vocoder"
"""Folder of a vocoder: inside a voice's, or beside those of the package for all of them."""

DEFAULT = "espeak"
"""The shipped voice that speaks when none is asked for; if it is not there, the first by name."""

HOW_TO_TRAIN = "train one with `make demo` or `tts-vae train experiment=espeak/parallel_gmvae`"


@dataclass(frozen=True)
class VoiceSummary:
    """What a voice folder says of itself.

    Attributes:
        name: what to call it by: a shipped voice's name, or the folder.
        folder: where it is.
        shipped: whether it came with the package.
        corpus: name of the corpus it was trained on; "" if unknown.
        speakers: names of its speakers.
        licence: of the voice; "" if unknown.
        size: bytes of its files, its vocoder included.
        vocoder: whether it has a trained vocoder.
    """

    name: str
    folder: Path
    shipped: bool
    corpus: str
    speakers: tuple[str, ...]
    licence: str
    size: int
    vocoder: bool


def shipped_voices() -> dict[str, Path]:
    """Name -> folder of every voice of the package, the default first."""
    found = {folder.name: folder for folder in _voices(voices.FOLDER, ("*/",))}
    first = [DEFAULT] if DEFAULT in found else []
    return {name: found[name] for name in [*first, *(n for n in found if n != DEFAULT)]}


def nearby_voices(*roots: Path) -> list[Path]:
    """Folders of the voices in or below the given folders, ``runs`` and ``voices``; each once.

    Args:
        roots: nearest first; the working directory if none is given.
    """
    nearest = [*(roots or (Path(),)), Path("runs"), Path("voices")]
    once: dict[Path, Path] = {}
    for root in nearest:
        for folder in _voices(root, ("*/", "*/voice/")):
            once.setdefault(folder.resolve(), folder)
    return list(once.values())


def find_voice(voice: str | Path | None = None) -> Path:
    """The folder of a voice.

    Args:
        voice: name of a shipped voice, or a folder; None for the shipped voice that is the
            default. A shipped name comes before a folder of that name: write ``./NAME`` for it.

    Raises:
        ValueError: if None is given and no voice is shipped. A folder is returned as it is given:
            whether it holds a voice is told by :func:`tts_vae.synthesis.bundle.load_voice`.
    """
    shipped = shipped_voices()
    if voice is not None:
        return shipped.get(str(voice), Path(voice))
    if not shipped:
        raise ValueError(f"no voice comes with this installation; {_instead(nearby_voices())}")
    return next(iter(shipped.values()))


def suggestion(folder: Path) -> str:
    """What to give in place of a folder that is no voice, ready to end an error message."""
    shipped = list(shipped_voices())
    listed = [*map(str, nearby_voices(folder, folder.parent)[:8]), *shipped]
    return f"; voices found: {', '.join(listed)}" if listed else f"; {HOW_TO_TRAIN}"


def vocoder_of(folder: Path) -> Path | None:
    """The folder of the vocoder that the voice in ``folder`` speaks through; None without one."""
    own = folder / VOCODER
    if not own.is_dir() and folder.parent == voices.FOLDER:
        own = voices.FOLDER / VOCODER
    return own if own.is_dir() else None


def describe_voice(folder: Path, shipped: bool = False) -> VoiceSummary:
    """What a voice's configuration says of it; the weights are not read.

    Raises:
        ValueError: if the configuration is missing or unreadable.
    """
    path = folder / CONFIG
    try:
        config = yaml.load(path.read_text(encoding="utf-8"), _loader())
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ValueError(f"{path} cannot be read ({' '.join(str(error).split())[:200]})") from error
    if not isinstance(config, dict) or not isinstance(config.get("speakers"), list):
        raise ValueError(f"{path} is not the configuration of a voice; it lacks speakers")
    card = config["card"] if isinstance(config.get("card"), dict) else {}
    return VoiceSummary(
        name=folder.name if shipped else str(folder),
        folder=folder,
        shipped=shipped,
        corpus=str(config.get("corpus") or ""),
        speakers=tuple(map(str, config["speakers"])),
        licence=" ".join(str(config.get("licence") or card.get("licence") or "").split()),
        size=sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()),
        vocoder=vocoder_of(folder) is not None,
    )


def _voices(root: Path, patterns: Iterable[str]) -> list[Path]:
    """Folders with weights and configuration; hidden ones are half written."""
    return [
        config.parent
        for pattern in patterns
        for config in sorted(root.glob(pattern + CONFIG))
        if all((config.parent / name).is_file() for name in (WEIGHTS, STYLES))
        and not any(part.startswith(".") for part in config.relative_to(root).parts)
        and config.parent.name != VOCODER
    ]


def _instead(near: list[Path]) -> str:
    listed = ", ".join(map(str, near[:8]))
    nearby = f"point to one nearby with --voice FOLDER ({listed}) or " if near else ""
    return f"{nearby}{HOW_TO_TRAIN}, then give its folder with --voice FOLDER"


def _loader() -> Any:
    """The safe loader, in C where it was built: a tenth of the time."""
    return getattr(yaml, "CSafeLoader", yaml.SafeLoader)
