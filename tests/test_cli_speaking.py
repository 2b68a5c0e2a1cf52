"""What ``tts-vae`` does with shipped voices, files of lines, pipes and exports."""

import io
import os
import shutil
import subprocess
import sys
import tomllib
import types
from pathlib import Path

import numpy as np
import pytest
import soundfile

sys.path.insert(0, str(Path(__file__).parent))

from command_line import commands, samples  # noqa: E402
from tiny_vocoder import write_tiny_vocoder  # noqa: E402
from tiny_voice import write_tiny_voice  # noqa: E402

from tts_vae import voices  # noqa: E402
from tts_vae.cli import main  # noqa: E402
from tts_vae.synthesis.voice import Voice  # noqa: E402

ROOT = Path(__file__).parents[1]


@pytest.fixture
def shop(tmp_path, monkeypatch):
    """An empty folder of shipped voices, seen from an empty working directory."""
    folder = tmp_path / "shop"
    folder.mkdir()
    (tmp_path / "desk").mkdir()
    monkeypatch.setattr(voices, "FOLDER", folder)
    monkeypatch.chdir(tmp_path / "desk")
    return folder


@pytest.fixture
def espeak(shop):
    metadata = {"corpus": "espeak", "card": {"licence": "CC0"}}
    return write_tiny_voice(shop / "espeak", metadata=metadata)


@pytest.fixture
def run(capsys):
    return commands(capsys)


def test_the_shortest_command_speaks_with_the_shipped_voice(run, espeak):
    code, out, err = run("speak", "Hello")
    assert (code, err) == (0, "") and out.startswith("speech.wav: ")
    waveform = samples("speech.wav")
    assert run("speak", "Hello", "--voice", espeak, "--out", "a.wav")[0] == 0
    assert run("speak", "Hello", "--voice", "espeak", "--out", "b.wav")[0] == 0
    assert np.array_equal(samples("a.wav"), waveform)
    assert np.array_equal(samples("b.wav"), waveform)


def test_without_a_voice_one_line_says_what_to_do(run, shop):
    code, out, err = run("speak", "Hello")
    assert code == 2 and out == "" and err.count("\n") == 1
    assert "no voice comes with this installation; train one with `make demo`" in err
    assert "--voice FOLDER" in err and list(Path().iterdir()) == []
    code, out, err = run("voices")
    assert code == 0 and err == "" and out.startswith("no voice comes with this installation")


def test_voices_are_listed(run, espeak, shop):
    write_tiny_voice(shop / "another", speakers=("eve",))
    write_tiny_vocoder(shop / "another" / "vocoder")
    write_tiny_voice(Path("runs/mine/voice"))
    (write_tiny_voice(Path("runs/odd/voice")) / "config.yaml").write_text("odd")
    code, out, err = run("voices")
    rows = [line.split() for line in out.splitlines()]
    assert code == 0
    assert rows[0] == ["voice", "corpus", "speakers", "size", "vocoder", "licence"]
    assert [row[0] for row in rows[1:]] == ["espeak", "another", "runs/mine/voice"]
    assert rows[1][1:3] == ["espeak", "3"] and rows[1][4:] == ["MB", "griffin-lim", "CC0"]
    assert rows[2][1:3] == ["none", "1"] and rows[2][4:] == ["MB", "own", "?"]
    assert err.count("\n") == 1 and "runs/odd/voice/config.yaml is not the configuration" in err


