import dataclasses
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tts_vae.synthesis.style import Style
from tts_vae.synthesis.style_words import STYLE_WORDS, parse_style, parse_value, recipe

A = Style(
    {"speaker": torch.tensor([1.0, 0.0]), "prosody": torch.tensor([0.0, 2.0, -1.0])},
    pitch_st=2.0,
    rate=0.5,
    energy_db=-6.0,
    label="a",
)
B = Style(
    {"speaker": torch.tensor([0.0, 1.0]), "prosody": torch.tensor([4.0, 0.0, 1.0])},
    rate=2.0,
    label="b",
)
numbers = st.floats(-30, 30, allow_nan=False, width=32)


def test_mixing_is_linear_and_geometric_for_the_rate():
    quarter = A.mix(B, 0.25)
    assert torch.allclose(quarter.values["speaker"], torch.tensor([0.75, 0.25]))
    assert torch.allclose(quarter.values["prosody"], torch.tensor([1.0, 1.5, -0.5]))
    assert quarter.pitch_st == pytest.approx(1.5)
    assert quarter.energy_db == pytest.approx(-4.5)
    assert quarter.rate == pytest.approx(0.5**0.75 * 2**0.25)
    assert A.mix(B, 0.5).rate == pytest.approx(1.0)
    assert quarter.label == "(a) -> (b) at 0.25"


def test_mixing_ends_exactly_at_both_styles():
    assert A.mix(B, 0) == A and A.mix(B, 1) == B and A != B
    assert A.mix(B, 0.3) == A.mix(B, 0.3)


def test_prosody_of_another_brings_its_controls():
    style = A.with_prosody(B)
    assert torch.equal(style.values["speaker"], A.values["speaker"])
    assert torch.equal(style.values["prosody"], B.values["prosody"])
    assert (style.pitch_st, style.rate, style.energy_db) == (0.0, 2.0, 0.0)
    assert style.label == "(a) with the prosody of (b)"


def test_a_style_never_changes():
    value = torch.zeros(3)
    style = Style({"prosody": value})
    value += 1
    assert torch.equal(style.values["prosody"], torch.zeros(3))
    with pytest.raises(TypeError):
        style.values["prosody"] = value
    with pytest.raises(dataclasses.FrozenInstanceError):
        style.rate = 2.0


def test_values_per_phone_mix_with_values_for_all():
    whole = Style({"prosody": torch.zeros(2)})
    phones = Style({"prosody": torch.arange(6.0).reshape(3, 2)})
    assert torch.equal(whole.mix(phones, 0.5).values["prosody"], phones.values["prosody"] / 2)
    with pytest.raises(ValueError, match=r"\[3, 4\] phones"):
        phones.mix(Style({"prosody": torch.zeros(4, 2)}), 0.5)


def test_styles_of_different_voices_do_not_mix():
    other = Style({"prosody": torch.zeros(3)})
    with pytest.raises(ValueError, match="different voices"):
        A.mix(other, 0.5)
    with pytest.raises(ValueError, match="no 'speaker' to keep"):
        other.with_prosody(other)
    with pytest.raises(ValueError, match="step must be a finite"):
        A.mix(B, math.nan)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"pitch_st": 99}, "pitch_st must be within"),
        ({"pitch_st": math.nan}, "pitch_st must be within"),
        ({"energy_db": -99}, "energy_db must be within"),
        ({"rate": 0}, "rate must be between 0.2 and 5"),
        ({"rate": -1}, "rate must be between"),
        ({"rate": math.inf}, "rate must be between"),
        ({"values": {"prosody": torch.tensor([1.0, math.nan])}}, "site prosody: expected finite"),
        ({"values": {"prosody": torch.zeros(1, 2, 3)}}, r"got shape \(1, 2, 3\)"),
    ],
)
def test_impossible_styles_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        Style(**{"values": {"prosody": torch.zeros(2)}, **arguments})


def test_words_of_the_command_line():
    assert parse_style("component=3,pitch_st=+2st, speaker=f1") == {
        "component": 3,
        "pitch_st": 2.0,
        "speaker": "f1",
    }
    assert parse_style("vector=0.1,-2,3e-1,rate=1.2x,energy=-3 dB,pitch=-1") == {
        "vector": (0.1, -2.0, 0.3),
        "rate": 1.2,
        "energy_db": -3.0,
        "pitch_st": -1.0,
    }
    assert parse_style("reference=a,b.wav,prior=-7,temperature=0.5") == {
        "reference": "a,b.wav",
        "prior": -7,
        "temperature": 0.5,
    }
    assert parse_style("name=calm,range=1.5x,pause=2,route=latent,calibrated=no") == {
        "name": "calm",
        "pitch_range": 1.5,
        "pause": 2.0,
        "route": "latent",
        "calibrated": False,
    }
    assert parse_style("default") == parse_style("  ") == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("loudness=3", "'loudness' is not a way.*speaker, reference, component"),
        ("3", "'3' is not a way to choose a style"),
        ("component=three", "component must be a whole number, got 'three'"),
        ("component=1.5", "component must be a whole number"),
        ("vector=1,two", "vector must be numbers separated by commas.*'1,two'"),
        ("vector=1,,2", "vector must be numbers"),
        ("pitch_st=2Hz", "pitch_st must be a number such as 1.5 or 1.5st; got '2Hz'"),
        ("rate=nan", "rate must be a number"),
        ("rate=1,rate=2", "gives rate twice"),
        ("speaker=", "speaker is empty"),
        ("name=", "name is empty"),
        ("range=wide", "pitch_range must be a number such as 1.5 or 1.5x; got 'wide'"),
        ("route=both", "route must be explicit or latent, got 'both'"),
        ("calibrated=maybe", "calibrated must be yes or no, got 'maybe'"),
    ],
)
def test_malformed_words_are_explained(text, message):
    with pytest.raises(ValueError, match=message):
        parse_style(text)


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "speaker": st.from_regex(r"[a-z][a-z0-9]{0,5}", fullmatch=True),
            "component": st.integers(0, 999),
            "vector": st.lists(numbers, min_size=1, max_size=4).map(tuple),
            "prior": st.integers(-(10**9), 10**9),
            "pitch_st": st.integers(-240, 240).map(lambda n: n / 10),
            "rate": st.integers(2, 50).map(lambda n: n / 10),
            "energy_db": st.integers(-400, 400).map(lambda n: n / 10),
            "pitch_range": st.integers(1, 50).map(lambda n: n / 10),
            "pause": st.integers(1, 500).map(lambda n: n / 10),
            "name": st.from_regex(r"[a-z][a-z-]{0,9}", fullmatch=True),
            "route": st.sampled_from(["explicit", "latent"]),
            "calibrated": st.booleans(),
        },
    )
)
def test_what_a_style_prints_can_be_read_back(words):
    usual = {"pitch_st": 0, "rate": 1, "energy_db": 0, "pitch_range": 1, "pause": 1}
    usual |= {"route": "explicit", "calibrated": True}
    changed = {word: v for word, v in words.items() if word not in usual or v != usual[word]}
    read = parse_style(recipe(words))
    read.update({"vector": torch.tensor(read["vector"]).tolist()} if "vector" in read else {})
    changed.update({"vector": list(changed["vector"])} if "vector" in changed else {})
    assert read == changed


@given(st.sampled_from(STYLE_WORDS), st.text(max_size=12))
def test_no_text_makes_the_parser_fail_otherwise(word, text):
    try:
        parse_value(word, text)
        parse_style(text)
    except ValueError as error:
        assert "\n" not in str(error).replace(text, "") and str(error)
