import numpy as np
import pytest

from tts_vae.synthesis.speech import Speech
from tts_vae.synthesis.textgrid import textgrid, words_in, write_textgrid
from tts_vae.text.words import Word

TEXT = "Hello there. So long, Ann."


def speech(phones, durations, hop_length=100, sample_rate=1000):
    durations = np.array(durations)
    frames = int(durations.sum())
    return Speech(
        waveform=np.zeros(frames * hop_length, np.float32),
        sample_rate=sample_rate,
        mels=np.zeros((frames, 2), np.float32),
        phones=tuple(phones),
        durations=durations,
        pitch_st=np.zeros(len(durations), np.float32),
        hop_length=hop_length,
    )


def tiers(path):
    """What Praat reads: tier -> [(start, end, label)]."""
    parselmouth = pytest.importorskip("parselmouth")
    call = parselmouth.praat.call
    grid = parselmouth.read(str(path))
    found = {}
    for tier in range(1, call(grid, "Get number of tiers") + 1):
        count = call(grid, "Get number of intervals", tier)
        found[call(grid, "Get tier name", tier)] = [
            (
                call(grid, "Get start time of interval", tier, i),
                call(grid, "Get end time of interval", tier, i),
                call(grid, "Get label of interval", tier, i),
            )
            for i in range(1, count + 1)
        ]
    return found


def test_praat_reads_what_was_spoken(tmp_path):
    said = speech(["^", "h", "ˈaɪ", ",", "b", 'a"', "."], [1, 2, 3, 2, 1, 1, 1])
    words = (Word("Hi", 1, 3), Word("ba", 4, 6))
    found = tiers(write_textgrid(tmp_path / "deep" / "a.TextGrid", said, words))
    expected = [
        *((0.0, 0.1, ""), (0.1, 0.3, "h"), (0.3, 0.6, "ˈaɪ"), (0.6, 0.8, "")),
        *((0.8, 0.9, "b"), (0.9, 1.0, 'a"'), (1.0, 1.1, "")),
    ]
    for name, wanted in {
        "phones": expected,
        "words": [
            *((0.0, 0.1, ""), (0.1, 0.6, "Hi"), (0.6, 0.8, "")),
            *((0.8, 1.0, "ba"), (1.0, 1.1, "")),
        ],
    }.items():
        assert [label for *_, label in found[name]] == [label for *_, label in wanted]
        assert np.allclose([row[:2] for row in found[name]], [row[:2] for row in wanted])


def test_a_phone_of_no_time_has_no_interval(tmp_path):
    said = speech(["^", "a", "b", "."], [0, 2, 0, 1])
    found = tiers(write_textgrid(tmp_path / "a.TextGrid", said, (Word("ab", 1, 3),)))
    assert [label for *_, label in found["phones"]] == ["a", ""]
    assert [label for *_, label in found["words"]] == ["ab", ""]
    assert found["phones"][0][0] == 0.0


def test_every_tier_tiles_a_text_of_several_sentences(voice, tmp_path):
    said = voice.speak(TEXT)
    words = words_in(voice, TEXT)
    assert [word.text for word in words] == ["hello", "there", "so", "long", "ann"]
    found = tiers(write_textgrid(tmp_path / "a.TextGrid", said, words))
    for tier in found.values():
        assert tier[0][0] == 0 and tier[-1][1] == pytest.approx(said.duration_s, abs=1e-9)
        assert all(a[1] == b[0] for a, b in zip(tier, tier[1:], strict=False))
    assert [row[2] for row in found["words"] if row[2]] == [word.text for word in words]


def test_without_words_there_is_one_tier(voice):
    written = textgrid(voice.speak(TEXT))
    assert 'name = "phones"' in written and "words" not in written


def test_mistakes():
    said = speech(["^", "a", "."], [1, 2, 1])
    with pytest.raises(ValueError, match="within the 3 phones of the speech, got 9"):
        textgrid(said, (Word("x", 1, 9),))
    with pytest.raises(ValueError, match="longer than 0 s"):
        textgrid(speech(["a"], [0]))


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(ValueError, match="cannot write"):
        write_textgrid(tmp_path, speech(["a"], [1]))
    assert list(tmp_path.parent.glob("*.part")) == []
