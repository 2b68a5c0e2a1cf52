"""CSTR VCTK 0.92: 110 English speakers with various accents, about 400 sentences each, 44 hours.

48 kHz FLAC from two microphones, 11 GB to download. CC BY 4.0, University of Edinburgh
(Yamagishi, Veaux & MacDonald 2019, doi 10.7488/ds/2645). The folder:
``wav48_silence_trimmed/<speaker>/<speaker>_<number>_<mic>.flac``, ``txt/<speaker>/...txt`` and
``speaker-info.txt``. Speaker p315 has no texts, p280 and p315 have one microphone. All speakers
read sentences 001 to 024, so held-out items are drawn by text (see splits.py).
"""

from __future__ import annotations

import logging
import re
import tarfile
import zipfile
from collections import defaultdict
from pathlib import Path
from typing import Any

from lhotse.recipes import download_vctk

from tts_vae.corpora.cleaning import CleaningConfig, Source, clean_recordings
from tts_vae.corpora.manifests import Skipped, write_manifests
from tts_vae.corpora.splits import split_by_text

NAME = "vctk"
MICROPHONES = ("mic1", "mic2")
AUDIO, TEXT, SPEAKERS = "wav48_silence_trimmed", "txt", "speaker-info.txt"

logger = logging.getLogger(__name__)


def obtain(root: Path) -> Path:
    """The folder with speaker-info.txt, downloaded where it is not there; resumable.

    Args:
        root: The corpus itself, or the folder that holds or shall hold ``VCTK-Corpus-0.92``.

    Raises:
        ValueError: If it is not there and cannot be downloaded.
    """
    root = Path(root)
    archive = root / "VCTK-Corpus-0.92.zip"
    places = (root, root / "VCTK-Corpus-0.92")

    def found() -> Path | None:
        return next((place for place in places if (place / AUDIO).is_dir()), None)

    marker = root / ".extracted"
    folder = found()
    if folder is not None and (marker.is_file() or not archive.is_file()):
        return folder
    try:
        try:
            download_vctk(root, use_edinburgh_vctk_url=True)
        except FileNotFoundError:
            # The archive has no folder of its own, where lhotse expects to leave its marker.
            if found() is None:
                raise
    except (OSError, EOFError, tarfile.TarError, zipfile.BadZipFile) as error:
        raise ValueError(
            f"could not download VCTK 0.92 into {root} ({' '.join(str(error).split())}); "
            "run again to resume, or pass corpus.root=PATH to a folder with its speaker-info.txt"
        ) from error
    folder = found()
    if folder is None:
        raise ValueError(f"expected {AUDIO}/ in the download, got none in {root}; remove {archive}")
    marker.touch()
    return folder


