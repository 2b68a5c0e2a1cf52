"""Parts of an evaluation's pictures: panels, histograms, scatter, heat maps; any background."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from tts_vae.evaluation.pages.listening_figures import DPI, NEUTRAL

ACCENT, OTHER = "#1594ab", "#d9822b"
"""Synthesis, and what stands beside it."""


@dataclass(frozen=True)
class Picture:
    """A figure and what it shows; ``wide`` takes a whole line of the page."""

    figure: Figure
    caption: str
    wide: bool = False


def panel(width: float = 3.5, height: float = 2.3) -> tuple[Figure, Any]:
    """An empty figure with one axis, in a grey that is legible on any page."""
    figure = Figure(figsize=(width, height), dpi=DPI, layout="constrained")
    axis = figure.add_subplot()
    plain_axis(axis)
    return figure, axis


def plain_axis(axis: Any) -> None:
    """Grey text and lines, no frame at the top and the right."""
    axis.patch.set_alpha(0)
    axis.tick_params(colors=NEUTRAL, labelsize=8)
    for label in (axis.xaxis.label, axis.yaxis.label, axis.title):
        label.set_color(NEUTRAL)
        label.set_fontsize(9)
    for side, spine in axis.spines.items():
        spine.set_color(NEUTRAL)
        spine.set_visible(side in ("left", "bottom"))


def histogram(axis: Any, values: Sequence[float], label: str) -> None:
    """How often values occur, a few bins of equal width."""
    bins = int(np.clip(np.sqrt(len(values)) * 1.5, 5, 30))
    axis.hist(np.asarray(values, dtype=float), bins=bins, color=ACCENT, alpha=0.85)
    axis.set(xlabel=label, ylabel="items")
    axis.yaxis.get_major_locator().set_params(integer=True)


def legend(axis: Any) -> None:
    """A legend without a box, above the panel so that it hides nothing."""
    axis.legend(
        fontsize=7,
        frameon=False,
        labelcolor=NEUTRAL,
        loc="lower right",
        bbox_to_anchor=(1.0, 1.0),
        borderaxespad=0.0,
        ncols=2,
    )


def heat_map(
    table: np.ndarray,
    rows: Sequence[str],
    columns: Sequence[str] | None,
    xlabel: str,
    low: float,
    high: float,
    digits: str = "%.2f",
    cells: np.ndarray | None = None,
) -> Figure:
    """A matrix as coloured cells with their numbers.

    Args:
        table: (rows, columns); NaN is left empty.
        rows: names of the rows.
        columns: names of the columns; their numbers if None.
        xlabel: what the columns are.
        low: value of the lightest colour.
        high: value of the darkest.
        digits: format of the numbers.
        cells: numbers to write, if not those of the table.
    """
    count = table.shape[1]
    names = [str(i) for i in range(count)] if columns is None else list(columns)
    longest = max((len(name) for name in names), default=1)
    figure, axis = panel(max(3.5, 1.0 + 0.36 * count), 0.9 + 0.3 * len(table) + 0.055 * longest)
    span = max(high - low, 1e-12)
    axis.imshow(table, cmap="GnBu", vmin=low, vmax=low + span, aspect="auto")
    for (i, j), value in np.ndenumerate(table):
        if np.isfinite(value):
            dark = abs(value - low) / span > 0.55
            ink = "white" if dark else "#1b1f24"
            written = digits % (value if cells is None else cells[i, j])
            axis.text(j, i, written, ha="center", va="center", fontsize=7, color=ink)
    axis.set_yticks(range(len(rows)), list(rows))
    axis.set_xticks(
        range(count),
        names,
        rotation=40 if longest > 4 else 0,
        ha="right" if longest > 4 else "center",
    )
    axis.set_xlabel(xlabel)
    axis.tick_params(length=0)
    for spine in axis.spines.values():
        spine.set_visible(False)
    return figure


def identity(axis: Any, *values: ArrayLike) -> None:
    """The line on which both axes are equal, over all the given values."""
    every = np.concatenate([np.ravel(np.asarray(v, dtype=float)) for v in values])
    every = every[np.isfinite(every)]
    if len(every):
        ends = [every.min(), every.max()]
        axis.plot(ends, ends, color=NEUTRAL, lw=1, ls="--", zorder=1)


def scatter(axis: Any, x: ArrayLike, y: ArrayLike, xlabel: str, ylabel: str) -> None:
    """Points over the identity line."""
    identity(axis, x, y)
    axis.scatter(x, y, s=10, color=ACCENT, alpha=0.6, linewidths=0, zorder=2)
    axis.set(xlabel=xlabel, ylabel=ylabel)
