"""The rows and pictures of the section about controls: requested against realised, and leakage."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from tts_vae.evaluation.pages.plot_parts import Picture, heat_map, panel, scatter
from tts_vae.evaluation.report.figure_row import Row
from tts_vae.synthesis.calibration import to_scale

Result = Mapping[str, Any]

NAMES = {
    "pitch_st": "Pitch level",
    "pitch_range": "Pitch range",
    "rate": "Rate",
    "energy_db": "Energy",
    "tilt_db": "Tilt",
}
"""What is heard -> its name."""

UNITS = {"pitch_st": "st", "pitch_range": "log2", "rate": "log2", "energy_db": "dB"}
"""Control -> unit of the linear scale on which its figures are."""


def control_rows(result: Result) -> list[Row]:
    """Calibration of every control, the worst leakage, and phone errors over all settings."""
    rows = []
    for control, found in result["controls"].items():
        name, unit = NAMES[control], UNITS[control]
        common: dict[str, Any] = {"n": found["n"], "items": "requests"}
        if control == "rate":
            percent = {key: value / 100 for key, value in found["percent"].items()}
            mae = Row(
                f"{control}_mae",
                f"{name}: mean absolute error",
                percent["mae"],
                "%",
                p95=percent["p95"],
                better="lower",
                paired=_errors(control, found, percent=True),
                statistic="ratio",
                **common,
            )
        else:
            mae = Row(
                f"{control}_mae",
                f"{name}: mean absolute error",
                found["mae"],
                unit,
                found["mae_low"],
                found["mae_high"],
                p95=found["p95"],
                better="lower",
                paired=_errors(control, found),
                statistic="ratio",
                **common,
            )
        rows += [
            mae,
            Row(f"{control}_slope", f"{name}: slope, 1 is right", found["slope"], **common),
            Row(
                f"{control}_spearman",
                f"{name}: rank correlation of a sentence, mean",
                found["spearman"],
                better="higher",
                **common,
            ),
        ]
        if found.get("clamped"):
            label = f"{name}: requests out of a speaker's range, clamped"
            rows.append(Row(f"{control}_clamped", label, found["clamped"], "%", **common))
        if found["undefined"]:
            label = f"{name}: requests whose result is undefined"
            rows.append(Row(f"{control}_undefined", label, found["undefined"], **common))
    items: dict[str, Any] = {"n": result["items"], "items": "texts"}
    label = "Worst leakage, off-diagonal / diagonal"
    rows.append(Row("leakage", label, result["leakage"]["worst"], "%", better="lower", **items))
    if result["per"] is not None:
        per = result["per"]
        rows.append(Row("per_usual", "Phone error rate, neutral", per["usual"], "%", **items))
        label = "Phone error rate over all settings"
        rows.append(Row("per_moved", label, per["moved"], "%", better="lower", **items))
    return rows


def control_pictures(result: Result) -> list[Picture]:
    """Requested against realised of every control, and the leakage matrix."""
    pictures = []
    for control, found in result["controls"].items():
        figure, axis = panel()
        x, y = [], []
        for setting in found["settings"]:
            asked = to_scale(control, setting["requested"])
            heard = [_number(value) for value in setting["values"]]
            x += [asked] * len(heard)
            y += heard
        unit = UNITS[control]
        scatter(axis, x, y, f"requested ({unit})", f"realised ({unit})")
        pictures.append(Picture(figure, f"{NAMES[control]}: change asked for, and heard."))
    matrix = result["leakage"]["ratios"]
    columns = list(next(iter(matrix.values())))
    table = np.array([[100 * _number(row[name]) for name in columns] for row in matrix.values()])
    names = [NAMES[name] for name in matrix]
    figure = heat_map(
        table,
        names,
        [NAMES[name] for name in columns],
        "attribute moved",
        0.0,
        100.0,
        digits="%.0f",
    )
    caption = "Leakage: what each control moves, in % of what it moves of its own attribute."
    return [*pictures, Picture(figure, caption)]


def _errors(control: str, found: Result, percent: bool = False) -> dict[str, tuple[float, float]]:
    """Setting and line -> (absolute error, 1); the neutral setting is left out."""
    errors = {}
    for setting in found["settings"]:
        asked = to_scale(control, setting["requested"])
        for line, value in enumerate(setting["values"]):
            if asked and value is not None:
                off = abs(2 ** (value - asked) - 1) if percent else abs(value - asked)
                errors[f"{setting['requested']:g} {line}"] = (off, 1.0)
    return errors


def _number(value: float | None) -> float:
    return float("nan") if value is None else value
