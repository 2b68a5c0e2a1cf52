"""SSML on a tiny voice: spans reach their phones, breaks their tokens, and nothing else changes."""

import math
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

sys.path.insert(0, str(Path(__file__).parents[1]))

from command_line import commands, samples  # noqa: E402
from tiny_voice import sweep, write_tiny_voice  # noqa: E402

from tts_vae.audio.mel import MelConfig  # noqa: E402
from tts_vae.synthesis.speech import concatenate  # noqa: E402
from tts_vae.synthesis.ssml_pauses import silenced, with_token_length  # noqa: E402
from tts_vae.synthesis.ssml_speaking import stream_ssml  # noqa: E402
from tts_vae.synthesis.voice import Voice  # noqa: E402

HOP = MelConfig().hop_length
TEXT = "Hello there, good friends. It is late."


def ssml(inner):
    return f"<speak>{inner}</speak>"


@pytest.fixture(scope="module")
def mute(folder):
    return Voice.load(folder, vocoder=lambda mels: torch.zeros(len(mels), mels.shape[1] * HOP))


def words(speech):
    """Slices of tokens of the words of a voice of letters."""
    starts = [i for i, phone in enumerate(speech.phones) if phone.isupper()]
    return [slice(a, b) for a, b in pairwise([*starts, len(speech.phones)])]


def test_a_document_without_spans_is_the_plain_text_bit_for_bit(voice):
    style = voice.style(prior=3, rate=1.2)
    spoken = voice.speak_ssml(ssml(TEXT), style, seed=4)
    plain = voice.speak(TEXT, style, seed=4)
    assert np.array_equal(spoken.waveform, plain.waveform)
    assert np.array_equal(spoken.durations, plain.durations) and spoken.phones == plain.phones


def test_it_streams_and_repeats_itself(voice):
    document = ssml("One <emphasis>two</emphasis>. <prosody pitch='+3st'>Three</prosody>. Four.")
    stream = list(stream_ssml(voice, document, seed=5))
    assert len(stream) == 3
    whole = voice.speak_ssml(document, seed=5)
    assert np.array_equal(concatenate(stream).waveform, whole.waveform)
    assert not np.array_equal(whole.waveform, voice.speak_ssml(document, seed=6).waveform)


def test_relative_prosody_reaches_its_words_alone(mute):
    style = mute.style(pitch_st=1.0, rate=0.9)
    plain = mute.speak("One two three four.", style)
    spoken = mute.speak_ssml(
        ssml("One <prosody pitch='+4st' volume='+6dB'>two</prosody> three four."), style
    )
    shift = spoken.pitch_st - plain.pitch_st
    two = words(plain)[1]
    assert shift[two] == pytest.approx(4, abs=1e-4)
    assert np.delete(shift, np.r_[two]) == pytest.approx(0, abs=1e-4)
    assert np.array_equal(spoken.durations, plain.durations)


def test_rate_stretches_its_words_alone(mute):
    plain = mute.speak("One two three four.")
    spoken = mute.speak_ssml(ssml("One <prosody rate='50%'>two three</prosody> four."))
    one, two, three, four = words(plain)
    for word in (one, four):
        assert abs(spoken.durations[word].sum() - plain.durations[word].sum()) <= 1
    both = slice(two.start, three.stop)
    assert spoken.durations[both].sum() == pytest.approx(2 * plain.durations[both].sum(), abs=1)


def test_a_pause_between_spans_is_no_slower_than_either(mute):
    plain = mute.speak("One, two.")
    slow = mute.speak_ssml(ssml("<prosody rate='50%'>One</prosody>, two."))
    inside = mute.speak_ssml(ssml("<prosody rate='50%'>One, two</prosody>."))
    comma = plain.phones.index(",")
    assert abs(slow.durations[comma] - plain.durations[comma]) <= 1
    assert inside.durations[comma] == pytest.approx(2 * plain.durations[comma], abs=1)


def test_absolute_pitch_is_measured_from_the_usual_level(mute):
    plain = mute.speak("One two three four.")
    sounds = [i for i, phone in enumerate(plain.phones) if phone not in "^."]
    level = np.median(np.repeat(plain.pitch_st[sounds], plain.durations[sounds]))
    hz = 55 * 2 ** (level / 12)
    for pitch, asked in (("150Hz", 150), ("+20Hz", hz + 20), ("-10%", hz * 0.9)):
        spoken = mute.speak_ssml(ssml(f"<prosody pitch='{pitch}'>One two three four.</prosody>"))
        shift = spoken.pitch_st - plain.pitch_st
        assert shift[sounds] == pytest.approx(12 * math.log2(asked / hz), abs=1e-3)
    # the usual level is that of the style around it, not of the default
    high = mute.style(pitch_st=5.0)
    spoken = mute.speak_ssml(ssml("<prosody pitch='150Hz'>One two three four.</prosody>"), high)
    assert np.median(np.repeat(spoken.pitch_st[sounds], spoken.durations[sounds])) == pytest.approx(
        12 * math.log2(150 / 55), abs=1e-3
    )


