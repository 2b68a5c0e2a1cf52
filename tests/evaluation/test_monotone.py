import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts_vae.evaluation.controls.monotone import inverse_knots, isotonic


def test_violators_are_pooled_by_hand():
    np.testing.assert_allclose(isotonic([1, 3, 2, 4]), [1, 2.5, 2.5, 4])
    np.testing.assert_allclose(isotonic([3, 2, 1]), [2, 2, 2])
    # weights: (1 x 3 + 3 x 1) / 4
    np.testing.assert_allclose(isotonic([3, 1], [1, 3]), [1.5, 1.5])


@given(st.lists(st.floats(-100, 100), min_size=1, max_size=12))
def test_the_fit_never_falls_keeps_the_mean_and_leaves_what_rises(values):
    fitted = isotonic(values)
    assert (np.diff(fitted) >= -1e-9).all()
    assert fitted.mean() == pytest.approx(np.mean(values), abs=1e-9)
    np.testing.assert_allclose(isotonic(np.sort(values)), np.sort(values), atol=1e-9)


def test_the_inverse_goes_through_the_origin():
    requested, controls = inverse_knots([-2, -1, 0, 1, 2], [-1.5, -0.9, 0, 0.8, 1.9])
    np.testing.assert_allclose(requested, [-1.5, -0.9, 0, 0.8, 1.9])
    np.testing.assert_allclose(controls, [-2, -1, 0, 1, 2])


def test_of_controls_that_give_the_same_the_smallest_stays():
    # 1 and 2 are pooled to 0.7; the far one is of no use
    requested, controls = inverse_knots([-1, 0, 1, 2, 3], [-1, 0, 0.8, 0.6, 1.5])
    np.testing.assert_allclose(requested, [-1, 0, 0.7, 1.5])
    np.testing.assert_allclose(controls, [-1, 0, 1, 3])


def test_a_side_that_goes_the_wrong_way_is_left_out():
    requested, controls = inverse_knots([-1, 0, 1], [0.4, 0, 1])
    np.testing.assert_allclose(requested, [0, 1])
    np.testing.assert_allclose(controls, [0, 1])


def test_settings_must_be_sorted_and_hold_the_neutral_one():
    with pytest.raises(ValueError, match="must increase and hold 0"):
        inverse_knots([1, 2], [1, 2])
    with pytest.raises(ValueError, match="sort them"):
        inverse_knots([0, 2, 1], [0, 2, 1])
