import math

import numpy as np
import pytest

from tts_vae.evaluation.cards.style_card import make_card, mean_and_error, slopes

NAN = float("nan")


def test_slopes_by_hand():
    # 2 per step exactly; 0, 1, 0 at -1, 0, 1 has slope 0; a missing end leaves 1 per step
    values = np.array([[-2.0, 0.0, NAN], [0.0, 1.0, 3.0], [2.0, 0.0, 4.0], [4.0, 1.0, 5.0]])
    found = slopes([-1.0, 0.0, 1.0, 2.0], values)
    assert found == pytest.approx([2.0, 0.2, 1.0])
    groups = np.stack([values, 10 - values], 1)  # (steps, groups, attributes)
    assert slopes([-1.0, 0.0, 1.0, 2.0], groups)[1] == pytest.approx([-2.0, -0.2, -1.0])


def test_a_slope_of_two_points_is_undefined():
    values = np.array([[1.0], [NAN], [3.0]])
    assert np.isnan(slopes([-1.0, 0.0, 1.0], values)).all()


def test_mean_and_standard_error_by_hand():
    rows = np.array([[1.0, 5.0, NAN], [3.0, NAN, NAN], [5.0, NAN, NAN]])
    mean, error = mean_and_error(rows)
    assert mean[:2].tolist() == [3.0, 5.0] and math.isnan(mean[2])
    assert error[0] == pytest.approx(2 / math.sqrt(3))  # variance (4 + 0 + 4) / 2, three rows
    assert np.isnan(error[1:]).all()


def test_a_card_by_hand():
    # pitch 2 st, rate 100 ln 1.2 = 18.2: 3.6 audible steps of rate beside 2 of pitch
    names = ["pitch_st", "rate_percent"]
    found = np.array([[2.1, 100 * math.log(1.2)], [1.9, 100 * math.log(1.2)]])
    card = make_card(("prosody", 3), names, found, 1.0, 0.25, NAN)
    assert (card.site, card.index, card.share) == ("prosody", 3, 0.25)
    assert card.changes == pytest.approx({"pitch_st": 2.0, "rate_percent": 20.0})
    assert card.errors == pytest.approx({"pitch_st": 0.1, "rate_percent": 0.0})
    assert card.main == "rate_percent" and card.name == "faster and higher"
    steps = 100 * math.log(1.2) / 5
    assert card.leakage == pytest.approx(2 / (2 + steps))


def test_a_dimension_is_heard_from_end_to_end():
    # 0.5 st per standard deviation is nothing, 2 st over four of them is something
    names = ["pitch_st", "rate_percent"]
    found = np.array([[0.5, 0.0], [0.5, 0.0]])
    card = make_card(("prosody", 0), names, found, 4.0, NAN, 0.3)
    assert (card.name, card.main, card.leakage) == ("higher", "pitch_st", 0.0)
    assert card.changes["pitch_st"] == 0.5 and card.sd == 0.3
    assert make_card(("prosody", 0), names, found, 1.0, NAN, 0.3).name == ""
