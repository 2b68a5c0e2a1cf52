import numpy as np
import pytest

from tts_vae.evaluation.controls.control_figures import calibration_error, leakage, line_through


def test_calibration_by_hand():
    # two sentences: one comes out 10 % too far, one half a unit too low but where nothing is asked
    requested = [-2.0, 0.0, 2.0]
    realised = np.array([[-2.2, -2.5], [0.0, 0.0], [2.2, 1.5]])
    found = calibration_error(requested, realised)
    assert found.n == 4 and found.undefined == 0
    assert found.mae == pytest.approx((0.2 + 0.5 + 0.2 + 0.5) / 4)
    assert found.p95 == pytest.approx(0.5)
    # slope: sum xy / sum xx = (4.4 + 4.4 + 5 + 3) / 16; intercept: mean of y
    assert found.slope == pytest.approx(16.8 / 16)
    assert found.intercept == pytest.approx(-1.0 / 6)
    assert found.spearman == pytest.approx(1.0)
    assert found.mae_low == pytest.approx(0.2) and found.mae_high == pytest.approx(0.5)


def test_the_neutral_setting_makes_no_error_smaller():
    found = calibration_error([-1.0, 0.0, 1.0], np.array([[-2.0], [0.0], [2.0]]))
    assert found.mae == 1.0 and found.n == 2


def test_undefined_is_counted_and_never_zero():
    found = calibration_error([-1.0, 1.0, 2.0], np.array([[np.nan, -1], [1, 1], [2, 2.0]]))
    assert found.n == 5 and found.undefined == 1
    assert found.mae == 0.0
    assert found.spearman == pytest.approx(1.0)  # of the pairs that are there


def test_spearman_is_of_each_sentence_and_averaged():
    # one rises and one falls; pooled, their ranks would say something else
    realised = np.array([[0, 2.0], [1, 1.0], [2, 0.0]])
    assert calibration_error([0, 1, 2.0], realised).spearman == pytest.approx(0.0)


def test_shapes_that_do_not_fit_are_told():
    with pytest.raises(ValueError, match="stack one row a setting"):
        calibration_error([1.0], np.zeros((2, 3)))


def test_a_line_by_hand():
    slope, intercept, r2 = line_through([0, 1, 2, 3], [1, 3, 5, np.nan])
    assert (slope, intercept, r2) == pytest.approx((2.0, 1.0, 1.0))
    assert np.isnan(line_through([1, 1], [1, 2])[0])


def test_leakage_by_hand():
    # pitch by x: pitch + x, energy + 0.1 x; SDs 2 st and 4 dB.
    # entry pitch -> energy: 0.1 x 2 / 4 = 0.05; diagonal 1
    asked = [-2.0, 0.0, 2.0]
    pitch = np.array([[[x, 0.1 * x, 3.0]] for x in asked])
    # energy by x: energy + 0.5 x, pitch + 0.02 x: entries 0.5 and 0.02 x 4 / 2 = 0.04
    energy = np.array([[[0.02 * x, 0.5 * x, 0.0]] for x in asked])
    found = leakage(
        {"pitch_st": asked, "energy_db": asked},
        {"pitch_st": pitch, "energy_db": energy},
        ["pitch_st", "energy_db", "tilt_db"],
        [2.0, 4.0, 1.0],
    )
    np.testing.assert_allclose(found.matrix, [[1, 0.05, 0], [0.04, 0.5, 0]], atol=1e-12)
    np.testing.assert_allclose(found.ratios, [[1, 0.05, 0], [0.08, 1, 0]], atol=1e-12)
    assert found.worst == pytest.approx(0.08)
    assert found.summary()["ratios"]["energy_db"]["pitch_st"] == pytest.approx(0.08)


def test_a_control_that_does_nothing_has_no_ratio():
    asked = [-1.0, 1.0]
    still = np.zeros((2, 4, 2))
    found = leakage({"pitch_st": asked}, {"pitch_st": still}, ["pitch_st", "tilt_db"], [1.0, 1.0])
    assert np.isnan(found.ratios).all() and np.isnan(found.worst)


def test_natural_speech_that_never_varies_is_no_yardstick():
    # recordings of one level: 0.003 dB would make a correction of 0.1 dB a leak of many SDs
    asked = [-1.0, 1.0]
    moved = np.array([[[x, 0.1 * x]] for x in asked])
    found = leakage(
        {"pitch_st": asked, "energy_db": asked},
        {"pitch_st": moved, "energy_db": moved[:, :, ::-1]},
        ["pitch_st", "energy_db"],
        [1.0, 0.003],
    )
    assert np.isnan(found.ratios[0, 1]) and np.isnan(found.ratios[1]).all()
    assert np.isnan(found.worst)


def test_a_control_without_its_attribute_is_told():
    with pytest.raises(ValueError, match="name them alike"):
        leakage({"rate": [0, 1.0]}, {"rate": np.zeros((2, 1, 1))}, ["pitch_st"], [1.0])
