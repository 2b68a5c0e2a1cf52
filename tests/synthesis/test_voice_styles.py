import json

import pytest

from tts_vae.synthesis.voice_styles import read_styles, update_styles


@pytest.fixture
def voice_folder(tmp_path):
    (tmp_path / "styles.json").write_text('{"sites": {"prosody": {"usage": [0.5, 0.5]}}}')
    return tmp_path


def test_one_entry_is_replaced_and_the_others_stay(voice_folder):
    update_styles(voice_folder, "named", {"größer": "pitch_st=2"})
    update_styles(voice_folder, "named", {"cheerful": "component=3"})
    assert read_styles(voice_folder) == {
        "sites": {"prosody": {"usage": [0.5, 0.5]}},
        "named": {"cheerful": "component=3"},
    }
    update_styles(voice_folder, "named", None)
    assert list(read_styles(voice_folder)) == ["sites"]


def test_what_json_cannot_hold_leaves_the_file_as_it_was(voice_folder):
    before = (voice_folder / "styles.json").read_bytes()
    for value in (float("nan"), {1, 2}):
        with pytest.raises(ValueError, match=r"styles\['calibration'\] must be finite"):
            update_styles(voice_folder, "calibration", value)
    assert (voice_folder / "styles.json").read_bytes() == before
    assert [path.name for path in voice_folder.iterdir()] == ["styles.json"]


def test_no_voice_and_no_json_are_told(tmp_path, voice_folder):
    with pytest.raises(ValueError, match="give the folder of a voice"):
        update_styles(tmp_path / "nowhere", "named", {})
    for text, words in (("{", "not readable JSON"), ("[1]", "must be an object, got list")):
        (voice_folder / "styles.json").write_text(text)
        with pytest.raises(ValueError, match=words):
            update_styles(voice_folder, "named", {})


def test_the_file_ends_whole(voice_folder):
    path = update_styles(voice_folder, "calibration", {"speakers": {}})
    assert json.loads(path.read_text())["calibration"] == {"speakers": {}}
    assert path.read_text().endswith("}\n")
