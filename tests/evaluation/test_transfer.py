"""Style that arrives whole, halved, turned round or not at all; spreads known by hand."""

import math

import numpy as np
import pytest

from tts_vae.evaluation.measures.diversity import spread
from tts_vae.evaluation.voices.own_level import pooled_spread
from tts_vae.evaluation.voices.transfer import transfer

REFERENCE = np.array([-3.0, -1.0, 0.0, 1.0, 3.0])


def test_the_whole_style():
    found = transfer(REFERENCE, REFERENCE)
    assert found.spearman == pytest.approx(1) and found.slope == pytest.approx(1)
    assert (found.n, found.mae, found.bias) == (5, 0, 0)


def test_half_of_it_and_half_a_semitone_up():
    found = transfer(REFERENCE, 0.5 * REFERENCE + 0.5)
    assert found.spearman == pytest.approx(1)  # in order, if too weak
    assert found.slope == pytest.approx(0.5)
    assert found.bias == pytest.approx(0.5)
    # outputs -1, 0, 0.5, 1, 2: off by 2, 1, 0.5, 0, -1
    assert found.mae == pytest.approx(0.9)


def test_turned_round():
    found = transfer(REFERENCE, -REFERENCE)
    assert found.spearman == pytest.approx(-1) and found.slope == pytest.approx(-1)
    assert found.low <= -0.99


def test_undefined_pairs_are_left_out_and_counted():
    output = REFERENCE.copy()
    output[1] = math.nan
    found = transfer(REFERENCE, output)
    assert (found.n, found.undefined) == (4, 1) and found.mae == 0
    none = transfer([math.nan], [1.0])
    assert none.n == 0 and none.undefined == 1 and math.isnan(none.mae)


def test_a_voice_that_ignores_the_style():
    found = transfer(REFERENCE, np.full(5, 2.0))
    assert math.isnan(found.spearman) and found.slope == pytest.approx(0)
    same = transfer(np.full(5, 2.0), REFERENCE)
    assert math.isnan(same.spearman) and math.isnan(same.slope)


def test_lists_must_pair():
    with pytest.raises(ValueError, match="one output for each pair"):
        transfer([1.0, 2.0], [1.0])


def test_spread_of_columns():
    # deviations -1, 0, 1 and nothing but one value
    found = spread([[1.0, 5.0], [2.0, math.nan], [3.0, math.nan]])
    assert found[0] == pytest.approx(1) and math.isnan(found[1])


def test_spread_within_groups():
    # a: 1, 3 (squares 2); b: 10, 10, 13 (squares 6); 8 over 5 - 2
    values, groups = [1.0, 3.0, 10.0, 10.0, 13.0, math.nan], ["a", "a", "b", "b", "b", "b"]
    assert pooled_spread(values, groups) == pytest.approx(math.sqrt(8 / 3))
    assert math.isnan(pooled_spread([1.0, 2.0], ["a", "b"]))
