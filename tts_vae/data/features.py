"""From a prepared corpus to features: mels, F0, energy, tokens and durations, cached on disk.

``DIR/features/<fingerprint>/<split>-00000.safetensors`` holds the frames of up to 256 utterances
end to end, with a JSON of the same name beside it that says where each one lies. The fingerprint
covers every setting and the manifests, so a changed corpus or analysis is computed anew and an
unchanged one never. Files appear atomically, the JSON last: an interrupted run continues after the
last finished shard.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import logging
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file

from tts_vae.audio.files import read_audio
from tts_vae.audio.mel import MelConfig, MelSpectrogram
from tts_vae.audio.prosody import frame_energy_db, track_f0
from tts_vae.corpora.manifests import SPLITS, read_corpus, read_cuts, write_json
from tts_vae.corpora.parallel import parallel_map
from tts_vae.data.store import FeatureStore
from tts_vae.text.phonemizer import Phonemizer
from tts_vae.text.symbols import SymbolTable, default_table
from tts_vae.whole_file import whole_file

FORMAT = 1
UTTERANCES_PER_SHARD = 256

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Job:
    """One utterance to analyse: onsets are seconds per token, or None without an alignment."""

    id: str
    path: str
    tokens: list[int]
    onsets: list[float] | None


def extract(
    corpus_dir: Path,
    split: str,
    *,
    mel: MelConfig | None = None,
    phonemizer: Phonemizer | None = None,
    f0_tracker: str = "praat",
    workers: int | None = None,
    durations: Path | None = None,
    progress: bool = True,
) -> FeatureStore:
    """Analyses one split, or finds it analysed.

    Args:
        corpus_dir: A prepared corpus.
        split: train, valid or test.
        mel: Constants of the analysis.
        phonemizer: Text -> tokens where the corpus has no alignment; its table numbers the tokens
            of the alignments too. None needs alignments and uses the default table.
        f0_tracker: "praat" or "pyin".
        workers: Processes; None takes one per core, 0 stays in this process.
        durations: Durations found by an aligner (see FeatureStore).
        progress: Show a progress bar on a terminal.

    Returns:
        The store of this split.

    Raises:
        ValueError: If the corpus is not prepared, has no alignment and no phonemizer is given, or
            nothing of a split that is not empty can be used.
    """
    corpus_dir, mel = Path(corpus_dir), mel or MelConfig()
    table = phonemizer.table if phonemizer is not None else default_table()
    settings = _settings(corpus_dir, mel, phonemizer, table, f0_tracker)
    folder = corpus_dir / "features" / _digest(settings)
    folder.mkdir(parents=True, exist_ok=True)
    done = folder / f"{split}.json"
    if not done.is_file():
        write_json(folder / "settings.json", settings)
        cuts = list(read_cuts(corpus_dir, split))
        skipped: list[dict[str, str]] = []
        starts = range(0, len(cuts), UTTERANCES_PER_SHARD)
        names = [f"{split}-{number:05d}" for number in range(len(starts))]
        todo = [
            (name, cuts[start : start + UTTERANCES_PER_SHARD])
            for name, start in zip(names, starts, strict=True)
            if not (folder / f"{name}.json").is_file()
        ]
        jobs = [job for _, part in todo for job in _jobs(part, table, phonemizer, skipped)]
        analysed = parallel_map(
            partial(_analyse, mel=mel, f0_tracker=f0_tracker),
            jobs,
            workers=workers,
            description=f"Features of {split}",
            progress=progress,
        )
        _write_shards(folder, todo, jobs, analysed, skipped)
        write_json(done, {"shards": names})
    store = FeatureStore(folder, split, corpus_dir=corpus_dir, durations=durations)
    for bad in store.skipped:
        logger.warning("%s: no features of %s: %s", split, bad["id"], bad["reason"])
    if not len(store) and store.skipped:
        first = store.skipped[0]
        done.unlink()
        for shard in folder.glob(f"{split}-*.json"):
            shard.unlink()
        raise ValueError(
            f"expected features of {split} in {corpus_dir.name}, got none of "
            f"{len(store.skipped)} utterances; {first['id']}: {first['reason']}"
        )
    return store


def onsets_to_durations(onsets: Sequence[float], frames: int, frame_rate_hz: float) -> np.ndarray:
    """Onsets in seconds -> whole frames per phone that sum to frames exactly.

    Boundaries are rounded, not durations, so errors do not add up. The first phone starts at
    frame 0 and the last one owns what remains.

    Args:
        onsets: (phones,) seconds, not decreasing.
        frames: Frames of the utterance.
        frame_rate_hz: Frames per second.

    Returns:
        (phones,) int64, >= 0.
    """
    starts = np.rint(np.asarray(onsets, dtype=np.float64) * frame_rate_hz).astype(np.int64)
    starts = np.maximum.accumulate(np.clip(starts, 0, frames))
    starts[0] = 0
    return np.diff(np.append(starts, frames))


def _settings(
    corpus_dir: Path,
    mel: MelConfig,
    phonemizer: Phonemizer | None,
    table: SymbolTable,
    f0_tracker: str,
) -> dict[str, Any]:
    """Everything that the features depend on."""
    corpus = json.dumps(read_corpus(corpus_dir), sort_keys=True)
    manifests = hashlib.sha256(corpus.encode())
    for split in SPLITS:
        path = corpus_dir / f"cuts_{split}.jsonl.gz"
        if path.is_file():
            manifests.update(gzip.decompress(path.read_bytes()))
    return {
        "format": FORMAT,
        "mel": asdict(mel),
        "front_end": phonemizer.name if phonemizer is not None else "alignment",
        "symbols": list(table.symbols),
        "f0_tracker": f0_tracker,
        "manifests": manifests.hexdigest(),
    }


def _digest(settings: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:12]


def _jobs(
    cuts: Sequence[Any],
    table: SymbolTable,
    phonemizer: Phonemizer | None,
    skipped: list[dict[str, str]],
) -> Iterator[_Job]:
    """What to analyse; texts become tokens here, in the parent, where the phonemizer lives."""
    for cut in cuts:
        supervision = cut.supervisions[0]
        items = (supervision.alignment or {}).get("phone")
        if items is None and phonemizer is None:
            raise ValueError(
                f"{cut.id}: expected an alignment in the corpus, got none; "
                "pass a phonemizer (front_end: espeak or grapheme)"
            )
        try:
            if items is not None:
                tokens, onsets = [item.symbol for item in items], [item.start for item in items]
            else:
                assert phonemizer is not None
                tokens, onsets = phonemizer(supervision.text), None
            encoded = table.encode(tokens)
            if not encoded:
                raise ValueError(f"no tokens for the text {supervision.text!r}")
        except ValueError as error:
            skipped.append({"id": cut.id, "reason": " ".join(str(error).split())})
            continue
        yield _Job(cut.id, cut.recording.sources[0].source, encoded, onsets)


def _analyse(job: _Job, mel: MelConfig, f0_tracker: str) -> dict[str, torch.Tensor] | str:
    """The features of one utterance, or why there are none."""
    try:
        waveform, rate = read_audio(job.path, mel.sample_rate)
        with torch.inference_mode():
            mels = _mel_spectrogram(mel)(torch.from_numpy(waveform))
        frames = len(mels)
        if frames < 1:
            return f"{len(waveform)} samples are less than one frame"
        f0 = track_f0(waveform, rate, mel.hop_length, f0_tracker)
    except ValueError as error:
        if "tracker" in str(error):
            raise  # the set-up is wrong, not this recording
        return " ".join(str(error).split())
    features = {
        "tokens": torch.tensor(job.tokens, dtype=torch.int64),
        "mels": mels.half().clone(),
        "f0_hz": torch.from_numpy(f0),
        "energy_db": torch.from_numpy(frame_energy_db(waveform, mel.hop_length, mel.n_fft)),
    }
    if job.onsets is not None:
        counts = onsets_to_durations(job.onsets, frames, mel.frame_rate_hz)
        features["durations"] = torch.from_numpy(counts)
    return features


_SPECTROGRAMS: dict[MelConfig, MelSpectrogram] = {}


def _mel_spectrogram(config: MelConfig) -> MelSpectrogram:
    """One per process: window and filters are built once."""
    if config not in _SPECTROGRAMS:
        _SPECTROGRAMS[config] = MelSpectrogram(config)
    return _SPECTROGRAMS[config]


def _write_shards(
    folder: Path,
    todo: Sequence[tuple[str, Sequence[Any]]],
    jobs: Sequence[_Job],
    analysed: Iterator[dict[str, torch.Tensor] | str],
    skipped: list[dict[str, str]],
) -> None:
    """Writes each shard as soon as its last utterance has come."""
    wanted = {job.id for job in jobs}
    refused = {bad["id"]: bad["reason"] for bad in skipped}
    for name, cuts in todo:
        entries: list[dict[str, Any]] = []
        parts: dict[str, list[torch.Tensor]] = {}
        bad: list[dict[str, str]] = []
        for cut in cuts:
            result = next(analysed) if cut.id in wanted else refused[cut.id]
            if isinstance(result, str):
                bad.append({"id": cut.id, "reason": result})
                continue
            supervision = cut.supervisions[0]
            custom = supervision.custom or {}
            entries.append(
                {
                    "id": cut.id,
                    "text": supervision.text,
                    "speaker": supervision.speaker,
                    "phones": len(result["tokens"]),
                    "frames": len(result["mels"]),
                    "has_durations": "durations" in result,
                    "held_out": custom.get("held_out", "none"),
                    "factors": custom.get("factors", {}),
                }
            )
            for key, value in result.items():
                parts.setdefault(key, []).append(value)
        if entries:
            path = folder / f"{name}.safetensors"
            with whole_file(path) as partial_file:
                save_file({key: torch.cat(values) for key, values in parts.items()}, partial_file)
        write_json(folder / f"{name}.json", {"utterances": entries, "skipped": bad})
    for _ in analysed:  # exhausts the iterator, which ends the processes and the progress bar
        pass
