"""Pictures of a walk through styles: F0 of all its stops on one axis, and what was measured."""

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from tts_vae.evaluation.pages.listening_figures import DPI, F0_RANGE_HZ, NEUTRAL
from tts_vae.evaluation.pages.page import data_uri, png_uri

LABELS = {
    "pitch_st": "F0 level (st re 55 Hz)",
    "rate": "rate (phones/s)",
    "energy_db": "energy (dB)",
    "pitch_range_st": "F0 range (st, P90 \u2212 P10)",
    "log_prior": "log prior density (nats)",
}
"""Attribute -> what an axis says of it."""


def walk_colours(count: int) -> list[str]:
    """One colour for each stop, from the first to the last; legible on light and dark pages."""
    shades = colormaps["plasma"](np.linspace(0.2, 0.84, count))
    return ["#" + "".join(f"{round(255 * c):02x}" for c in shade[:3]) for shade in shades]


def f0_overlay(
    tracks: Sequence[ArrayLike], hop_s: float, colours: Sequence[str], titles: Sequence[str]
) -> Figure:
    """F0 contours of one text on one axis, in real time.

    Args:
        tracks: (frames,) Hz for each stop, 0 where unvoiced.
        hop_s: seconds per frame.
        colours: of each.
        titles: of each; the first and the last are named in the picture.
    """
    figure = Figure(figsize=(9, 3.1), dpi=DPI, layout="constrained")
    axis: Any = figure.add_subplot()
    longest, voiced = 0.0, []
    for number, (track, colour) in enumerate(zip(tracks, colours, strict=True)):
        contour = np.array(track, dtype=float)
        contour[contour <= 0] = np.nan
        times = (np.arange(len(contour)) + 0.5) * hop_s
        longest = max(longest, len(contour) * hop_s)
        voiced.append(contour[~np.isnan(contour)])
        leaps = np.abs(np.diff(np.log2(contour))) > _LEAP_OCTAVES  # of the tracker, not the voice
        times, contour = (np.insert(x, np.flatnonzero(leaps) + 1, np.nan) for x in (times, contour))
        named = titles[number] if number in (0, len(tracks) - 1) or len(tracks) <= 4 else None
        axis.plot(times, contour, color=colour, lw=1.7, label=named, solid_capstyle="round")
    heard = np.concatenate(voiced)
    # a few frames an octave off must not flatten the others
    low, high = np.percentile(heard, (1.5, 99.5)) if len(heard) else F0_RANGE_HZ
    axis.set(xlim=(0, longest), ylim=(low / 1.1, high * 1.3), xlabel="seconds", ylabel="F0 (Hz)")
    axis.set_yscale("log")
    ticks = [hz for hz in (60, 80, 100, 125, 150, 200, 250, 300, 400, 500) if low <= hz <= high]
    axis.set_yticks(ticks, [str(hz) for hz in ticks])
    axis.set_yticks([], minor=True)
    axis.grid(axis="y", color=NEUTRAL, alpha=0.25, lw=0.6)
    axis.legend(frameon=False, fontsize=8, labelcolor=NEUTRAL, ncols=4, loc="upper right")
    _neutral(figure)
    return figure


def attribute_tracks(
    at: ArrayLike, values: dict[str, NDArray[np.float64]], colours: Sequence[str], x_label: str
) -> Figure:
    """Every attribute over the stops, one panel each.

    Args:
        at: (stops,) where each stop is.
        values: attribute (key of ``LABELS``) -> (stops,).
        colours: of each stop.
        x_label: what ``at`` is.
    """
    figure = Figure(figsize=(9, 2.5), dpi=DPI, layout="constrained")
    axes: Any = np.atleast_1d(figure.subplots(1, len(values)))
    places = np.asarray(at, dtype=float)
    for axis, (name, track) in zip(axes, values.items(), strict=True):
        axis.plot(places, track, color=NEUTRAL, lw=1, zorder=1)
        axis.scatter(places, track, c=list(colours), s=30, zorder=2)
        axis.set_title(LABELS[name], fontsize=8)
        axis.set_xlabel(x_label)
        axis.margins(0.08, 0.15)
        _at_least(axis, track)
    _neutral(figure)
    return figure


def attribute_squares(size: int, values: dict[str, NDArray[np.float64]]) -> Figure:
    """Every attribute over a square of stops, one panel each, with its numbers written in.

    Args:
        size: rows, and columns.
        values: attribute (key of ``LABELS``) -> (size * size,), row by row.
    """
    figure = Figure(figsize=(9, 9 / len(values)), dpi=DPI, layout="constrained")
    axes: Any = np.atleast_1d(figure.subplots(1, len(values)))
    for axis, (name, track) in zip(axes, values.items(), strict=True):
        square = track.reshape(size, size)
        axis.imshow(square, cmap="viridis")
        known = track[np.isfinite(track)]
        middle = (known.min() + known.max()) / 2 if len(known) else 0.0
        for (row, column), number in np.ndenumerate(square):
            if np.isfinite(number):
                shade = "black" if number > middle else "white"
                axis.text(column, row, f"{number:.1f}", ha="center", va="center", c=shade, size=7)
        axis.set_title(LABELS[name], fontsize=8)
        axis.set(xticks=[], yticks=[])
    _neutral(figure)
    return figure


def as_data_uri(figure: Figure, photograph: bool = False) -> str:
    """A picture that an ``img`` element holds in itself; the same figure gives the same bytes.

    Args:
        figure: what to show.
        photograph: small JPEG for what has as many shades as a spectrogram; else PNG.
    """
    if not photograph:
        return png_uri(figure)
    buffer = io.BytesIO()
    options = {"quality": 82, "subsampling": 0}
    figure.savefig(buffer, format="jpeg", dpi=_PHOTOGRAPH_DPI, pil_kwargs=options)
    return data_uri("image/jpeg", buffer.getvalue())


_PHOTOGRAPH_DPI = 110
_LEAP_OCTAVES = 0.4
_LEAST_SPAN = {"st": 2.0, "dB": 2.0, "phones": 1.0, "nats": 1.0}


def _at_least(axis: Any, track: NDArray[np.float64]) -> None:
    """A scale that does not blow up what nobody hears: 2 st, 2 dB or 1 phone/s at least."""
    unit = next((u for u in _LEAST_SPAN if u in axis.get_title()), None)
    known = track[np.isfinite(track)]
    if unit is None or not len(known) or np.ptp(known) >= _LEAST_SPAN[unit]:
        return
    middle = (known.min() + known.max()) / 2
    axis.set_ylim(middle - 0.6 * _LEAST_SPAN[unit], middle + 0.6 * _LEAST_SPAN[unit])


def _neutral(figure: Figure) -> None:
    """Transparent, with everything that is text or line in a grey for any background."""
    figure.patch.set_alpha(0)
    for axis in figure.axes:
        axis.patch.set_alpha(0)
        axis.tick_params(colors=NEUTRAL, labelsize=7)
        axis.title.set_color(NEUTRAL)
        for label in (axis.xaxis.label, axis.yaxis.label):
            label.set_color(NEUTRAL)
            label.set_fontsize(8)
        for name, spine in axis.spines.items():
            spine.set_color(NEUTRAL)
            spine.set_visible(name in ("left", "bottom"))
