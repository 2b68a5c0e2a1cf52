"""SSML on the shipped voice, measured from the sound: Praat's F0, a phone judge's alignment."""

import numpy as np
import pytest

from tts_vae.audio.prosody import frame_energy_db, track_f0
from tts_vae.evaluation.listeners.intelligibility import Judge
from tts_vae.synthesis.voice import Voice
from tts_vae.text.ssml_tokens import place_tokens
from tts_vae.text.symbols import BREAK

SENTENCES = [
    ("The old farmer carried the ", "yellow", " basket over the narrow bridge."),
    ("Every morning the ", "runner", " passes our window in silence."),
]
SPEAKERS = ("f1", "m4")


@pytest.fixture(scope="module")
def voice():
    pytest.importorskip("parselmouth", reason="needs the optional extra: tts_vae[evaluation]")
    pytest.importorskip("espeakng_loader", reason="needs the optional extra: tts_vae[espeak]")
    return Voice.load("espeak")


@pytest.fixture(scope="module")
def judge():
    return Judge.load("espeak")


@pytest.fixture(params=[(w, s) for w in SENTENCES for s in SPEAKERS], ids=lambda p: p[1] + p[0][1])
def case(request, voice):
    """A sentence of three texts, its speaker's style, its plain speech, tokens of its middle."""
    texts, speaker = request.param
    style = voice.style(speaker=speaker)
    _, owners = place_tokens(voice.phonemizer, texts)
    middle = slice(owners.index(1), owners.index(1) + owners.count(1))
    return texts, style, voice.speak("".join(texts), style), middle


def speak(voice, case, before, after):
    """The sentence with its middle between two tags."""
    (first, middle, last), style, _, _ = case
    return voice.speak_ssml(f"<speak>{first}{before}{middle}{after}{last}</speak>", style)


def semitones(speech, tokens):
    """Median F0 of some tokens by Praat."""
    track = track_f0(speech.waveform, speech.sample_rate, speech.hop_length, "praat", 60, 500)
    ends = np.concatenate([[0], np.cumsum(speech.durations)])
    voiced = track[ends[tokens.start] : ends[tokens.stop]]
    return 12 * np.log2(np.median(voiced[voiced > 0]) / 55)


def level_db(speech, tokens):
    """RMS level of some tokens as the voice made it, before anything was turned down."""
    ends = np.concatenate([[0], np.cumsum(speech.durations)]) * speech.hop_length
    part = speech.waveform[ends[tokens.start] : ends[tokens.stop]]
    return 10 * np.log10(np.mean(part**2)) - speech.gain_db


def test_pitch_moves_its_word_and_leaves_its_neighbours(voice, case):
    _, _, plain, middle = case
    spoken = speak(voice, case, '<prosody pitch="+4st">', "</prosody>")
    assert semitones(spoken, middle) - semitones(plain, middle) == pytest.approx(4, abs=0.7)
    for near in (slice(middle.start - 8, middle.start), slice(middle.stop, middle.stop + 8)):
        assert semitones(spoken, near) == pytest.approx(semitones(plain, near), abs=0.5)
    far = slice(middle.stop + 6, len(plain.phones) - 1)
    assert semitones(spoken, far) == pytest.approx(semitones(plain, far), abs=0.1)


def test_absolute_pitch_is_reached(voice, case):  # within reach of every speaker: 7.4 st for m4
    (first, middle, last), style, _, _ = case
    text = f"{first}{middle}{last}"
    spoken = voice.speak_ssml(f'<speak><prosody pitch="155Hz">{text}</prosody></speak>', style)
    heard = semitones(spoken, slice(1, len(spoken.phones)))
    assert heard == pytest.approx(12 * np.log2(155 / 55), abs=0.7)