def test_range_widens_about_the_middle(mute):
    plain = mute.speak("One two three four.")
    wide = mute.speak_ssml(ssml("<prosody range='x-high'>One two three four.</prosody>"))
    sounds = [i for i, phone in enumerate(plain.phones) if phone not in "^."]
    assert np.ptp(wide.pitch_st[sounds]) == pytest.approx(2 * np.ptp(plain.pitch_st[sounds]))


def test_duration_sets_the_time_of_its_span(mute):
    spoken = mute.speak_ssml(
        ssml("One <prosody duration='2s'>two <emphasis level='none'>three</emphasis></prosody> x.")
    )
    _, two, three, _ = words(spoken)
    assert spoken.durations_s[two.start : three.stop].sum() == pytest.approx(2, abs=0.04)


def test_speakers_and_styles_reach_their_phones(mute):
    laid = {}
    original = mute.sentence_speaker.say

    def noting(sentence):
        laid["style"], laid["phones"] = sentence.style, sentence.phones
        return original(sentence)

    mute.sentence_speaker.say = noting
    try:
        mute.speak_ssml(
            ssml("One <voice name='nobody bert'>two <style component='2'>three</style></voice> x.")
        )
    finally:
        del mute.sentence_speaker.say
    usual = mute.style()
    bert, third = mute.style(speaker="bert"), mute.style(component=2)
    style = laid["style"]
    starts = [i for i, phone in enumerate(laid["phones"]) if phone.isupper()]
    for row in range(len(laid["phones"])):
        speaker = bert if starts[1] <= row < starts[3] else usual
        prosody = third if starts[2] <= row < starts[3] else usual
        assert torch.equal(style.values["speaker"][row], speaker.values["speaker"])
        assert torch.equal(style.values["prosody"][row], prosody.values["prosody"])


def test_a_reference_is_heard_from_its_folder_alone(mute, tmp_path):
    inside = tmp_path / "inside"
    inside.mkdir()
    soundfile.write(inside / "r.wav", sweep(1.5, 22050), 22050)
    soundfile.write(tmp_path / "secret.wav", sweep(1.5, 22050), 22050)
    (inside / "link.wav").symlink_to(tmp_path / "secret.wav")
    document = ssml("One <style reference='{}'>two</style>.")
    (speech,) = stream_ssml(mute, document.format("r.wav"), references=inside)
    assert not np.array_equal(speech.mels, mute.speak("One two.").mels)
    for out in (
        "../secret.wav",
        tmp_path / "secret.wav",
        "link.wav",
        "http://a/b.wav",
    ):
        with pytest.raises(ValueError, match="column 12: <style>: .* out of reach"):
            stream_ssml(mute, document.format(out), references=inside)
    with pytest.raises(ValueError, match="recordings cannot be read here"):
        stream_ssml(mute, document.format("r.wav"), references=None)
    with pytest.raises(ValueError, match="column 12: <style>: .*none.wav"):
        stream_ssml(mute, document.format("none.wav"), references=inside)


@pytest.mark.parametrize(
    ("inner", "message"),
    [
        ("a. <voice name='eve'>b</voice>", "column 11: <voice>: unknown name 'eve'; .* anna, bert"),
        ("a. <style component='3'>b</style>", "<style>: unknown component 3; .* 0 to 2"),
        ("a. <style name='sad'>b</style>", "<style>: unknown style name 'sad'"),
        ("<phoneme ph='a'>b</phoneme>", "<phoneme>: this voice reads letters, not phones"),
    ],
)
def test_what_the_voice_lacks_is_told_with_its_place_before_a_sound(mute, inner, message):
    with pytest.raises(ValueError, match=message):
        stream_ssml(mute, ssml(inner))


