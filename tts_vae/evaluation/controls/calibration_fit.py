"""From sweeps of a voice's own controls to the calibration that undoes their errors."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from tts_vae.evaluation.controls.control_sweep import HEARD, Sweep
from tts_vae.evaluation.controls.monotone import inverse_knots
from tts_vae.synthesis.calibration import ANYBODY, ControlMap, to_scale

Floats = NDArray[np.float64]

RELIABLE = 0.85
"""Share of sentences on which a setting must do about the same, to be offered at all."""

SPREAD: Mapping[str, float] = {"pitch_st": 2.5, "pitch_range": 1.0, "rate": 0.25, "energy_db": 2.0}
"""What about the same is, on the linear scales: the halfwidth about the median."""

CORRECTED = ("pitch_st", "rate", "energy_db")
"""Attributes that other controls' side effects on are undone. Not the range: where a low pitch
leaves the tracker's band its lowest frames are lost, which looks as if the range had shrunk."""

FEWEST = 4
"""Sentences of one speaker below which a map of his own would be noise."""

_DIGITS = 4


def fit_maps(sweeps: Mapping[str, Sweep], rows: NDArray[np.bool_]) -> dict[str, ControlMap]:
    """One map for each control, from some of the lines of its sweep.

    The change that a setting gives is its median over the lines; isotonic regression over the
    settings makes it monotone, and its inverse is piecewise linear. Corrections of the other
    controls are what undoes the median of their attributes' change, where that is more than twice
    its standard error. Settings at which the lines disagree (see ``RELIABLE``) end the range.

    Args:
        sweeps: control -> its sweep with the voice's own controls, uncalibrated.
        rows: (lines,) which lines count.
    """
    own = {name: reach(sweep, rows) for name, sweep in sweeps.items()}
    maps = {}
    for name, sweep in sweeps.items():
        settings, realised, kept = own[name]
        requested, controls = inverse_knots(settings, realised)
        columns = {name: controls}
        for other in CORRECTED:
            if other == name or other not in sweeps:
                continue
            effects = _effects(sweep, HEARD.index(other), rows)[kept]
            at_knots = np.interp(requested, realised, _with_zero(settings, effects))
            columns[other] = _undo(own[other], at_knots)
        used = {
            key: np.round(values, _DIGITS)
            for key, values in columns.items()
            if key == name or np.abs(values).max() > 10**-_DIGITS
        }
        maps[name] = ControlMap(np.round(requested, _DIGITS), used)
    return maps


def fit_calibration(
    sweeps: Mapping[str, Sweep], speakers: Sequence[str | None]
) -> dict[str, dict[str, dict[str, list[float]]]]:
    """Speaker -> attribute -> columns of its map, as ``styles.json`` holds them.

    Args:
        sweeps: see :func:`fit_maps`.
        speakers: of each line; those with fewer than ``FEWEST`` lines have no map of their own.
    """
    named = np.array([speaker or ANYBODY for speaker in speakers])
    groups = {ANYBODY: np.ones(len(named), dtype=bool)}
    for speaker in dict.fromkeys(named.tolist()):
        if speaker != ANYBODY and (named == speaker).sum() >= FEWEST:
            groups[speaker] = named == speaker
    return {
        speaker: {name: as_columns(map_) for name, map_ in fit_maps(sweeps, rows).items()}
        for speaker, rows in groups.items()
    }


def as_columns(map_: ControlMap) -> dict[str, list[float]]:
    """A map as plain numbers."""
    controls = {name: values.tolist() for name, values in map_.controls.items()}
    return {"requested": map_.requested.tolist(), **controls}


def reach(sweep: Sweep, rows: NDArray[np.bool_]) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """How far a control goes reliably, and what it gives.

    Args:
        sweep: of one control; its settings increase and leave the neutral one out.
        rows: (lines,) which lines count.

    Returns:
        Settings on the linear scale with 0 among them, the median change of each, and which of the
        sweep's settings were kept.

    Raises:
        ValueError: the settings are not such, or none is reliable.
    """
    scaled = np.array([to_scale(sweep.control, value) for value in sweep.settings])
    if (np.diff(scaled) <= 0).any() or 0 in scaled:
        raise ValueError(
            f"{sweep.control}: expected increasing settings without the neutral one, got "
            f"{list(sweep.settings)}; sort them and leave it out"
        )
    changes = sweep.changes[:, rows, HEARD.index(sweep.control)]
    with np.errstate(invalid="ignore"):
        medians = _median(changes)
        near = np.abs(changes - medians[:, None]) <= SPREAD[sweep.control]
    good = (near.mean(1) >= RELIABLE).tolist()
    kept = np.zeros(len(scaled), dtype=bool)
    for side in (np.flatnonzero(scaled > 0), np.flatnonzero(scaled < 0)[::-1]):
        for i in side:  # from neutral outwards, as far as it goes well
            if not good[i]:
                break
            kept[i] = True
    if not kept.any():
        raise ValueError(
            f"{sweep.control}: no setting of {list(sweep.settings)} does the same on "
            f"{100 * RELIABLE:.0f} % of the sentences; this voice has no such control"
        )
    settings = scaled[kept]
    zero = int((settings < 0).sum())
    return np.insert(settings, zero, 0.0), np.insert(medians[kept], zero, 0.0), kept


def _effects(sweep: Sweep, column: int, rows: NDArray[np.bool_]) -> Floats:
    """Median change of another attribute at each setting; 0 where it may be chance."""
    changes = sweep.changes[:, rows, column]
    defined = np.maximum((~np.isnan(changes)).sum(1), 1)
    medians = np.nan_to_num(_median(changes))
    # of a median of normal values: 1.253 sd / sqrt(n); the sd from the median deviation
    deviation = 1.4826 * np.nan_to_num(_median(np.abs(changes - medians[:, None])))
    error = 1.253 * deviation / np.sqrt(defined)
    return np.where(np.abs(medians) > 2 * error, medians, 0.0)


def _median(values: Floats) -> Floats:
    """Median over the last axis of what is defined; NaN where nothing is."""
    none: NDArray[np.bool_] = np.asarray(np.isnan(values).all(-1))
    filled = np.where(none[..., None], 0.0, values)
    return np.where(none, np.nan, np.nanmedian(filled, axis=-1))


def _with_zero(settings: Floats, effects: Floats) -> Floats:
    """Effects of the kept settings, with that of the neutral one among them."""
    return np.insert(effects, int(np.flatnonzero(settings == 0)[0]), 0.0)


def _undo(own: tuple[Floats, Floats, NDArray[np.bool_]], effects: Floats) -> Floats:
    """The setting of a control that takes effects on its attribute back."""
    settings, realised, _ = own
    requested, controls = inverse_knots(settings, realised)
    return np.interp(-effects, requested, controls)
