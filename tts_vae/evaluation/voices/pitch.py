"""Melody, spectrum and length of synthesis against the natural recording whose style it took.

Frames are paired along the dynamic time warping path of the cepstra, 5 ms hop, F0 by Praat within
60-500 Hz on both sides. Copy-synthesis, measured in the same way, is what the vocoder alone costs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tts_vae.audio.prosody import track_f0
from tts_vae.evaluation.measures.cepstral_distance import HOP_S, ORDER, cepstral_distance
from tts_vae.evaluation.measures.duration import length_ratio
from tts_vae.evaluation.measures.f0_errors import f0_errors
from tts_vae.evaluation.measures.pitch import count_octave_errors, f0_statistics
from tts_vae.evaluation.measures.summary import bootstrap_interval, summarise
from tts_vae.evaluation.voices.held_out import HeldOut, steps

Waveform = NDArray[np.floating]
Row = dict[str, float]

POOLED = {"gpe": "both_voiced", "vde": "frames", "ffe": "frames"}
"""Shares of frames -> the frames they are shares of."""

SUMMARISED = ("log_f0_rmse", "log_f0_correlation", "level_error_st", "mcd_db")


def compare_melodies(
    items: Sequence[HeldOut], copies: Sequence[Waveform], sample_rate: int
) -> dict[str, Any]:
    """Compare synthesis and copy-synthesis with the natural recordings.

    Args:
        items: held-out recordings and what the voice made of them in their own styles.
        copies: copy-synthesis of each, (samples,).
        sample_rate: Hz, of all.

    Returns:
        "synthesis" and "copy_synthesis" -> pooled GPE, VDE, FFE ("rate", "low", "high"), summaries
        of log-F0 RMSE and correlation, |error of F0 level| in semitones and MCD in dB, and octave
        errors; "length": synthesis / recording; "items": the same of each utterance.

    Raises:
        ValueError: praat-parselmouth (extra ``evaluation``) is missing.
    """
    rows: dict[str, list[Row]] = {"synthesis": [], "copy_synthesis": []}
    for item, copy in steps(list(zip(items, copies, strict=True)), "comparing melodies"):
        for name, heard in (("synthesis", item.synthesis), ("copy_synthesis", copy)):
            rows[name].append(_compare(item.natural, heard, sample_rate))
    lengths = length_ratio(*zip(*(item.frames for item in items), strict=True))
    columns = [*POOLED, *sorted(set(POOLED.values())), *SUMMARISED]
    return {
        "pairing": f"dtw of cepstra 1-{ORDER}",
        "hop_s": HOP_S,
        **{name: _summary(found) for name, found in rows.items()},
        "length": asdict(lengths),
        "items": {
            "id": [item.id for item in items],
            "length_ratio": [ours / theirs for ours, theirs in (item.frames for item in items)],
            **{name: [row[name] for row in rows["synthesis"]] for name in columns},
        },
    }


def _compare(natural: Waveform, heard: Waveform, sample_rate: int) -> Row:
    distance = cepstral_distance(natural, heard, sample_rate)
    reference, realised = (_track(waveform, sample_rate) for waveform in (natural, heard))
    found = f0_errors(reference, realised, distance.path)
    return {
        **{name: getattr(found, name) for name in (*POOLED, *set(POOLED.values()))},
        "log_f0_rmse": found.log_f0_rmse,
        "log_f0_correlation": found.log_f0_correlation,
        "level_error_st": f0_statistics(realised).level_st - f0_statistics(reference).level_st,
        "mcd_db": distance.mcd_db,
    }


def _track(waveform: Waveform, sample_rate: int) -> NDArray[np.floating]:
    hop = round(HOP_S * sample_rate)
    return track_f0(waveform, sample_rate, hop_length=hop, tracker="praat", fmin=60, fmax=500)


def _summary(rows: Sequence[Mapping[str, float]]) -> dict[str, Any]:
    def column(name: str) -> NDArray[np.float64]:
        return np.array([row[name] for row in rows], dtype=np.float64)

    result: dict[str, Any] = {}
    for name, frames in POOLED.items():
        share, of = column(name), column(frames)
        defined = of > 0
        pairs = np.stack([share[defined] * of[defined], of[defined]], axis=1)
        result[name] = _pooled(pairs) | {"undefined": int((~defined).sum())}
    for name in SUMMARISED:
        values = column(name)
        signed = name == "level_error_st"
        result[name] = asdict(summarise(np.abs(values) if signed else values))
    result["octave_errors"] = count_octave_errors(column("level_error_st"))
    return result


def _pooled(pairs: NDArray[np.float64]) -> dict[str, Any]:
    """Sum of numerators / sum of denominators, with a bootstrap interval over utterances."""

    def ratio(rows: NDArray[np.float64]) -> float:
        return float(rows[:, 0].sum() / rows[:, 1].sum())

    if not len(pairs):
        nan = float("nan")
        return {"rate": nan, "low": nan, "high": nan, "n": 0}
    low, high = bootstrap_interval(pairs, ratio)
    return {"rate": ratio(pairs), "low": low, "high": high, "n": len(pairs)}
