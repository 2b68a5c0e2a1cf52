"""The command ``tts-vae explore`` up to where the page is served."""

import subprocess
import sys

import numpy as np
import pytest
from tiny_voice import SPEAKERS, sweep

from tts_vae.cli import main


def test_without_gradio_the_extra_is_named(monkeypatch, capsys):
    for name in [m for m in sys.modules if m.startswith("tts_vae.explorer")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "gradio", None)
    assert main(["explore", "--no-browser"]) == 2
    error = capsys.readouterr().err
    assert "the explorer needs gradio" in error and "pip install 'tts_vae[explore]'" in error


def test_a_voice_that_is_none_is_told_before_anything_is_served(tmp_path, capsys):
    pytest.importorskip("gradio", reason="the explorer's page needs the explore extra")
    assert main(["explore", "--voice", str(tmp_path / "nobody"), "--no-browser"]) == 2
    error = capsys.readouterr().err
    assert "nobody is not a folder" in error and error.count("\n") == 1


def test_the_command_line_loads_no_gradio_until_it_is_needed():
    program = "import sys, tts_vae.cli; print('gradio' in sys.modules, 'torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.split() == ["False", "False"]


def test_points_are_measured_from_a_corpus_and_kept(folder, tmp_path, praat):
    import soundfile

    from tts_vae.corpora.manifests import PreparedUtterance, write_manifests
    from tts_vae.explorer.points import measure_points, points_of, store_points
    from tts_vae.synthesis.voice import Voice

    corpus = tmp_path / "corpus"
    utterances = []
    for i in range(12):
        path = corpus / "wavs" / SPEAKERS[i % 3] / f"u{i:02d}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, sweep(1.0, 22050, 100.0 + 10 * i), 22050)
        split = "test" if i % 4 == 3 else "train"
        phones = [(symbol, 0.1 * k, 0.1) for k, symbol in enumerate("abcdefghij")]
        utterances.append(
            PreparedUtterance(
                f"u{i:02d}", path, "abc", SPEAKERS[i % 3], split, 1.0, alignment=phones
            )
        )
    speakers = [{"name": name, "gender": "female"} for name in SPEAKERS]
    write_manifests(corpus, "made", utterances, speakers, seed=0)
    voice = Voice.load(folder)
    points = measure_points(voice, corpus, limit=9)
    assert points.source == "6 training utterances (dots) and 3 held-out ones (rings)"
    assert set(points.labels["speaker"]) == set(SPEAKERS)
    order = np.argsort(points.ids)
    level = points.values["pitch level (st)"][order]
    assert (np.diff(level) > 0).all()  # every utterance is higher than the one before
    assert points.values["rate (phones/s)"] == pytest.approx(10, rel=0.1)
    store_points(folder, "prosody", points)
    assert points_of(Voice.load(folder)).ids == points.ids
