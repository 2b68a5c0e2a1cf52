"""Every written form of SSML's prosody against numbers computed by hand."""

import math

import pytest

from tts_vae.text.ssml_document import SILENT_DB, Pitch, PitchRange, Prosody
from tts_vae.text.ssml_prosody import (
    BREAKS_S,
    LEVELS_ST,
    RANGES,
    RATES,
    VOLUMES_DB,
    emphasised,
    read_break,
    read_pitch,
    read_range,
    read_rate,
    read_time,
    read_volume,
    with_prosody,
)


@pytest.mark.parametrize(
    ("value", "hz"),
    [
        ("x-low", 200 * 2**-0.5),
        ("medium", 200),
        ("default", 200),
        ("x-high", 200 * 2**0.5),
        ("180Hz", 180),
        ("180 hz", 180),
        ("+10Hz", 210),
        ("-5.5Hz", 194.5),
        ("+12st", 400),
        ("-12ST", 100),
        ("+50%", 300),
        ("-25.0%", 150),
    ],
)
def test_pitch_at_a_usual_level_of_200_hz(value, hz):
    assert 200 * 2 ** (read_pitch(value).shift_st(200) / 12) == pytest.approx(hz)


def test_pitch_composes_in_any_order():
    up = read_pitch("+12st", read_pitch("+10Hz"))  # (200 + 10) * 2
    assert up == Pitch(2, 20) and 200 * 2 ** (up.shift_st(200) / 12) == pytest.approx(420)
    then = read_pitch("+10Hz", read_pitch("+12st"))  # 200 * 2 + 10
    assert 200 * 2 ** (then.shift_st(200) / 12) == pytest.approx(410)
    absolute = read_pitch("+100%", read_pitch("100Hz", up))
    assert absolute == Pitch(0, 200)
    assert read_pitch("low", absolute) == read_pitch("low")
    assert read_pitch("-300Hz").shift_st(200) == -math.inf


@pytest.mark.parametrize(
    ("value", "ratio"),
    [
        ("x-high", 2.0),
        ("+2st", 1.5),  # 4 st wide -> 6 st
        ("-4st", 0.0),
        ("+50%", 1.5),
        # 100 Hz at 200 Hz is 12 * 100 / (200 ln 2) = 8.656 st
        ("100Hz", 8.65617 / 4),
        ("+100Hz", 1 + 8.65617 / 4),
    ],
)
def test_range_where_4_st_at_200_hz_are_usual(value, ratio):
    assert read_range(value).ratio(4, 200) == pytest.approx(ratio, rel=1e-5)


def test_range_composes():
    assert read_range("+50%", read_range("+2st")) == PitchRange(1.5, 3.0)
    assert read_range("low", read_range("40Hz")) == PitchRange(0.7)


@pytest.mark.parametrize(
    ("value", "inside_half"),
    [("x-slow", 0.5), ("fast", 1.3), ("80%", 0.8), ("1.5", 1.5), (".5", 0.5), ("+20%", 0.6)],
)
def test_rate_inside_half_speed(value, inside_half):
    assert read_rate(value, Prosody(rate=0.5)).rate == pytest.approx(inside_half)


@pytest.mark.parametrize(
    ("value", "inside_minus_3"),
    [
        ("silent", SILENT_DB),
        ("loud", 4),
        ("+6dB", 3),
        ("-1.5db", -4.5),
        ("50", 20 * math.log10(0.5)),
        ("100", 0),
        ("0", SILENT_DB),
        ("+100%", -3 + 20 * math.log10(2)),
        ("-100%", SILENT_DB),
    ],
)
def test_volume_inside_minus_3_db(value, inside_minus_3):
    assert read_volume(value, -3.0) == pytest.approx(inside_minus_3)


@pytest.mark.parametrize(
    ("value", "seconds"), [("500ms", 0.5), ("0.5s", 0.5), ("+2s", 2), (".25 S", 0.25), ("0ms", 0)]
)
def test_times(value, seconds):
    assert read_time(value) == pytest.approx(seconds)


def test_breaks():
    assert read_break({}) == BREAKS_S["medium"]
    assert read_break({"strength": "x-strong", "time": "10ms"}) == 0.01
    assert read_break({"strength": "None"}) == 0


def test_tables_rise_as_ssml_says():
    for table in (LEVELS_ST, RANGES, RATES, VOLUMES_DB, BREAKS_S):
        levels = [level for name, level in table.items() if name != "default"]
        assert levels == sorted(levels)
        assert table.get("default", table["medium"]) == table["medium"]


def test_emphasis_moves_what_surrounds_it():
    around = Prosody(Pitch(1, 10), PitchRange(), 2.0, -1.0)
    strong = emphasised(around, "strong")
    factor = 2 ** (3 / 12)
    assert strong.pitch == Pitch(factor, 10 * factor)
    assert (strong.rate, strong.volume_db) == (pytest.approx(1.7), 3)
    assert emphasised(around, "none") == around


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("pitch", "50%"),  # SSML wants a sign: is half of it meant, or half as much again?
        ("pitch", "5st"),
        ("pitch", "0Hz"),
        ("pitch", "-180"),
        ("pitch", "+-2st"),
        ("pitch", "-100%"),
        ("pitch", "+2dB"),
        ("pitch", ""),
        ("pitch", "+1e3Hz"),
        ("pitch", "+" + "9" * 400 + "st"),
        ("pitch", "+121st"),
        ("pitch", "nan"),
        ("range", "2st"),
        ("range", "-100%"),
        ("rate", "0"),
        ("rate", "0%"),
        ("rate", "-1"),
        ("rate", "+1"),
        ("rate", "-100%"),
        ("rate", "2x"),
        ("volume", "6dB"),
        ("volume", "101"),
        ("volume", "-5"),
        ("volume", "-101%"),
        ("duration", "3"),
        ("duration", "-3s"),
        ("duration", "0s"),
        ("duration", "61s"),
    ],
)
def test_other_forms_are_refused_with_those_there_are(name, value):
    with pytest.raises(ValueError, match=f"^{name} must be ") as caught:
        with_prosody(Prosody(), {name: value}, 1)
    assert len(str(caught.value)) < 160
