import math

import pytest

from tts_vae.evaluation.cards.card_words import audible_steps, judge_changes, shown_change

SURE = {"pitch_st": 0.1, "rate_percent": 0.5, "energy_db": 0.1, "tilt_db": 0.05}


def test_steps_and_leakage_by_hand():
    changes = {"pitch_st": 3.0, "rate_percent": -10.0, "energy_db": 1.5, "tilt_db": 0.0}
    assert audible_steps(changes) == {
        "pitch_st": 3.0,
        "rate_percent": -2.0,
        "energy_db": 1.0,
        "tilt_db": 0.0,
    }
    verdict = judge_changes(changes, SURE)
    assert verdict.main == "pitch_st" and verdict.leakage == pytest.approx(0.5)  # 3 of 6 steps
    assert verdict.words == "higher, slower and slightly louder"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"pitch_st": -7.0}, "much lower"),
        ({"pitch_range_st": 3.0, "rate_percent": 15.0}, "faster and wider in range"),
        ({"pitch_range_st": -2.0}, "slightly narrower in range"),
        ({"tilt_db": 2.5, "energy_db": -3.0}, "brighter and softer"),
        ({"snr_db": -7.0}, "noisier"),
        ({"pitch_st": 9.0, "rate_percent": 12.0}, "much higher"),  # 2.4 of 9 steps go unnamed
    ],
)
def test_words(changes, words):
    assert judge_changes(changes, {}).words == words


def test_at_most_three_are_named_and_all_count_as_leakage():
    changes = {"pitch_st": 4.0, "rate_percent": 20.0, "energy_db": 6.0, "tilt_db": 3.0}
    verdict = judge_changes(changes, {}, graded=False)
    assert verdict.words == "higher, faster and louder"
    assert verdict.leakage == pytest.approx(1 - 4 / 15)


def test_what_cannot_be_heard_or_trusted_has_no_name():
    assert judge_changes({"pitch_st": 0.9, "rate_percent": -4.0}, SURE).words == ""
    verdict = judge_changes({"pitch_st": 3.0}, {"pitch_st": 2.0})
    assert (verdict.main, verdict.words) == ("", "") and math.isnan(verdict.leakage)
    assert judge_changes({"pitch_st": 3.0}, {"pitch_st": math.nan}).words == "higher"
    # 3 steps of pitch that may as well be none leak nothing into 4 of rate
    doubtful = judge_changes({"pitch_st": 3.0, "rate_percent": 20.0}, {"pitch_st": 2.0})
    assert doubtful.words == "faster" and doubtful.leakage == 0.0
    undefined = judge_changes({"pitch_st": math.nan, "rate_percent": 20.0}, SURE)
    assert undefined.main == "rate_percent" and undefined.leakage == 0.0


def test_numbers_as_they_are_shown():
    assert shown_change("pitch_st", 3.14159, "sd") == "+3.1 st/sd"
    assert shown_change("rate_percent", -12.4) == "-12 %"
    assert shown_change("energy_db", -0.04) == "0.0 dB"
    assert shown_change("tilt_db", math.nan) == "-"
