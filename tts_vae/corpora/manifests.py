"""What every prepared corpus looks like on disk, written and read in one place.

``DIR/wavs/<speaker>/<id>.wav`` is the sound, ``DIR/cuts_<split>.jsonl.gz`` the lhotse manifests and
``DIR/corpus.json`` the table of speakers, counts and skipped items. corpus.json is written last, so
its presence says that the corpus is complete. Paths in the manifests are relative to DIR: a corpus
may be moved; `read_cuts` puts the folder back in front.
"""

from __future__ import annotations

import gzip
import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from lhotse import CutSet, MonoCut, Recording, SupervisionSegment
from lhotse.audio import AudioSource
from lhotse.supervision import AlignmentItem

from tts_vae.audio.mel import MelConfig
from tts_vae.whole_file import whole_file

SPLITS = ("train", "valid", "test")
HELD_OUT = ("none", "sentence", "factors")
MIN_SECONDS = 0.3
MAX_SECONDS = 20.0

logger = logging.getLogger(__name__)


class Skipped(NamedTuple):
    """An item that was left out, and why."""

    id: str
    reason: str


@dataclass(frozen=True)
class PreparedUtterance:
    """One finished recording of a corpus.

    Attributes:
        id: Unique in the corpus; also the stem of the wav.
        wav_path: The 22,050 Hz mono wav, inside the corpus folder (absolute, or relative to it).
        text: What is said.
        speaker: A name from the corpus's table of speakers.
        split: train, valid or test.
        duration: Seconds; samples / sample rate.
        alignment: (token, start in seconds, duration in seconds) per token, where known exactly.
        factors: What is known about how it was said; written to supervision.custom["factors"].
        held_out: none, sentence (text unseen in training) or factors (setting unseen in training).
    """

    id: str
    wav_path: Path
    text: str
    speaker: str
    split: str
    duration: float
    alignment: Sequence[tuple[str, float, float]] | None = None
    factors: Mapping[str, Any] = field(default_factory=dict)
    held_out: str = "none"


def invalid_reason(text: str, duration: float) -> str | None:
    """Why an item cannot be used for training, or None where it can."""
    if not text.strip():
        return "empty text"
    if not any(character.isalnum() for character in text):
        return f"nothing speakable in the text {text.strip()!r}"
    if duration < MIN_SECONDS:
        return f"{duration:.2f} s of sound; at least {MIN_SECONDS} s is needed"
    if duration > MAX_SECONDS:
        return f"{duration:.2f} s of sound; at most {MAX_SECONDS} s is used"
    return None


