import io
import json
import shutil
import subprocess
import sys
import types
from pathlib import Path

import numpy as np
import pytest
import soundfile

sys.path.insert(0, str(Path(__file__).parent))

from command_line import commands, samples  # noqa: E402
from tiny_voice import sweep, write_tiny_voice  # noqa: E402

from tts_vae.cli import main  # noqa: E402

TEXT = "Hello there."
VECTOR = "--vector=1,2,-1,0.5"


@pytest.fixture(scope="module")
def voice(tmp_path_factory):
    return write_tiny_voice(tmp_path_factory.mktemp("voices") / "tiny")


@pytest.fixture
def run(capsys, tmp_path, monkeypatch):
    """Run a command line in an empty folder: (exit code, stdout, stderr)."""
    monkeypatch.chdir(tmp_path)
    return commands(capsys)


def test_speak_says_what_it_wrote(run, voice):
    code, out, err = run("speak", TEXT, "--voice", voice, "--out", "deep/er/hello.wav")
    assert (code, err) == (0, "")
    waveform = samples("deep/er/hello.wav")
    seconds = len(waveform) / 22050
    assert out == f"deep/er/hello.wav: {seconds:.2f} s at 22050 Hz, style speaker=anna\n"
    assert [path.name for path in Path("deep/er").iterdir()] == ["hello.wav"]


def test_every_option_changes_what_is_heard_and_seeds_repeat(run, voice):
    soundfile.write("ref.wav", np.stack([sweep(1.2, 22050)] * 2, 1), 22050)
    choices = [
        [],
        ["--speaker", "bert"],
        ["--component", "0"],
        ["--reference", "ref.wav"],
        [VECTOR],
        ["--vector", "-1,2,-1,0.5"],
        ["--prior", "3"],
        ["--prior", "3", "--temperature", "0.2"],
        ["--pitch", "+2st"],
        ["--pitch", "-2"],
        ["--rate", "1.2"],
        ["--energy", "-3dB"],
        ["--range", "2"],
        ["--pause", "3x"],
        ["--seed", "4"],
    ]
    heard = {}
    for choice in choices:
        code, _, err = run("speak", TEXT, "--voice", voice, "--out", "a.wav", *choice)
        assert (code, err) == (0, ""), choice
        heard[" ".join(choice)] = samples("a.wav").tobytes()
    assert len(set(heard.values())) == len(choices)
    run("speak", TEXT, "--voice", voice, "--out", "a.wav", *choices[1])
    assert samples("a.wav").tobytes() == heard["--speaker bert"]


def test_the_library_says_the_same(run, voice):
    from tts_vae import Voice

    options = ["--component=2", "--pitch=+2st", "--rate", "1.2", "--range=1.5", "--seed=3"]
    options += ["--pause=2", "--route=explicit", "--uncalibrated"]
    run("speak", TEXT, "--voice", voice, "--out", "a.wav", *options)
    loaded = Voice.load(voice)
    style = loaded.style(
        component=2, pitch_st=2, rate=1.2, pitch_range=1.5, pause=2, calibrated=False
    )
    speech = loaded.speak(TEXT, style, seed=3)
    speech.write("b.wav")
    assert Path("a.wav").read_bytes() == Path("b.wav").read_bytes()


