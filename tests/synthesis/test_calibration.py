import warnings
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from tts_vae.synthesis.calibration import Calibration, ControlMap, from_scale, to_scale

# +2 st takes a shift of 2.5 and half a decibel back; twice as fast takes a control of 2^1.1
CONTENTS = {
    "speakers": {
        "*": {
            "pitch_st": {"requested": [-4, 0, 4], "pitch_st": [-4, 0, 4]},
            "rate": {"requested": [-1, 0, 1], "rate": [-1, 0, 1.1]},
            "energy_db": {"requested": [-6, 0, 6], "energy_db": [-6, 0, 6]},
        },
        "anna": {
            "pitch_st": {
                "requested": [-1, 0, 2],
                "pitch_st": [-1.5, 0, 2.5],
                "energy_db": [0, 0, -0.5],
            },
        },
    },
    "error": {"pitch_st": {"mae": 0.2, "p95": 0.6}},
}


@pytest.fixture
def fitted() -> Calibration:
    return Calibration(CONTENTS)


def test_a_request_is_read_off_the_table(fitted):
    assert fitted.control("pitch_st", "anna", 2.0) == pytest.approx(2.5)
    assert fitted.control("pitch_st", "anna", 1.0) == pytest.approx(1.25)  # halfway
    assert fitted.control("pitch_st", "anna", -0.5) == pytest.approx(-0.75)


def test_factors_are_mapped_in_octaves(fitted):
    assert fitted.control("rate", None, 2.0) == pytest.approx(2**1.1)
    assert fitted.control("rate", None, 2**0.5) == pytest.approx(2**0.55)
    assert fitted.limits("rate", None) == (0.5, 2.0)
    assert from_scale("rate", to_scale("rate", 1.7)) == pytest.approx(1.7)


def test_nothing_asked_changes_nothing_to_the_last_bit(fitted):
    usual = {"pitch_st": 0.0, "rate": 1.0, "energy_db": 0.0, "pause": 1.0}
    assert fitted.controls("anna", usual) == usual


def test_corrections_come_upon_what_is_asked_of_the_other_control(fitted):
    found = fitted.controls("anna", {"pitch_st": 2.0, "energy_db": 3.0, "pause": 2.0})
    assert found == {"pitch_st": 2.5, "energy_db": pytest.approx(2.5), "pause": 2.0}


def test_a_correction_moves_a_control_that_nobody_asked_for(fitted):
    assert fitted.controls("anna", {"pitch_st": 2.0})["energy_db"] == pytest.approx(-0.5)


def test_an_unknown_speaker_and_nobody_have_the_map_of_all(fitted):
    assert fitted.control("pitch_st", "zoe", 3.0) == fitted.control("pitch_st", None, 3.0) == 3.0
    # anna has no map of rate of her own
    assert fitted.control("rate", "anna", 2.0) == pytest.approx(2**1.1)


def test_out_of_range_is_clamped_with_a_warning_that_states_the_range(fitted):
    with pytest.warns(UserWarning, match=r"pitch_st \+9st is out of .* anna, -1st to \+2st"):
        assert fitted.control("pitch_st", "anna", 9.0) == pytest.approx(2.5)
    with pytest.warns(UserWarning, match=r"rate 0.25x is out of the range .* 0.5x to 2x"):
        assert fitted.controls(None, {"rate": 0.25})["rate"] == pytest.approx(0.5)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fitted.control("pitch_st", "anna", 2.0)  # a limit is itself allowed


def test_one_number_for_each_phone(fitted):
    asked = torch.tensor([0.0, 1.0, 2.0])
    found = fitted.controls("anna", {"pitch_st": asked})
    torch.testing.assert_close(found["pitch_st"], torch.tensor([0.0, 1.25, 2.5]))
    torch.testing.assert_close(found["energy_db"], torch.tensor([0.0, -0.25, -0.5]))
    with pytest.warns(UserWarning, match="clamped"):
        found = fitted.controls("anna", {"pitch_st": torch.tensor([0.0, 5.0])})
    torch.testing.assert_close(found["pitch_st"], torch.tensor([0.0, 2.5]))


def test_the_error_is_told_and_an_unknown_attribute_refused(fitted):
    assert fitted.error("pitch_st") == {"mae": 0.2, "p95": 0.6}
    assert fitted.attributes == ("pitch_st", "rate", "energy_db")
    with pytest.raises(ValueError, match="'pitch_range' is not calibrated .* one of pitch_st"):
        fitted.limits("pitch_range", None)


def test_of_a_voice_without_one():
    assert Calibration.of(SimpleNamespace(styles={})) is None
    assert Calibration.of(SimpleNamespace(styles={"calibration": CONTENTS})) is not None


@pytest.mark.parametrize(
    "rows",
    [
        {"pitch_st": {"requested": [0, 1], "pitch_st": [0, float("nan")]}},
        {"pitch_st": {"requested": [1, 0], "pitch_st": [1, 0]}},
        {"pitch_st": {"requested": [0, 1], "pitch_st": [0.5, 1]}},
        {"pitch_st": {"requested": [0, 1], "pitch_st": [0, -1]}},
        {"pitch_st": {"requested": [0, 1], "energy_db": [0, 1]}},
        {"pitch_st": {"requested": [0, 1], "pitch_st": [0, 1, 2]}},
        {"loudness": {"requested": [0, 1], "loudness": [0, 1]}},
        {"pitch_st": {"pitch_st": [0, 1]}},
        "rows",
    ],
)
def test_a_malformed_table_is_told_in_one_line(rows):
    with pytest.raises(ValueError, match="calibration of this voice is malformed") as caught:
        Calibration({"speakers": {"*": rows}})
    assert "tts-vae calibrate" in str(caught.value) and "\n" not in str(caught.value)


def test_without_a_map_of_all_it_is_malformed():
    with pytest.raises(ValueError, match="no map for anybody"):
        Calibration({"speakers": {"anna": CONTENTS["speakers"]["anna"]}})


def test_beyond_the_last_knot_a_map_stays():
    map_ = ControlMap(np.array([0.0, 1.0]), {"rate": np.array([0.0, 2.0])})
    assert map_("rate", 5.0) == 2.0 and map_("rate", -3.0) == 0.0
