import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from tiny_voice import COMPONENTS, SPEAKERS, WIDTH, sweep, write_tiny_voice

from tts_vae.audio.mel import MelConfig
from tts_vae.synthesis.sentence_speaker import PEAK, SENTENCE_PAUSE_S
from tts_vae.synthesis.speech import concatenate
from tts_vae.synthesis.style_words import parse_style
from tts_vae.synthesis.voice import Voice

TEXT = "Hello there, good friends."
HOP = MelConfig().hop_length
RECORDING = (sweep(1.5, 22050), 22050)


def silent(mels):
    """A vocoder for tests that look at mels alone."""
    return torch.zeros(len(mels), mels.shape[1] * HOP)


@pytest.fixture(scope="session")
def mute(folder):
    return Voice.load(folder, vocoder=silent)


def test_speech_is_consistent(voice):
    speech = voice.speak(TEXT)
    assert speech.waveform.dtype == np.float32 and speech.sample_rate == 22050
    assert len(speech.waveform) == len(speech.mels) * HOP == speech.durations.sum() * HOP
    assert len(speech.phones) == len(speech.durations) == len(speech.pitch_st)
    assert speech.phones[0] == "^" and speech.phones[-1] == "."
    assert speech.durations_s.sum() == pytest.approx(speech.duration_s)
    assert 0 < np.abs(speech.waveform).max() <= 1


def test_same_seed_same_waveform_bit_for_bit(voice):
    style = voice.style(prior=3)
    first = voice.speak(TEXT, style, seed=5).waveform
    torch.manual_seed(99)  # the state of the process does not matter, nor is it touched
    state = torch.get_rng_state()
    assert np.array_equal(first, voice.speak(TEXT, voice.style(prior=3), seed=5).waveform)
    assert torch.equal(torch.get_rng_state(), state)
    assert not np.array_equal(first, voice.speak(TEXT, style, seed=6).waveform)


@pytest.mark.parametrize(
    "choice",
    [
        {"speaker": "bert"},
        {"component": 0},
        {"component": 2},
        {"vector": [1.0, 2.0, -1.0, 0.5]},
        {"prior": 3},
        {"prior": 4, "temperature": 0.3},
        {"reference": RECORDING},
        {"reference": RECORDING, "speaker": "carl"},
        {"rate": 1.3},
    ],
    ids=str,
)
def test_every_choice_changes_mels_and_durations(mute, choice):
    usual, chosen = mute.speak(TEXT), mute.speak(TEXT, mute.style(**choice))
    assert usual.phones == chosen.phones
    assert not np.array_equal(usual.durations, chosen.durations)
    frames = min(len(usual.mels), len(chosen.mels))
    assert np.abs(usual.mels[:frames] - chosen.mels[:frames]).mean() > 1e-3


def test_choices_differ_from_each_other(mute):
    styles = [mute.style(component=k) for k in range(COMPONENTS)]
    styles += [mute.style(speaker=name, component=0) for name in SPEAKERS[1:]]
    styles += [mute.style(prior=k) for k in range(3)]
    styles += [mute.style(reference=(sweep(1.5, 22050, f), 22050)) for f in (110, 220)]
    mels = [mute.speak(TEXT, style).mels for style in styles]
    for i, first in enumerate(mels):
        for second in mels[:i]:
            assert first.shape != second.shape or np.abs(first - second).max() > 1e-4


def test_shifts_are_in_physical_units(mute):
    usual = mute.speak(TEXT)
    up = mute.speak(TEXT, mute.style(pitch_st=3))
    assert np.allclose(up.pitch_st, usual.pitch_st + 3, atol=1e-4)
    assert np.array_equal(up.durations, usual.durations) and not np.allclose(up.mels, usual.mels)
    loud = mute.speak(TEXT, mute.style(energy_db=6))
    assert np.allclose(loud.mels, usual.mels + 6 * np.log(10) / 20, atol=1e-4)
    fast = mute.speak(TEXT, mute.style(rate=1.5))
    assert len(fast.mels) == pytest.approx(len(usual.mels) / 1.5, rel=0.05)


