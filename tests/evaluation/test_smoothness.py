"""Steps between styles: known ranks and jumps."""

import math

import numpy as np
import pytest

from tts_vae.evaluation.measures.smoothness import farthest_pairs, rank_correlation, smoothness


def test_an_even_line():
    found = smoothness(np.linspace(2, -6, 9))
    assert found.spearman == pytest.approx(-1)
    assert found.largest_jump == pytest.approx(1)
    assert found.change == -8


def test_one_jump_takes_it_all():
    found = smoothness([0] * 5 + [1] * 4)
    assert found.largest_jump == pytest.approx(8)  # 1 over a mean of 1/8
    # mean ranks 3 and 7.5 of nine steps
    assert found.spearman == pytest.approx(math.sqrt(3) / 2 * math.sqrt(80 / 81) * 1.0062, rel=2e-3)


def test_a_step_back_costs_rank():
    # 1 - 6 sum d^2 / (n (n^2 - 1)) with one neighbouring pair exchanged among nine
    assert smoothness([0, 1, 2, 4, 3, 5, 6, 7, 8]).spearman == pytest.approx(1 - 6 * 2 / 720)


def test_undefined_steps():
    for values in ([1.0] * 9, [1.0, math.nan, 2.0]):
        found = smoothness(values)
        assert math.isnan(found.spearman) and math.isnan(found.largest_jump)
    assert smoothness([1.0] * 9).change == 0
    with pytest.raises(ValueError, match="three steps or more"):
        smoothness([1.0, 2.0])


def test_rank_correlation_takes_mean_ranks_and_leaves_nan_out():
    assert rank_correlation([1, 2, 3], [10, 100, 1000]) == pytest.approx(1)
    assert rank_correlation([1, 2, 3, math.nan], [3, 2, 1, 0]) == pytest.approx(-1)
    # ranks (1, 2.5, 2.5, 4) against (1, 2, 3, 4): 4.5 / sqrt(4.5 * 5)
    assert rank_correlation([1, 2, 2, 3], [1, 2, 3, 4]) == pytest.approx(4.5 / math.sqrt(22.5))
    assert math.isnan(rank_correlation([1, 1], [1, 2]))
    assert math.isnan(rank_correlation([1], [1]))


def test_farthest_pairs_use_no_row_twice():
    points = np.array([[0.0], [1.0], [9.0], [10.0], [math.nan]])
    assert farthest_pairs(points, 1) == [(0, 3)]
    assert farthest_pairs(points, 5) == [(0, 3), (1, 2)]
    assert farthest_pairs(points[:1], 3) == []
