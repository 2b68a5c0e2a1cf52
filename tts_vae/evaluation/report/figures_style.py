"""The pictures of the sections about style: what latents separate, who speaks, what styles do."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from tts_vae.evaluation.pages.listening_figures import NEUTRAL
from tts_vae.evaluation.pages.plot_parts import (
    ACCENT,
    OTHER,
    Picture,
    heat_map,
    legend,
    panel,
    scatter,
)
from tts_vae.evaluation.report.rows_style import ATTRIBUTES, FACTORS, UNITS

Result = Mapping[str, Any]


def disentanglement_pictures(result: Result) -> list[Picture]:
    """Importance of every dimension for every factor."""
    pictures = []
    for site, found in result["sites"].items():
        table = np.array(found["importances"]).T
        names = [FACTORS.get(name, name) for name in found["factors"]]
        figure = heat_map(table, names, None, f"dimension of {site}", 0.0, 1.0)
        caption = f"Importance of the dimensions of {site} for telling each factor (DCI)."
        pictures.append(Picture(figure, caption, wide=True))
    return pictures


def speaker_pictures(result: Result) -> list[Picture]:
    """Whom the classifier hears."""
    pictures = []
    for way, words in (("natural", "Recordings"), ("inferred", "Synthesis"), ("named", "By name")):
        found = result[way]
        if found is None:
            continue
        confusion = dict(sorted(found["confusion"].items()))
        heard = sorted({name for row in confusion.values() for name in row} | set(confusion))
        table = np.array([[row.get(name, 0) for name in heard] for row in confusion.values()])
        shares = table / np.maximum(table.sum(1, keepdims=True), 1)
        figure = heat_map(
            shares, list(confusion), heard, "recognised as", 0.0, 1.0, cells=table, digits="%d"
        )
        pictures.append(Picture(figure, f"{words}: whom the classifier hears, clips."))
    return pictures


def diversity_pictures(result: Result) -> list[Picture]:
    """Spread over prior samples and over references, as a share of the natural spread."""
    figure, axis = panel()
    ways = {"prior": (ACCENT, "prior samples"), "references": (OTHER, "styles of recordings")}
    known = {way: look for way, look in ways.items() if "undefined" not in result[way]}
    for number, (way, (colour, label)) in enumerate(known.items()):
        heights = [100 * _number(result[way][name]["of_natural"]) for name in ATTRIBUTES]
        places = np.arange(len(heights)) + 0.38 * number
        axis.bar(places, heights, width=0.36, color=colour, label=label)
    axis.set_xticks(np.arange(len(ATTRIBUTES)) + 0.19 * (len(known) - 1), ATTRIBUTES.values())
    axis.axhline(100, color=NEUTRAL, lw=1, ls="--")
    axis.set_ylabel("SD (% of natural)")
    legend(axis)
    return [Picture(figure, "Spread within a text and a speaker, beside natural spread (100 %).")]


def interpolation_pictures(result: Result) -> list[Picture]:
    """Every attribute along the steps, of the pairs in which it moves."""
    pictures = []
    for name, attribute in ATTRIBUTES.items():
        figure, axis = panel()
        moved = [item[name]["values"] for item in result["items"] if item[name]["moved"]]
        for values in moved:
            track = np.array([_number(value) for value in values])
            axis.plot(track - track[0], color=ACCENT, lw=1, alpha=0.7)
        axis.set(xlabel="step", ylabel=f"change ({UNITS[name]})")
        caption = f"{attribute[0].upper()}{attribute[1:]} along {len(moved)} paths that move it."
        pictures.append(Picture(figure, caption))
    return pictures


def transfer_pictures(result: Result) -> list[Picture]:
    """Output against reference, both relative to the usual of their speakers."""
    pictures = []
    items = result["parallel"]["items"] + result["non_parallel"]["items"]
    for name, attribute in ATTRIBUTES.items():
        figure, axis = panel()
        pairs = np.array([[_number(value) for value in item[name]] for item in items])
        unit = UNITS[name]
        scatter(axis, pairs[:, 0], pairs[:, 1], f"reference ({unit})", f"output ({unit})")
        caption = f"{attribute[0].upper()}{attribute[1:]} relative to what is usual for each."
        pictures.append(Picture(figure, caption))
    return pictures


def _number(value: float | None) -> float:
    return float("nan") if value is None else value
