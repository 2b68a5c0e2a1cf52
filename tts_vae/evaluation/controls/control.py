"""The table of a voice's controls: every request spoken, and what was heard of it."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tts_vae.evaluation.controls.calibrating import working_controls
from tts_vae.evaluation.controls.calibration_texts import judge_of, recordings_of, unseen_texts
from tts_vae.evaluation.controls.control_figures import calibration_error, leakage
from tts_vae.evaluation.controls.control_sweep import (
    HEARD,
    Line,
    Progress,
    Sweep,
    asking,
    natural_attributes,
    no_bar,
    run_sweeps,
)
from tts_vae.evaluation.measures.pitch import count_octave_errors
from tts_vae.synthesis.calibration import Calibration, to_scale
from tts_vae.synthesis.controls import CONTROLS
from tts_vae.synthesis.latent_directions import Directions
from tts_vae.synthesis.voice import Voice

Floats = NDArray[np.float64]

REQUESTS: Mapping[str, tuple[float, ...]] = {
    "pitch_st": (-6.0, -4.0, -2.0, 0.0, 2.0, 4.0, 6.0),
    "pitch_range": (0.5, 0.63, 0.8, 1.0, 1.26, 1.6, 2.0),
    "rate": (0.6, 0.7, 0.85, 1.0, 1.2, 1.45, 1.7),
    "energy_db": (-9.0, -6.0, -3.0, 0.0, 3.0, 6.0, 9.0),
}
"""Requests of each control, the neutral one among them."""

NATURAL_LIMIT = 210
"""Natural recordings that say how much an attribute varies."""


def measure_controls(
    voice: Voice,
    corpus: str | Path,
    sentences: int = 56,
    requests: Mapping[str, Sequence[float]] | None = None,
    route: str = "explicit",
    calibrated: bool = True,
    speakers_each: int = 1,
    seed: int = 0,
    progress: Progress = no_bar,
) -> dict[str, Any]:
    """Realised against requested on held-out sentences and all speakers.

    Args:
        voice: what is measured.
        corpus: prepared; its test texts are spoken, and its test recordings say how much natural
            speech varies.
        sentences: how many; speakers take turns.
        requests: control -> settings in its unit; ``REQUESTS`` if None. Only those controls are
            measured that the voice has (by the latent route: that its latent holds).
        route: see ``voice.style``.
        calibrated: likewise.
        speakers_each: speakers of each sentence.
        seed: which sentences, and of the speech.
        progress: shows how far it is.

    Returns:
        ``controls``: control -> figures of :class:`CalibrationError` on the linear scale (st, dB,
        log2), ``octave_errors``, ``clamped`` (share of requests out of a speaker's range),
        ``percent`` (mae and p95 of a factor in percent), ``settings`` (with the ``values`` of
        all lines) and ``speakers``;
        ``leakage``; ``per``: phone errors of the usual rendering, of all settings together and of
        each (None without a judge of the voice).

    Raises:
        ValueError: too few held-out sentences, or no control to measure.
    """
    folder = Path(corpus)
    texts = unseen_texts(folder, sentences, seed)
    names: Sequence[str | None] = voice.speakers or [None]
    lines = [
        Line(text, names[(i + k) % len(names)])
        for i, text in enumerate(texts)
        for k in range(min(speakers_each, len(names)))
    ]
    wanted = _wanted(voice, lines[0], requests or REQUESTS, route)
    judge = judge_of(voice)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of clamping; it is counted
        sweeps, usual_wrong = run_sweeps(
            voice,
            lines,
            wanted,
            asking(voice, route=route, calibrated=calibrated),
            judge,
            seed,
            progress,
        )
    recordings = recordings_of(folder, "test", voice.sample_rate, NATURAL_LIMIT, seed)
    natural = natural_attributes(voice, recordings, judge, progress)
    spread = within_speaker_sd(natural, [recording.speaker for recording in recordings])
    ranges = _ranges(voice, route) if calibrated else None
    return {
        "sentences": sentences,
        "speakers": len(names),
        "items": len(lines),
        "route": route,
        "calibrated": calibrated,
        "controls": {
            name: control_figures(sweep, [line.speaker for line in lines], ranges, seed)
            for name, sweep in sweeps.items()
        },
        "leakage": _leakage(sweeps, spread),
        "natural_sd": dict(zip(HEARD, spread.tolist(), strict=True)),
        "per": None if judge is None else phone_errors(sweeps, usual_wrong),
    }


def control_figures(
    sweep: Sweep,
    speakers: Sequence[str | None],
    ranges: Any = None,
    seed: int = 0,
) -> dict[str, Any]:
    """Figures of one control.

    Args:
        sweep: of requests.
        speakers: of each line.
        ranges: (control, speaker) -> what can be asked for, in the control's unit; None if nothing
            is clamped.
        seed: of the bootstrap.
    """
    name = sweep.control
    requested = np.array([to_scale(name, value) for value in sweep.settings])
    realised = sweep.changes[:, :, HEARD.index(name)]
    figures: dict[str, Any] = asdict(calibration_error(requested, realised, seed))
    if CONTROLS[name].factor:
        percent = 100 * np.abs(2 ** (realised - requested[:, None]) - 1)[requested != 0]
        percent = percent[~np.isnan(percent)]
        figures["percent"] = {
            "mae": float(percent.mean()),
            "p95": float(np.percentile(percent, 95)),
        }
    if name == "pitch_st":
        figures["octave_errors"] = count_octave_errors(realised - requested[:, None])
    if ranges is not None:
        limits = np.array([ranges(name, speaker) for speaker in speakers])
        asked = np.array(sweep.settings)[:, None]
        figures["clamped"] = float(((asked < limits[:, 0]) | (asked > limits[:, 1])).mean())
    off = np.abs(realised - requested[:, None])
    figures["settings"] = [
        {
            "requested": value,
            "realised": float(np.nanmedian(realised[i])),
            "mae": float(np.nanmean(off[i])),
            "values": realised[i].tolist(),
        }
        for i, value in enumerate(sweep.settings)
    ]
    named = np.array([speaker or "" for speaker in speakers])
    figures["speakers"] = {
        speaker: float(np.nanmean(off[requested != 0][:, named == speaker]))
        for speaker in dict.fromkeys(named.tolist())
    }
    return figures


def phone_errors(sweeps: Mapping[str, Sweep], usual_wrong: Floats) -> dict[str, Any]:
    """Phone error rates of the usual rendering, over all settings, and of every setting."""
    phones = next(iter(sweeps.values())).phones
    each = {
        name: {
            f"{value:g}": float(sweep.wrong[i].sum() / phones.sum())
            for i, value in enumerate(sweep.settings)
        }
        for name, sweep in sweeps.items()
    }
    moved = [
        sweep.wrong[i]
        for name, sweep in sweeps.items()
        for i, value in enumerate(sweep.settings)
        if value != CONTROLS[name].usual
    ]
    return {
        "usual": float(usual_wrong.sum() / phones.sum()),
        "moved": float(np.sum(moved) / (len(moved) * phones.sum())),
        "settings": each,
    }


def within_speaker_sd(values: Floats, speakers: Sequence[str | None]) -> Floats:
    """Standard deviation of attributes about their speaker's mean, NaN left out.

    Args:
        values: (recordings, attributes).
        speakers: of each recording.
    """
    named = np.array([speaker or "" for speaker in speakers])
    apart = values.copy()
    for name in np.unique(named):
        apart[named == name] -= np.nanmean(values[named == name], axis=0)
    spread: Floats = np.nanstd(apart, axis=0)
    return spread


def _leakage(sweeps: Mapping[str, Sweep], spread: Floats) -> dict[str, Any]:
    requested = {
        name: [to_scale(name, value) for value in sweep.settings] for name, sweep in sweeps.items()
    }
    changes = {name: sweep.changes for name, sweep in sweeps.items()}
    return leakage(requested, changes, HEARD, spread.tolist()).summary()


def _ranges(voice: Voice, route: str) -> Any:
    """(control, speaker) -> limits, or None where nothing is calibrated."""
    if route == "latent":
        directions = Directions.of(voice.bundle)
        return None if directions is None else lambda name, speaker: directions.limits(name)
    fitted = Calibration.of(voice.bundle)
    return None if fitted is None else fitted.limits


def _wanted(
    voice: Voice, line: Line, requests: Mapping[str, Sequence[float]], route: str
) -> dict[str, Sequence[float]]:
    if route == "latent":
        directions = Directions.of(voice.bundle)
        there = list(directions.attributes) if directions is not None else []
    else:
        there = working_controls(voice, line)
    wanted = {name: settings for name, settings in requests.items() if name in there}
    if not wanted:
        raise ValueError(
            f"this voice has none of {sorted(requests)} by route {route}; calibrate it first with "
            "`tts-vae calibrate --voice DIR`"
        )
    return wanted
