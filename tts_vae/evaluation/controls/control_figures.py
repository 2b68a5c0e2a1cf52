"""Do the controls do what they say? Realised against requested, and what else moved.

Definitions, as for every figure of a control:

* a request and what came of it are changes relative to the same sentence's usual rendering, in
  semitones, decibels, or octaves (log2) of a factor;
* calibration regresses realised on requested over all sentences and settings; the mean absolute
  error and its 95th percentile leave the neutral setting out, whose error is 0 by construction;
* Spearman's rho is that of each sentence over the settings, averaged;
* entry ij of the leakage matrix is the slope of attribute j, in standard deviations of natural
  speech, on the request of control i, in standard deviations of the same; reported is the largest
  magnitude off the diagonal over that on it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tts_vae.evaluation.measures.smoothness import rank_correlation
from tts_vae.evaluation.measures.summary import bootstrap_interval

Floats = NDArray[np.float64]


LEAST_SD = 0.01
"""Spread of natural speech (st, dB, octaves) below which it is no yardstick: recordings that were
all brought to one level do not tell how much levels vary."""


@dataclass(frozen=True)
class CalibrationError:
    """Realised against requested.

    Attributes:
        n: sentences times settings with a defined value, the neutral setting left out.
        undefined: those without one; never counted as 0.
        mae: mean absolute error.
        mae_low: lower end of its bootstrap 95 % interval over sentences.
        mae_high: upper end.
        p95: 95th percentile of the absolute error.
        slope: of realised on requested, neutral included.
        intercept: likewise.
        r2: share of the variance of realised that the line explains.
        spearman: rank correlation over the settings, of each sentence, averaged.
    """

    n: int
    undefined: int
    mae: float
    mae_low: float
    mae_high: float
    p95: float
    slope: float
    intercept: float
    r2: float
    spearman: float


def calibration_error(requested: ArrayLike, realised: ArrayLike, seed: int = 0) -> CalibrationError:
    """Compare what came of requests with the requests.

    Args:
        requested: (settings,) or (settings, sentences).
        realised: (settings, sentences), NaN where undefined.
        seed: of the bootstrap.

    Raises:
        ValueError: the shapes do not fit, or there are fewer than two settings.
    """
    came = np.asarray(realised, dtype=np.float64)
    asked = np.asarray(requested, dtype=np.float64)
    asked = asked[:, None] if asked.ndim == 1 else asked
    if came.ndim != 2 or len(came) < 2 or asked.shape[0] != len(came):
        raise ValueError(
            f"expected realised (settings, sentences) with two settings or more and a request for "
            f"each, got shapes {came.shape} and {asked.shape}; stack one row a setting"
        )
    asked = np.broadcast_to(asked, came.shape)
    off = np.where(asked == 0, np.nan, np.abs(came - asked))
    errors = off[~np.isnan(off)]
    per_sentence = _mean(off.T)
    known = per_sentence[~np.isnan(per_sentence)]
    nan = float("nan")
    low, high = bootstrap_interval(known, _mean_of, seed=seed) if len(known) else (nan, nan)
    slope, intercept, r2 = line_through(asked, came)
    rhos = [rank_correlation(x, y) for x, y in zip(asked.T, came.T, strict=True)]
    return CalibrationError(
        n=len(errors),
        undefined=int((np.isnan(came) & (asked != 0)).sum()),
        mae=float(errors.mean()) if len(errors) else nan,
        mae_low=low,
        mae_high=high,
        p95=float(np.percentile(errors, 95)) if len(errors) else nan,
        slope=slope,
        intercept=intercept,
        r2=r2,
        spearman=float(_mean(np.array([rhos]))[0]),
    )


def line_through(x: ArrayLike, y: ArrayLike) -> tuple[float, float, float]:
    """Slope, intercept and R2 of y on x by least squares; NaN where x or y does not vary.

    Pairs with NaN are left out.
    """
    x, y = np.asarray(x, dtype=np.float64).ravel(), np.asarray(y, dtype=np.float64).ravel()
    defined = ~(np.isnan(x) | np.isnan(y))
    x, y = x[defined], y[defined]
    if len(x) < 2 or np.ptp(x) == 0:
        nan = float("nan")
        return nan, nan, nan
    dx, dy = x - x.mean(), y - y.mean()
    slope = float((dx * dy).sum() / (dx**2).sum())
    total = float((dy**2).sum())
    residual = float(((dy - slope * dx) ** 2).sum())
    r2 = 1 - residual / total if total > 0 else float("nan")
    return slope, float(y.mean() - slope * x.mean()), r2


@dataclass(frozen=True)
class Leakage:
    """What else a control moves.

    Attributes:
        controls: names of the rows.
        attributes: names of the columns; the control of the same name stands on the diagonal.
        matrix: (controls, attributes) slopes, standard deviations per standard deviation.
        ratios: (controls, attributes) magnitude over that on the row's diagonal, which is 1.
        worst: largest ratio off the diagonal among attributes that have a control; NaN if none.
    """

    controls: tuple[str, ...]
    attributes: tuple[str, ...]
    matrix: Floats
    ratios: Floats
    worst: float

    def summary(self) -> dict[str, Any]:
        """Plain numbers: row -> column -> slope and ratio."""
        return {
            "matrix": _named(self.controls, self.attributes, self.matrix),
            "ratios": _named(self.controls, self.attributes, self.ratios),
            "worst": self.worst,
        }


def leakage(
    requested: Mapping[str, ArrayLike],
    changes: Mapping[str, ArrayLike],
    attributes: Sequence[str],
    natural_sd: Sequence[float],
) -> Leakage:
    """Leakage matrix.

    Args:
        requested: control -> (settings,).
        changes: control -> (settings, sentences, attributes) relative to the usual rendering.
        attributes: names of the last axis; every control is among them.
        natural_sd: (attributes,) standard deviations of natural speech on the same scales; one
            below ``LEAST_SD`` makes the attribute's entries NaN.

    Raises:
        ValueError: a control has no attribute of its name, or the sizes differ.
    """
    columns, spread = list(attributes), np.asarray(natural_sd, dtype=np.float64)
    if len(spread) != len(columns) or not set(requested) <= set(columns):
        raise ValueError(
            f"expected an attribute and a standard deviation for each control of "
            f"{sorted(requested)}, got {columns} and {len(spread)}; name them alike"
        )
    spread = np.where(spread > LEAST_SD, spread, np.nan)
    rows = []
    for control, asked in requested.items():
        came = np.asarray(changes[control], dtype=np.float64)
        x = np.broadcast_to(np.asarray(asked, dtype=np.float64)[:, None], came.shape[:2])
        slopes = np.array([line_through(x, came[:, :, j])[0] for j in range(len(columns))])
        rows.append(slopes * spread[columns.index(control)] / spread)
    matrix = np.array(rows)
    ratios = np.full_like(matrix, np.nan)
    off: list[float] = []
    for i, control in enumerate(requested):
        diagonal = abs(matrix[i, columns.index(control)])
        if diagonal > 1e-3:  # else there is no control to compare with
            ratios[i] = np.abs(matrix[i]) / diagonal
            off += [ratios[i, columns.index(j)] for j in requested if j != control]
    known = [value for value in off if not np.isnan(value)]
    worst = max(known) if known else float("nan")
    return Leakage(tuple(requested), tuple(columns), matrix, ratios, float(worst))


def _mean(rows: Floats) -> Floats:
    """Mean of what is defined in each row; NaN where nothing is."""
    defined = ~np.isnan(rows)
    count = defined.sum(1)
    total = np.where(defined, rows, 0.0).sum(1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _mean_of(values: Floats) -> float:
    return float(values.mean())


def _named(
    rows: Sequence[str], columns: Sequence[str], table: Floats
) -> dict[str, dict[str, float]]:
    return {
        row: {column: float(table[i, j]) for j, column in enumerate(columns)}
        for i, row in enumerate(rows)
    }
