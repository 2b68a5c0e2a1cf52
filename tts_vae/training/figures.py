"""Figures of mels, alignments and latent maps (matplotlib, no display needed)."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike


def mels_figure(
    mels: Mapping[str, ArrayLike],
    f0_hz: Mapping[str, ArrayLike] | None = None,
    hop_s: float = 256 / 22050,
) -> Figure:
    """Mel spectrograms above each other, with F0 on a second axis where given.

    Args:
        mels: title -> (frames, n_mels) natural-log magnitude.
        f0_hz: title -> (frames,) Hz, 0 where unvoiced.
        hop_s: seconds per frame.
    """
    figure = Figure(figsize=(8, 2.2 * len(mels)), layout="constrained")
    axes = figure.subplots(len(mels), 1, squeeze=False, sharex=True)[:, 0]
    for axis, (title, values) in zip(axes, mels.items(), strict=True):
        image = np.asarray(values).T
        axis.imshow(
            image,
            origin="lower",
            aspect="auto",
            extent=(0, image.shape[1] * hop_s, 0, image.shape[0]),
            vmin=-11.5,
            vmax=2,
        )
        axis.set_title(title, fontsize=9)
        axis.set_ylabel("mel band")
        if f0_hz is not None and title in f0_hz:
            contour = np.array(f0_hz[title], dtype=float)
            contour[contour <= 0] = np.nan
            twin = axis.twinx()
            twin.plot(np.arange(len(contour)) * hop_s, contour, color="white", lw=1.8)
            twin.set_ylim(50, 450)
            twin.set_ylabel("F0 (Hz)")
    axes[-1].set_xlabel("time (s)")
    return figure


def alignment_figure(durations: Mapping[str, ArrayLike]) -> Figure:
    """Hard alignments, one panel per title; durations: (phones,) frames."""
    figure = Figure(figsize=(8, 2.2 * len(durations)), layout="constrained")
    axes = figure.subplots(len(durations), 1, squeeze=False)[:, 0]
    for axis, (title, values) in zip(axes, durations.items(), strict=True):
        frames = np.asarray(values).astype(int)
        path = np.repeat(np.arange(len(frames)), frames)
        axis.step(np.arange(len(path)), path, where="post")
        axis.set_title(title, fontsize=9)
        axis.set_ylabel("phone")
    axes[-1].set_xlabel("frame")
    return figure


def latent_map_figure(
    codes: ArrayLike,
    colours: Mapping[str, ArrayLike] | None = None,
    means: ArrayLike | None = None,
) -> Figure:
    """First two principal components of a site, one panel per colouring.

    Args:
        codes: (items, width) posterior means.
        colours: attribute -> (items,) numbers or category labels; None draws one plain panel.
        means: (components, width) component means, drawn as numbers.
    """
    codes = np.asarray(codes, dtype=float)
    centre = codes.mean(0)
    _, singular, axes_ = np.linalg.svd(codes - centre, full_matrices=False)
    share = singular**2 / max((singular**2).sum(), 1e-12)
    plane = (codes - centre) @ axes_[:2].T
    panels: dict[str, Any] = dict(colours) if colours else {"": np.zeros(len(codes))}
    figure = Figure(figsize=(4.4 * len(panels), 3.8), layout="constrained")
    for axis, (title, values) in zip(
        figure.subplots(1, len(panels), squeeze=False)[0], panels.items(), strict=True
    ):
        values = np.asarray(values)
        if values.dtype.kind in "OUS":
            for label in sorted(set(values)):
                chosen = values == label
                axis.scatter(*plane[chosen].T, s=6, label=str(label), cmap=None)
            axis.legend(fontsize=7, markerscale=2)
        else:
            points = axis.scatter(*plane.T, c=values, s=6, cmap="viridis")
            if title:
                figure.colorbar(points, ax=axis, shrink=0.8)
        if means is not None:
            for index, (x, y) in enumerate((np.asarray(means) - centre) @ axes_[:2].T):
                axis.text(x, y, str(index), fontsize=10, weight="bold", color="red")
        axis.set_title(title, fontsize=9)
        axis.set_xlabel(f"PC1 ({100 * share[0]:.0f} %)")
        axis.set_ylabel(f"PC2 ({100 * (share[1] if len(share) > 1 else 0):.0f} %)")
    return figure
