import re
import sys
import warnings

import numpy as np
import pytest

from tts_vae.text import espeak_library
from tts_vae.text.espeak_tokens import LEADING_SILENCE, settle, tokenise
from tts_vae.text.symbols import BREAK, START

SENTENCE = "Seven ships sank, because the sea was rough."


@pytest.fixture(autouse=True)
def espeak():
    pytest.importorskip("espeakng_loader", reason="needs the optional extra: tts_vae[espeak]")


def tokenised(text, **settings):
    return tokenise(text, espeak_library.synthesize(text, **settings))


@pytest.mark.parametrize("text", [SENTENCE, "No.", "What? Stop! Go; now: please — thanks."])
@pytest.mark.parametrize("rate", [100, 400])
def test_tokens_tile_the_recording(text, rate):
    speech = tokenised(text, rate=rate)
    assert speech.tokens[0] == START and speech.onsets[0] == 0
    assert speech.tokens[-1] == text[-1]
    assert min(speech.durations) > 0
    assert sum(speech.durations) == len(speech.samples)
    # 30-120 ms of silence at either end, nothing more
    for edge in (speech.durations[0], speech.durations[-1]):
        assert 0.03 < edge / espeak_library.SAMPLE_RATE < 0.12


def test_each_mark_owns_its_pause_and_an_unwritten_breath_is_a_break():
    tokens = tokenised("What? Stop! Go; now: please — thanks, then.").tokens
    assert [t for t in tokens if t in "?!;:—,."] == list("?!;:—,.")
    assert BREAK in tokenised("He came late because the train broke.").tokens


def test_onsets_agree_with_the_signal():
    """Pauses are silent, fricatives hiss above 4 kHz, vowels do not."""
    speech = tokenised(SENTENCE)
    high_share = {}
    for token, onset, length in zip(speech.tokens, speech.onsets, speech.durations, strict=True):
        part = speech.samples[onset : onset + length].astype(float)
        if token in (START, ",", "."):
            assert np.sqrt(np.mean(part[len(part) // 3 : -len(part) // 3] ** 2)) < 5
            continue
        power = np.abs(np.fft.rfft(part)) ** 2
        hz = np.fft.rfftfreq(len(part), 1 / espeak_library.SAMPLE_RATE)
        high_share.setdefault(token, []).append(power[hz > 4000].sum() / power.sum())
    assert min(high_share["s"] + high_share["ʃ"]) > 0.3
    assert max(high_share["ˈɛ"] + high_share["ˈæ"] + high_share["ˈiː"]) < 0.05
    assert speech.onsets[1] >= LEADING_SILENCE


def test_settings_change_the_sound_and_not_the_tokens():
    plain = tokenised(SENTENCE)
    fast = tokenised(SENTENCE, rate=300)
    loud = tokenised(SENTENCE, volume=180)
    assert plain.tokens == fast.tokens == loud.tokens
    assert len(fast.samples) < 0.75 * len(plain.samples)
    ratio = np.std(loud.samples.astype(float)) / np.std(plain.samples.astype(float))
    assert 1.5 < ratio < 2.1


@pytest.mark.parametrize("setting", [{"rate": 20}, {"pitch": 100}, {"volume": -1}])
def test_settings_out_of_bounds_are_named(setting):
    (name, value), *_ = setting.items()
    with pytest.raises(ValueError, match=f"expected {name} from .* got {value}"):
        espeak_library.synthesize("hello", **setting)


@pytest.mark.parametrize("voice", ["xx-none", "en-us+nobody"])
def test_unknown_voice_is_named(voice):
    with pytest.raises(ValueError, match=re.escape(f"got '{voice}'")):
        espeak_library.synthesize("hello", voice)


def test_own_variants_can_be_added_and_left_again(tmp_path_factory):
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory(prefix="e-") as folder:
        definition = "language variant\nname deep\npitch 60 80\n"
        espeak_library.load(espeak_library.voice_data(Path(folder), {"deep": definition}))
        deep = espeak_library.synthesize("hello", "en-us+deep")
        assert len(deep.samples) > 1000
        espeak_library.load()
    assert len(espeak_library.synthesize("hello").samples) > 1000


def test_too_long_a_data_path_says_what_to_do(tmp_path):
    with pytest.raises(ValueError, match="TMPDIR"):
        espeak_library.voice_data(tmp_path / ("x" * 150), {})


def test_missing_extra_is_one_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    monkeypatch.setattr(espeak_library, "_engine", None)
    with pytest.raises(ImportError, match=r"pip install 'tts_vae\[espeak\]'") as info:
        espeak_library.synthesize("hello")
    assert "\n" not in str(info.value)


def test_borrowed_phones_settle_on_english_ones():
    assert settle("ˈæ") == "ˈæ"
    assert settle("ˈɑ̃") == "ˈɑː"
    assert settle("r") == "ɹ"
    assert settle("ˈɚ") == "ɚ"
    with warnings.catch_warnings(), pytest.warns(UserWarning, match="dropped the phone"):
        assert settle("ǃ") is None