def test_speaker_and_prosody_come_from_where_they_were_asked(mute):
    bert, other = mute.style(speaker="bert", component=1), mute.style(component=2)
    sites = mute.bundle.model.sites
    assert torch.equal(bert.values["speaker"], sites["speaker"].class_mean(1))
    assert torch.equal(bert.values["prosody"], sites["prosody"].component(1))
    swapped = bert.with_prosody(other)
    assert torch.equal(swapped.values["speaker"], bert.values["speaker"])
    assert torch.equal(swapped.values["prosody"], other.values["prosody"])
    by_reference = mute.style(reference=RECORDING)
    kept = mute.style(reference=RECORDING, speaker="bert")
    assert torch.equal(kept.values["prosody"], by_reference.values["prosody"])
    assert torch.equal(kept.values["speaker"], bert.values["speaker"])
    assert not torch.equal(by_reference.values["speaker"], kept.values["speaker"])


def test_the_usual_style(mute, tmp_path):
    style = mute.style()
    sites = mute.bundle.model.sites
    assert torch.equal(style.values["speaker"], sites["speaker"].class_mean(0))
    assert torch.equal(style.values["prosody"], sites["prosody"].component(1))  # the most used
    assert str(style) == "speaker=anna"
    stored = {"sites": {"prosody": {"default": [1.0, 2.0, 3.0, 4.0], "usage": [1, 0, 0]}}}
    other = Voice.load(write_tiny_voice(tmp_path / "v", styles=stored))
    assert other.style().values["prosody"].tolist() == [1.0, 2.0, 3.0, 4.0]


def test_a_style_can_be_said_in_words(mute):
    style = mute.style(speaker="carl", vector=[0.1, -1 / 3, 2, 1e-7], pitch_st=-1.5, rate=1.1)
    assert mute.style(**parse_style(str(style))) == style


def test_a_prior_sample_of_no_spread_is_a_component(mute):
    value = mute.style(prior=8, temperature=0.0).values["prosody"]
    means = [mute.style(component=k).values["prosody"] for k in range(COMPONENTS)]
    assert any(torch.allclose(value, mean) for mean in means)


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"speaker": "dora"}, "unknown speaker 'dora'; this voice has anna, bert, carl"),
        ({"component": 3}, "unknown component 3; this voice has 0 to 2"),
        ({"component": -1}, "unknown component -1"),
        ({"component": True}, "component must be a whole number"),
        ({"component": 1, "prior": 2}, "choose one of .*; got component and prior"),
        ({"vector": [1.0]}, r"vector must be 4 finite numbers .* got shape \(1,\)"),
        ({"vector": [1.0, 2.0, np.nan, 0.0]}, "not finite"),
        ({"vector": "abcd"}, "vector must be 4 numbers"),
        ({"prior": 1.5}, "prior must be a whole number"),
        ({"prior": 1, "temperature": -1}, "temperature must be between 0 and 10"),
        ({"temperature": 0.5}, "give prior=SEED"),
        ({"rate": 0.01}, "rate must be between"),
    ],
    ids=str,
)
def test_unknown_choices_list_the_valid_ones(mute, choice, message):
    with pytest.raises(ValueError, match=message):
        mute.style(**choice)


@pytest.mark.parametrize(
    "prosody",
    ["gaussian", "tokens", "code", "codebook", "levels", "relaxed", "hierarchy", "layers"],
)
def test_one_speaker_and_any_latent(tmp_path, prosody):
    listed = prosody in ("tokens", "codebook", "levels", "relaxed")
    folder = write_tiny_voice(tmp_path / "v", prosody, speakers=("anna",), styles={})
    voice = Voice.load(folder, vocoder=silent)
    usual = voice.speak(TEXT)
    choices = [{"vector": [1.0, 2.0, -1.0, 0.5]}, {"reference": RECORDING}]
    choices += [{"component": 4}] if listed else []
    choices += [] if prosody == "code" else [{"prior": 5}]
    for choice in choices:
        style = voice.style(speaker="anna", **choice)
        assert set(style.values) == {"prosody"}
        assert not np.array_equal(voice.speak(TEXT, style).durations, usual.durations)
    with pytest.raises(ValueError, match="this voice has anna"):
        voice.style(speaker="bert")
    if listed:
        vector = voice.bundle.model.sites["prosody"].component(4)
        assert torch.equal(voice.style(component=4).values["prosody"], vector)
        beyond = voice.components
        with pytest.raises(ValueError, match=f"component {beyond}; .* 0 to {beyond - 1}"):
            voice.style(component=beyond)
    else:
        assert voice.components == 0
        with pytest.raises(ValueError, match="no components; choose a reference, a vector of 4"):
            voice.style(component=0)
    if prosody == "code":
        with pytest.raises(ValueError, match="no prior to draw from; choose a reference"):
            voice.style(prior=0)