def test_genders_where_the_voice_knows_them_and_a_warning_where_not(mute, tmp_path):
    genders = {"anna": "female", "bert": "male", "carl": "male"}
    folder = write_tiny_voice(tmp_path / "known", metadata={"genders": genders})
    known = Voice.load(folder, vocoder=lambda mels: torch.zeros(len(mels), mels.shape[1] * HOP))
    bert = known.speak("One two.", known.style(speaker="bert"))
    spoken = known.speak_ssml(ssml("<voice gender='male'>One two.</voice>"))
    assert np.array_equal(spoken.mels, bert.mels)
    with pytest.warns(UserWarning, match="has no neutral speaker; choose by name: anna"):
        known.speak_ssml(ssml("<voice gender='neutral'>One two.</voice>"))
    with pytest.warns(UserWarning, match="does not know its speakers' genders"):
        spoken = mute.speak_ssml(ssml("<voice gender='male'>One two.</voice>"))
    assert np.array_equal(spoken.mels, mute.speak("One two.").mels)


def test_a_calibrated_voice_is_asked_for_what_is_heard(tmp_path):
    maps = {
        "*": {"pitch_st": {"requested": [-5, 0, 5], "pitch_st": [-6, 0, 6], "energy_db": [0, 0, 2]}}
    }
    maps["bert"] = {"pitch_st": {"requested": [-5, 0, 5], "pitch_st": [-10, 0, 10]}}
    styles = {"calibration": {"speakers": maps}}
    folder = write_tiny_voice(tmp_path / "calibrated", styles=styles)
    voice = Voice.load(folder, vocoder=lambda mels: torch.zeros(len(mels), mels.shape[1] * HOP))
    one, two = "<prosody pitch='+4st' rate='50%'>One</prosody>", "<voice name='bert'>{}</voice>"
    plain = voice.speak_ssml(ssml(f"One {two.format('two')} x."))
    high = voice.speak_ssml(ssml(f"{one} {two.format(one.replace('One', 'two'))} x."))
    shift = high.pitch_st - plain.pitch_st
    first, second, third = words(plain)
    assert shift[first] == pytest.approx(4.8, abs=1e-4)
    assert shift[second] == pytest.approx(8, abs=1e-4)
    assert shift[third] == pytest.approx(0, abs=1e-4)
    assert high.durations[first].sum() == pytest.approx(2 * plain.durations[first].sum(), abs=1)
    with pytest.warns(UserWarning, match="out of the range of this voice, -5st to \\+5st: clamped"):
        voice.speak_ssml(ssml("<prosody pitch='+9st'>One</prosody>"))


def test_out_of_range_is_clamped_and_told(mute):
    plain = mute.speak("One two.")
    with pytest.warns(UserWarning, match="rate 10x is out of range, 0.2 to 5x: clamped"):
        fast = mute.speak_ssml(ssml("<prosody rate='1000%'>One two.</prosody>"))
    assert fast.durations.sum() < plain.durations.sum()
    with pytest.warns(UserWarning, match="pitch_st -infst is out of range"):
        low = mute.speak_ssml(ssml("<prosody pitch='-5000Hz'>One two.</prosody>"))
    assert (plain.pitch_st - low.pitch_st) == pytest.approx(36, abs=1e-4)


def test_a_style_with_numbers_for_each_phone_is_refused(mute):
    style = mute.style(pitch_st=torch.zeros(9))
    with pytest.raises(ValueError, match="got one for 9 phones; give one for the whole text"):
        mute.speak_ssml(ssml("One."), style)


def test_breaks_last_as_asked(mute):
    for inner, token in (("One,<break time='{}'/> two.", ","), ("<break time='{}'/>One.", "^")):
        for seconds in (0.02, 0.5, 3.0):
            speech = mute.speak_ssml(ssml(inner.format(f"{seconds}s")))
            length = speech.durations_s[speech.phones.index(token)]
            assert length == pytest.approx(seconds, abs=0.006)
            assert len(speech.waveform) == len(speech.mels) * HOP == speech.durations.sum() * HOP
    usual = mute.speak_ssml(ssml("One. Two."))
    longer = mute.speak_ssml(ssml("One.<break time='2s'/> Two."))
    shorter = mute.speak_ssml(ssml("One.<break time='0.2s'/> Two."))
    end = usual.phones.index(".")
    assert usual.durations_s[end] >= 0.29 and longer.durations_s[end] == pytest.approx(2, abs=0.006)
    assert shorter.durations_s[end] == pytest.approx(0.2, abs=0.006)
    assert np.array_equal(np.delete(usual.durations, end), np.delete(longer.durations, end))


@pytest.mark.parametrize("seconds", [0.3, 0.5, 1.0])
def test_a_break_between_words_adds_its_time(mute, seconds):
    plain = mute.speak("One two three.")
    once = mute.speak_ssml(ssml(f"One<break time='{seconds}s'/> two three."))
    twice = mute.speak_ssml(
        ssml(f"One<break time='{seconds}s'/> two <break time='{seconds}s'/>three.")
    )
    assert once.duration_s - plain.duration_s == pytest.approx(seconds, abs=0.013)
    assert twice.duration_s - plain.duration_s == pytest.approx(2 * seconds, abs=0.025)


