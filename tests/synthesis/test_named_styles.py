import json

import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from tiny_voice import SPEAKERS, sweep, write_tiny_voice

from tts_vae.synthesis.named_styles import (
    checked_name,
    delete_style,
    name_component,
    named_styles,
    portable_words,
    rename_style,
    save_style,
)
from tts_vae.synthesis.style_words import STYLE_WORDS, parse_style
from tts_vae.synthesis.voice import Voice

DEFAULT = [0.1, 0.2, 0.3, 0.4]
STYLES = {"sites": {"prosody": {"usage": [0.1, 0.7, 0.2], "default": DEFAULT}}}


@pytest.fixture
def folder(tmp_path):
    return write_tiny_voice(tmp_path / "tiny", styles=STYLES)


def stored(folder):
    return json.loads((folder / "styles.json").read_text())


def test_a_saved_style_speaks_like_its_recipe(folder):
    written = save_style(folder, "lively", "component=2, pitch=+2st,rate=1.2")
    assert written == "component=2,pitch_st=+2,rate=1.2"
    assert stored(folder) == {**STYLES, "named": {"lively": written}}
    voice = Voice.load(folder)
    assert named_styles(voice.bundle) == {"lively": written}
    style = voice.style(name="lively")
    assert style == voice.style(component=2, pitch_st=2, rate=1.2)
    assert voice.style(**parse_style(str(style))) == style


def test_further_words_replace_those_of_the_recipe(folder):
    save_style(folder, "lively", {"prior": 3, "temperature": 0.5, "pitch_st": 2.0})
    save_style(folder, "bert-low", "speaker=bert,pitch_st=-3")
    voice = Voice.load(folder)
    kept = {"prior": 3, "temperature": 0.5}
    assert voice.style(name="lively", pitch_st=-1) == voice.style(**kept, pitch_st=-1)
    assert voice.style(name="lively", rate=1.5) == voice.style(**kept, pitch_st=2, rate=1.5)
    # another way to the prosody takes the place of the draw, its temperature included
    assert voice.style(name="lively", component=0) == voice.style(component=0, pitch_st=2)
    assert voice.style(name="bert-low", speaker="carl") == voice.style(speaker="carl", pitch_st=-3)
    low = voice.style(name="bert-low")
    assert low == voice.style(speaker="bert", pitch_st=-3) and "name=bert-low" in str(low)


def test_a_named_component_is_a_style(folder):
    name_component(folder, 2, "cheerful")
    name_component(folder, 0, "sad")
    name_component(folder, 2, "joyful")
    assert stored(folder)["component_names"] == {"0": "sad", "2": "joyful"}
    voice = Voice.load(folder)
    assert named_styles(voice.bundle) == {"sad": "component=0", "joyful": "component=2"}
    assert voice.style(name="joyful") == voice.style(component=2)
    with pytest.raises(ValueError, match="'cheerful'; this voice has sad, joyful"):
        voice.style(name="cheerful")


def test_names_are_given_changed_and_taken_away(folder):
    save_style(folder, "calm", "rate=0.8")
    save_style(folder, "calm", "rate=0.9")
    name_component(folder, 1, "plain")
    rename_style(folder, "calm", "quiet")
    rename_style(folder, "plain", "usual")
    assert named_styles(Voice.load(folder).bundle) == {"usual": "component=1", "quiet": "rate=0.9"}
    assert delete_style(folder, "quiet") == "rate=0.9"
    assert delete_style(folder, "usual") == "component=1"
    assert stored(folder) == STYLES, "nothing empty is left"
    for change in (lambda: delete_style(folder, "quiet"), lambda: rename_style(folder, "a", "b")):
        with pytest.raises(ValueError, match="unknown style name '.*'; this voice has none"):
            change()


def test_one_name_for_one_thing(folder):
    save_style(folder, "calm", "rate=0.8")
    name_component(folder, 1, "plain")
    before = stored(folder)
    with pytest.raises(ValueError, match="'calm' is the name of a saved style"):
        name_component(folder, 0, "calm")
    with pytest.raises(ValueError, match="'plain' is the name of component 1"):
        name_component(folder, 0, "plain")
    with pytest.raises(ValueError, match="'plain' is the name of a component"):
        save_style(folder, "plain", "rate=2")
    with pytest.raises(ValueError, match=r"'plain' is taken \(component=1\)"):
        rename_style(folder, "calm", "plain")
    assert stored(folder) == before


