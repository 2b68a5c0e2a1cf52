import numpy as np
import pytest
import soundfile

from tts_vae.audio.files import read_audio, speech_level_db
from tts_vae.corpora import ljspeech
from tts_vae.corpora.manifests import read_cuts


def tone(seconds, rate=22050):
    time = np.arange(round(seconds * rate)) / rate
    return 0.3 * np.sin(2 * np.pi * 200 * time)


@pytest.fixture
def damaged(tmp_path):
    """A corpus in LJSpeech's layout in which most things are wrong."""
    root = tmp_path / "LJSpeech-1.1"
    (root / "wavs").mkdir(parents=True)
    rows = [f'LJ{number:03}|Raw {number}|Clean "text" {number}.' for number in range(20)]
    for number in range(20):
        soundfile.write(root / "wavs" / f"LJ{number:03}.wav", tone(0.5), 22050)
    rows += ["", "missing|x|No wav.", "empty|x| ", "one_column", "LJ000|x|Twice.", "../evil|x|Up."]
    for name, seconds in (("zero", 0), ("minute", 60), ("blip", 0.1)):
        rows.append(f"{name}|x|Some words.")
        soundfile.write(root / "wavs" / f"{name}.wav", tone(seconds), 22050)
    rows += ["corrupt|x|Some words.", "silent|x|Some words."]
    (root / "wavs" / "corrupt.wav").write_bytes(b"RIFF but not really")
    soundfile.write(root / "wavs" / "silent.wav", np.zeros(22050), 22050)
    (root / "metadata.csv").write_text("\n".join(rows), encoding="utf-8")
    return root


def test_damaged_items_are_skipped_by_id_with_a_reason(damaged, tmp_path):
    summary = ljspeech.prepare(ljspeech.obtain(damaged), tmp_path / "out", workers=0)
    reasons = {entry["id"]: entry["reason"] for entry in summary["skipped"]}
    expected = {
        "missing": "no such file",
        "empty": "empty text",
        "one_column": "empty text",
        "LJ000": "twice",
        "../evil": "no usable id",
        "zero": "0 samples",
        "minute": "60.00 s of sound; at most 20.0 s",
        "blip": "0.10 s of sound; at least 0.3 s",
        "corrupt": "readable sound file",
        "silent": "digital silence",
    }
    assert reasons.keys() == expected.keys()
    for name, words in expected.items():
        assert words in reasons[name]
    assert sum(summary["splits"].values()) == 20
    texts = [cut.supervisions[0].text for cut in read_cuts(tmp_path / "out", "train")]
    assert all(text.startswith('Clean "text"') for text in texts)


def test_a_second_run_keeps_finished_work_and_new_settings_do_not(damaged, tmp_path):
    out = tmp_path / "out"
    first = ljspeech.prepare(damaged, out, workers=0)
    wav = out / "wavs" / "LJ" / "LJ003.wav"
    (damaged / "wavs" / "LJ003.wav").unlink()
    stamp = wav.stat().st_mtime_ns
    assert ljspeech.prepare(damaged, out, workers=0) == first
    assert wav.stat().st_mtime_ns == stamp
    louder = ljspeech.CleaningConfig(target_db=-15)
    again = ljspeech.prepare(damaged, out, workers=0, cleaning=louder)
    assert "LJ003" in {entry["id"] for entry in again["skipped"]}
    waveform, _ = read_audio(out / "wavs" / "LJ" / "LJ004.wav")
    assert speech_level_db(waveform, 22050) == pytest.approx(-15, abs=0.2)


def test_a_wrong_root_and_a_failed_download_say_what_to_pass(tmp_path, monkeypatch):
    with pytest.raises(ValueError, match="pass corpus.root=PATH"):
        ljspeech.prepare(tmp_path, tmp_path / "out")

    def offline(root):
        raise OSError("no network\nhere")

    monkeypatch.setattr(ljspeech, "download_ljspeech", offline)
    with pytest.raises(ValueError, match="no network here.*pass corpus.root=PATH") as caught:
        ljspeech.obtain(tmp_path)
    assert "\n" not in str(caught.value)


def test_what_a_user_has_is_never_downloaded_again(damaged, monkeypatch):
    monkeypatch.setattr(ljspeech, "download_ljspeech", lambda root: pytest.fail("downloaded"))
    assert ljspeech.obtain(damaged) == ljspeech.obtain(damaged.parent) == damaged


def test_the_excerpt(ljspeech_root, tmp_path):
    summary = ljspeech.prepare(ljspeech.obtain(ljspeech_root), tmp_path, workers=0)
    assert summary["splits"] == {"train": 262, "valid": 8, "test": 30}
    assert summary["skipped"] == [] and summary["sample_rate"] == 22050
    tests = list(read_cuts(tmp_path, "test"))
    assert all(cut.supervisions[0].custom["held_out"] == "sentence" for cut in tests)
    for cut in tests[:5]:
        waveform, rate = read_audio(cut.recording.sources[0].source)
        assert rate == 22050 and len(waveform) == cut.recording.num_samples
        assert -27 < speech_level_db(waveform, rate) < -22.8
        assert np.abs(waveform).max() <= 0.951
