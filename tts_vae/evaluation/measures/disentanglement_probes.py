"""What can be predicted from a code: boosted trees for DCI, one-dimensional predictors for SAP.

scikit-learn's fast histogram boosting gives no importances, so DCI here uses its exact gradient
boosting with few, shallow trees (``TREES`` of depth ``DEPTH`` on half of the items each) and their
impurity importances, which sum to one for each factor.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

TREES = 50
DEPTH = 3
_DEAD_VARIANCE = 1e-12

Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class Boosted:
    """Gradient-boosted predictors of each factor from a code.

    Attributes:
        importances: R, (dimensions, factors); every column sums to 1, or to 0 where no split helps.
        informativeness: factor -> accuracy (labels) or R2 (numbers) on the held-out items.
    """

    importances: Matrix
    informativeness: dict[str, float]


def importances(
    codes: Matrix, factors: Mapping[str, NDArray[Any]], held_out: NDArray[np.bool_], seed: int = 0
) -> Boosted:
    """Learn each factor from the items that are not held out.

    Args:
        codes: (items, dimensions).
        factors: name -> (items,) floats for amounts, anything else for labels.
        held_out: (items,) where the predictors are judged.
        seed: of the draws of items.
    """
    from sklearn.ensemble import GradientBoostingClassifier, GradientBoostingRegressor

    learn = ~held_out
    columns, judged = [], {}
    for name, values in factors.items():
        kind = GradientBoostingRegressor if values.dtype.kind == "f" else GradientBoostingClassifier
        if len(np.unique(values[learn])) < 2:  # constant where it would be learned
            columns.append(np.zeros(codes.shape[1]))
            judged[name] = float("nan")
            continue
        model = kind(n_estimators=TREES, max_depth=DEPTH, subsample=0.5, random_state=seed)
        model.fit(codes[learn], values[learn])
        columns.append(model.feature_importances_)
        judged[name] = float(model.score(codes[held_out], values[held_out]))
    return Boosted(np.stack(columns, axis=1), judged)


def separated_scores(
    codes: Matrix, factors: Mapping[str, NDArray[Any]], held_out: NDArray[np.bool_]
) -> Matrix:
    """How well each dimension alone predicts each factor, (dimensions, factors), 0 to 1.

    For an amount the squared correlation over all items (Kumar et al. 2018, equation for the
    regression score); for a label the balanced accuracy, on held-out items, of a linear
    discriminant learned on the others. A dimension that never changes scores 0.

    Args:
        codes: (items, dimensions).
        factors: name -> (items,) floats for amounts, anything else for labels.
        held_out: (items,) where discriminants are judged.
    """
    scores = np.zeros((codes.shape[1], len(factors)))
    for dimension in np.flatnonzero(codes.var(0) > _DEAD_VARIANCE):
        z = codes[:, dimension]
        for column, values in enumerate(factors.values()):
            if values.dtype.kind == "f":
                scores[dimension, column] = np.corrcoef(z, values)[0, 1] ** 2
            else:
                scores[dimension, column] = _balanced_accuracy(z, values, held_out)
    return scores


def _balanced_accuracy(
    z: NDArray[np.float64], labels: NDArray[Any], held_out: NDArray[np.bool_]
) -> float:
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    learned = np.unique(labels[~held_out])
    if len(learned) < 2 or np.var(z[~held_out]) <= _DEAD_VARIANCE:
        return 0.0
    # the same weight for every class, as the accuracy is balanced
    model = LinearDiscriminantAnalysis(
        solver="lsqr", priors=np.full(len(learned), 1 / len(learned))
    )
    guesses = model.fit(z[~held_out, None], labels[~held_out]).predict(z[held_out, None])
    truth = labels[held_out]
    return float(np.mean([np.mean(guesses[truth == name] == name) for name in np.unique(truth)]))
