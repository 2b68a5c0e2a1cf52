"""What each control does to the phones of a voice, for a text, per phone and per sentence."""

import numpy as np
import pytest
import torch
from tiny_voice import SPEAKERS, write_tiny_voice

from tts_vae.audio.mel import MelConfig
from tts_vae.models.speech.pitch_range import middle_of
from tts_vae.synthesis.controls import is_pause, sounding
from tts_vae.synthesis.sentence_speaker import SENTENCE_PAUSE_S
from tts_vae.synthesis.speech import concatenate
from tts_vae.synthesis.style_words import parse_style
from tts_vae.synthesis.voice import Voice
from tts_vae.synthesis.voice_styles import update_styles

TEXT = "One fine day, my friends, we met. Two? Three more words!"
HOP = MelConfig().hop_length


def silent(mels):
    """A vocoder for tests that look at mels alone."""
    return torch.zeros(len(mels), mels.shape[1] * HOP)


@pytest.fixture(scope="module")
def mute(folder):
    return Voice.load(folder, vocoder=silent)


def test_pauses_alone_get_longer_to_the_frame(mute):
    usual = mute.speak(TEXT)
    silence = np.array([is_pause(token) for token in usual.phones])
    ends = [i for i, token in enumerate(usual.phones) if token in ".?!"][:-1]
    for factor in (0.5, 3.0):
        spoken = mute.speak(TEXT, mute.style(pause=factor))
        assert np.array_equal(spoken.durations[~silence], usual.durations[~silence])
        assert np.array_equal(spoken.pitch_st, usual.pitch_st)
        inner = silence.copy()
        inner[ends] = False
        expected = np.maximum(1, np.round(usual.durations[inner] * factor))
        assert np.array_equal(spoken.durations[inner], expected)
        between = spoken.durations_s[ends]
        assert np.all(between >= SENTENCE_PAUSE_S * factor - HOP / 22050)
    assert mute.speak(TEXT, mute.style(pause=0.02)).durations.min() == 1


def test_the_range_grows_about_the_middle_of_each_sentence(mute):
    sentences = mute.phonemize(TEXT)
    for factor in (0.05, 0.5, 2.0):
        usual = mute.speak_phones(sentences)
        spoken = mute.speak_phones(sentences, mute.style(pitch_range=factor, pitch_st=1.5))
        for before, after in zip(usual, spoken, strict=True):
            assert np.array_equal(before.durations, after.durations)
            pitch, frames = (torch.from_numpy(x)[None] for x in (before.pitch_st, before.durations))
            middle = float(middle_of(pitch, frames, sounding(before.phones)[None]))
            expected = middle + factor * (before.pitch_st - middle) + 1.5
            np.testing.assert_allclose(after.pitch_st, expected, atol=1e-4)


def per_phone(voice):
    phones = sum(map(len, voice.phonemize(TEXT)))
    ramp = torch.linspace(0, 1, phones)
    return {
        "pitch_st": 4 * ramp - 2,
        "pitch_range": 1 + ramp,
        "rate": 0.8 + ramp / 2,
        "energy_db": 12 * ramp - 6,
        "pause": 3 - 2 * ramp,
    }


@pytest.mark.parametrize("name", ["pitch_st", "pitch_range", "rate", "energy_db", "pause"])
def test_a_control_per_phone_is_split_over_the_sentences(mute, name):
    """The same number everywhere is that number; a ramp reaches each sentence as its own part."""
    each = per_phone(mute)[name]
    start = 0
    whole = list(mute.stream(TEXT, mute.style(**{name: each})))
    for sentence, spoken in zip(mute.phonemize(TEXT), whole, strict=True):
        part = each[start : start + len(sentence)]
        (alone,) = mute.speak_phones([sentence], mute.style(**{name: part}))
        spoken_for = len(alone.mels) if spoken is whole[-1] else len(alone.mels) - 1
        assert np.array_equal(spoken.durations[:-1], alone.durations[:-1])
        assert np.array_equal(spoken.mels[:spoken_for], alone.mels[:spoken_for])
        assert np.array_equal(spoken.pitch_st, alone.pitch_st)
        start += len(sentence)
    constant = mute.speak(TEXT, mute.style(**{name: torch.full_like(each, float(each[3]))}))
    number = mute.speak(TEXT, mute.style(**{name: float(each[3])}))
    assert np.array_equal(constant.durations, number.durations)
    np.testing.assert_allclose(constant.mels, number.mels, atol=1e-4)


