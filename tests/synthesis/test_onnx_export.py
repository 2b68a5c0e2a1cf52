import json
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
import torch
from tiny_vocoder import write_tiny_vocoder
from tiny_voice import model_config, tiny_model, write_tiny_voice

from tts_vae.synthesis import onnx_check, onnx_export
from tts_vae.synthesis.onnx_export import export_onnx
from tts_vae.synthesis.told_pitch import spoken_f0
from tts_vae.synthesis.voice import Voice

onnxruntime = pytest.importorskip("onnxruntime", reason="needs the extra export")


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """A voice with its own vocoder."""
    folder = write_tiny_voice(tmp_path_factory.mktemp("voices") / "tiny")
    write_tiny_vocoder(folder / "vocoder")
    return folder


@pytest.fixture(scope="module")
def exported(source, tmp_path_factory):
    return export_onnx(source, tmp_path_factory.mktemp("onnx") / "out")


def test_the_files_say_what_torch_says(exported, source):
    folder, agreement = exported
    assert agreement.sentences >= 12 and agreement.ties <= 1
    assert agreement.mels < 1e-4 and agreement.pitch_st < 1e-4 and agreement.waveform < 1e-4
    names = {"acoustic.onnx", "vocoder.onnx", "tokens.json", "voice.json", "README.md"}
    assert {path.name for path in folder.iterdir()} == names
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


def test_every_input_is_heard(exported, source):
    """Against ``voice.speak``, on a text and styles that the export itself did not compare."""
    folder, _ = exported
    voice = Voice.load(source)
    number = json.loads((folder / "tokens.json").read_text())
    sites = json.loads((folder / "voice.json").read_text())["sites"]
    acoustic = onnxruntime.InferenceSession(folder / "acoustic.onnx")
    text = "Forty words would be far too many for one such small test, would they not?"
    usual = {"pitch_shift_st": 0.0, "rate": 1.0, "energy_shift_db": 0.0}
    vectors = {"speaker": sites["speaker"]["default"], "prosody": sites["prosody"]["default"]}
    for choice, controls, values in (
        ({}, {}, {}),
        ({"pitch_st": -3.0}, {"pitch_shift_st": -3.0}, {}),
        ({"rate": 1.7}, {"rate": 1.7}, {}),
        ({"energy_db": -9.0}, {"energy_shift_db": -9.0}, {}),
        ({"speaker": "bert"}, {}, {"speaker": sites["speaker"]["speakers"]["bert"]}),
        ({"component": 2}, {}, {"prosody": sites["prosody"]["components"][2]}),
    ):
        inputs = {name: np.array([v], np.float32) for name, v in {**usual, **controls}.items()}
        for site, vector in {**vectors, **values}.items():
            inputs[f"style_{site}"] = np.array([vector], np.float32)
        inputs["tokens"] = np.array([[number[phone] for phone in voice.phonemize(text)[0]]])
        mels, durations, pitch_st, f0_hz = acoustic.run(None, inputs)
        speech = voice.speak(text, voice.style(**choice))
        assert np.array_equal(durations[0], speech.durations), choice
        assert np.abs(mels[0] - speech.mels).max() < 1e-4, choice
        assert np.abs(pitch_st[0] - speech.pitch_st).max() < 1e-4, choice
        contour = spoken_f0(*map(torch.from_numpy, (durations, pitch_st)), mels.shape[1])
        assert np.abs(f0_hz / contour.numpy() - 1).max() < 1e-4, choice


def test_the_program_of_the_card_speaks_without_us(exported, source, tmp_path):
    folder, _ = exported
    (program,) = re.findall(r"```python\n(.*?)```", (folder / "README.md").read_text(), re.DOTALL)
    guard = "import sys; sys.modules['tts_vae'] = sys.modules['torch'] = None\n"
    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    done = subprocess.run(
        [sys.executable, "-c", guard + program], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    import soundfile

    heard, rate = soundfile.read(tmp_path / "hello.wav", dtype="float32")
    example = json.loads((folder / "voice.json").read_text())["example"]["text"]
    expected = Voice.load(source).speak(example).waveform
    assert rate == 22050 and np.abs(heard - expected).max() < 1e-3


def test_a_vocoder_that_follows_the_pitch_is_told_it_there_too(tmp_path):
    config = model_config()
    config["decoder"]["comb"] = {
        "_target_": "tts_vae.models.speech.harmonics.HarmonicComb",
        **{"n_mels": 80, "width": 16, "sample_rate": 22050, "fmin": 0.0, "fmax": 8000.0},
    }
    folder = write_tiny_voice(tmp_path / "tiny", model_config=config, model=tiny_model(config))
    write_tiny_vocoder(folder / "vocoder", source=True, refinements=2)
    out, agreement = export_onnx(folder, tmp_path / "out")
    assert agreement.waveform < 1e-3
    names = [node.name for node in onnxruntime.InferenceSession(out / "vocoder.onnx").get_inputs()]
    assert names == ["mels", "f0_hz"]
    assert '"f0_hz": f0_hz}' in (out / "README.md").read_text()


def test_a_wrong_file_is_not_written(exported, source, tmp_path, monkeypatch):
    def wrong(voice, decoder, path):
        shutil.copy(exported[0] / path.name, path)
        decoder.output.bias += 0.01  # the voice is no longer the one that was exported

    monkeypatch.setattr(onnx_export, "_export_acoustic", wrong)
    with pytest.raises(ValueError, match=r"differ from torch by 1.0e-02 in mels .*nothing was"):
        export_onnx(source, tmp_path / "out", vocoder="griffin-lim")
    assert list(tmp_path.iterdir()) == []


def test_other_durations_are_refused_and_edges_between_frames_are_not(source):
    voice = Voice.load(source)
    tokens = torch.tensor(
        [[voice.bundle.symbols.index(phone) for phone in voice.phonemize("Hello there.")[0]]]
    )
    style = voice.style()
    made, tie = onnx_check._torch(voice, tokens, style, _durations(voice, "Hello there."), "x")
    assert not tie and np.array_equal(made.durations[0], voice.speak("Hello there.").durations)
    wrong = _durations(voice, "Hello there.")
    wrong[0, 1] += 1
    with pytest.raises(ValueError, match="say 'x' in .* frames and torch in"):
        onnx_check._torch(voice, tokens, style, wrong, "x")


def _durations(voice, text):
    return voice.speak(text).durations[None].copy()


def test_decoders_that_cannot_be_exported_are_named(source, tmp_path, monkeypatch):
    monkeypatch.setattr(onnx_export, "ParallelDecoder", torch.nn.LSTM)
    with pytest.raises(ValueError, match="its decoder is a ParallelDecoder, which makes one frame"):
        export_onnx(source, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_a_missing_extra_is_named(source, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ImportError, match=r"pip install 'tts_vae\[export\]'"):
        export_onnx(source, tmp_path / "out")