def test_speakers_without_a_site_are_not_silently_ignored(tmp_path):
    folder = write_tiny_voice(tmp_path / "v", speakers=("anna",))
    config = (folder / "config.yaml").read_text().replace("- anna\n", "- anna\n- bert\n")
    (folder / "config.yaml").write_text(config)
    with pytest.raises(ValueError, match="without a speaker site"):
        Voice.load(folder).style(speaker="bert")


def test_references_of_every_format(mute, tmp_path):
    exact = mute.style(reference=RECORDING).values["prosody"]
    stereo = np.stack([RECORDING[0], RECORDING[0]], 1)
    assert torch.allclose(mute.style(reference=(stereo, 22050)).values["prosody"], exact, atol=1e-5)
    whole = (RECORDING[0] * 32768).astype(np.int16)
    assert torch.allclose(mute.style(reference=(whole, 22050)).values["prosody"], exact, atol=0.02)
    soundfile.write(tmp_path / "a.wav", stereo, 22050, subtype="FLOAT")
    by_path = mute.style(reference=tmp_path / "a.wav")
    assert torch.allclose(by_path.values["prosody"], exact, atol=1e-5)
    high = mute.style(reference=(sweep(1.5, 44100), 44100)).values["prosody"]
    assert torch.allclose(high, exact, atol=0.3)
    with pytest.warns(UserWarning, match="8000 Hz .* upsampled"):
        mute.style(reference=(sweep(1.5, 8000), 8000))
    with pytest.warns(UserWarning, match="first 30 s are used"):
        mute.style(reference=(np.tile(RECORDING[0], 22), 22050))


def test_useless_references_are_refused(mute, tmp_path):
    (tmp_path / "broken.wav").write_bytes(b"RIFF1234WAVEnothing")
    for reference, message in (
        (tmp_path / "absent.wav", "absent.wav"),
        (tmp_path / "broken.wav", "broken.wav"),
        ((np.zeros(22050, np.float32), 22050), "silent"),
        ((RECORDING[0][:2000], 22050), "0.3 s or more"),
        ((np.full(22050, np.nan), 22050), "not finite"),
        ((np.zeros((2, 3, 4)), 22050), "shape"),
        ((RECORDING[0], 0), "sample rate"),
        (np.zeros(22050), r"\(samples, sample rate\)"),
    ):
        with pytest.raises(ValueError, match=message):
            mute.style(reference=reference)


def test_long_text_is_spoken_by_sentences(voice):
    text = "One fine day. Two? Three more words!"
    parts = list(voice.stream(text, seed=1))
    whole = voice.speak(text, seed=1)
    assert len(parts) == 3
    assert np.array_equal(np.concatenate([part.waveform for part in parts]), whole.waveform)
    assert len(whole.mels) == whole.durations.sum() == len(whole.waveform) // HOP
    assert whole.phones.count("^") == 3
    for part in parts[:2]:
        assert part.durations_s[-1] >= SENTENCE_PAUSE_S - HOP / 22050
        assert len(part.mels) == part.durations.sum() == len(part.waveform) // HOP


def test_a_stream_joined_is_the_speech(voice):
    """Also where values per phone need the whole text first."""
    text = "One fine day. Two? Three more words!"
    phones = sum(map(len, voice.phonemize(text)))
    each = torch.linspace(-1, 1, phones * WIDTH).reshape(phones, WIDTH)
    for style in (None, voice.style(prior=2, rate=1.2, energy_db=30), voice.style(vector=each)):
        joined, whole = concatenate(list(voice.stream(text, style, 4))), voice.speak(text, style, 4)
        for name in ("waveform", "mels", "durations", "pitch_st"):
            assert np.array_equal(getattr(joined, name), getattr(whole, name)), name
        assert joined.phones == whole.phones and joined.gain_db == whole.gain_db


def test_the_first_sentence_waits_for_no_other(folder):
    voice, asked = Voice.load(folder, vocoder=silent), []
    front_end = voice.phonemizer
    voice.__dict__["phonemizer"] = lambda part: asked.append(part) or front_end(part)
    stream = voice.stream("One day. Two days. Three days.")
    next(stream)
    assert asked == ["One day."]
    assert len(list(stream)) == 2 and asked == ["One day.", "Two days.", "Three days."]