def test_a_stream_and_a_batch_say_what_is_said_alone(mute):
    style = mute.style(speaker="bert", **per_phone(mute))
    alone = mute.speak(TEXT, style)
    joined = concatenate(list(mute.stream(TEXT, style)))
    assert np.array_equal(joined.mels, alone.mels)
    others = [None, mute.style(pause=2.0), mute.style(pitch_range=0.5, rate=1.4), style]
    texts = ["Hello there.", TEXT, "Why, me?", TEXT]
    for text, other, spoken in zip(texts, others, mute.speak_many(texts, others), strict=True):
        expected = mute.speak(text, other)
        assert np.array_equal(spoken.durations, expected.durations)
        assert np.abs(spoken.mels - expected.mels).max() <= 1e-5


def test_a_control_for_another_text_is_refused(mute):
    style = mute.style(rate=torch.ones(3))
    for speak in (mute.speak, mute.stream):
        with pytest.raises(ValueError, match=r"for 3 phones and the text has \d+; give one for"):
            speak(TEXT, style)


def test_all_words_can_be_said_and_read_back(mute):
    style = mute.style(
        speaker="carl", component=2, pitch_st=-1.5, pitch_range=1.7, rate=1.1, pause=0.3
    )
    assert str(style).endswith("pitch_st=-1.5,pitch_range=1.7,rate=1.1,pause=0.3")
    assert mute.style(**parse_style(str(style))) == style
    raw = mute.style(energy_db=3, calibrated=False)
    assert str(raw) == "speaker=anna,energy_db=+3,calibrated=no"
    assert mute.style(**parse_style(str(raw))) == raw
    for choice, message in (
        ({"route": "magic"}, "route must be explicit or latent, got 'magic'"),
        ({"pitch_st": 2, "route": "latent"}, "knows no directions of its latent"),
        ({"name": "calm"}, "unknown style name 'calm'"),
        ({"pause": 99}, "pause must be between 0.02 and 50"),
    ):
        with pytest.raises(ValueError, match=message):
            mute.style(**choice)


def test_a_calibrated_voice_sets_what_gives_the_request_and_prints_the_request(tmp_path):
    """Asked for +2 st, anna needs a shift of 3; the others, of whom nothing is known, 2.4."""
    folder = write_tiny_voice(tmp_path / "v")
    maps = {
        who: {"pitch_st": {"requested": [-6.0, 0.0, 6.0], "pitch_st": [-k * 6, 0.0, k * 6]}}
        for who, k in (("anna", 1.5), ("*", 1.2))
    }
    update_styles(folder, "calibration", {"speakers": maps})
    voice = Voice.load(folder, vocoder=silent)
    style = voice.style(pitch_st=2)
    assert style.pitch_st == pytest.approx(3) and str(style) == "speaker=anna,pitch_st=+2"
    assert voice.style(**parse_style(str(style))) == style
    assert voice.style(speaker="bert", pitch_st=2).pitch_st == pytest.approx(2.4)
    assert voice.style(pitch_st=2, calibrated=False).pitch_st == 2
    each = voice.style(pitch_st=torch.tensor([0.0, 2.0]), pause=2.0)
    assert each.pitch_st.tolist() == pytest.approx([0, 3]) and each.pause == 2.0
    with pytest.warns(UserWarning, match="out of the range of speaker anna.*clamped"):
        assert voice.style(pitch_st=8).pitch_st == pytest.approx(9)
    with pytest.raises(ValueError, match="pitch_st must be within"):
        voice.style(pitch_st=37)


def test_a_name_stands_for_its_words_and_what_comes_with_it_replaces_them(tmp_path):
    folder = write_tiny_voice(tmp_path / "v")
    update_styles(folder, "named", {"calm": "component=2,rate=0.8,pitch_range=0.7"})
    voice = Voice.load(folder, vocoder=silent)
    calm = voice.style(name="calm")
    assert calm == voice.style(component=2, rate=0.8, pitch_range=0.7)
    assert str(calm) == "name=calm,speaker=anna" and voice.style(**parse_style(str(calm))) == calm
    other = voice.style(name="calm", speaker=SPEAKERS[1], prior=3, rate=1.5)
    assert other == voice.style(speaker=SPEAKERS[1], prior=3, rate=1.5, pitch_range=0.7)
    assert voice.style(**parse_style(str(other))) == other
