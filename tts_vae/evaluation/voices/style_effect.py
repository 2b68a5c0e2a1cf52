"""Does choosing a style change what comes out? Measured on mels, durations and pitch."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tts_vae.synthesis.speech import Speech
from tts_vae.synthesis.style import Style
from tts_vae.synthesis.voice import Voice


def style_choices(voice: Voice, seed: int = 0) -> dict[str, dict[str, Style]]:
    """Several values of every way to choose a style that this voice offers.

    Returns:
        way ("speaker", "component", ...) -> value -> style; physical controls start from neutral.
    """
    choices: dict[str, dict[str, Style]] = {}
    if len(voice.speakers) > 1:
        choices["speaker"] = {name: voice.style(speaker=name) for name in voice.speakers}
    if voice.components:
        choices["component"] = {str(k): voice.style(component=k) for k in range(voice.components)}
    if voice.bundle.model.sites["prosody"].prior((1,)) is not None:
        choices["prior"] = {str(seed + i): voice.style(prior=seed + i) for i in range(6)}
    choices["pitch_st"] = {f"{p:+g}": voice.style(pitch_st=p) for p in (-3.0, 0.0, 3.0)}
    choices["rate"] = {f"{r:g}": voice.style(rate=r) for r in (0.8, 1.0, 1.25)}
    choices["energy_db"] = {f"{e:+g}": voice.style(energy_db=e) for e in (-6.0, 0.0, 6.0)}
    return choices


def style_effect(voice: Voice, texts: Sequence[str], seed: int = 0) -> dict[str, Any]:
    """Spread of what comes out over the values of each way to choose a style.

    Args:
        voice: the voice.
        texts: a few sentences.
        seed: seed of prior samples and waveforms.

    Returns:
        way -> mean over texts of: ``mel_distance_nepers`` (mean absolute difference of
        phone-aligned mels between pairs of values), ``length_spread_percent``,
        ``pitch_spread_st`` and ``level_spread_db`` (largest minus smallest over the values), and
        ``distinct``, the share of pairs whose mels or durations differ.
    """
    effects: dict[str, Any] = {}
    for way, styles in style_choices(voice, seed).items():
        rows = [_spread([voice.speak(text, s, seed) for s in styles.values()]) for text in texts]
        effects[way] = {"values": len(styles)} | {
            name: float(np.mean([row[name] for row in rows])) for name in rows[0]
        }
    return effects


def _spread(speeches: Sequence[Speech]) -> Mapping[str, float]:
    lengths = np.array([len(s.mels) for s in speeches], float)
    pitches = np.array([np.mean(s.pitch_st) for s in speeches])
    levels = np.array([20 * np.log10(_rms(s.waveform)) - s.gain_db for s in speeches])
    phones = [_phone_mels(s) for s in speeches]
    distances, distinct = [], []
    for i in range(len(speeches)):
        for j in range(i):
            distances.append(np.abs(phones[i] - phones[j]).mean())
            same = np.array_equal(speeches[i].durations, speeches[j].durations)
            distinct.append(distances[-1] > 1e-4 or not same)
    return {
        "mel_distance_nepers": float(np.mean(distances)),
        "length_spread_percent": 100 * float(np.ptp(lengths) / lengths.mean()),
        "pitch_spread_st": float(np.ptp(pitches)),
        "level_spread_db": float(np.ptp(levels)),
        "distinct": float(np.mean(distinct)),
    }


def _phone_mels(speech: Speech) -> NDArray[np.float64]:
    """Mean mel of every phone, (phones, n_mels): comparable whatever the durations."""
    ends = np.cumsum(speech.durations)
    return np.stack(
        [
            speech.mels[e - max(d, 1) : e].mean(0)
            for d, e in zip(speech.durations, ends, strict=True)
        ]
    ).astype(np.float64)


def _rms(waveform: NDArray[np.float32]) -> float:
    return max(float(np.sqrt(np.mean(np.square(waveform)))), 1e-6)