def test_half_the_rate_takes_twice_as_long(voice, case, judge):
    _, _, plain, middle = case
    spoken = speak(voice, case, '<prosody rate="50%">', "</prosody>")
    slow, usual = (s.durations[middle].sum() for s in (spoken, plain))
    assert slow / usual == pytest.approx(2, rel=0.05)
    # as somebody else hears it, over the span and the phones next to it
    mels = [judge.mels(s.waveform, s.sample_rate) for s in (plain, spoken)]
    heard = judge.align([plain.phones, spoken.phones], mels).durations
    wide = slice(middle.start - 1, middle.stop + 1)
    added = int(heard[1][wide].sum() - heard[0][wide].sum())
    assert added / usual == pytest.approx(1, abs=0.2)


def test_a_break_adds_its_time_in_silence(voice, case, judge):
    _, _, plain, _ = case
    spoken = speak(voice, case, "", '<break time="500ms"/>')
    assert spoken.duration_s - plain.duration_s == pytest.approx(0.5, abs=0.02)
    token = spoken.phones.index(BREAK)
    heard = judge.align([spoken.phones], [judge.mels(spoken.waveform, spoken.sample_rate)])
    frame_s = spoken.hop_length / spoken.sample_rate
    assert float(heard.durations[0][token]) * frame_s == pytest.approx(0.5, abs=0.06)
    energy = frame_energy_db(spoken.waveform)
    first = int(spoken.durations[:token].sum())
    inside = energy[first : first + int(spoken.durations[token])]
    assert np.mean(inside < energy.max() - 45) > 0.85


def test_emphasis_raises_and_lengthens(voice, case):
    _, _, plain, middle = case
    levels = {}
    for level in ("reduced", "none", "moderate", "strong"):
        spoken = speak(voice, case, f'<emphasis level="{level}">', "</emphasis>")
        levels[level] = (
            semitones(spoken, middle) - semitones(plain, middle),
            level_db(spoken, middle) - level_db(plain, middle),
            spoken.durations[middle].sum() / plain.durations[middle].sum(),
        )
    for quality in zip(*levels.values(), strict=True):
        assert list(quality) == sorted(quality)
    assert levels["none"] == (0, 0, 1)
    assert levels["strong"][0] == pytest.approx(3, abs=0.7)
    assert levels["strong"][1] > 2 and levels["strong"][2] > 1.1


def test_another_speaker_in_mid_sentence(voice):
    style = voice.style(speaker="f1")
    first, second = "The lady turned around and said ", "I am coming home in the morning."
    plain = voice.speak(first + second, style)
    spoken = voice.speak_ssml(f'<speak>{first}<voice name="m1">{second}</voice></speak>', style)
    own = voice.speak(first + second, voice.style(speaker="m1"))
    _, owners = place_tokens(voice.phonemizer, (first, second))
    before, after = slice(1, owners.index(1)), slice(owners.index(1), len(owners) - 1)
    assert semitones(spoken, before) == pytest.approx(semitones(plain, before), abs=0.5)
    assert semitones(spoken, after) == pytest.approx(semitones(own, after), abs=0.7)
    assert semitones(plain, after) - semitones(spoken, after) > 4


def test_ipa_is_heard(voice, judge):
    style = voice.style(speaker="f1")
    document = '<speak>I would like a <phoneme ph="{}">word</phoneme> now, please.</speak>'
    for ipa, phones in (("təˈmeɪtoʊ", "t ə m eɪ t oʊ"), ("ˈpænkeɪk", "p æ n k eɪ k")):
        speech = voice.speak_ssml(document.format(ipa), style)
        (heard,) = judge.transcribe([judge.mels(speech.waveform, speech.sample_rate)])
        assert phones in " ".join(heard)


@pytest.mark.parametrize(("gender", "first"), [("female", "f1"), ("male", "m1")])
def test_a_gender_is_one_of_the_voice(voice, gender, first):
    spoken = voice.speak_ssml(f"<speak><voice gender='{gender}'>Good morning.</voice></speak>")
    expected = voice.speak("Good morning.", voice.style(speaker=first))
    assert np.array_equal(spoken.mels, expected.mels)
