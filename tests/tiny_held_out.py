"""A prepared corpus with a test split: swept tones of known pitch, three speakers."""

from pathlib import Path

import numpy as np
from tiny_voice import SPEAKERS, sweep

from tts_vae.audio.files import write_wav
from tts_vae.corpora.manifests import PreparedUtterance, write_manifests

RATE = 22050
TEXT = "Good day."


def write_held_out_corpus(
    folder: Path, train: int = 12, test: int = 6, speakers: tuple[str, ...] = SPEAKERS
) -> Path:
    """Recordings of a second or so; those of the test split have new sentences."""
    items = []
    for number in range(train + test):
        speaker = speakers[number % len(speakers)]
        waveform = sweep(1.0 + 0.05 * number, RATE, 100.0 + 10 * number).astype(np.float32)
        path = write_wav(folder / "wavs" / speaker / f"u{number:02d}.wav", waveform, RATE)
        learned = number < train
        items.append(
            PreparedUtterance(
                id=f"u{number:02d}",
                wav_path=path,
                text=TEXT,
                speaker=speaker,
                split="train" if learned else "test",
                duration=len(waveform) / RATE,
                held_out="none" if learned else "sentence",
            )
        )
    table = [{"name": name, "gender": "male" if name == "bert" else "female"} for name in speakers]
    write_manifests(folder, "tones", items, table, seed=0)
    return folder
