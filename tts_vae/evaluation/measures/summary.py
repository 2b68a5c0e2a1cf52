"""Summaries of measured values: n, median, 95th percentile, bootstrap interval, undefined ones."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Statistic = Callable[[NDArray[np.float64]], float]


@dataclass(frozen=True)
class Summary:
    """A metric over items.

    Attributes:
        n: items with a defined value.
        undefined: items whose value is NaN; never counted as 0.
        median: of the defined values; NaN where there are none.
        p95: 95th percentile of the defined values (linear interpolation).
        low: lower end of the bootstrap 95 % interval of the median.
        high: upper end.
    """

    n: int
    undefined: int
    median: float
    p95: float
    low: float
    high: float


def summarise(values: ArrayLike, seed: int = 0) -> Summary:
    """Summarise per-item values, NaN where a value is undefined."""
    array = np.asarray(values, dtype=np.float64).ravel()
    defined = array[~np.isnan(array)]
    if not len(defined):
        nan = float("nan")
        return Summary(0, len(array), nan, nan, nan, nan)
    low, high = bootstrap_interval(defined, seed=seed)
    return Summary(
        n=len(defined),
        undefined=len(array) - len(defined),
        median=float(np.median(defined)),
        p95=float(np.percentile(defined, 95)),
        low=low,
        high=high,
    )


def bootstrap_interval(
    items: ArrayLike,
    statistic: Statistic | None = None,
    level: float = 0.95,
    resamples: int = 1000,
    seed: int = 0,
) -> tuple[float, float]:
    """Percentile bootstrap interval (Efron 1979) of a statistic over items drawn with replacement.

    Args:
        items: (items, ...) one row an item; resampling keeps rows whole.
        statistic: rows to number; the median of all values if None.
        level: probability inside the interval.
        resamples: number of bootstrap samples.
        seed: of the draws.

    Raises:
        ValueError: no item.
    """
    rows = np.asarray(items, dtype=np.float64)
    if rows.ndim == 0 or not len(rows):
        raise ValueError("expected at least one item to resample, got none; measure some first")
    measure: Statistic = statistic if statistic is not None else lambda x: float(np.median(x))
    generator = np.random.default_rng(seed)
    draws = [measure(rows[generator.integers(0, len(rows), len(rows))]) for _ in range(resamples)]
    tail = 100 * (1 - level) / 2
    low, high = np.nanpercentile(draws, [tail, 100 - tail])
    return float(low), float(high)


def require_pairs(first: Sequence[object], second: Sequence[object], what: str) -> None:
    """Check that two lists pair up.

    Raises:
        ValueError: their lengths differ.
    """
    if len(first) != len(second):
        raise ValueError(
            f"expected as many {what} on both sides, got {len(first)} and {len(second)}; "
            "pass them in the same order, one per utterance"
        )
