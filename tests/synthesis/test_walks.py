import json

import numpy as np
import pytest
import torch

from tts_vae.synthesis.style import Style
from tts_vae.synthesis.style_words import parse_style
from tts_vae.synthesis.walk_files import words_of_style, write_recipes, write_stop
from tts_vae.synthesis.walks import (
    along_dimension,
    grid_between,
    speak_walk,
    steps_between,
    within_text,
)

TEXT = "Hello there."


@pytest.fixture(scope="module")
def ends(voice):
    return voice.style(component=0), voice.style(component=2, rate=1.3, pitch_st=4)


def test_steps(voice, ends):
    walk = steps_between(voice, *ends, 5, "spherical", "prosody")
    assert [stop.name for stop in walk.stops] == ["00", "01", "02", "03", "04"]
    assert [stop.at for stop in walk.stops] == [(0.0,), (0.25,), (0.5,), (0.75,), (1.0,)]
    assert walk.stops[0].style == ends[0] and walk.stops[-1].style == ends[1]
    hundred = steps_between(voice, *ends, 101).stops
    assert sorted(stop.name for stop in hundred) == [stop.name for stop in hundred]


def test_a_glide_lies_between_its_ends(voice, ends):
    walk = within_text(voice, TEXT, *ends)
    spoken = {stop.name: speech for stop, speech in speak_walk(voice, TEXT, walk)}
    start, there, end, back = (spoken[n] for n in ("0-start", "1-glide", "2-end", "3-back"))
    assert there.pitch_st[1] == pytest.approx(start.pitch_st[1], abs=1.0)
    shift = there.pitch_st - back.pitch_st
    assert shift[1] < 0 < shift[-2], "one rises where the other falls"
    assert min(start.duration_s, end.duration_s) - 0.1 < there.duration_s
    assert there.duration_s < max(start.duration_s, end.duration_s) + 0.1


def test_a_grid_in_reading_order(voice, ends):
    walk = grid_between(voice, [*ends, *reversed(ends)], 3)
    assert [stop.name for stop in walk.stops][:4] == ["r0c0", "r0c1", "r0c2", "r1c0"]
    assert walk.columns == 3 and walk.stops[4].at == (0.5, 0.5)
    assert [walk.stops[i].style for i in (0, 2, 6, 8)] == [*ends, *reversed(ends)]


def test_a_traversal(voice):
    style = voice.style(component=1)
    walk = along_dimension(voice, style, 2, sd=3, steps=7)
    assert [stop.at[0] for stop in walk.stops] == [-3, -2, -1, 0, 1, 2, 3]
    assert [stop.title for stop in walk.stops][2:5] == ["-1 sd", "0 sd", "+1 sd"]
    assert walk.stops[3].style == style


def test_mistakes_come_before_anything_is_spoken(voice, ends):
    with pytest.raises(ValueError, match="steps must be 2 or more"):
        steps_between(voice, *ends, 1)
    with pytest.raises(ValueError, match="steps must be 2 or more"):
        along_dimension(voice, ends[0], 0, steps=1)
    for sd in (0, -1, float("nan"), 11):
        with pytest.raises(ValueError, match="sd must be above 0 and at most 10"):
            along_dimension(voice, ends[0], 0, sd=sd)
    per_phone = ends[0].with_controls(rate=torch.ones(3))
    walk = steps_between(voice, per_phone, ends[1], 3)
    with pytest.raises(ValueError, match="3 phones"):
        speak_walk(voice, TEXT, walk)


def test_recipes_repeat_every_step_to_the_bit(voice, ends, tmp_path):
    walk = steps_between(voice, *ends, 4)
    records = [
        write_stop(tmp_path, voice, stop, speech)
        for stop, speech in speak_walk(voice, TEXT, walk, seed=3)
    ]
    path = write_recipes(tmp_path, {"seed": 3}, records)
    told = json.loads(path.read_text(encoding="utf-8"))
    assert told["seed"] == 3 and len(told["steps"]) == 4
    for stop, entry in zip(walk.stops, told["steps"], strict=True):
        values = {site: torch.tensor(numbers) for site, numbers in entry["values"].items()}
        again = Style(values, **entry["controls"])
        assert again == stop.style
        voice.speak(TEXT, again, seed=3).write(tmp_path / "again.wav")
        assert (tmp_path / "again.wav").read_bytes() == (tmp_path / entry["wav"]).read_bytes()
        words = voice.style(**parse_style(entry["recipe"]))
        for site, value in words.values.items():
            assert torch.equal(value, stop.style.values[site])
        assert words.rate == pytest.approx(stop.style.rate, rel=1e-8)
        assert (tmp_path / entry["textgrid"]).is_file()


def test_a_glide_is_stored_phone_by_phone(voice, ends, tmp_path):
    stop = within_text(voice, TEXT, *ends).stops[1]
    ((_, speech),) = [
        pair
        for pair in speak_walk(voice, TEXT, within_text(voice, TEXT, *ends))
        if pair[0].name == stop.name
    ]
    entry = write_stop(tmp_path, voice, stop, speech)
    assert entry["recipe"] is None
    assert len(entry["controls"]["rate"]) == len(speech.phones) == len(entry["values"]["prosody"])
    values = {site: torch.tensor(numbers) for site, numbers in entry["values"].items()}
    controls = {
        name: torch.tensor(n) if isinstance(n, list) else n for name, n in entry["controls"].items()
    }
    again = Style(values, **controls)
    assert np.array_equal(voice.speak(TEXT, again).waveform, speech.waveform)


def test_no_words_for_a_speaker_between_two(voice):
    anna, bert = voice.style(speaker="anna"), voice.style(speaker="bert")
    assert words_of_style(voice, anna.mix(bert, 0.5)) is None
    assert words_of_style(voice, bert).startswith("speaker=bert,vector=")
