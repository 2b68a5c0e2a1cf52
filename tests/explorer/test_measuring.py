"""Sounds whose attributes are known: harmonics of 110 Hz, an octave up, twice as loud, faster."""

import math
import re
from dataclasses import replace

import numpy as np
import pytest
from known_sound import SECONDS, buzz

from tts_vae.explorer.measuring import changes, judge_for, listen, steps_table, table


@pytest.fixture
def rest(praat):
    return listen(buzz(), None)


def test_an_octave_is_twelve_semitones(rest):
    change = changes(listen(buzz(220.0), None), rest)
    assert change["pitch_st"] == pytest.approx(12, abs=0.02)
    assert rest.attributes.pitch_st == pytest.approx(12, abs=0.02)
    assert change["rate"] == pytest.approx(1)


def test_twice_the_amplitude_is_6_db_whatever_was_turned_down(rest):
    assert changes(listen(buzz(amplitude=0.2), None), rest)["energy_db"] == pytest.approx(
        6.02, abs=0.01
    )
    turned_down = listen(buzz(amplitude=0.2, gain_db=-3.0), None)
    assert changes(turned_down, rest)["energy_db"] == pytest.approx(9.02, abs=0.01)


def test_half_the_time_is_twice_the_rate_and_half_the_pause(rest):
    change = changes(listen(buzz(seconds=SECONDS / 2), None), rest)
    assert change["rate"] == pytest.approx(2, rel=0.02)
    assert change["pause"] == pytest.approx(0.5, rel=0.02)


def test_pauses_at_the_ends_do_not_count(praat):
    speech = buzz()
    phones = (",", *speech.phones[1:-1], ".")
    assert listen(replace(speech, phones=phones), None).pause_s == pytest.approx(
        listen(speech, None).pause_s
    )


def test_asked_and_heard_stand_side_by_side(rest):
    shown = table(listen(buzz(220.0), None), rest, {"pitch_st": 11.5}, by_ear=False)
    cells = re.findall(r'<tr class=moved><th scope="row">(.*?)</th>(.*?)</tr>', shown)
    assert len(cells) == 1 and cells[0][0] == "pitch level"
    assert re.findall("<td>(.*?)</td>", cells[0][1]) == ["+11.5 st", "+12.0 st", "24.0 st, 220 Hz"]
    assert "rate by the level of the sound" in shown


def test_what_is_undefined_is_a_dash_and_no_number(praat):
    silent = replace(buzz(), waveform=np.zeros(132 * 256, np.float32), phones=("a",) * 11)
    heard = listen(silent, None)
    assert math.isnan(heard.attributes.pitch_st) and heard.pause_s == 0
    assert "nan" not in table(heard, heard, {}, True) and "&#8211;" in table(heard, heard, {}, True)


def test_every_step_has_a_row_between_a_and_b(rest):
    shown = steps_table([rest] * 4, ["#111111", "#222222", "#333333", "#444444"])
    assert re.findall(r"</i>(.*?)</th>", shown) == ["A", "1/3", "2/3", "B"]


def test_the_recogniser_hears_only_what_it_was_trained_on():
    from tts_vae.synthesis.voice import Voice

    bundle = Voice.load("espeak").bundle
    assert judge_for("espeak", "espeak", bundle.symbols) is not None
    assert judge_for("espeak", "ljspeech", bundle.symbols) is None
    assert judge_for("grapheme", "espeak", bundle.symbols) is None
    assert judge_for("espeak", "espeak", (*bundle.symbols, "ǂ")) is None
