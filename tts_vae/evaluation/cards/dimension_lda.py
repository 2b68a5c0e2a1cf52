"""Which single dimension of a latent tells two kinds of recordings apart?

Linear discriminant analysis of one dimension at a time: how Hsu et al. 2019 (arXiv 1810.07217,
section 4.2) find the dimension of their latent that carries background noise.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

FOLDS = 5

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class DimensionLda:
    """How well each dimension alone separates labelled recordings.

    Attributes:
        labels: the classes, in order of appearance.
        shares: (classes,) share of the recordings of each.
        means: (classes, width) mean of every class.
        fisher: (width,) variance between classes over variance within; 0 says nothing, inf is
            perfect, NaN a dimension that never varies.
        accuracy: (width,) share of held-out recordings whose class the dimension alone tells.
        baseline: accuracy of always saying the most frequent class.
    """

    labels: tuple[Hashable, ...]
    shares: Floats
    means: Floats
    fisher: Floats
    accuracy: Floats
    baseline: float

    @property
    def best(self) -> int:
        """The dimension with the largest Fisher ratio."""
        return int(np.where(np.isnan(self.fisher), -1.0, self.fisher).argmax())


def dimension_lda(codes: ArrayLike, labels: Sequence[Hashable], folds: int = FOLDS) -> DimensionLda:
    """Analyse every dimension on its own.

    With class means m_c, shares p_c, overall mean m and the variance within classes s^2 pooled over
    them, Fisher's ratio is sum_c p_c (m_c - m)^2 / s^2, and the linear discriminant gives x to the
    class with the largest x m_c / s^2 - m_c^2 / (2 s^2) + log p_c. The accuracy is of
    cross-validation: recording i is told by a discriminant of the recordings outside its fold,
    where folds deal the recordings of each class out in turn.

    Args:
        codes: (recordings, width) posterior means.
        labels: what is known of each recording; None leaves it out.
        folds: of the cross-validation.

    Raises:
        ValueError: the shapes do not belong together, there are fewer than two classes, or a class
            has fewer than two recordings.
    """
    x = np.asarray(codes, dtype=np.float64)
    if x.ndim != 2 or len(x) != len(labels):
        raise ValueError(
            f"expected codes (recordings, width) and a label for each, got {x.shape} and "
            f"{len(labels)} labels; pass them in the same order"
        )
    if folds < 2:
        raise ValueError(f"folds must be 2 or more, got {folds}")
    known = np.array([label is not None for label in labels], dtype=bool)
    kept = [label for label in labels if label is not None]
    names = {label: number for number, label in enumerate(dict.fromkeys(kept))}
    y = np.array([names[label] for label in kept], dtype=np.int64)
    x = x[known]
    counts = np.bincount(y, minlength=len(names))
    if len(names) < 2 or counts.min() < 2:
        found = ", ".join(f"{label!r} {count}" for label, count in zip(names, counts, strict=True))
        raise ValueError(
            f"expected two classes or more with two recordings or more each, got {found or 'none'};"
            " choose another label or more recordings"
        )
    means, within, shares = _fit(x, y, len(names))
    between = shares @ (means - shares @ means) ** 2
    with np.errstate(divide="ignore", invalid="ignore"):
        fisher = between / within
    fold = np.empty(len(y), dtype=np.int64)
    for number in range(len(names)):  # every class in every fold, as far as it reaches
        fold[y == number] = np.arange(counts[number]) % folds
    right = np.zeros(x.shape[1])
    for held_out in range(folds):
        inside = fold == held_out
        if inside.any():
            told = _discriminate(x[inside], *_fit(x[~inside], y[~inside], len(names)))
            right += (told == y[inside, None]).sum(0)
    return DimensionLda(
        labels=tuple(names),
        shares=shares,
        means=means,
        fisher=fisher,
        accuracy=right / len(y),
        baseline=float(shares.max()),
    )


def _fit(x: Floats, y: NDArray[np.int64], classes: int) -> tuple[Floats, Floats, Floats]:
    """Class means (classes, width), pooled variance (width,) and shares (classes,)."""
    means = np.stack([x[y == number].mean(0) for number in range(classes)])
    within = ((x - means[y]) ** 2).mean(0)
    return means, within, np.bincount(y, minlength=classes) / len(y)


def _discriminate(x: Floats, means: Floats, within: Floats, shares: Floats) -> NDArray[np.int64]:
    """Class of each recording by each dimension, (recordings, width).

    The scores are multiplied by the variance, so that one of zero leaves the nearest mean.
    """
    scores = (
        x[:, None, :] * means - means**2 / 2 + within * np.log(shares)[:, None]
    )  # (recordings, classes, width)
    return np.asarray(scores.argmax(1))
