from pathlib import Path

import pytest
from tiny_voice import write_tiny_voice

from tts_vae import voices
from tts_vae.synthesis.voice import Voice
from tts_vae.synthesis.voice_folders import (
    describe_voice,
    find_voice,
    nearby_voices,
    shipped_voices,
)


@pytest.fixture
def shop(tmp_path, monkeypatch):
    """An empty folder of shipped voices, seen from an empty working directory."""
    folder = tmp_path / "shop"
    folder.mkdir()
    (tmp_path / "desk").mkdir()
    monkeypatch.setattr(voices, "FOLDER", folder)
    monkeypatch.chdir(tmp_path / "desk")
    return folder


def test_no_voice_is_one_line_that_says_what_to_do(shop):
    with pytest.raises(ValueError, match="make demo.*--voice FOLDER") as caught:
        find_voice()
    assert "\n" not in str(caught.value) and "nearby" not in str(caught.value)
    write_tiny_voice(Path("runs/mine/voice"))
    with pytest.raises(ValueError, match=r"nearby with --voice FOLDER \(runs/mine/voice\)"):
        find_voice()


def test_the_default_is_espeak_or_the_first_by_name(shop):
    for name in ("zoe", "ljspeech-mini"):
        write_tiny_voice(shop / name)
    assert find_voice() == shop / "ljspeech-mini"
    write_tiny_voice(shop / "espeak")
    assert list(shipped_voices()) == ["espeak", "ljspeech-mini", "zoe"]
    assert find_voice() == shop / "espeak"
    assert Voice.load().speakers == Voice.load("zoe").speakers == ("anna", "bert", "carl")


def test_a_name_comes_before_a_folder_and_a_folder_is_taken_as_given(shop):
    write_tiny_voice(shop / "espeak")
    write_tiny_voice(Path("espeak"))
    assert find_voice("espeak") == find_voice(Path("espeak")) == shop / "espeak"
    assert find_voice("./espeak/") == Path("espeak") or find_voice("./espeak/") == Path("./espeak")
    assert find_voice("elsewhere") == Path("elsewhere")


def test_unknown_voices_list_the_shipped_ones(shop):
    write_tiny_voice(shop / "espeak")
    with pytest.raises(ValueError, match="nobody is not a folder.*voices found: espeak"):
        Voice.load("nobody")


def test_half_written_and_incomplete_folders_are_no_voices(shop):
    write_tiny_voice(shop / ".espeak.part")
    (write_tiny_voice(shop / "headless") / "model.safetensors").unlink()
    assert shipped_voices() == {}


def test_nearby_voices_are_found_once_and_nearest_first(shop):
    for folder in ("runs/b/voice", "runs/a/voice", "voices/c", "d"):
        write_tiny_voice(Path(folder))
    (Path("d") / "vocoder").mkdir()  # has files of the same names, and is no voice
    for name in ("config.yaml", "model.safetensors"):
        (Path("d") / "vocoder" / name).write_text("x")
    expected = ["d", "runs/a/voice", "runs/b/voice", "voices/c"]
    assert list(map(str, nearby_voices())) == expected
    assert list(map(str, nearby_voices(Path("runs"), Path()))) == [
        *("runs/a/voice", "runs/b/voice"),
        *("d", "voices/c"),
    ]


def test_a_voice_describes_itself(shop):
    metadata = {"corpus": "espeak", "card": {"licence": "CC0,\nreally"}}
    folder = write_tiny_voice(shop / "espeak", metadata=metadata)
    about = describe_voice(folder, shipped=True)
    assert (about.name, about.corpus, about.licence) == ("espeak", "espeak", "CC0, really")
    assert about.speakers == ("anna", "bert", "carl") and not about.vocoder
    size = about.size
    assert size == sum(path.stat().st_size for path in folder.iterdir())
    (folder / "vocoder").mkdir()
    (folder / "vocoder" / "model.safetensors").write_bytes(bytes(100))
    about = describe_voice(folder)
    assert about.vocoder and about.size == size + 100 and about.name == str(folder)


@pytest.mark.parametrize("text", ["a: [", "just words", "speakers: 3", "\x00"])
def test_an_unreadable_configuration_is_named(shop, text):
    folder = write_tiny_voice(shop / "espeak")
    (folder / "config.yaml").write_text(text)
    with pytest.raises(ValueError, match="config.yaml") as caught:
        describe_voice(folder)
    assert "\n" not in str(caught.value)
