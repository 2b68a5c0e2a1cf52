"""A sound whose attributes are known: harmonics of one steady tone, as speech of ten phones."""

import numpy as np

from tts_vae.synthesis.speech import Speech

RATE = 22050
HOP = 256


SECONDS = 132 * HOP / RATE  # eleven phones of twelve frames


def buzz(hz=110.0, seconds=SECONDS, amplitude=0.1, gain_db=0.0):
    """Harmonics of a steady tone, as speech of ten phones with a pause in the middle."""
    frames = round(seconds * RATE / HOP)
    time = np.arange(frames * HOP) / RATE
    wave = amplitude * sum(np.sin(2 * np.pi * k * hz * time) / k for k in range(1, 9))
    durations = np.full(11, frames // 11)
    durations[-1] += frames - durations.sum()
    phones = ("a",) * 5 + (",",) + ("b",) * 5
    return Speech(
        waveform=wave.astype(np.float32),
        sample_rate=RATE,
        mels=np.zeros((frames, 80), np.float32),
        phones=phones,
        durations=durations,
        pitch_st=np.zeros(11, np.float32),
        hop_length=HOP,
        gain_db=gain_db,
    )
