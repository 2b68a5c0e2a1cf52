import json
import shutil

import numpy as np
import pytest
import yaml

pytest.importorskip("parselmouth")

from tts_vae.cli import main  # noqa: E402
from tts_vae.evaluation.controls import calibrating  # noqa: E402
from tts_vae.evaluation.controls.calibrating import calibrate_voice, error_of  # noqa: E402
from tts_vae.evaluation.controls.control_sweep import HEARD, Sweep, no_bar  # noqa: E402
from tts_vae.synthesis.calibration import Calibration  # noqa: E402
from tts_vae.synthesis.voice import Voice  # noqa: E402
from tts_vae.synthesis.voice_folders import find_voice, vocoder_of  # noqa: E402


@pytest.fixture
def few(monkeypatch):
    """One control and a handful of sentences: the whole path in seconds."""
    monkeypatch.setattr(calibrating, "SETTINGS", {"energy_db": (-6.0, 6.0)})
    monkeypatch.setattr(calibrating, "CHECKS", {"energy_db": (4.0,)})
    monkeypatch.setattr(calibrating, "FEWEST_LINES", 8)
    monkeypatch.setattr(calibrating, "CALIBRATED", ("energy_db",))


@pytest.fixture
def folder(tmp_path):
    """The shipped voice with two of its speakers, not calibrated."""
    shipped = find_voice("espeak")
    folder = tmp_path / "voice"
    shutil.copytree(shipped, folder)
    shutil.copytree(vocoder_of(shipped), folder / "vocoder")
    config = yaml.safe_load((folder / "config.yaml").read_text())
    config.pop("corpus_dir", None)
    config["speakers"] = config["speakers"][:2]
    (folder / "config.yaml").write_text(yaml.safe_dump(config, allow_unicode=True))
    styles = json.loads((folder / "styles.json").read_text())
    (folder / "styles.json").write_text(json.dumps({"sites": styles["sites"]}))
    return folder


def test_a_calibrated_voice_gives_what_is_asked_for(folder, few):
    done = calibrate_voice(folder, sentences=4)
    assert done.folder == folder and "--corpus" in done.why_no_directions
    voice = Voice.load(folder)
    fitted = Calibration.of(voice.bundle)
    assert fitted is not None and fitted.attributes == ("energy_db",)
    assert set(done.calibration["speakers"]) == {"*", *voice.speakers}
    assert fitted.limits("energy_db", voice.speakers[0]) == pytest.approx((-6, 6), abs=0.3)
    assert fitted.error("energy_db")["mae"] < 0.2
    assert voice.style(energy_db=3.0).energy_db == pytest.approx(3.0, abs=0.2)
    assert voice.style(energy_db=3.0, calibrated=False).energy_db == 3.0
    with pytest.warns(UserWarning, match="energy_db .* out of the range"):
        voice.style(energy_db=20.0)


def test_an_interruption_leaves_the_voice_as_it_was(folder, few, tmp_path):
    before = {path.name: path.read_bytes() for path in folder.glob("*.*")}

    def interrupted(items, total, description):
        yield from no_bar(range(1), 1, description)
        raise KeyboardInterrupt

    for out in (None, tmp_path / "copy"):
        with pytest.raises(KeyboardInterrupt):
            calibrate_voice(folder, out=out, sentences=4, progress=interrupted)
    assert {path.name: path.read_bytes() for path in folder.glob("*.*")} == before
    assert [path.name for path in tmp_path.iterdir()] == ["voice"]


def test_the_command_writes_a_copy_and_prints_its_error(folder, few, tmp_path, capsys):
    before = (folder / "styles.json").read_bytes()
    copy = tmp_path / "copy"
    arguments = ["--voice", str(folder), "--out", str(copy), "--sentences", "4"]
    assert main(["calibrate", *arguments]) == 0
    shown = capsys.readouterr()
    assert "energy_db" in shown.out and "dB" in shown.out and f"{copy}: calibrated" in shown.out
    assert "no latent route" in shown.err
    assert (folder / "styles.json").read_bytes() == before
    assert Calibration.of(Voice.load(copy).bundle) is not None
    assert (copy / "vocoder" / "config.yaml").is_file()
    # a folder that holds something is not written over
    assert main(["calibrate", *arguments]) == 2
    assert "not empty" in capsys.readouterr().err


def test_too_few_sentences_are_refused(folder):
    with pytest.raises(ValueError, match="4 sentences a speaker or more, got 3"):
        calibrate_voice(folder, sentences=3)


def test_the_error_leaves_out_what_is_out_of_range():
    changes = np.full((2, 2, len(HEARD)), np.nan)
    changes[:, :, HEARD.index("pitch_st")] = [[2.5, 2.0], [3.0, 5.0]]
    sweep = Sweep("pitch_st", (2.0, 6.0), changes, np.zeros((2, 2)), np.ones(2))
    # the second line's speaker reaches +6, the first's only +3
    found = error_of(sweep, [(-3.0, 3.0), (-8.0, 8.0)])
    assert found["n"] == 3
    assert found["mae"] == pytest.approx((0.5 + 0.0 + 1.0) / 3, abs=1e-4)
    assert error_of(sweep, [(-1.0, 1.0), (-1.0, 1.0)]) == {"n": 0}
