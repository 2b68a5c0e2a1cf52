import os

import numpy as np
import pytest
import soundfile

from tts_vae.explorer.limits import (
    LONGEST_S,
    MAX_CHARACTERS,
    MAX_UPLOAD_MB,
    checked_recording,
    checked_text,
    is_ssml,
)


def test_text_is_stripped_and_returned():
    assert checked_text("  Good morning. \n") == "Good morning."
    assert checked_text("x" * MAX_CHARACTERS) == "x" * MAX_CHARACTERS


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no text yet"),
        (None, "no text yet"),
        (" \n ", "no text yet"),
        ("😀 🎉 ...", "no letter or digit"),
        ("x" * (MAX_CHARACTERS + 1), "1,001 characters"),
    ],
)
def test_text_that_cannot_be_spoken_is_told_in_one_line(text, words):
    with pytest.raises(ValueError, match=words) as caught:
        checked_text(text)
    assert "\n" not in str(caught.value)


def test_markup_is_known_by_its_first_tag():
    assert is_ssml("  <speak>hello</speak>")
    assert not is_ssml("hello <speak>")


@pytest.mark.parametrize(("seconds", "words"), [(0.1, r"0\.1 s"), (300.0, r"300\.0 s")])
def test_recordings_of_the_wrong_length(tmp_path, seconds, words):
    path = tmp_path / "clip.wav"
    soundfile.write(path, np.zeros(int(8000 * seconds), np.float32), 8000)
    with pytest.raises(ValueError, match=words + rf".*0\.3 to {LONGEST_S:g} s"):
        checked_recording(path)


def test_what_is_no_sound_is_named_without_its_folder(tmp_path):
    path = tmp_path / "notes.wav"
    path.write_bytes(b"RIFF nothing of the kind")
    with pytest.raises(ValueError, match=r"^notes\.wav is not a sound file"):
        checked_recording(path)


def test_a_large_file_is_not_even_read(tmp_path):
    path = tmp_path / "huge.wav"
    path.touch()
    os.truncate(path, MAX_UPLOAD_MB * 2**20 + 1)
    with pytest.raises(ValueError, match=f"larger than {MAX_UPLOAD_MB} MB"):
        checked_recording(path)


def test_a_good_recording_passes(tmp_path):
    path = tmp_path / "clip.flac"
    soundfile.write(path, np.zeros(8000, np.float32), 8000)
    assert checked_recording(str(path)) == path
