"""Monotone regression, and the inverse that a calibration stores."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


def isotonic(values: ArrayLike, weights: ArrayLike | None = None) -> Floats:
    """Least-squares fit that never falls, by pooling adjacent violators (Barlow et al. 1972).

    Args:
        values: (points,) in the order of what they should rise with.
        weights: (points,) positive; None counts all alike.

    Returns:
        (points,) not falling.
    """
    values = np.asarray(values, dtype=np.float64)
    weights = np.ones_like(values) if weights is None else np.asarray(weights, dtype=np.float64)
    blocks: list[tuple[float, float, int]] = []  # mean, weight, points
    for value, weight in zip(values.tolist(), weights.tolist(), strict=True):
        blocks.append((value, weight, 1))
        while len(blocks) > 1 and blocks[-2][0] >= blocks[-1][0]:
            (m1, w1, n1), (m2, w2, n2) = blocks[-2:]
            blocks[-2:] = [((m1 * w1 + m2 * w2) / (w1 + w2), w1 + w2, n1 + n2)]
    return np.concatenate([np.full(n, mean) for mean, _, n in blocks])


def inverse_knots(controls: ArrayLike, realised: ArrayLike) -> tuple[Floats, Floats]:
    """A monotone piecewise linear inverse through the origin.

    Args:
        controls: (points,) increasing, 0 among them: what was set.
        realised: (points,) the change that came of it, 0 for the control 0.

    Returns:
        Knots (requested, controls), both increasing: where isotonic regression found the same
        change for several controls, the one nearest to 0 stands for them.

    Raises:
        ValueError: if the controls are not increasing or lack 0.
    """
    asked = np.asarray(controls, dtype=np.float64)
    if not (np.diff(asked) > 0).all() or 0 not in asked:
        raise ValueError(f"controls must increase and hold 0, got {asked.tolist()}; sort them")
    zero = int(np.flatnonzero(asked == 0)[0])
    values = np.asarray(realised, dtype=np.float64)
    # each side by itself, so that the origin stays where it is
    above = isotonic(np.maximum(values[zero + 1 :], 0.0))
    below = -isotonic(np.maximum(-values[:zero][::-1], 0.0))[::-1]
    fitted = np.concatenate([below, [0.0], above])
    keep = [zero]
    for i in range(zero + 1, len(asked)):
        if fitted[i] > fitted[keep[-1]] + 1e-9:
            keep.append(i)
    for i in range(zero - 1, -1, -1):
        if fitted[i] < fitted[keep[0]] - 1e-9:
            keep.insert(0, i)
    return fitted[keep], asked[keep]