def test_standard_input_and_output(voice, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    stdout = types.SimpleNamespace(
        buffer=io.BytesIO(), write=lambda s: None, flush=lambda: None, isatty=lambda: False
    )
    monkeypatch.setattr(sys, "stdin", io.StringIO("One day. Two days."))
    monkeypatch.setattr(sys, "stdout", stdout)
    assert main(["speak", "-", "--voice", str(voice), "--out", "-"]) == 0
    waveform, rate = soundfile.read(io.BytesIO(stdout.buffer.getvalue()))
    assert rate == 22050 and len(waveform) > 22050
    assert list(tmp_path.iterdir()) == []


BAD = {
    "empty text": (["speak", ""], "letter or digit"),
    "only symbols": (["speak", "?!... --"], "letter or digit"),
    "only emoji": (["speak", "\U0001f600"], "letter or digit"),
    "no option": (["speak", "hi", "--loud"], "No such option: --loud"),
    "unknown speaker": (["speak", "hi", "--speaker", "x"], "has anna, bert, carl"),
    "unknown component": (["speak", "hi", "--component", "9"], "this voice has 0 to 2"),
    "odd component": (["speak", "hi", "--component", "two"], "component must be a whole number"),
    "malformed vector": (["speak", "hi", "--vector", "1,a"], "vector must be numbers separated"),
    "short vector": (["speak", "hi", "--vector", "1,2"], "vector must be 4 finite numbers"),
    "odd pitch": (["speak", "hi", "--pitch", "high"], "pitch_st must be a number such as"),
    "huge pitch": (["speak", "hi", "--pitch", "999"], "pitch_st must be within"),
    "odd rate": (["speak", "hi", "--rate", "0"], "rate must be between"),
    "odd route": (["speak", "hi", "--route", "sideways"], "route must be explicit or latent"),
    "long pause": (["speak", "hi", "--pause", "99"], "pause must be between 0.02 and 50"),
    "no such name": (["speak", "hi", "--style", "nobody"], "unknown style name 'nobody'"),
    "two styles": (["speak", "hi", "--component", "1", "--prior", "1"], "choose one of"),
    "missing reference": (["speak", "hi", "--reference", "no.wav"], "no.wav"),
    "corrupt reference": (["speak", "hi", "--reference", "corrupt.wav"], "corrupt.wav"),
    "folder as reference": (["speak", "hi", "--reference", "."], "sound file"),
    "from": (["interpolate", "hi", "--from", "loud", "--to", ""], "'loud' is not a way"),
    "to": (["interpolate", "hi", "--from", "", "--to", "component=7"], "0 to 2"),
    "steps": (["interpolate", "hi", "--from", "", "--to", "", "--steps", "1"], "2 or more"),
}


@pytest.mark.parametrize(("arguments", "message"), BAD.values(), ids=BAD)
def test_bad_input_is_one_line_and_code_2(run, voice, arguments, message):
    Path("corrupt.wav").write_bytes(b"RIFF\x10\x00\x00\x00WAVEjunk")
    before = sorted(Path().iterdir())
    code, out, err = run(*arguments, "--voice", voice, "--out", "out.wav")
    lines = [line for line in err.splitlines() if not line.startswith("tts-vae: warning: ")]
    assert code == 2 and out == ""
    assert len(lines) == 1 and lines[0].startswith("tts-vae: error: ")
    assert message in lines[0] and "Traceback" not in err
    assert sorted(Path().iterdir()) == before, "something was left behind"


def error_of(result):
    code, out, err = result
    assert code == 2 and out == "" and err.startswith("tts-vae: error: ") and err.count("\n") == 1
    return err


def test_bad_voices_list_the_good_ones(run, voice):
    wrong = ("speak", "hi", "--out", "a.wav", "--voice")
    assert f"voices found: {voice}" in error_of(run(*wrong, voice.parent / "other"))
    shutil.copytree(voice, "half")
    weights = Path("half/model.safetensors")
    weights.write_bytes(weights.read_bytes()[:1000])
    assert "model.safetensors" in error_of(run(*wrong, "half"))


def test_unwritable_output(run, voice):
    Path("file").write_text("mine")
    Path("folder").mkdir()
    speak = ("speak", "hi", "--voice", voice, "--out")
    assert "file is not a folder" in error_of(run(*speak, "file/a.wav"))
    assert "folder: it is a folder" in error_of(run(*speak, "folder"))
    assert "cannot write" in error_of(run(*speak, "/proc/none/a.wav"))
    between = ("interpolate", "hi", "--voice", voice, "--from", "", "--to", "rate=2", "--out")
    assert "file is not a folder" in error_of(run(*between, "file"))
    assert "is a file" in error_of(run("evaluate", "--voice", voice, "--out", "file"))
    assert Path("file").read_text() == "mine" and list(Path("folder").iterdir()) == []


def test_a_failure_half_way_leaves_no_file(run, voice, monkeypatch):
    from tts_vae.synthesis.sentence_speaker import SentenceSpeaker

    say, said = SentenceSpeaker.say, []

    def fails_at_the_second(self, *arguments):
        said.append(1)
        if len(said) == 2:
            raise KeyboardInterrupt if interrupt else ValueError("the second failed")
        return say(self, *arguments)

    monkeypatch.setattr(SentenceSpeaker, "say", fails_at_the_second)
    speak = ("speak", "One day. Two days.", "--voice", voice, "--out", "a.wav")
    interrupt = False
    assert "the second failed" in error_of(run(*speak))
    said.clear()
    interrupt = True
    code, out, err = run(*speak)
    assert code == 130 and err.startswith("tts-vae: interrupted") and err.count("\n") == 1
    assert list(Path().iterdir()) == []


def test_defects_of_ours_are_not_hidden(run, voice, monkeypatch):
    from tts_vae.synthesis.sentence_speaker import SentenceSpeaker

    def defect(*_):
        raise KeyError("ours")

    monkeypatch.setattr(SentenceSpeaker, "say", defect)
    with pytest.raises(KeyError):
        run("speak", "hi", "--voice", voice, "--out", "a.wav")
    monkeypatch.setenv("TTS_VAE_DEBUG", "1")
    with pytest.raises(ValueError, match="not a folder"):
        run("speak", "hi", "--voice", "nowhere", "--out", "a.wav")


def test_warnings_are_one_line(run, voice):
    soundfile.write("telephone.wav", sweep(1.0, 8000), 8000)
    speak = ("speak", TEXT, "--voice", voice, "--out", "a.wav")
    code, _, err = run(*speak, "--reference", "telephone.wav")
    assert code == 0 and err.count("\n") == 1
    assert err.startswith("tts-vae: warning: telephone.wav has 8000 Hz and the voice 22050 Hz")
    code, _, err = run(*speak, "--energy", "+35dB")
    assert code == 0 and "tts-vae: warning: turned down by" in err


def test_two_thousand_words(run, voice, monkeypatch):
    from tts_vae.synthesis.sentence_speaker import SentenceSpeaker

    monkeypatch.setattr(
        SentenceSpeaker,
        "waveform",
        lambda self, mels, seed: (np.zeros(mels.shape[1] * 256, "f4"), 0.0),
    )
    code, out, err = run("speak", "Five words in each one. " * 400, "--voice", voice, "--out=a.wav")
    assert (code, err) == (0, "")
    assert len(samples("a.wav")) > 400 * 22050 * 0.5


def test_train_passes_overrides_through(run, monkeypatch):
    seen = []
    recipe = types.SimpleNamespace(train=seen.append)
    monkeypatch.setitem(sys.modules, "recipes.train", recipe)
    overrides = ["experiment=espeak/parallel_gmvae", "+trainer.max_steps=2", "~speaker", "steps=3"]
    code, _, err = run("train", *overrides)
    assert (code, err) == (0, "") and seen == [overrides]
    assert "'--fast' is not an override; write KEY=VALUE" in error_of(run("train", "--fast"))


def test_unknown_configuration_keys(run, monkeypatch):
    def unreachable(_):
        raise AssertionError("training began with a configuration that does not exist")

    monkeypatch.setattr("recipes.train.prepare_data", unreachable)
    assert "stpes" in error_of(run("train", "stpes=3"))
    assert "nothing" in error_of(run("train", "experiment=espeak/nothing"))


def test_prepare_passes_each_corpus_its_own_options(run, monkeypatch):
    calls = []

    def obtain(root, utterances=3000, seed=0):
        calls.append(("obtain", root, utterances, seed))
        return root

    def prepare(root, out, *, seed=0, limit=None):
        calls.append(("prepare", root, out, seed, limit))
        splits = {"train": 8, "test": 2}
        return {"name": "c", "hours": 0.5, "speakers": [1], "splits": splits, "skipped": []}

    module = types.SimpleNamespace(obtain=obtain, prepare=prepare)
    for name in ("espeak", "ljspeech"):
        monkeypatch.setitem(sys.modules, f"tts_vae.corpora.{name}", module)
    code, out, _ = run("prepare", "espeak", "--out", "c", "--utterances", 10, "--seed", 3)
    assert code == 0 and out == "c: c, 0.50 h, 1 speakers, train 8, test 2; skipped 0\n"
    assert calls == [("obtain", Path("c"), 10, 3), ("prepare", Path("c"), Path("c"), 3, None)]
    calls.clear()
    assert run("prepare", "ljspeech", "--out", "c", "--root", "lj", "--limit", 5)[0] == 0
    assert calls == [("prepare", Path("lj"), Path("c"), 0, 5)]
    calls.clear()
    assert run("prepare", "ljspeech", "--out", "c")[0] == 0
    assert calls[0][:2] == ("obtain", Path("c-download"))
    unknown = error_of(run("prepare", "ljspeech", "--out", "c", "--noise-share", "0.1"))
    assert "no option --noise-share; it has --utterances, --seed, --limit" in unknown
    assert "leave --root out" in error_of(run("prepare", "espeak", "--out", "c", "--root", "x"))
    assert "'espeak', 'ljspeech', 'vctk'" in error_of(run("prepare", "timit", "--out", "c"))


def test_a_real_corpus_folder_that_is_none(run):
    Path("empty").mkdir()
    for corpus in ("ljspeech", "vctk"):
        error_of(run("prepare", corpus, "--out", "c", "--root", "empty"))
    assert not Path("c").exists()


def test_help_is_quick_and_lists_the_commands(run):
    for arguments in ([], ["--help"]):
        code, out, _ = run(*arguments)
        assert code == 0
        for command in ("prepare", "train", "speak", "interpolate", "evaluate", "voices", "export"):
            assert f"  {command} " in out
    program = (
        "import sys, json; from tts_vae.cli import main; main(['--help']); "
        "print(json.dumps([m for m in ('torch', 'numpy', 'hydra') if m in sys.modules]))"
    )
    root = Path(__file__).parents[1]
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=root)
    assert json.loads(done.stdout.splitlines()[-1]) == []