@pytest.mark.parametrize("name", ["", "9lives", "-x", "two words", "a=b", "a,b", "x" * 41, "é\n!"])
def test_what_is_no_name(folder, name):
    with pytest.raises(ValueError, match="a style's name has up to 40 letters, digits, - and _"):
        save_style(folder, name, "rate=2")
    assert stored(folder) == STYLES


@pytest.mark.parametrize("name", [*STYLE_WORDS, "pitch", "energy", "range", "Default"])
def test_words_are_no_names(folder, name):
    with pytest.raises(ValueError, match="is a word that chooses a style"):
        save_style(folder, name, "rate=2")


@given(st.text(st.characters(categories=["L", "M", "Nd"]) | st.sampled_from("-_"), max_size=12))
@example("དྷ")  # one letter, which Unicode composes of two
@example("शांत")  # vowels are marks
def test_a_checked_name_is_checked_once_and_for_all(text):
    name = checked_name({}, "x" + text)
    assert checked_name({}, f" {name} ") == name
    assert parse_style(f"name={name},rate=2") == {"name": name, "rate": 2.0}


def test_a_style_of_another_voice_is_refused(folder, tmp_path):
    with pytest.raises(ValueError, match="vector of 3 numbers and site prosody here takes 4"):
        save_style(folder, "mine", "vector=1,2,3")
    with pytest.raises(ValueError, match="component 3 and there are 0 to 2 here"):
        save_style(folder, "mine", "component=3")
    with pytest.raises(ValueError, match="component 7 and there are 0 to 2 here"):
        name_component(folder, 7, "far")
    foreign = {**STYLES, "named": {"mine": "vector=1,2,3", "odd": "mood=3"}}
    voice = Voice.load(write_tiny_voice(tmp_path / "other", styles=foreign))
    with pytest.raises(
        ValueError, match="the style 'mine' is of another voice: it has a vector of"
    ):
        voice.style(name="mine")
    with pytest.raises(ValueError, match="'mood' is not a way to choose a style"):
        voice.style(name="odd")
    save_style(folder, "eve-low", "speaker=eve,pitch_st=-1")  # styles.json does not know speakers
    with pytest.raises(ValueError, match="unknown speaker 'eve'; this voice has anna, bert, carl"):
        Voice.load(folder).style(name="eve-low")


def test_styles_that_choose_nothing_or_cannot_be_kept(folder):
    for nothing in ("", "default", "rate=1.0", {"pitch_st": 0.0}):
        with pytest.raises(ValueError, match="the style of 'calm' chooses nothing"):
            save_style(folder, "calm", nothing)
    with pytest.raises(ValueError, match="cannot hold a recording"):
        save_style(folder, "calm", "reference=a.wav")
    with pytest.raises(ValueError, match="styles.json.* cannot be read"):
        save_style(folder.parent, "calm", "rate=2")


def test_a_style_upon_a_named_style_is_written_out(folder):
    save_style(folder, "calm", "component=1,rate=0.8")
    assert save_style(folder, "calmer", "name=calm,rate=0.7") == "component=1,rate=0.7"
    delete_style(folder, "calm")
    assert Voice.load(folder).style(name="calmer") is not None
    with pytest.raises(ValueError, match="unknown style name 'gone'; this voice has calmer"):
        save_style(folder, "calmest", "name=gone")


def test_the_style_of_a_recording_becomes_a_vector(folder):
    voice = Voice.load(folder)
    words = portable_words(voice, {"reference": (sweep(1.2, 22050), 22050), "rate": 1.1})
    assert set(words) == {"vector", "rate"}
    save_style(folder, "taken", words)
    voice = Voice.load(folder)
    heard = voice.style(reference=(sweep(1.2, 22050), 22050))
    taken = voice.style(name="taken", speaker="carl")
    assert torch.allclose(taken.values["prosody"], heard.values["prosody"], atol=1e-5)
    assert torch.equal(taken.values["speaker"], voice.style(speaker="carl").values["speaker"])
    assert portable_words(voice, {"component": 1}) == {"component": 1}
    assert SPEAKERS == voice.speakers


@pytest.mark.parametrize(
    "entry", [{"named": ["calm"]}, {"named": {"calm": 3}}, {"component_names": {"x": "y"}}]
)
def test_entries_of_a_strange_styles_file(entry, tmp_path):
    voice = Voice.load(write_tiny_voice(tmp_path / "odd", styles={**STYLES, **entry}))
    assert voice.style(component=1) is not None, "everything else works"
    with pytest.raises(ValueError, match=f"styles.json: '{next(iter(entry))}' must map"):
        voice.style(name="calm")
