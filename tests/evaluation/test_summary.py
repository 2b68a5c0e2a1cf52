import math

import numpy as np
import pytest

from tts_vae.evaluation.measures.summary import bootstrap_interval, summarise


def test_undefined_values_are_counted_and_left_out():
    summary = summarise([1.0, float("nan"), 3.0, 2.0, float("nan")])
    assert (summary.n, summary.undefined, summary.median) == (3, 2, 2.0)
    # linear interpolation: 95 % of the way over [1, 2, 3] is index 1.9
    assert summary.p95 == pytest.approx(2.9)
    assert 1.0 <= summary.low <= 2.0 <= summary.high <= 3.0


def test_nothing_defined_is_nan():
    summary = summarise([float("nan")])
    assert (summary.n, summary.undefined) == (0, 1)
    assert math.isnan(summary.median) and math.isnan(summary.high)


def test_interval_of_a_mean_matches_the_normal_one():
    values = np.random.default_rng(1).normal(5, 2, 400)
    low, high = bootstrap_interval(values, lambda x: float(x.mean()), resamples=2000)
    half = 1.96 * values.std() / 20
    assert low == pytest.approx(values.mean() - half, abs=0.03)
    assert high == pytest.approx(values.mean() + half, abs=0.03)


def test_interval_is_deterministic_and_needs_items():
    assert bootstrap_interval([1, 2, 5]) == bootstrap_interval([1, 2, 5])
    assert bootstrap_interval([4, 4, 4]) == (4.0, 4.0)
    with pytest.raises(ValueError, match="at least one item"):
        bootstrap_interval([])