def test_listing_voices_loads_no_network_library(espeak):
    program = (
        "import sys; from pathlib import Path; from tts_vae import voices; "
        f"voices.FOLDER = Path({str(espeak.parent)!r}); "
        "from tts_vae.cli import main; main(['voices']); "
        "print([name for name in ('torch', 'numpy', 'soundfile') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT)
    lines = done.stdout.splitlines()
    assert any(line.startswith("espeak ") for line in lines) and lines[-1] == "[]", done.stderr


def test_the_vocoder_can_be_chosen(run, espeak):
    vocoder = write_tiny_vocoder(espeak / "vocoder")
    heard = {}
    for choice in ([], ["--vocoder", "griffin-lim"], ["--vocoder", vocoder]):
        assert run("speak", "Hello", *choice)[0] == 0
        heard[str(choice[-1:])] = samples("speech.wav").tobytes()
    own, plain, given = heard.values()
    assert own == given != plain
    code, _, err = run("speak", "Hello", "--vocoder", "nowhere")
    assert code == 2 and "expected 'griffin-lim' or the folder of a vocoder" in err


LINES = "One fine day.\n\nTwo more? Yes.\n\t \n?!\r\nThe last line.\n"


def test_every_line_of_a_file_becomes_a_file(run, espeak):
    Path("lines.txt").write_text("\ufeff" + LINES, encoding="utf-8")
    code, out, err = run("speak", "--file", "lines.txt", "--out", "deep/er", "--pitch", "+2st")
    assert code == 1, "a line failed"
    assert sorted(path.name for path in Path("deep/er").iterdir()) == [
        *("0001.wav", "0003.wav", "0006.wav")
    ]
    failed, skipped = err.splitlines()
    assert failed.startswith("tts-vae: line 5 failed: expected text with at least one letter")
    assert skipped == "tts-vae: skipped 2 blank lines: 2, 4"
    assert out.startswith("deep/er: 3 spoken, ") and out.endswith("; 1 failed\n")
    assert "style pitch_st=+2" in out or "pitch_st=+2" in out
    voice = Voice.load(espeak)
    speech = voice.speak("Two more? Yes.", voice.style(pitch_st=2)).waveform
    expected = np.clip(speech * 32768, -32768, 32767)
    assert np.abs(samples("deep/er/0003.wav") - expected).max() < 4


def test_a_file_without_failures_is_success(run, espeak):
    Path("lines.txt").write_text("One day.\nTwo days.")
    code, out, err = run("speak", "--file", "lines.txt", "--out", "o", "--batch-size", 1)
    assert (code, err) == (0, "") and out.startswith("o: 2 spoken, ")


def test_resume_keeps_what_is_there(run, espeak):
    Path("lines.txt").write_text("One day.\nTwo days.\nThree days.\n")
    Path("o").mkdir()
    Path("o/0002.wav").write_bytes(b"mine")
    code, out, _ = run("speak", "--file", "lines.txt", "--out", "o", "--resume")
    assert code == 0 and out.startswith("o: 2 spoken, ") and ", 1 kept; 0 failed" in out
    assert Path("o/0002.wav").read_bytes() == b"mine"
    before = Path("o/0001.wav").stat().st_mtime_ns
    code, out, _ = run("speak", "--file", "lines.txt", "--out", "o", "--resume")
    assert code == 0 and out.startswith("o: 0 spoken, ") and ", 3 kept; 0 failed" in out
    assert Path("o/0001.wav").stat().st_mtime_ns == before
    assert run("speak", "--file", "lines.txt", "--out", "o")[0] == 0
    assert len(samples("o/0002.wav")) > 1000


def test_an_interrupted_file_leaves_whole_files_only(run, espeak, monkeypatch):
    from tts_vae.synthesis.sentence_speaker import SentenceSpeaker

    finish, said = SentenceSpeaker._finish, []

    def stops_at_the_third(self, *arguments):
        said.append(1)
        if len(said) == 3:
            raise KeyboardInterrupt
        return finish(self, *arguments)

    monkeypatch.setattr(SentenceSpeaker, "_finish", stops_at_the_third)
    Path("lines.txt").write_text("One day.\nTwo days.\nThree more days.\n")
    code, _, err = run("speak", "--file=lines.txt", "--out=o", "--batch-size=1")
    assert code == 130 and err.startswith("tts-vae: interrupted")
    assert sorted(path.name for path in Path("o").iterdir()) == ["0001.wav", "0002.wav"]
    assert all(len(samples(path)) > 1000 for path in Path("o").iterdir())


BAD = {
    "nothing": ([], "give a text to speak"),
    "both": (["hi", "--file", "lines.txt"], "give a text to speak"),
    "no folder": (["--file", "lines.txt"], "give a folder with --out DIR"),
    "a pipe": (["--file", "lines.txt", "--out", "-"], "give a folder with --out DIR"),
    "a file as folder": (["--file", "lines.txt", "--out", "lines.txt"], "lines.txt is a file"),
    "no such file": (["--file", "none.txt", "--out", "o"], "none.txt"),
    "blank": (["--file", "blank.txt", "--out", "o"], "holds no line to speak"),
    "not text": (["--file", "latin.txt", "--out", "o"], "latin.txt is not UTF-8"),
    "resume alone": (["hi", "--resume"], "--resume and --batch-size are for --file"),
    "no batch": (["--file", "lines.txt", "--out", "o", "--batch-size", "0"], "batch-size"),
}


@pytest.mark.parametrize(("arguments", "message"), BAD.values(), ids=BAD)
def test_mistakes_are_one_line(run, espeak, arguments, message):
    Path("lines.txt").write_text("One.\n")
    Path("blank.txt").write_text("\n \n")
    Path("latin.txt").write_bytes("Grüße\n".encode("latin-1"))
    before = sorted(Path().iterdir())
    code, out, err = run("speak", *arguments)
    assert code == 2 and out == "" and err.count("\n") == 1 and message in err
    assert sorted(Path().iterdir()) == before


def test_a_pipe_carries_the_file_and_nothing_else(espeak):
    program = (
        "import sys; from pathlib import Path; from tts_vae import voices; "
        f"voices.FOLDER = Path({str(espeak.parent)!r}); "
        "from tts_vae.cli import main; sys.exit(main())"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "speak", "-", "--out", "-"],
        input=b"One day. Two days.\n",
        capture_output=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stderr
    heard, rate = soundfile.read(io.BytesIO(done.stdout), dtype="float32")
    expected = Voice.load(espeak).speak("One day. Two days.").waveform
    assert rate == 22050 and np.abs(heard - expected).max() < 1e-4
    assert done.stderr.decode().startswith("-: ") and list(Path().iterdir()) == []


def test_a_terminal_gets_no_sound_file(run, espeak, monkeypatch):
    written = io.BytesIO()
    terminal = types.SimpleNamespace(
        buffer=written, write=lambda s: None, flush=lambda: None, isatty=lambda: True
    )
    monkeypatch.setattr(sys, "stdout", terminal)
    assert main(["speak", "Hello", "--out", "-"]) == 2
    assert written.getvalue() == b""


def test_export_tells_how_far_it_agrees(run, espeak, monkeypatch):
    from tts_vae.synthesis import onnx_export
    from tts_vae.synthesis.onnx_check import Agreement

    asked = []

    def export_onnx(*arguments):
        asked.append(arguments)
        Path("o").mkdir()
        Path("o/acoustic.onnx").write_bytes(bytes(1_500_000))
        return Path("o"), Agreement(12, 1.234e-5, 1e-6, ties, waveform)

    monkeypatch.setattr(onnx_export, "export_onnx", export_onnx)
    ties, waveform = 0, None
    code, out, err = run("export", "--voice", "espeak", "--format", "onnx", "--out", "o")
    assert (code, err) == (0, "") and asked == [(espeak, Path("o"), None, None)]
    assert out.splitlines() == [
        "o/acoustic.onnx: 1.5 MB",
        "o: 12 sentences against torch: mels differ by at most 1.2e-05 nepers, durations identical",
    ]
    shutil.rmtree("o")
    ties, waveform = 1, 2e-7
    out = run("export", "--out", "o", "--vocoder", "griffin-lim", "--threads", "1")[1]
    assert asked[1] == (espeak, Path("o"), "griffin-lim", 1)
    assert out.endswith("identical (1 at a rounding edge), samples by 2.0e-07\n")
    Path("file").write_text("mine")
    code, _, err = run("export", "--out", "file")
    assert code == 2 and "--out file is a file" in err
    code, _, err = run("export", "--format", "tflite", "--out", "p")
    assert code == 2 and "'onnx'" in err and not Path("p").exists()


def test_shipped_voices_go_into_the_wheel():
    """The build takes every file of the package that git does not ignore; weights are not."""
    with open(ROOT / "pyproject.toml", "rb") as file:
        wheel = tomllib.load(file)["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert "tts_vae" in wheel["packages"] and not {"exclude", "include", "only-include"} & set(
        wheel
    )
    names = ("config.yaml", "model.safetensors", "styles.json", "README.md", "vocoder/config.yaml")
    shipped = [f"tts_vae/voices/espeak/{name}" for name in names]
    ignored = subprocess.run(
        ["git", "check-ignore", "--no-index", *shipped, "runs/x"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    if ignored.returncode > 1:
        pytest.skip("not a git checkout")
    assert ignored.stdout.split() == ["runs/x"]


@pytest.mark.filterwarnings("default::UserWarning")
def test_a_clamped_request_is_one_line(espeak, tmp_path, capsys, monkeypatch):
    """The warning is raised under torch's decorator, whose file it would otherwise name."""
    from tts_vae.synthesis import calibration

    knots = {"requested": [-2.0, 0.0, 2.0], "pitch_st": [-2.0, 0.0, 2.0]}
    contents = {"speakers": {"*": {"pitch_st": knots}}}
    made = calibration.Calibration(contents)
    monkeypatch.setattr(calibration.Calibration, "of", classmethod(lambda cls, bundle: made))
    out = tmp_path / "a.wav"
    assert main(["speak", "ab", "--voice", str(espeak), "--pitch", "9", "--out", str(out)]) == 0
    told = capsys.readouterr().err.splitlines()
    assert [line for line in told if "clamped" in line] == [
        "tts-vae: warning: pitch_st +9st is out of the range of this voice, -2st to +2st: clamped"
    ]
    assert not any("return func" in line or "_contextlib" in line for line in told)
