"""Does a voice move evenly from one style to another, and in one direction?"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike


@dataclass(frozen=True)
class Smoothness:
    """One attribute along the steps; NaN where it is undefined at a step or never changes.

    Attributes:
        spearman: rank correlation with the step, from -1 to 1; 1 or -1 is one direction only.
        largest_jump: largest change from step to step over the mean one; 1 is perfectly even.
        change: last minus first value.
    """

    spearman: float
    largest_jump: float
    change: float


def smoothness(values: ArrayLike) -> Smoothness:
    """Measure one attribute (steps,) of equally spaced points between two styles.

    Raises:
        ValueError: there are fewer than three steps.
    """
    track = np.asarray(values, dtype=np.float64)
    if track.ndim != 1 or len(track) < 3:
        raise ValueError(
            f"expected three steps or more, got shape {track.shape}; speak more points between "
            "the styles"
        )
    jumps = np.abs(np.diff(track))
    if np.isnan(track).any() or jumps.max() == 0:
        return Smoothness(math.nan, math.nan, float(track[-1] - track[0]))
    return Smoothness(
        spearman=rank_correlation(np.arange(len(track)), track),
        largest_jump=float(jumps.max() / jumps.mean()),
        change=float(track[-1] - track[0]),
    )


def rank_correlation(first: ArrayLike, second: ArrayLike) -> float:
    """Spearman's rho of pairs, mean ranks for ties; pairs with a NaN are left out.

    NaN for fewer than two pairs, or where either side never changes.
    """
    from scipy.stats import rankdata

    a, b = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    defined = ~(np.isnan(a) | np.isnan(b))
    ranks = [rankdata(side[defined]) for side in (a, b)]
    if defined.sum() < 2 or min(np.ptp(side) for side in ranks) == 0:
        return math.nan
    return float(np.corrcoef(*ranks)[0, 1])


def farthest_pairs(points: ArrayLike, count: int) -> list[tuple[int, int]]:
    """Pairs of rows that lie farthest apart, no row twice: (rows, dimensions) -> (first, second).

    Rows with a NaN are left out; there may be fewer pairs than asked for.
    """
    x = np.asarray(points, dtype=np.float64)
    distances = np.linalg.norm(x[:, None] - x[None], axis=-1)
    distances[np.isnan(distances)] = -1
    np.fill_diagonal(distances, -1)
    pairs: list[tuple[int, int]] = []
    while len(pairs) < count and distances.size and distances.max() >= 0:
        i, j = np.unravel_index(distances.argmax(), distances.shape)
        distances[[i, j]] = -1
        distances[:, [i, j]] = -1
        pairs.append((int(min(i, j)), int(max(i, j))))
    return pairs
