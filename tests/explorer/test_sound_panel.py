import base64
import re

import numpy as np
import pytest
from known_sound import buzz

from tts_vae.explorer.audio_bytes import wav_bytes
from tts_vae.explorer.sound_panel import Contour, contour, sound_panel, steps_panel

SPEECH = buzz(150.0)


@pytest.fixture
def f0(praat):
    return contour(SPEECH)


def test_the_sound_in_the_page_is_the_file_of_the_command_line(f0, tmp_path):
    shown = sound_panel(SPEECH, f0, "t", "grid")
    inside = base64.b64decode(re.findall(r'src="data:audio/wav;base64,(.*?)"', shown)[0])
    assert inside == wav_bytes(SPEECH) == SPEECH.write(tmp_path / "s.wav").read_bytes()
    grid = re.findall(r'href="data:text/plain;charset=utf-8;base64,(.*?)"', shown)[0]
    assert base64.b64decode(grid) == b"grid"


def test_f0_is_drawn_where_it_is(f0):
    assert np.median(f0.hz[f0.hz > 0]) == pytest.approx(150, rel=0.001)
    shown = sound_panel(SPEECH, f0, "t", "grid")
    assert "F0, median 150 Hz" in shown
    height = float(re.findall(r'viewBox="0 0 1 ([\d.]+)"', shown)[0])
    downs = [float(y) for y in re.findall(r"M[\d.]+ ([\d.]+)h0", shown)]
    assert np.median(downs) == pytest.approx(height / 2, abs=0.05)  # the median is in the middle
    line = float(re.findall(r'top:([\d.]+)%"><em>150 Hz', shown)[0])
    assert line == pytest.approx(50, abs=0.5)


def test_phones_fill_the_axis_and_pauses_have_no_name(f0):
    shown = sound_panel(SPEECH, f0, "t", "grid")
    tier = shown[shown.index('class="phones"') : shown.index('class="times"')]
    widths = [float(w) for w in re.findall(r"width:([\d.]+)%", tier)]
    assert len(widths) == 11 and sum(widths) == pytest.approx(100, abs=0.01)
    assert re.findall(r"%\">(\w?)</span>", tier) == [*"aaaaa", "", *"bbbbb"]


def test_names_are_escaped(f0):
    shown = sound_panel(SPEECH, f0, "<script>alert(1)</script>", "grid")
    assert "<script" not in shown


def test_the_page_plays_by_itself_only_where_it_may(f0):
    assert "autoplay" in sound_panel(SPEECH, f0, "t", "g", autoplay=True)
    assert "autoplay" not in sound_panel(SPEECH, f0, "t", "g", autoplay=False)


def test_nothing_voiced_is_said():
    silent = Contour(np.array([0.1, 0.2]), np.zeros(2, np.float32))
    assert "nothing voiced" in sound_panel(SPEECH, silent, "t", "g")


def test_steps_have_their_colours(f0):
    shown = steps_panel(SPEECH, [f0, f0], ["#123456", "#abcdef"], "t")
    assert "stroke:#123456" in shown and "stroke:#abcdef" in shown


def test_a_long_sound_stays_small_and_scrolls(f0):
    long = buzz(150.0, seconds=60.0)
    shown = sound_panel(long, contour(long), "t", "g")
    assert len(shown) < 1.5 * len(wav_bytes(long)) + 4e5
    assert float(re.findall(r"min-width:(\d+)px", shown)[0]) > 6_000
