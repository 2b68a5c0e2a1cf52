"""Which way to move z so that one attribute changes: ridge regression and its shortest inverse.

Shortest by the covariance of the posterior means (Mahalanobis). They often fill a few directions of
z, and a decoder has learnt what lies along these alone: of two shifts that a regression cannot tell
apart, the more probable one is the one that is heard. On the embedded corpus's voice, a shift that
is predicted to give 4 st gave 0.7 where every dimension was scaled by itself, and 3.0 so.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

HELD = 0.25
"""Share of an attribute's variance that z must explain on recordings left out, to be said to hold
it; a direction for less would move z far to move the attribute by chance."""

PENALTIES = tuple(10.0**power for power in range(-1, 5))
_FOLDS = 5


@dataclass(frozen=True)
class Regression:
    """Attributes as linear functions of z.

    Attributes:
        r2: (attributes,) share of variance explained on recordings left out.
        steps: (attributes, width) shift of z, the most probable one that changes one attribute by 1
            as predicted and no other of those that are held; NaN where z does not hold it.
        penalty: of the ridge, chosen by the recordings left out.
    """

    r2: Floats
    steps: Floats
    penalty: float

    @property
    def held(self) -> NDArray[np.bool_]:
        """(attributes,) which attributes z holds."""
        return self.r2 >= HELD


def regress(
    z: Floats, attributes: Floats, speakers: Sequence[str | None], seed: int = 0
) -> Regression:
    """Regress attributes on z within speakers (each speaker's means are taken out of both).

    Args:
        z: (recordings, width) posterior means.
        attributes: (recordings, attributes); rows with NaN are left out.
        speakers: of each recording.
        seed: which recordings are left out together.

    Raises:
        ValueError: fewer recordings than it takes.
    """
    defined = ~np.isnan(attributes).any(1)
    names = np.array([speaker or "" for speaker in speakers])[defined]
    z, values = _within(z[defined], names), _within(attributes[defined], names)
    if len(z) < 4 * z.shape[1]:
        raise ValueError(
            f"expected {4 * z.shape[1]} recordings or more for a z of {z.shape[1]} numbers, got "
            f"{len(z)} with every attribute defined; give a larger corpus"
        )
    axes = _axes(z)
    scale = _scale(values)
    z, values = z @ np.linalg.pinv(axes), values / scale
    folds = np.random.default_rng(seed).permutation(len(z)) % _FOLDS
    scores = np.array([_left_out_r2(z, values, folds, penalty) for penalty in PENALTIES])
    best = int(scores.mean(1).argmax())
    r2 = scores[best]
    held = r2 >= HELD
    weights = _ridge(z, values[:, held], PENALTIES[best])
    # the shortest solution of weights^T step = one unit of one attribute, in units of the axes
    shortest = np.linalg.pinv(weights.T).T
    steps = np.full((values.shape[1], axes.shape[1]), np.nan)
    steps[held] = shortest @ axes / scale[held, None]
    return Regression(r2, steps, PENALTIES[best])


def _within(values: Floats, names: NDArray[np.str_]) -> Floats:
    """Values without the mean of their speaker."""
    result = values.copy()
    for name in np.unique(names):
        result[names == name] -= values[names == name].mean(0)
    return result


def _axes(z: Floats) -> Floats:
    """Principal axes of z, each as long as its standard deviation: (axes, width).

    Axes along which nothing varies are left out: no recording says what they do.
    """
    variances, vectors = np.linalg.eigh(z.T @ z / len(z))
    real = variances > 1e-9 * variances.max()
    return np.asarray((vectors[:, real] * np.sqrt(variances[real])).T, dtype=np.float64)


def _scale(values: Floats) -> Floats:
    """Standard deviations; 1 where nothing varies, so that it stays 0."""
    deviation = values.std(0)
    return np.where(deviation > 1e-9, deviation, 1.0)


def _ridge(z: Floats, values: Floats, penalty: float) -> Floats:
    """Weights (width, attributes) of ridge regression through the origin."""
    gram = z.T @ z + penalty * np.eye(z.shape[1])
    return np.asarray(np.linalg.solve(gram, z.T @ values), dtype=np.float64)


def _left_out_r2(z: Floats, values: Floats, folds: NDArray[np.int64], penalty: float) -> Floats:
    """(attributes,) 1 - residual / total squares, each recording predicted by the other folds."""
    residual = np.empty_like(values)
    for fold in range(_FOLDS):
        out = folds == fold
        residual[out] = values[out] - z[out] @ _ridge(z[~out], values[~out], penalty)
    total = (values**2).sum(0)
    return np.where(total > 0, 1 - (residual**2).sum(0) / np.where(total > 0, total, 1.0), 0.0)
