"""What recordings in noise would have been without it: the same utterances, spoken once more."""

from __future__ import annotations

import json
import multiprocessing
import tempfile
from collections.abc import Collection
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tts_vae.text import espeak_library

from . import espeak_plan, espeak_recording
from .espeak_plan import PlannedUtterance
from .espeak_speakers import variants


def clean_originals(root: Path, ids: Collection[str]) -> dict[str, NDArray[np.float32]]:
    """Speak utterances of an embedded corpus without their noise.

    Args:
        root: what `espeak.obtain` made.
        ids: of utterances.

    Returns:
        id -> (samples,) in [-1, 1] at `espeak_library.SAMPLE_RATE`, of the length of the recording.

    Raises:
        ImportError: espeak-ng is not installed.
        ValueError: `root` holds no such corpus, or an id is not in it.
    """
    path = root / "espeak.json"
    if not path.is_file():
        raise ValueError(f"expected espeak recordings in {root}; got none: run obtain first")
    settings = json.loads(path.read_text(encoding="utf-8"))
    planned = espeak_plan.plan(
        settings["utterances"],
        settings["seed"],
        settings["noise_share"],
        settings["noisy_speakers"],
        settings.get("always_noisy", ()),
    )
    chosen = [utterance for utterance in planned if utterance.id in set(ids)]
    if unknown := sorted(set(ids) - {utterance.id for utterance in chosen}):
        raise ValueError(f"expected utterances of {root}; got {unknown[:3]}, which it has not")
    with tempfile.TemporaryDirectory(prefix="espeak-") as folder:
        data = espeak_library.voice_data(Path(folder), variants())
        with ProcessPoolExecutor(
            1,  # another process: here espeak-ng may run with other voices already
            mp_context=multiprocessing.get_context("spawn"),
            initializer=espeak_recording.start_worker,
            initargs=(data,),
        ) as pool:
            return dict(pool.map(_samples, chosen, chunksize=16))


def _samples(utterance: PlannedUtterance) -> tuple[str, NDArray[np.float32]]:
    speech = espeak_recording.speak(utterance)
    return utterance.id, (speech.samples / 32768).astype(np.float32)