def test_what_is_wrong_with_a_stream_is_told_at_the_call(mute, tmp_path):
    other = Voice.load(write_tiny_voice(tmp_path / "v", speakers=("anna",)))
    with pytest.raises(ValueError, match="another voice"):
        mute.stream(TEXT, other.style())
    with pytest.raises(ValueError, match="seed"):
        mute.stream(TEXT, seed=-1)
    with pytest.raises(ValueError, match="text must be a string"):
        mute.stream(None)


def test_two_thousand_words_come_one_sentence_at_a_time(mute):
    stream = mute.stream("This is one of many sentences. " * 333)
    longest = max(len(part.waveform) for part in stream)
    assert longest < 10 * 22050


@pytest.mark.parametrize("text", ["", "   ", "?!...", "\U0001f600", "\n\n"])
def test_text_without_words_is_refused_at_the_call(voice, text):
    with pytest.raises(ValueError, match="expected text"):
        voice.stream(text)


@pytest.mark.parametrize("text", ["hi 42!", "1999", "naïve café", "a" * 3000])
def test_odd_text_is_spoken(mute, text):
    assert mute.speak(text).duration_s > 0


def test_emoji_are_left_out_with_a_warning(mute):
    with pytest.warns(UserWarning, match="no pronunciation"):
        spoken = mute.speak("\U0001f600 hi!")
    assert spoken.phones == mute.speak("hi!").phones


def test_values_per_phone(mute):
    text = "One fine day. Two more."
    phones = sum(map(len, mute.phonemize(text)))
    usual = mute.style(component=0).values["prosody"]
    constant = mute.style(vector=usual.expand(phones, WIDTH))
    same = mute.speak(text, mute.style(component=0))
    assert np.allclose(mute.speak(text, constant).mels, same.mels, atol=1e-5)
    changed = usual.repeat(phones, 1)
    changed[-4:] += 3  # in the second sentence alone
    spoken = mute.speak(text, mute.style(vector=changed))
    first = len(mute.phonemize(text)[0])
    assert np.array_equal(spoken.durations[:first], same.durations[:first])
    assert not np.array_equal(spoken.mels[-5:], same.mels[-5:])
    with pytest.raises(ValueError, match="for 3 phones"):
        mute.speak(text, mute.style(vector=torch.zeros(3, WIDTH)))


def test_styles_and_arguments_are_checked(mute, tmp_path):
    other = Voice.load(write_tiny_voice(tmp_path / "v", speakers=("anna",)))
    with pytest.raises(ValueError, match="another voice"):
        mute.speak(TEXT, other.style())
    with pytest.raises(ValueError, match="seed"):
        mute.speak(TEXT, seed=-1)
    with pytest.raises(ValueError, match="text must be a string"):
        mute.speak(None)
    with pytest.raises(ValueError, match="threads"):
        Voice.load(tmp_path / "v", threads=0)


def test_loud_speech_is_turned_down_not_clipped(folder):
    def loud(mels):
        return torch.sin(torch.arange(mels.shape[1] * HOP) / 9.0).unsqueeze(0) * 4

    speech = Voice.load(folder, vocoder=loud).speak(TEXT)
    assert np.abs(speech.waveform).max() == pytest.approx(PEAK, abs=1e-3)
    assert speech.gain_db == pytest.approx(20 * np.log10(PEAK / 4), abs=1e-2)
    assert Voice.load(folder, vocoder=silent).speak(TEXT).gain_db == 0


def test_a_vocoder_of_other_length_is_cut_and_padded(folder):
    for samples in (1000, 10**6):
        speech = Voice.load(folder, vocoder=lambda mels, n=samples: torch.zeros(1, n)).speak(TEXT)
        assert len(speech.waveform) == len(speech.mels) * HOP


def test_gradients_and_modes_of_the_caller_are_left_alone(voice):
    style = voice.style()
    stream = voice.stream("One day. Two days.")
    next(stream)
    assert torch.is_grad_enabled() and not torch.is_inference_mode_enabled()
    assert not any(value.is_inference() for value in style.values.values())


def test_speaking_loads_no_heavy_library(folder):
    program = (
        "import sys; from tts_vae.synthesis.voice import Voice; "
        f"Voice.load({str(folder)!r}).speak('hello'); "
        "print(*sorted({'lightning', 'lhotse', 'librosa', 'hydra', 'sklearn', 'numba'} "
        "& set(sys.modules)))"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=root)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []
