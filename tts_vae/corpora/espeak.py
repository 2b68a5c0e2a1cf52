"""The espeak corpus: speech that this machine speaks itself, with every factor known.

espeak-ng says sentences of our grammar in eight voices of ours, with pitch, pitch spread, rate and
volume drawn independently; tokens and their onsets are exact. 3,000 utterances are about 2 hours.
What it has that no recorded corpus has: ground truth for every factor, and combinations that
training never heard. Licence: the recordings are made on your machine; espeak-ng is GPL-3 and an
optional extra (`pip install 'tts_vae[espeak]'`).
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import multiprocessing
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

from rich.progress import Progress

from tts_vae.text import espeak_library
from tts_vae.whole_file import whole_file

from . import espeak_plan, espeak_recording
from .espeak_plan import PlannedUtterance
from .espeak_speakers import SPEAKERS, variants

NAME = "espeak"
SHARD_UTTERANCES = 64
_WAV_HEADER_BYTES = 44


def obtain(
    root: Path,
    utterances: int = 3000,
    seed: int = 0,
    workers: int | None = None,
    *,
    noise_share: float = 0.0,
    noisy_speakers: Sequence[str] | None = None,
    always_noisy: Sequence[str] = (),
    progress: bool = True,
) -> Path:
    """Speak the corpus into `root`, in parallel; what is there already is kept.

    The recordings are the same to the last bit for the same arguments, whatever `workers` is.

    Args:
        root: folder of the corpus; made where absent.
        utterances: how many.
        seed: of sentences, factors and splits.
        workers: processes; None for one per available core.
        noise_share: share of the noisy speakers' utterances that get noise, 0 to 1.
        noisy_speakers: who may be noisy; None for all.
        always_noisy: who is never heard without noise.
        progress: show a progress bar.

    Returns:
        `root`.

    Raises:
        ImportError: espeak-ng is not installed.
        ValueError: bad arguments, or `root` holds the corpus of other ones.
    """
    if workers is not None and workers < 1:
        raise ValueError(f"expected workers of at least 1, or None; got {workers}")
    root = Path(root)
    planned = espeak_plan.plan(utterances, seed, noise_share, noisy_speakers, always_noisy)
    settings = {
        "utterances": utterances,
        "seed": seed,
        "noise_share": noise_share,
        "noisy_speakers": None if noisy_speakers is None else sorted(noisy_speakers),
    }
    if always_noisy:  # absent else: folders made before there was the option stay valid
        settings["always_noisy"] = sorted(always_noisy)
    _claim(root, planned, settings)
    shards = _shards(planned)
    missing = [number for number in range(len(shards)) if not _is_whole(root, number, shards)]
    if not missing:
        return root
    for part in root.rglob("*.part"):  # what an interrupted run left
        part.unlink()
    processes = min(workers or _cores(), len(missing))
    with tempfile.TemporaryDirectory(prefix="espeak-") as folder:
        data = espeak_library.voice_data(Path(folder), variants())
        with (
            # spawned: a fork would copy the threads and locks of whatever runs in this process
            ProcessPoolExecutor(
                processes,
                mp_context=multiprocessing.get_context("spawn"),
                initializer=espeak_recording.start_worker,
                initargs=(data,),
            ) as pool,
            Progress(disable=not progress) as bar,
        ):
            task = bar.add_task("speaking", total=sum(len(shards[number]) for number in missing))
            jobs = {
                pool.submit(espeak_recording.record_shard, root, number, shards[number]): number
                for number in missing
            }
            try:
                for job in as_completed(jobs):
                    job.result()
                    bar.advance(task, len(shards[jobs[job]]))
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
    return root


def prepare(root: Path, out: Path | None = None) -> dict[str, Any]:
    """Write the lhotse manifests and corpus.json of spoken recordings.

    Args:
        root: what `obtain` returned.
        out: folder of the prepared corpus; None or `root` for the same folder. Another folder gets
            the wavs by hard link, or by copy where it lies on another disk.

    Returns:
        The contents of corpus.json.

    Raises:
        ValueError: `root` holds no espeak recordings, or not all of them.
    """
    from .manifests import write_manifests

    root = Path(root)
    out = root if out is None else Path(out)
    settings = _settings(root)
    if settings is None:
        raise ValueError(f"expected espeak recordings in {root}; got none: run obtain first")
    skipped: list[tuple[str, str]] = []
    items = list(_prepared(root, out, settings, skipped))
    if not items:
        raise ValueError(f"expected espeak recordings in {root}; got none: run obtain again")
    table = [
        {"name": speaker.name, "gender": speaker.gender, "pitch_hz": speaker.pitch_hz}
        for speaker in SPEAKERS.values()
    ]
    extra = {
        "noise_share": settings["noise_share"],
        "espeak": settings["espeak"],
        "held_out_cells": {name: list(espeak_plan.held_out_cell(name)) for name in SPEAKERS},
    }
    return write_manifests(out, NAME, items, table, settings["seed"], skipped, extra=extra)


def _claim(root: Path, planned: Sequence[PlannedUtterance], settings: dict[str, Any]) -> None:
    """Write the settings of this corpus to an empty root, or check that they are the root's own."""
    wanted = settings | {"espeak": espeak_library.version(), "fingerprint": _fingerprint(planned)}
    found = _settings(root)
    if found is not None and found != wanted:
        other = {key: found.get(key) for key in wanted if found.get(key) != wanted[key]}
        raise ValueError(
            f"expected {root} empty or with the same settings; got a corpus that differs in "
            f"{other}: choose another folder, or delete this one"
        )
    if found is None:
        root.mkdir(parents=True, exist_ok=True)
        with whole_file(root / "espeak.json") as part:
            part.write_text(json.dumps(wanted, indent=2), encoding="utf-8")


def _settings(root: Path) -> dict[str, Any] | None:
    path = root / "espeak.json"
    if not path.is_file():
        return None
    settings: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return settings


def _fingerprint(planned: Sequence[PlannedUtterance]) -> str:
    """One short name for all that decides the recordings: the plan and the voices."""
    contents = json.dumps([[dataclasses.astuple(u) for u in planned], variants()])
    return hashlib.sha256(contents.encode()).hexdigest()[:16]


def _shards(planned: Sequence[PlannedUtterance]) -> list[Sequence[PlannedUtterance]]:
    return [
        planned[start : start + SHARD_UTTERANCES]
        for start in range(0, len(planned), SHARD_UTTERANCES)
    ]


def _is_whole(root: Path, number: int, shards: Sequence[Sequence[PlannedUtterance]]) -> bool:
    """Whether a shard was spoken and all its wavs are there in full."""
    entries = _entries(root, number)
    if entries is None or [entry["id"] for entry in entries] != [u.id for u in shards[number]]:
        return False
    return all(_wav_problem(root, entry) is None for entry in entries)


def _entries(root: Path, number: int) -> list[dict[str, Any]] | None:
    try:
        text = espeak_recording.shard_path(root, number).read_text(encoding="utf-8")
        entries: list[dict[str, Any]] = json.loads(text)
    except (OSError, ValueError):
        return None
    return entries


def _wav(root: Path, entry: dict[str, Any]) -> Path:
    return root / "wavs" / str(entry["speaker"]) / f"{entry['id']}.wav"


def _wav_problem(root: Path, entry: dict[str, Any]) -> str | None:
    path = _wav(root, entry)
    if not path.is_file():
        return "its wav is missing"
    if path.stat().st_size != _WAV_HEADER_BYTES + 2 * entry["samples"]:
        return "its wav is cut short or was changed"
    return None


def _prepared(
    root: Path, out: Path, settings: dict[str, Any], skipped: list[tuple[str, str]]
) -> Iterator[Any]:
    """A `PreparedUtterance` for every whole recording; the others join `skipped`."""
    from .manifests import PreparedUtterance

    rate = espeak_library.SAMPLE_RATE
    for number in range(-(-settings["utterances"] // SHARD_UTTERANCES)):
        entries = _entries(root, number)
        if entries is None:
            first = number * SHARD_UTTERANCES
            skipped.append((f"espeak-{first:05d} and on", "not spoken yet; run obtain again"))
            continue
        for entry in entries:
            problem = _wav_problem(root, entry)
            if problem is not None:
                skipped.append((entry["id"], problem))
                continue
            ends = [*entry["onsets"][1:], entry["samples"]]
            spans = zip(entry["tokens"], entry["onsets"], ends, strict=True)
            yield PreparedUtterance(
                id=entry["id"],
                wav_path=_bring(_wav(root, entry), _wav(out, entry)),
                text=entry["text"],
                speaker=entry["speaker"],
                split=entry["split"],
                duration=entry["samples"] / rate,
                alignment=[
                    (token, start / rate, (end - start) / rate) for token, start, end in spans
                ],
                factors=entry["factors"],
                held_out=entry["held_out"],
            )


def _bring(source: Path, target: Path) -> Path:
    """The wav in the prepared folder: itself, a hard link, or a copy."""
    if source == target or (target.exists() and target.samefile(source)):
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(target) as part:
        try:
            part.hardlink_to(source)
        except OSError:
            shutil.copy2(source, part)
    return target


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