def write_manifests(
    out: Path,
    name: str,
    items: Iterable[PreparedUtterance],
    speakers: Sequence[Mapping[str, Any]],
    seed: int,
    skipped: Iterable[tuple[str, str]] = (),
    *,
    language: str = "en",
    sample_rate: int = MelConfig.sample_rate,
    extra: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Validates the items and writes cuts_<split>.jsonl.gz and corpus.json, each atomically.

    Args:
        out: The corpus folder; wavs lie below it.
        name: The corpus's name.
        items: Finished recordings. Invalid ones join ``skipped``, with a warning.
        speakers: One mapping per speaker with at least "name"; the order is the speaker index.
            Speakers left without an utterance are dropped.
        seed: The seed that drew splits (and factors).
        skipped: (id, reason) of what was left out before.
        language: lhotse language tag.
        sample_rate: Of the wavs.
        extra: More keys for corpus.json.

    Returns:
        The contents of corpus.json.

    Raises:
        ValueError: If nothing is left, or a speaker or split is not known.
    """
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    dropped = [Skipped(*pair) for pair in skipped]
    known_speakers = {str(speaker["name"]) for speaker in speakers}
    cuts: dict[str, list[MonoCut]] = {split: [] for split in SPLITS}
    seen: set[str] = set()
    for item in items:
        reason = "the id occurs twice" if item.id in seen else _problem(item, known_speakers)
        if reason is not None:
            logger.warning("%s: skipped %s: %s", name, item.id, reason)
            dropped.append(Skipped(item.id, reason))
            continue
        seen.add(item.id)
        cuts[item.split].append(_to_cut(item, out, language, sample_rate))
    if not seen:
        examples = "; ".join(f"{bad.id}: {bad.reason}" for bad in dropped[:3])
        raise ValueError(
            f"{name}: expected at least one usable recording, got none ({len(dropped)} skipped"
            f"{', e.g. ' + examples if examples else ''}); check the corpus root"
        )
    used = {cut.supervisions[0].speaker for kept in cuts.values() for cut in kept}
    seconds = sum(cut.duration for kept in cuts.values() for cut in kept)
    summary: dict[str, Any] = {
        "name": name,
        "sample_rate": sample_rate,
        "speakers": [dict(speaker) for speaker in speakers if speaker["name"] in used],
        "splits": {split: len(kept) for split, kept in cuts.items()},
        "seed": seed,
        "skipped": [bad._asdict() for bad in dropped],
        "hours": round(seconds / 3600, 4),
        **(extra or {}),
    }
    for split, kept in cuts.items():
        _write_cuts(out / f"cuts_{split}.jsonl.gz", kept)
    write_json(out / "corpus.json", summary)
    return summary


def read_cuts(corpus_dir: Path, split: str) -> CutSet:
    """The cuts of one split, with paths that open from anywhere.

    Raises:
        ValueError: If the corpus or the split does not exist.
    """
    path = Path(corpus_dir) / f"cuts_{split}.jsonl.gz"
    if not path.is_file():
        raise ValueError(
            f"expected a prepared corpus with {path.name}, got {corpus_dir}; "
            "run `tts-vae prepare` first"
        )
    with gzip.open(path) as stream:
        if not stream.read(1):
            return CutSet.from_cuts([])
    cuts = CutSet.from_file(path).to_eager()
    return cuts.with_recording_path_prefix(corpus_dir).to_eager()


def read_corpus(corpus_dir: Path) -> dict[str, Any]:
    """The contents of corpus.json.

    Raises:
        ValueError: If the folder is not a prepared corpus.
    """
    path = Path(corpus_dir) / "corpus.json"
    if not path.is_file():
        raise ValueError(
            f"expected a prepared corpus with corpus.json, got {corpus_dir}; "
            "run `tts-vae prepare` first"
        )
    contents: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return contents


def speaker_genders(corpus_dir: Path) -> dict[str, str]:
    """Speaker -> "female" or "male", of those whose gender the corpus tells."""
    words = {"F": "female", "M": "male", "female": "female", "male": "male"}
    table = read_corpus(corpus_dir).get("speakers", [])
    return {row["name"]: words[row["gender"]] for row in table if row.get("gender") in words}


def write_json(path: Path, contents: Mapping[str, Any]) -> None:
    """Writes JSON through a temporary file, so that no reader ever sees half of it."""
    with whole_file(path) as partial:
        partial.write_text(json.dumps(contents, indent=1, ensure_ascii=False), encoding="utf-8")


def _problem(item: PreparedUtterance, known_speakers: set[str]) -> str | None:
    """Why the item is left out; raises where the caller, not the data, is wrong."""
    if item.split not in SPLITS:
        raise ValueError(f"{item.id}: expected a split of {', '.join(SPLITS)}, got {item.split!r}")
    if item.held_out not in HELD_OUT:
        raise ValueError(
            f"{item.id}: expected held_out of {', '.join(HELD_OUT)}, got {item.held_out!r}"
        )
    if item.speaker not in known_speakers:
        raise ValueError(
            f"{item.id}: speaker {item.speaker!r} is not in the table of "
            f"{len(known_speakers)} speakers; add it"
        )
    reason = invalid_reason(item.text, item.duration)
    if reason is not None or item.alignment is None:
        return reason
    if not item.alignment:
        return "empty alignment"
    onsets = [start for _, start, _ in item.alignment]
    if onsets != sorted(onsets) or min(length for _, _, length in item.alignment) < 0:
        return "alignment does not run forward in time"
    end = max(start + length for _, start, length in item.alignment)
    if end > item.duration + 0.05:
        return f"alignment ends at {end:.2f} s of {item.duration:.2f} s"
    return None


def _to_cut(item: PreparedUtterance, out: Path, language: str, sample_rate: int) -> MonoCut:
    path = Path(item.wav_path)
    relative = path.relative_to(out) if path.is_absolute() or path.is_relative_to(out) else path
    samples = round(item.duration * sample_rate)
    duration = samples / sample_rate
    recording = Recording(
        id=item.id,
        sources=[AudioSource(type="file", channels=[0], source=relative.as_posix())],
        sampling_rate=sample_rate,
        num_samples=samples,
        duration=duration,
    )
    alignment = None
    if item.alignment is not None:
        alignment = {"phone": [AlignmentItem(*entry) for entry in item.alignment]}
    supervision = SupervisionSegment(
        id=item.id,
        recording_id=item.id,
        start=0.0,
        duration=duration,
        text=item.text,
        language=language,
        speaker=item.speaker,
        custom={"factors": dict(item.factors), "held_out": item.held_out},
        alignment=alignment,
    )
    return MonoCut(
        id=item.id,
        start=0.0,
        duration=duration,
        channel=0,
        supervisions=[supervision],
        recording=recording,
    )


def _write_cuts(path: Path, cuts: Sequence[MonoCut]) -> None:
    """Writes one manifest atomically, as lhotse's own JSON lines."""
    lines = (json.dumps(cut.to_dict(), ensure_ascii=False) for cut in cuts)
    # no time of writing in the header: the same corpus is the same file
    content = gzip.compress("".join(f"{line}\n" for line in lines).encode(), mtime=0)
    with whole_file(path) as partial:
        partial.write_bytes(content)
