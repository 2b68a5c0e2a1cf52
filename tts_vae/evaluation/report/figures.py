"""The pictures of an evaluation, from what metrics.json holds; legible on light and dark pages."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from tts_vae.evaluation.pages.listening_figures import NEUTRAL
from tts_vae.evaluation.pages.plot_parts import (
    ACCENT,
    OTHER,
    Picture,
    heat_map,
    histogram,
    legend,
    panel,
)
from tts_vae.evaluation.report.controls import control_pictures
from tts_vae.evaluation.report.figures_style import (
    disentanglement_pictures,
    diversity_pictures,
    interpolation_pictures,
    speaker_pictures,
    transfer_pictures,
)

Result = Mapping[str, Any]


def section_pictures(name: str, result: Result) -> list[Picture]:
    """The pictures of a section; none where it has none."""
    return _PICTURES[name](result) if name in _PICTURES else []


def _intelligibility(result: Result) -> list[Picture]:
    found = result["all"]
    measure = result["measure"]
    if "rate" not in found["synthesis"]:
        found = {name: rates["cer"] for name, rates in found.items()}
        measure = "character error rate"
    figure, axis = panel(height=1.7)
    names = ["natural", "copy_synthesis", "synthesis"]
    for place, name in enumerate(reversed(names)):
        row = found[name]
        colour = ACCENT if name == "synthesis" else NEUTRAL
        axis.plot([100 * row["low"], 100 * row["high"]], [place, place], color=colour, lw=2)
        axis.plot(100 * row["rate"], place, "o", color=colour, ms=7)
    axis.set_yticks(range(3), [name.replace("_", "-") for name in reversed(names)])
    axis.set(xlabel=f"{measure.lower() if len(measure) > 3 else measure} (%)", ylim=(-0.6, 2.6))
    axis.set_xlim(left=min(0.0, axis.get_xlim()[0]))
    return [Picture(figure, "Error rate with its 95 % interval.")]


def _pitch(result: Result) -> list[Picture]:
    items = result["items"]
    copies = result["copy_synthesis"]
    pictures = []
    for values, label, beside, caption in (
        ("level_error_st", "error of F0 level (st)", None, "F0 level of each text, error."),
        ("mcd_db", "MCD (dB)", copies["mcd_db"]["median"], "Spectral distance of each text."),
        ("length_ratio", "length, synthesis / recording", 1.0, "Length of each text."),
    ):
        figure, axis = panel()
        shown = [value for value in items[values] if value is not None]
        histogram(axis, shown, label)
        if beside is not None:
            name = "as recorded" if values == "length_ratio" else "copy-synthesis, median"
            axis.axvline(beside, color=OTHER, lw=1.5, label=name)
            legend(axis)
        pictures.append(Picture(figure, caption))
    return pictures


def _clusters(result: Result) -> list[Picture]:
    pictures = []
    for site, found in result["sites"].items():
        if not found["components"]:
            continue
        figure, axis = panel()
        shares = 100 * np.array(found["shares"])
        axis.bar(range(len(shares)), shares, color=ACCENT)
        axis.set(xlabel=f"component of {site}", ylabel="recordings (%)")
        if len(shares) <= 20:
            axis.set_xticks(range(len(shares)))
        pictures.append(Picture(figure, f"Share of recordings of each component of {site}."))
        for label, counts in found["counts"].items():
            table = np.array(list(counts.values()), dtype=float)
            figure = heat_map(table, list(counts), None, "component", 0.0, table.max(), "%.0f")
            pictures.append(Picture(figure, f"Recordings of each {label} in each component."))
    return pictures


def _capacity(result: Result) -> list[Picture]:
    pictures = []
    for site, found in result["sites"].items():
        figure, axis = panel()
        histogram(axis, found["nats"], "KL of a recording (nats)")
        axis.axvline(found["mean_nats"], color=OTHER, lw=1.5, label="mean")
        if found["requested_nats"] is not None:
            axis.axvline(found["requested_nats"], color=NEUTRAL, ls="--", lw=1.5, label="requested")
        legend(axis)
        pictures.append(Picture(figure, f"What the {site} latent carries."))
    return pictures


_PICTURES: Mapping[str, Callable[[Result], list[Picture]]] = MappingProxyType(
    {
        "intelligibility": _intelligibility,
        "pitch": _pitch,
        "control": control_pictures,
        "disentanglement": disentanglement_pictures,
        "clusters": _clusters,
        "capacity": _capacity,
        "speakers": speaker_pictures,
        "diversity": diversity_pictures,
        "interpolation": interpolation_pictures,
        "transfer": transfer_pictures,
    }
)