def prepare(
    root: Path,
    out: Path,
    *,
    limit: int | None = None,
    test_items: int = 4,
    valid_items: int = 2,
    seed: int = 0,
    workers: int | None = None,
    microphone: str = "mic1",
    cleaning: CleaningConfig | None = None,
) -> dict[str, Any]:
    """Cleans the recordings and writes the corpus folder; resumable.

    Args:
        root: Folder with wav48_silence_trimmed/, txt/ and speaker-info.txt.
        out: The corpus folder to write.
        limit: Use at most so many recordings of each speaker.
        test_items: Held-out test items wanted per speaker.
        valid_items: Held-out validation items wanted per speaker.
        seed: Draws the held-out texts.
        workers: Processes; None takes one per core.
        microphone: "mic1" or "mic2"; the other one is taken where it is missing, and counted in
            corpus.json under "other_microphone".
        cleaning: How recordings are cleaned.

    Returns:
        The contents of corpus.json.

    Raises:
        ValueError: If root is not this corpus or nothing of it can be used.
    """
    root, out = Path(root), Path(out)
    if microphone not in MICROPHONES:
        raise ValueError(f"expected a microphone of {', '.join(MICROPHONES)}, got {microphone!r}")
    if not (root / AUDIO).is_dir() or not (root / TEXT).is_dir():
        raise ValueError(
            f"expected VCTK 0.92 with {AUDIO}/ and {TEXT}/, got {root}; pass corpus.root=PATH to it"
        )
    about = read_speakers(root / SPEAKERS)
    skipped: list[Skipped] = []
    chosen: list[tuple[str, str, str, Path]] = []
    fallbacks: dict[str, int] = {}
    names = sorted(folder.name for folder in (root / AUDIO).iterdir() if folder.is_dir())
    for name in names:
        found = _speaker_items(root, name, microphone, skipped)[:limit]
        others = sum(not path.stem.endswith(microphone) for _, _, path in found)
        if others:
            logger.warning("%s: %d recordings without %s: took the other", name, others, microphone)
            fallbacks[name] = others
        chosen += [(identifier, name, text, path) for identifier, text, path in found]
    for folder in sorted((root / TEXT).iterdir()):
        if folder.is_dir() and folder.name not in names:
            _skip(skipped, folder.name, "no recordings for this speaker")
    splits = split_by_text(
        ((identifier, name, text) for identifier, name, text, _ in chosen),
        test=test_items,
        valid=valid_items,
        seed=seed,
    )
    sources = [
        Source(
            identifier,
            path,
            text,
            name,
            splits[identifier],
            {"microphone": path.stem.rsplit("_", 1)[1]},
        )
        for identifier, name, text, path in chosen
    ]
    prepared, unusable = clean_recordings(
        sources, out, cleaning, workers=workers, description="VCTK"
    )
    table = [{"name": name, **about.get(name, {"gender": "unknown"})} for name in names]
    extra = {"microphone": microphone, "other_microphone": fallbacks}
    return write_manifests(out, NAME, prepared, table, seed, skipped + unusable, extra=extra)


def read_speakers(path: Path) -> dict[str, dict[str, Any]]:
    """Reads speaker-info.txt: columns of ragged whitespace, with comments in brackets.

    Returns:
        {speaker: {"gender", "accent", "age" (int or None), "region"}}; empty without the file.
    """
    if not path.is_file():
        logger.warning("no %s: speakers without gender and accent", path.name)
        return {}
    speakers: dict[str, dict[str, Any]] = {}
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        fields = re.sub(r"\(.*", "", line).split()
        if not fields or fields[0].upper() == "ID" or fields[0].startswith(("#", ";")):
            continue
        name, *rest = fields
        age = int(rest.pop(0)) if rest and rest[0].isdigit() else None
        gender = rest.pop(0).upper() if rest and rest[0].upper() in ("F", "M") else "unknown"
        accent = rest.pop(0) if rest else "unknown"
        speakers[name] = {"gender": gender, "accent": accent, "age": age, "region": " ".join(rest)}
    return speakers


def _speaker_items(
    root: Path, name: str, microphone: str, skipped: list[Skipped]
) -> list[tuple[str, str, Path]]:
    """(id, text, recording) of one speaker, in the order of ids; the rest joins ``skipped``."""
    recordings: dict[str, dict[str, Path]] = defaultdict(dict)
    for path in (root / AUDIO / name).glob("*.flac"):
        identifier, _, which = path.stem.rpartition("_")
        if which in MICROPHONES:
            recordings[identifier][which] = path
    texts = {path.stem: path for path in (root / TEXT / name).glob("*.txt")}
    if not texts:
        _skip(skipped, name, f"no texts for this speaker ({len(recordings)} recordings)")
        return []
    items: list[tuple[str, str, Path]] = []
    for identifier in sorted(recordings.keys() | texts.keys()):
        if identifier not in recordings:
            _skip(skipped, identifier, "missing recording")
        elif identifier not in texts:
            _skip(skipped, identifier, "missing text")
        else:
            text = " ".join(texts[identifier].read_text(encoding="utf-8", errors="replace").split())
            takes = recordings[identifier]
            if text:
                items.append((identifier, text, takes.get(microphone, next(iter(takes.values())))))
            else:
                _skip(skipped, identifier, "empty text")
    return items


def _skip(skipped: list[Skipped], identifier: str, reason: str) -> None:
    logger.warning("skipped %s: %s", identifier, reason)
    skipped.append(Skipped(identifier, reason))
