"""Does each dimension of a code carry one factor? MIG, DCI, SAP and modularity of a table.

A table is codes (items, dimensions), the posterior means of a latent, beside factors, each (items,)
of numbers or of labels. A factor that never changes is dropped; a dimension that never changes is
dead and scores 0.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tts_vae.evaluation.measures.disentanglement_probes import importances, separated_scores

BINS = 20

Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class Disentanglement:
    """How well the dimensions of a code separate known factors; all figures are 1 at best.

    Attributes:
        items: rows of the table.
        factors: names of the factors that vary, in the order of the columns below.
        mig: mutual information gap with bins of equal width, mean over factors.
        mig_quantile: the same with bins of equal count.
        mig_of_factor: factor -> its gap, bins of equal width.
        disentanglement: DCI: does a dimension serve one factor?
        completeness: DCI: does one dimension serve a factor?
        informativeness: factor -> accuracy (labels) or R2 (numbers) on items not learned from.
        sap: separated attribute predictability, mean over factors.
        modularity: does a dimension know of one factor only? NaN with fewer than two factors.
        importances: (dimensions, factors) the matrix R behind DCI.
    """

    items: int
    factors: tuple[str, ...]
    mig: float
    mig_quantile: float
    mig_of_factor: Mapping[str, float]
    disentanglement: float
    completeness: float
    informativeness: Mapping[str, float]
    sap: float
    modularity: float
    importances: tuple[tuple[float, ...], ...]

    def summary(self) -> dict[str, Any]:
        """Plain numbers for a metrics file."""
        return asdict(self)


def disentanglement(
    codes: ArrayLike,
    factors: Mapping[str, ArrayLike],
    held_out: ArrayLike | None = None,
    seed: int = 0,
) -> Disentanglement:
    """All figures of one table.

    MIG and modularity use every row; DCI and SAP learn from the rows that are not held out and are
    judged on the others.

    Args:
        codes: (items, dimensions) posterior means.
        factors: name -> (items,) numbers, or labels (strings, integers or booleans are labels).
        held_out: (items,) bool; every fifth row if None.
        seed: of the boosted trees.

    Raises:
        ValueError: the shapes do not belong together, a number is not finite, or no factor varies.
    """
    z, known = _checked(codes, factors)
    test = np.arange(len(z)) % 5 == 4 if held_out is None else np.asarray(held_out, dtype=np.bool_)
    if test.shape != (len(z),) or not test.any() or test.all():
        raise ValueError(
            f"expected held_out ({len(z)},) with some rows on either side, got {test.shape} with "
            f"{int(test.sum())} held out; mark the rows of the test split"
        )
    gaps = information_gaps(z, known)
    boosted = importances(z, known, test, seed)
    return Disentanglement(
        items=len(z),
        factors=tuple(known),
        mig=float(np.mean(list(gaps.values()))),
        mig_quantile=float(np.mean(list(information_gaps(z, known, quantile=True).values()))),
        mig_of_factor=gaps,
        disentanglement=dci_disentanglement(boosted.importances),
        completeness=dci_completeness(boosted.importances),
        informativeness=boosted.informativeness,
        sap=score_gap(separated_scores(z, known, test)),
        modularity=modularity(information_table(z, known)),
        importances=tuple(tuple(map(float, row)) for row in boosted.importances),
    )


def information_gaps(
    codes: ArrayLike, factors: Mapping[str, ArrayLike], bins: int = BINS, quantile: bool = False
) -> dict[str, float]:
    """(MI of the best dimension - MI of the second) / entropy, of every factor that varies.

    Chen et al. 2018 (arXiv 1802.04942), equation 6, with the posterior mean as the code. Codes, and
    factors that are numbers of more than ``bins`` values, are cut into bins. Mutual information is
    that of the counts; its bias, about bins^2 / (2 items) nats, is in both terms of the difference.

    Args:
        codes: (items, dimensions).
        factors: name -> (items,) numbers or labels.
        bins: number of bins.
        quantile: bins of equal count, not of equal width.
    """
    z, known = _checked(codes, factors)
    information = information_table(z, known, bins, quantile)
    gaps = {}
    for column, (name, values) in enumerate(known.items()):
        ordered = np.sort(information[:, column])[::-1]
        second = ordered[1] if len(ordered) > 1 else 0.0
        entropy = _entropy(np.bincount(_symbols(values, bins, quantile)))
        gaps[name] = float((ordered[0] - second) / entropy)
    return gaps


def information_table(
    codes: ArrayLike, factors: Mapping[str, ArrayLike], bins: int = BINS, quantile: bool = False
) -> Matrix:
    """Mutual information in nats of every dimension with every factor, (dimensions, factors)."""
    z, known = _checked(codes, factors)
    targets = [_symbols(values, bins, quantile) for values in known.values()]
    rows = []
    for dimension in z.T:
        binned = bin_values(dimension, bins, quantile)
        rows.append([mutual_information(binned, target) for target in targets])
    return np.array(rows)


def bin_values(values: ArrayLike, bins: int = BINS, quantile: bool = False) -> NDArray[np.int64]:
    """Numbers (items,) -> the bin of each, 0 to ``bins - 1``; equal numbers share a bin.

    Args:
        values: finite numbers.
        bins: number of bins between the smallest and the largest value.
        quantile: edges at the quantiles (bins of equal count), not equally far apart.
    """
    x = np.asarray(values, dtype=np.float64)
    if np.ptp(x) == 0:
        return np.zeros(len(x), dtype=np.int64)
    if quantile:
        edges = np.quantile(x, np.linspace(0, 1, bins + 1))
    else:
        edges = np.linspace(x.min(), x.max(), bins + 1)
    return np.digitize(x, edges[1:-1]).astype(np.int64)


def mutual_information(first: ArrayLike, second: ArrayLike) -> float:
    """Mutual information in nats of two lists of whole numbers >= 0, from their joint counts."""
    a, b = np.asarray(first), np.asarray(second)
    table = np.zeros((int(a.max()) + 1, int(b.max()) + 1))
    np.add.at(table, (a, b), 1.0)
    found = _entropy(table.sum(1)) + _entropy(table.sum(0)) - _entropy(table.ravel())
    return max(found, 0.0)


def dci_disentanglement(importance: ArrayLike) -> float:
    """Sum over dimensions of weight x (1 - entropy of the row in base factors).

    Eastwood & Williams 2018 (ICLR), section 2: rows of R made to sum to one are P; a dimension
    counts by its share of all importance, so that a dead one counts nothing.

    Args:
        importance: R, (dimensions, factors), 0 or more. NaN for a single factor, or where R is 0.
    """
    rows = np.asarray(importance, dtype=np.float64)
    return _sharpness(rows)


def dci_completeness(importance: ArrayLike) -> float:
    """As :func:`dci_disentanglement`, of the columns, in base dimensions; weighted alike."""
    return _sharpness(np.asarray(importance, dtype=np.float64).T)


def score_gap(scores: ArrayLike) -> float:
    """SAP: best minus second best score over dimensions, mean over factors.

    Kumar et al. 2018 (arXiv 1711.00848), section 3.

    Args:
        scores: (dimensions, factors), 0 for a dead dimension.
    """
    ordered = np.sort(np.asarray(scores, dtype=np.float64), axis=0)[::-1]
    second = ordered[1] if len(ordered) > 1 else np.zeros(ordered.shape[1])
    return float(np.mean(ordered[0] - second))


def modularity(information: ArrayLike) -> float:
    """Mean over dimensions of 1 - (sum_j m_j^2 - max) / (max (K - 1)), 0 for a dead one.

    Ridgeway & Mozer 2018 (arXiv 1802.05312), equation 2; ``max`` is the largest m_j^2.

    Args:
        information: m, (dimensions, K factors). NaN for fewer than two factors.
    """
    squares = np.asarray(information, dtype=np.float64) ** 2
    factors = squares.shape[1]
    if factors < 2:
        return float("nan")
    largest = squares.max(1)
    alive = largest > 0
    rest = squares.sum(1) - largest
    spread = np.divide(rest, largest * (factors - 1), out=np.ones(len(rest)), where=alive)
    return float(np.mean(1 - spread))


def _sharpness(matrix: Matrix) -> float:
    total = matrix.sum()
    if matrix.shape[1] < 2 or total <= 0:
        return float("nan")
    scores = [1 - _entropy(row) / math.log(len(row)) if row.sum() > 0 else 0.0 for row in matrix]
    return float(np.dot(matrix.sum(1) / total, scores))


def _entropy(counts: ArrayLike) -> float:
    weights = np.asarray(counts, dtype=np.float64)
    weights = weights[weights > 0]
    share = weights / weights.sum()
    return float(-(share * np.log(share)).sum())


def _symbols(values: NDArray[Any], bins: int, quantile: bool) -> NDArray[np.int64]:
    """A factor as whole numbers: labels numbered, numbers of many values cut into bins."""
    distinct, numbers = np.unique(values, return_inverse=True)
    if is_label(values) or len(distinct) <= bins:
        return numbers.astype(np.int64)
    return bin_values(values, bins, quantile)


def is_label(values: NDArray[Any]) -> bool:
    """Whether a factor names classes (strings, integers, booleans) rather than amounts."""
    return values.dtype.kind != "f"


def _checked(
    codes: ArrayLike, factors: Mapping[str, ArrayLike]
) -> tuple[Matrix, dict[str, NDArray[Any]]]:
    """Codes as a finite matrix; factors as arrays, those that never change dropped."""
    z = np.asarray(codes, dtype=np.float64)
    if z.ndim != 2 or not z.size or not np.isfinite(z).all():
        raise ValueError(
            f"expected finite codes (items, dimensions), got shape {z.shape}; give the posterior "
            "mean of each item, flattened over steps"
        )
    known: dict[str, NDArray[Any]] = {}
    for name, given in factors.items():
        values = np.asarray(given)
        if values.shape != (len(z),):
            raise ValueError(
                f"factor {name}: expected ({len(z)},) values, got {values.shape}; one an item"
            )
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            raise ValueError(
                f"factor {name}: expected finite numbers, got NaN or infinity; leave out the items "
                "where it is not known"
            )
        if len(np.unique(values)) > 1:
            known[name] = values
    if not known:
        raise ValueError(
            f"expected a factor that varies, got {sorted(factors) or 'none'}; choose more items"
        )
    return z, known
