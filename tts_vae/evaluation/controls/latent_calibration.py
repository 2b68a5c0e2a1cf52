"""Directions of z that change one attribute, and what they give when they are spoken."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tts_vae.evaluation.controls.calibration_fit import reach
from tts_vae.evaluation.controls.calibration_texts import recordings_of
from tts_vae.evaluation.controls.control_sweep import (
    HEARD,
    Line,
    Progress,
    Sweep,
    asking,
    natural_attributes,
    run_sweeps,
    voice_with,
)
from tts_vae.evaluation.controls.latent_regression import Regression, regress
from tts_vae.evaluation.controls.monotone import inverse_knots
from tts_vae.evaluation.listeners.intelligibility import Judge
from tts_vae.evaluation.voices.posteriors import infer_posteriors
from tts_vae.synthesis.calibration import CALIBRATED, from_scale, to_scale
from tts_vae.synthesis.latent_directions import KEY
from tts_vae.synthesis.voice import Voice

RECORDINGS = 400
"""Recordings of the training split that attributes are regressed on."""

STEPS = {
    "pitch_st": (-6.0, -4.0, -2.0, 2.0, 4.0, 6.0),
    "pitch_range": (0.5, 0.7, 1.4, 2.0),
    "rate": (0.65, 0.8, 0.9, 1.1, 1.25, 1.5),
    "energy_db": (-8.0, -4.0, 4.0, 8.0),
}
"""Changes, as the regression predicts them, that are tried."""

LINES = 32
"""Lines that the maps are fitted to: one map serves all speakers, so that fewer do."""

_ANY = [-1e3, 0.0, 1e3]  # an amount as it is, before what it gives is known


def calibrate_latent(
    voice: Voice,
    corpus: Path | None,
    lines: Sequence[Line],
    check_lines: Sequence[Line],
    judge: Judge | None,
    seed: int,
    progress: Progress,
) -> tuple[dict[str, Any] | None, str]:
    """Measure the directions of a voice's prosody site.

    Args:
        voice: whose.
        corpus: prepared, with the recordings of its training; None where there is none.
        lines: what the monotone maps are fitted to.
        check_lines: what their error is measured on.
        judge: aligns phones; None goes by level.
        seed: which recordings.
        progress: shows how far it is.

    Returns:
        What styles.json holds of them, or None and the reason.
    """
    if corpus is None:
        return None, "no recordings to regress on; give the corpus with --corpus"
    site = voice.prosody_site
    if site is None:
        return None, "this voice has no prosody site"
    recordings = recordings_of(corpus, "train", voice.sample_rate, RECORDINGS, seed)
    z = infer_posteriors(voice, recordings)[site].means
    heard = natural_attributes(voice, recordings, judge, progress)
    try:
        fitted = regress(z, heard, [recording.speaker for recording in recordings], seed)
    except ValueError as error:
        return None, str(error)
    names = [name for name in CALIBRATED if fitted.held[HEARD.index(name)]]
    if not names:
        return None, "z holds none of the attributes"
    contents = _provisional(site, names, fitted)
    lines, check_lines = lines[:LINES], check_lines[:LINES]
    sweeps = _speak(voice, contents, lines, STEPS, judge, seed, progress)
    attributes = contents["attributes"]
    for name, sweep in sweeps.items():
        try:
            settings, realised, _ = reach(sweep, np.ones(len(lines), dtype=bool))
            requested, amounts = inverse_knots(settings, realised)
        except ValueError:
            del attributes[name]
            continue
        if len(requested) < 2:
            del attributes[name]
            continue
        attributes[name] |= {
            "requested": np.round(requested, 4).tolist(),
            "amounts": np.round(amounts, 4).tolist(),
        }
    if not attributes:
        return None, "no direction does the same on most sentences"
    _check(voice, contents, check_lines, judge, seed, progress)
    return contents, ""


def _provisional(site: str, names: Sequence[str], fitted: Regression) -> dict[str, Any]:
    """Directions whose amounts are what the regression predicts."""
    return {
        "site": site,
        "recordings": RECORDINGS,
        "attributes": {
            name: {
                "step": np.round(fitted.steps[HEARD.index(name)], 5).tolist(),
                "r2": round(float(fitted.r2[HEARD.index(name)]), 3),
                "requested": _ANY,
                "amounts": _ANY,
            }
            for name in names
        },
    }


def _check(
    voice: Voice,
    contents: dict[str, Any],
    lines: Sequence[Line],
    judge: Judge | None,
    seed: int,
    progress: Progress,
) -> None:
    """Ask for a third and two thirds of the way either way, and note the error."""
    wanted = {}
    for name, row in contents["attributes"].items():
        low, high = row["requested"][0], row["requested"][-1]
        scaled = [end * share for end in (low, high) for share in (2 / 3, 1 / 3) if end != 0]
        wanted[name] = tuple(from_scale(name, value) for value in sorted(scaled))
    sweeps = _speak(voice, contents, lines, wanted, judge, seed, progress)
    for name, sweep in sweeps.items():
        realised = sweep.changes[:, :, HEARD.index(name)]
        requested = np.array([to_scale(name, value) for value in sweep.settings])
        off = np.abs(realised - requested[:, None])
        off = off[~np.isnan(off)]
        contents["attributes"][name]["error"] = {
            "mae": round(float(off.mean()), 4),
            "p95": round(float(np.percentile(off, 95)), 4),
        }


def _speak(
    voice: Voice,
    contents: dict[str, Any],
    lines: Sequence[Line],
    settings: Any,
    judge: Judge | None,
    seed: int,
    progress: Progress,
) -> dict[str, Sweep]:
    """Sweeps along the directions as they stand."""
    subject = voice_with(voice, {KEY: contents})
    sweeps, _ = run_sweeps(
        subject,
        lines,
        {name: settings[name] for name in contents["attributes"]},
        asking(subject, route="latent"),
        judge,
        seed,
        progress,
    )
    return sweeps
