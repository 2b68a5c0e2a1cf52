"""Speak planned utterances to wavs, with exact onsets and measured factors.

A shard is what one worker speaks at once: its wavs, and one JSON that is written last and by
renaming, so a shard is either whole or not there.
"""

from __future__ import annotations

import json
import math
import wave
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tts_vae.text import espeak_library
from tts_vae.text.espeak_library import SAMPLE_RATE
from tts_vae.text.espeak_tokens import TokenisedSpeech, tokenise
from tts_vae.text.normalisation import normalise
from tts_vae.text.symbols import PUNCTUATION, START
from tts_vae.whole_file import whole_file

from .espeak_plan import VOLUME_DB, PlannedUtterance
from .espeak_speakers import SPEAKERS

_LOUDEST_VOLUME = 72
"""espeak-ng's volume setting for the loudest utterance; it clips in no voice. Lower levels are
scaled down from it, for espeak-ng's own settings are whole percents: steps of up to 0.6 dB."""
_F0_HOP = 512
"""Samples between F0 values: two summary numbers need no finer ones, and tracking is what costs."""
_NOISE_COLOUR = 0.9
"""Pole of the filter that makes the noise: a first-order low-pass, as of a room or a street."""


def start_worker(data_path: Path) -> None:
    """Start espeak-ng with our voices; once per process."""
    espeak_library.load(data_path)


def record_shard(root: Path, number: int, planned: Sequence[PlannedUtterance]) -> int:
    """Speak a shard and write it below `root`.

    Returns:
        How many samples were written.
    """
    records = [record(root, utterance) for utterance in planned]
    target = shard_path(root, number)
    target.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(target) as part:
        part.write_text(json.dumps(records, ensure_ascii=False), encoding="utf-8")
    return sum(entry["samples"] for entry in records)


def shard_path(root: Path, number: int) -> Path:
    """Where a shard's JSON lies."""
    return root / "shards" / f"{number:05d}.json"


def wav_path(root: Path, utterance: PlannedUtterance) -> Path:
    """Where an utterance's recording lies."""
    return root / "wavs" / utterance.speaker / f"{utterance.id}.wav"


def record(root: Path, utterance: PlannedUtterance) -> dict[str, Any]:
    """Speak one utterance to its wav.

    Returns:
        The plan's fields, "samples", "tokens", "onsets" (samples) and "factors".
    """
    speech = speak(utterance)
    samples = speech.samples
    if utterance.snr_db is not None:
        samples = _with_noise(speech, utterance.snr_db, utterance.noise_seed)
    path = wav_path(root, utterance)
    path.parent.mkdir(parents=True, exist_ok=True)
    # not soundfile, which syncs every file to the disk: half the time of the whole corpus
    with whole_file(path) as part, wave.open(str(part), "wb") as wav:
        wav.setparams((1, 2, SAMPLE_RATE, len(samples), "NONE", "not compressed"))
        wav.writeframes(samples.astype("<i2").tobytes())
    return {
        "id": utterance.id,
        "text": utterance.text,
        "speaker": utterance.speaker,
        "split": utterance.split,
        "held_out": utterance.held_out,
        "samples": len(samples),
        "tokens": list(speech.tokens),
        "onsets": list(speech.onsets),
        "factors": _requested(utterance) | _measured(speech),
    }


def speak(utterance: PlannedUtterance) -> TokenisedSpeech:
    """The utterance without noise; espeak-ng must run with our voices (`start_worker`)."""
    speaker = SPEAKERS[utterance.speaker]
    pitch, spread = speaker.espeak_settings(utterance.pitch_hz, utterance.spread_st)
    text = normalise(utterance.text)
    spoken = espeak_library.synthesize(
        text,
        speaker.voice,
        rate=utterance.rate_wpm,
        pitch=pitch,
        pitch_range=spread,
        volume=_LOUDEST_VOLUME,
    )
    gain = 10 ** ((utterance.volume_db - VOLUME_DB[1]) / 20)
    samples = np.round(spoken.samples * gain).astype(np.int16)
    return tokenise(text, replace(spoken, samples=samples))


def _with_noise(speech: TokenisedSpeech, snr_db: float, seed: int) -> NDArray[np.int16]:
    """Low-passed Gaussian noise `snr_db` below the level of the speech (its silences left out)."""
    generator = np.random.default_rng(seed)
    white = generator.standard_normal(len(speech.samples) + 256)
    kernel = _NOISE_COLOUR ** np.arange(64)
    noise = np.convolve(white, kernel)[128 : 128 + len(speech.samples)]
    level = 10 ** ((_level_db(speech) - snr_db) / 20) * 32768
    noise *= level / np.sqrt(np.mean(noise**2))
    return np.clip(np.round(speech.samples + noise), -32768, 32767).astype(np.int16)


def _level_db(speech: TokenisedSpeech) -> float:
    """RMS of the phones, dB of full scale: pauses would make a slow sentence a quiet one."""
    spoken = np.zeros(len(speech.samples), bool)
    for token, onset, length in zip(speech.tokens, speech.onsets, speech.durations, strict=True):
        if token != START and token not in PUNCTUATION:
            spoken[onset : onset + length] = True
    power = float(np.mean((speech.samples[spoken] / 32768.0) ** 2))
    return 10 * math.log10(max(power, 1e-10))


def _requested(utterance: PlannedUtterance) -> dict[str, Any]:
    pitch, spread = SPEAKERS[utterance.speaker].espeak_settings(
        utterance.pitch_hz, utterance.spread_st
    )
    wanted = asdict(utterance)
    return {
        "pitch_hz_requested": wanted["pitch_hz"],
        "pitch_spread_st_requested": wanted["spread_st"],
        "rate_requested": wanted["rate_wpm"],
        "volume_db_requested": wanted["volume_db"],
        "snr_db": wanted["snr_db"],
        "espeak_pitch": pitch,
        "espeak_range": spread,
    }


def _measured(speech: TokenisedSpeech) -> dict[str, float | None]:
    """What came out: level, articulation rate, and F0 where Praat is installed.

    Measured before noise is added: factors describe the speaking, `snr_db` the noise.
    """
    pairs = list(zip(speech.tokens, speech.durations, strict=True))
    phones = [length for token, length in pairs if token != START and token not in PUNCTUATION]
    return {
        "rms_db": round(_level_db(speech), 3),
        "phones_per_s": round(len(phones) * SAMPLE_RATE / sum(phones), 3),
        "seconds": round(len(speech.samples) / SAMPLE_RATE, 4),
        **_measured_f0(speech.samples),
    }


def _measured_f0(samples: NDArray[np.int16]) -> dict[str, float | None]:
    from tts_vae.audio.prosody import track_f0

    try:
        f0_hz = track_f0(samples.astype(np.float32) / 32768, SAMPLE_RATE, _F0_HOP, "praat")
    except ValueError:  # without parselmouth: the features stage tracks F0 with what there is
        return {"f0_median_hz": None, "f0_sd_st": None}
    voiced = f0_hz[f0_hz > 0]
    if len(voiced) < 5:
        return {"f0_median_hz": None, "f0_sd_st": None}
    return {
        "f0_median_hz": round(float(np.median(voiced)), 2),
        "f0_sd_st": round(float(np.std(12 * np.log2(voiced))), 3),
    }