def test_silent_spans_are_silent_and_last_as_long(voice):
    plain = voice.speak("One two three.")
    spoken = voice.speak_ssml(ssml("One <prosody volume='silent'>two</prosody> three."))
    assert np.array_equal(plain.durations, spoken.durations)
    two = words(plain)[1]
    start, stop = (int(plain.durations[:i].sum()) for i in (two.start, two.stop))
    assert not spoken.waveform[start * HOP : stop * HOP].any()
    fade = round(0.005 * 22050)
    assert np.array_equal(
        spoken.waveform[: start * HOP - fade], plain.waveform[: start * HOP - fade]
    )
    assert np.array_equal(spoken.waveform[stop * HOP + fade :], plain.waveform[stop * HOP + fade :])


def test_pauses_are_cut_and_filled_where_they_are_quietest(voice):
    speech = voice.speak("One, two.")
    mels = speech.mels.copy()
    comma = speech.phones.index(",")
    start = int(speech.durations[:comma].sum())
    length = int(speech.durations[comma])
    assert length >= 4
    mels[start : start + length] = 0.0
    mels[start + 1 : start + 3] = -9.0  # the quietest two frames
    marked = np.arange(len(speech.waveform), dtype=np.float32)
    speech = type(speech)(**{**vars(speech), "mels": mels, "waveform": marked})
    longer = with_token_length(speech, comma, (length + 10) * HOP / 22050, -11.5)
    quiet = slice((start + 1) * HOP, (start + 11) * HOP)
    assert not longer.waveform[quiet].any() and (longer.mels[start + 1 : start + 11] == -11.5).all()
    assert longer.waveform[quiet.stop + HOP] == marked[quiet.start + HOP]
    shorter = with_token_length(speech, comma, (length - 2) * HOP / 22050, -11.5)
    assert (shorter.mels[start : start + length - 2] == 0).all()
    assert shorter.durations[comma] == length - 2
    assert len(shorter.waveform) == len(marked) - 2 * HOP
    silent = silenced(speech, comma, comma + 1, -11.5)
    assert not silent.waveform[start * HOP : (start + length) * HOP].any()


def test_the_command_line_reads_ssml(folder, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = commands(capsys)
    document = ssml("One <prosody rate='50%'>two</prosody>. <voice name='bert'>Three</voice>.")
    assert run("speak", document, "--voice", folder, "--out", "a.wav")[0] == 0
    voice = Voice.load(folder)
    expected = voice.speak_ssml(document).waveform
    assert len(samples("a.wav")) == len(expected)
    assert np.abs(samples("a.wav") / 32768 - expected).max() < 1e-4
    code, _, err = run("speak", "<p>One</p>", "--ssml", "--voice", folder)
    assert code == 2 and err.count("\n") == 1 and "expected <speak> around everything" in err
    code, _, err = run("speak", "<speak>One", "--voice", folder)
    assert code == 2 and err.count("\n") == 1 and "line 1, column 11: malformed XML" in err
    code, _, err = run("speak", ssml("<x>a</x>"), "--voice", folder)
    assert code == 0 and err.count("\n") == 1 and "warning: SSML line 1, column 8: <x>" in err
    Path("lines.txt").write_text("a\n", encoding="utf-8")
    code, _, err = run("speak", "--ssml", "--file", "lines.txt", "--voice", folder, "--out", "o")
    assert code == 2 and "--ssml is for one document" in err


def test_lines_of_a_file_may_be_documents(folder, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = commands(capsys)
    document = ssml("One <prosody rate='50%'>two</prosody>.")
    lines = [document, "One two.", "<speak>broken", "<speak>&lol;</speak>"]
    Path("lines.txt").write_text("\n".join(lines), encoding="utf-8")
    code, out, err = run("speak", "--file", "lines.txt", "--voice", folder, "--out", "o")
    assert code == 1 and out.startswith("o: 2 spoken, ") and out.endswith("; 2 failed\n")
    failed = err.splitlines()
    assert len(failed) == 2 and "line 3 failed: SSML line 1" in failed[0]
    assert "line 4 failed: " in failed[1]
    voice = Voice.load(folder)
    for name, expected in (("0001", voice.speak_ssml(document)), ("0002", voice.speak("One two."))):
        assert len(samples(f"o/{name}.wav")) == len(expected.waveform)
        assert np.abs(samples(f"o/{name}.wav") / 32768 - expected.waveform).max() < 1e-4
