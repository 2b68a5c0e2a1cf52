"""From a corpus's own recordings to clean ones: trimmed, level, 22,050 Hz, ready for a model.

Each recording is judged by itself; one that cannot be used comes back with a reason, never as an
exception. Work already done is kept: a finished wav is not made again while the settings of its
folder (``.cleaning.json``) are the same.
"""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import soundfile

from tts_vae.audio.files import normalise_loudness, read_audio, trim_silence, write_wav
from tts_vae.audio.mel import MelConfig
from tts_vae.corpora.manifests import (
    MAX_SECONDS,
    PreparedUtterance,
    Skipped,
    invalid_reason,
    write_json,
)
from tts_vae.corpora.parallel import parallel_map

logger = logging.getLogger(__name__)

SILENCE_ALLOWED_S = 20.0
"""A raw file longer than MAX_SECONDS by more than this is not worth decoding to trim."""


@dataclass(frozen=True)
class CleaningConfig:
    """How recordings are cleaned: Hz, dB, seconds, and the largest magnitude after scaling."""

    sample_rate: int = MelConfig.sample_rate
    target_db: float = -23.0
    peak: float = 0.95
    top_db: float = 40.0
    margin_s: float = 0.05


@dataclass(frozen=True)
class Source:
    """One recording of a corpus as it was published, and where it shall go."""

    id: str
    path: Path
    text: str
    speaker: str
    split: str
    factors: Mapping[str, Any] = field(default_factory=dict)


def clean_recordings(
    sources: Sequence[Source],
    out: Path,
    config: CleaningConfig | None = None,
    *,
    workers: int | None = None,
    description: str = "Cleaning recordings",
) -> tuple[list[PreparedUtterance], list[Skipped]]:
    """Cleans every recording into ``out/wavs/<speaker>/<id>.wav``; resumable.

    Returns:
        The usable utterances, and what was skipped with its reason, both in the given order.
    """
    out, config = Path(out), config or CleaningConfig()
    out.mkdir(parents=True, exist_ok=True)
    settings = out / ".cleaning.json"
    if settings.is_file() and json.loads(settings.read_text()) != asdict(config):
        shutil.rmtree(out / "wavs", ignore_errors=True)
    write_json(settings, asdict(config))
    prepared: list[PreparedUtterance] = []
    skipped: list[Skipped] = []
    todo = [source for source in sources if not _target(source, out).is_file()]
    one = partial(_clean_one, out=out, config=config)
    fresh = parallel_map(one, todo, workers=workers, items_per_worker=1000, description=description)
    results = {source.id: result for source, result in zip(todo, fresh, strict=True)}
    for source in sources:
        result = results[source.id] if source.id in results else _clean_one(source, out, config)
        if isinstance(result, PreparedUtterance):
            prepared.append(result)
        else:
            logger.warning("skipped %s: %s", source.id, result)
            skipped.append(Skipped(source.id, result))
    return prepared, skipped


def _target(source: Source, out: Path) -> Path:
    return out / "wavs" / source.speaker / f"{source.id}.wav"


def _clean_one(source: Source, out: Path, config: CleaningConfig) -> PreparedUtterance | str:
    """The finished utterance, or the reason why there is none."""
    target = _target(source, out)
    try:
        if target.is_file():
            info = soundfile.info(str(target))
            seconds = info.frames / info.samplerate
        else:
            seconds = _write_clean(source, target, config)
    except (ValueError, RuntimeError, OSError) as error:
        return " ".join(str(error).split())
    reason = invalid_reason(source.text, seconds)
    if reason is not None:
        return reason
    return PreparedUtterance(
        id=source.id,
        wav_path=target,
        text=source.text,
        speaker=source.speaker,
        split=source.split,
        duration=seconds,
        factors=source.factors,
        held_out="none" if source.split == "train" else "sentence",
    )


def _write_clean(source: Source, target: Path, config: CleaningConfig) -> float:
    """Writes the wav and returns its seconds; raises ValueError with a reason if it is unusable."""
    reason = invalid_reason(source.text, 1.0)
    if reason is not None:
        raise ValueError(reason)
    if source.path.is_file():
        raw_seconds = _seconds(source.path)
        if raw_seconds > MAX_SECONDS + SILENCE_ALLOWED_S:
            raise ValueError(f"{raw_seconds:.2f} s of sound; at most {MAX_SECONDS} s is used")
    waveform, rate = read_audio(source.path, config.sample_rate)
    waveform = trim_silence(waveform, rate, config.top_db, config.margin_s)
    waveform = normalise_loudness(waveform, rate, config.target_db, config.peak, config.top_db)
    seconds = len(waveform) / rate
    reason = invalid_reason(source.text, seconds)
    if reason is not None:
        raise ValueError(reason)
    write_wav(target, waveform, rate)
    return seconds


def _seconds(path: Path) -> float:
    """Length from the header; 0 where there is none to read (read_audio then says why)."""
    try:
        info = soundfile.info(str(path))
    except (RuntimeError, OSError):
        return 0.0
    return float(info.frames / info.samplerate)
