"""LJ Speech 1.1: 13,100 clips, 24 hours, one woman reading seven non-fiction books.

22,050 Hz PCM16, 1 to 10 seconds a clip, 2.6 GB to download. Public domain, texts and recordings.
https://keithito.com/LJ-Speech-Dataset (Ito & Johnson 2017). The folder: ``metadata.csv`` with
``id|text|normalised text`` and ``wavs/<id>.wav``.
"""

from __future__ import annotations

import logging
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lhotse.recipes import download_ljspeech

from tts_vae.corpora.cleaning import CleaningConfig, Source, clean_recordings
from tts_vae.corpora.manifests import Skipped, write_manifests
from tts_vae.corpora.splits import split_by_text

NAME = "ljspeech"
SPEAKER = {"name": "LJ", "gender": "F", "accent": "American"}

logger = logging.getLogger(__name__)


def obtain(root: Path) -> Path:
    """The folder with metadata.csv, downloaded where it is not there; resumable.

    Args:
        root: The corpus itself, or the folder that holds or shall hold ``LJSpeech-1.1``.

    Raises:
        ValueError: If it is not there and cannot be downloaded.
    """
    root = Path(root)
    for folder in (root, root / "LJSpeech-1.1"):
        unfinished = (folder.parent / "LJSpeech-1.1.tar.bz2").is_file() and not (
            folder / ".completed"
        ).is_file()
        if (folder / "metadata.csv").is_file() and (folder / "wavs").is_dir() and not unfinished:
            return folder
    try:
        return Path(download_ljspeech(root))
    except (OSError, EOFError, tarfile.TarError) as error:
        raise ValueError(
            f"could not download LJSpeech-1.1 into {root} ({' '.join(str(error).split())}); "
            "run again to resume, or pass corpus.root=PATH to a folder with its metadata.csv"
        ) from error


def prepare(
    root: Path,
    out: Path,
    *,
    limit: int | None = None,
    test_items: int | None = None,
    valid_items: int | None = None,
    seed: int = 0,
    workers: int | None = None,
    cleaning: CleaningConfig | None = None,
) -> dict[str, Any]:
    """Cleans the recordings and writes the corpus folder; resumable.

    Args:
        root: Folder with metadata.csv and wavs/.
        out: The corpus folder to write.
        limit: Use only the first so many clips.
        test_items: Held-out test texts; None takes 2.3 %, at least 30 and at most 300.
        valid_items: Held-out validation texts; None takes 0.76 %, at least 8 and at most 100.
        seed: Draws the held-out texts.
        workers: Processes; None takes one per core.
        cleaning: How recordings are cleaned.

    Returns:
        The contents of corpus.json.

    Raises:
        ValueError: If root is not this corpus or nothing of it can be used.
    """
    root, out = Path(root), Path(out)
    skipped: list[Skipped] = []
    rows = list(_rows(root, skipped))[:limit]
    test = test_items if test_items is not None else min(300, max(30, round(0.023 * len(rows))))
    valid = valid_items if valid_items is not None else min(100, max(8, round(0.0076 * len(rows))))
    splits = split_by_text(
        ((identifier, SPEAKER["name"], text) for identifier, text in rows),
        test=test,
        valid=valid,
        seed=seed,
    )
    sources = [
        Source(identifier, root / "wavs" / f"{identifier}.wav", text, SPEAKER["name"], split)
        for identifier, text in rows
        if (split := splits[identifier])
    ]
    prepared, unusable = clean_recordings(
        sources, out, cleaning, workers=workers, description="LJSpeech"
    )
    return write_manifests(out, NAME, prepared, [SPEAKER], seed, skipped + unusable)


def _rows(root: Path, skipped: list[Skipped]) -> Iterator[tuple[str, str]]:
    """(id, normalised text) per line of metadata.csv; broken lines join ``skipped``."""
    path = root / "metadata.csv"
    if not path.is_file():
        raise ValueError(
            f"expected LJSpeech with metadata.csv, got {root}; pass corpus.root=PATH to it"
        )
    seen: set[str] = set()
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip():
            continue
        # Quotation marks are part of the text, so this is not CSV in the usual sense.
        identifier, *texts = line.split("|")
        identifier = identifier.strip()
        reason = None
        if not identifier or Path(identifier).name != identifier:
            identifier, reason = identifier or f"line {number}", "no usable id in metadata.csv"
        elif identifier in seen:
            reason = "the id occurs twice in metadata.csv"
        elif len(texts) != 2 or not texts[1].strip():
            reason = "empty text (no normalised transcript in metadata.csv)"
        if reason is not None:
            logger.warning("skipped %s: %s", identifier, reason)
            skipped.append(Skipped(identifier, reason))
            continue
        seen.add(identifier)
        yield identifier, " ".join(texts[1].split())
