"""A prepared corpus of a few seconds: hums and hisses with exact onsets, and a tiny model for it.

What trains on it learns nothing; every path from manifests to a voice folder is the product's own.
"""

import importlib.util
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from tts_vae.audio.files import write_wav
from tts_vae.corpora.manifests import PreparedUtterance, write_manifests
from tts_vae.data.features import extract
from tts_vae.text.phonemizer import make_phonemizer

RATE = 22050
SPEAKERS = ("ann", "bob")
GENDERS = {"ann": {"gender": "F"}, "bob": {"gender": "M"}}
PHONES = ("ˈæ", "s", "n", "ˈiː")
F0_TRACKER = "praat" if importlib.util.find_spec("parselmouth") else "pyin"

TINY_SPEAKER = [
    "model.encoders.speaker.channels=[2,2,4,4,4,4]",
    "model.encoders.speaker.feature_width=8",
    "model.latents.speaker.width=3",
]
TINY = [
    "model.decoder.text_encoder.width=8",
    "model.decoder.text_encoder.layers=1",
    "model.decoder.width=16",
    "model.decoder.layers=1",
    "model.decoder.style_width=8",
    "model.decoder.predictor_layers=1",
    "model.encoders.prosody.channels=[2,2,4,4,4,4]",
    "model.encoders.prosody.feature_width=8",
    "model.latents.prosody.width=4",
    f"features.f0_tracker={F0_TRACKER}",
    "trainer.precision=32-true",
]


def speak(rng: np.random.Generator, base_hz: float, tempo: float):
    """(samples, tokens, onsets in seconds): silence, three phones of random length, silence."""
    chosen = rng.permutation(len(PHONES))[:3]
    lengths = rng.uniform(0.08, 0.2, 3) / tempo
    parts, tokens, onsets = [np.zeros(round(0.06 * RATE))], ["^"], [0.0]
    for phone, seconds in zip(chosen, lengths, strict=True):
        tokens.append(PHONES[phone])
        onsets.append(sum(map(len, parts)) / RATE)
        time = np.arange(round(seconds * RATE)) / RATE
        hum = sum(
            np.sin(2 * np.pi * k * base_hz * time) / k ** (1 + phone / 2) for k in range(1, 9)
        )
        hiss = rng.standard_normal(len(time))
        parts.append(0.2 * hiss if PHONES[phone] == "s" else 0.15 * hum)
    tokens.append(".")
    onsets.append(sum(map(len, parts)) / RATE)
    parts.append(np.zeros(round(0.08 * RATE)))
    samples = np.concatenate(parts) + 1e-3 * rng.standard_normal(sum(map(len, parts)))
    return samples.astype(np.float32), tokens, onsets


def write_tiny_corpus(
    out: Path,
    name: str = "espeak",
    speakers: tuple[str, ...] = SPEAKERS,
    train: int = 14,
    valid: int = 4,
    aligned: bool = True,
    tempo: float = 1.0,
) -> Path:
    """Recordings of about half a second (at tempo 1) and their manifests.

    Without alignment the phones come from the text, which espeak can say, and not from the sound.
    """
    rng = np.random.default_rng(0)
    items = []
    for number in range(train + valid):
        speaker = speakers[number % len(speakers)]
        samples, tokens, onsets = speak(rng, 110.0 + 80 * (number % len(speakers)), tempo)
        path = write_wav(out / "wavs" / speaker / f"u{number:02d}.wav", samples, RATE)
        ends = [*onsets[1:], len(samples) / RATE]
        alignment = [(t, o, e - o) for t, o, e in zip(tokens, onsets, ends, strict=True)]
        items.append(
            PreparedUtterance(
                f"u{number:02d}",
                path,
                ("A knee.", "Oh.", "Ann.", "See me.")[number % 4],
                speaker,
                "train" if number < train else "valid",
                len(samples) / RATE,
                alignment if aligned else None,
            )
        )
    write_manifests(
        out, name, items, [{"name": speaker, **GENDERS.get(speaker, {})} for speaker in speakers], 0
    )
    return out


def write_even_durations(corpus: Path, front_end: str = "espeak", name: str = "ctc") -> Path:
    """What an aligner would leave behind, if all phones were equally long."""
    durations = {}
    for split in ("train", "valid"):
        for record in extract(
            corpus, split, phonemizer=make_phonemizer(front_end), f0_tracker=F0_TRACKER
        ):
            ends = np.linspace(0, len(record.mels), len(record.tokens) + 1).round().astype(int)
            durations[record.id] = np.diff(ends).astype(np.int64)
    path = corpus / "durations" / f"{name}.safetensors"
    path.parent.mkdir()
    save_file(durations, path)
    return path
