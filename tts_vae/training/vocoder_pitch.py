"""The pitch of every recording, tracked once and kept beside the corpus: what a source learns."""

import hashlib
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from tts_vae.audio.files import read_audio
from tts_vae.audio.mel import MelConfig
from tts_vae.audio.prosody import track_f0
from tts_vae.corpora.manifests import read_cuts
from tts_vae.corpora.parallel import parallel_map
from tts_vae.whole_file import whole_file


@dataclass(frozen=True)
class _Job:
    path: str
    frames: int


def track_pitch(
    corpus_dir: Path, split: str, mel: MelConfig, tracker: str, workers: int | None = None
) -> dict[str, Tensor]:
    """F0 of every recording of a split.

    Args:
        corpus_dir: prepared corpus.
        split: train, valid or test.
        mel: analysis constants; one value a frame of the mels.
        tracker: "praat" or "pyin".
        workers: processes; None takes one per core, 0 stays in this process.

    Returns:
        id -> (frames,) float32 Hz, 0 where unvoiced.

    Raises:
        ValueError: if the corpus is not prepared or the tracker is unknown.
    """
    cuts = list(read_cuts(corpus_dir, split))
    ids = [cut.id for cut in cuts]
    settings = (tracker, mel.sample_rate, mel.hop_length, ids)
    name = hashlib.sha256(repr(settings).encode()).hexdigest()[:12]
    path = corpus_dir / "pitch" / f"{name}-{split}.safetensors"
    if not path.is_file() and cuts:
        jobs = [
            _Job(cut.recording.sources[0].source, cut.recording.num_samples // mel.hop_length)
            for cut in cuts
        ]
        tracked = parallel_map(
            partial(_track, mel=mel, tracker=tracker),
            jobs,
            workers=workers,
            description=f"Pitch of {split}",
            progress=True,
        )
        found = dict(zip(ids, tracked, strict=True))
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as partial_file:
            save_file(found, partial_file)
    return load_file(path) if cuts else {}


def _track(job: _Job, mel: MelConfig, tracker: str) -> Tensor:
    samples, rate = read_audio(job.path, mel.sample_rate)
    f0_hz = torch.zeros(job.frames)
    try:
        found = torch.from_numpy(track_f0(samples, rate, mel.hop_length, tracker))
    except ValueError as error:
        if "tracker" in str(error):
            raise  # the set-up is wrong, not this recording
        return f0_hz  # too short to have a pitch
    f0_hz[: len(found)] = found[: job.frames]
    return f0_hz
