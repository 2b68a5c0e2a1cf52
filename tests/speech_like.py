"""Sounds with a pitch, a timbre and a length that are known: speakers made of resonances."""

import numpy as np

FORMANTS = {"ann": (500, 1500, 2500), "bob": (600, 1100, 3100), "cat": (400, 2000, 2800)}
"""Resonances of three speakers, Hz."""


def speech_like(formants, seed, f0=120.0, seconds=0.8, rate=16000):
    """Noise-excited harmonics through a speaker's resonances, other vowels for every seed."""
    generator = np.random.default_rng(seed)
    time = np.arange(int(seconds * rate)) / rate
    out = np.zeros(len(time))
    for k in range(1, int(7000 / f0)):
        hz = k * f0
        gain = sum(1 / (1 + ((hz - f) / 120) ** 2) for f in formants)
        wobble = 1 + 0.5 * np.sin(2 * np.pi * (3 * time + generator.uniform()))
        out += gain * wobble * np.sin(2 * np.pi * hz * time + generator.uniform(0, 6.28))
    return (0.05 * out + 1e-4 * generator.standard_normal(len(time))).astype(np.float32)
