import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from command_line import commands, samples  # noqa: E402
from tiny_voice import write_tiny_voice  # noqa: E402

TEXT = "Hello there."
ENDS = ("--from", "component=0", "--to", "vector=1,0,2,1,rate=1.3")


@pytest.fixture(scope="module")
def voice(tmp_path_factory):
    return write_tiny_voice(tmp_path_factory.mktemp("voices") / "tiny")


@pytest.fixture
def run(capsys, tmp_path, monkeypatch):
    """interpolate in an empty folder: (exit code, stdout, stderr)."""
    monkeypatch.chdir(tmp_path)
    call = commands(capsys)
    return lambda *arguments: call("interpolate", *arguments)


def names(folder):
    return sorted(path.name for path in Path(folder).iterdir())


def test_every_step_is_a_sound_a_textgrid_and_a_recipe(run, voice):
    pytest.importorskip("parselmouth")
    code, out, err = run(TEXT, "--voice", voice, "--out", "s", "--steps", "4", *ENDS)
    assert (code, err) == (0, "")
    stems = ["00", "01", "02", "03"]
    files = [f"{stem}.{ending}" for stem in stems for ending in ("TextGrid", "wav")]
    assert names("s") == sorted([*files, "index.html", "steps.json"])
    assert len({samples(f"s/{stem}.wav").tobytes() for stem in stems}) == 4
    lines = out.splitlines()
    assert lines[1].startswith("s/01.wav: step 0.333, ")
    assert [line.split(":")[0] for line in lines] == [
        *(f"s/{stem}.wav" for stem in stems),
        "s/steps.json",
        "s/index.html",
    ]
    told = json.loads(Path("s/steps.json").read_text())
    assert [step["wav"] for step in told["steps"]] == [f"{stem}.wav" for stem in stems]
    assert told["ends"] == ["speaker=anna,component=0", "speaker=anna,vector=1,0,2,1,rate=1.3"]
    assert {"pitch_st", "rate", "energy_db"} <= set(told["steps"][0]["attributes"])
    assert told["evenness"]["rate"].keys() == {"moved", "change", "spearman", "largest_jump"}


def test_the_command_on_the_page_does_it_again(run, voice, monkeypatch):
    import shlex

    run(TEXT, "--voice", voice, "--out", "a", "--no-page", "--path", "ridge", *ENDS)
    command = json.loads(Path("a/steps.json").read_text())["command"]
    first = {path.name: path.read_bytes() for path in Path("a").iterdir()}
    program, name, *arguments = shlex.split(command)
    assert (program, name) == ("tts-vae", "interpolate")
    code, _, err = run(*arguments, "--no-page")
    assert (code, err) == (0, "")
    assert {path.name: path.read_bytes() for path in Path("a").iterdir()} == first


@pytest.mark.parametrize("path", ["linear", "spherical", "ridge"])
def test_paths_share_their_ends(run, voice, path):
    one = ("--site", "prosody", "--no-page", "--steps", "3", "--path", path)
    code, _, _ = run(
        *(TEXT, "--voice", voice, "--out", path, *one),
        *("--from", "speaker=anna,component=0", "--to", "speaker=bert,component=2"),
    )
    assert code == 0
    code, _, _ = run(
        *(TEXT, "--voice", voice, "--out", "ends", "--no-page", "--steps", "2"),
        *("--from", "speaker=anna,component=0", "--to", "speaker=anna,component=2"),
    )
    assert samples(f"{path}/00.wav").tobytes() == samples("ends/00.wav").tobytes()
    assert samples(f"{path}/02.wav").tobytes() == samples("ends/01.wav").tobytes()


def test_within(run, voice):
    code, out, err = run(TEXT, "--voice", voice, "--out", "w", "--within", "--no-page", *ENDS)
    assert (code, err) == (0, "")
    stems = ["0-start", "1-glide", "2-end", "3-back"]
    assert [name for name in names("w") if name.endswith(".wav")] == [f"{s}.wav" for s in stems]
    assert "w/1-glide.wav: gliding to the last, " in out


def test_grid(run, voice):
    pytest.importorskip("parselmouth")
    corners = ("component=0", "component=1", "component=2", "rate=1.5")
    code, _, err = run(TEXT, "--voice", voice, "--out", "g", "--grid", *corners, "--steps", "2")
    assert (code, err) == (0, "")
    assert {f"r{i}c{j}.wav" for i in (0, 1) for j in (0, 1)} < set(names("g"))
    assert "--columns:2" in Path("g/index.html").read_text()


def test_traverse(run, voice):
    options = ("--traverse", "2", "--sd", "1.5", "--steps", "3", "--no-page")
    code, out, err = run(TEXT, "--voice", voice, "--out", "t", *options, "--from", "component=1")
    assert (code, err) == (0, "")
    titles = [line.split(": ")[1].split(",")[0] for line in out.splitlines()[:3]]
    assert titles == ["-1.5 sd", "0 sd", "+1.5 sd"]
    told = json.loads(Path("t/steps.json").read_text())["steps"]
    moved = [step["values"]["prosody"] for step in told]
    assert moved[0][2] < moved[1][2] < moved[2][2]
    assert all(step[:2] + step[3:] == moved[1][:2] + moved[1][3:] for step in moved)


BAD = {
    "nothing": ([], "--from STYLE and --to STYLE, or --grid"),
    "no end": (["--from", "rate=1.1"], "--from STYLE and --to STYLE, or --grid"),
    "from": (["--from", "loud", "--to", ""], "'loud' is not a way"),
    "to": (["--from", "", "--to", "component=7"], "0 to 2"),
    "one step": ([*ENDS, "--steps", "1"], "2 or more"),
    "path": ([*ENDS, "--path", "wavy"], "'wavy'"),
    "site": ([*ENDS, "--site", "mood"], "unknown site 'mood'; this voice has prosody, speaker"),
    "speaker ridge": ([*ENDS, "--site", "speaker", "--path", "ridge"], "choose site prosody"),
    "steps within": ([*ENDS, "--within", "--steps", "4"], "has no --steps"),
    "dimension": (["--traverse", "4"], "unknown dimension 4; the prosody site"),
    "two modes": (["--traverse", "1", "--to", "rate=2"], "--traverse takes --from STYLE and no"),
    "grid from": (["--grid", "", "", "", "", "--from", ""], "--grid takes four styles and no"),
    "grid path": (["--grid", "", "", "", "", "--path", "ridge"], "no --path"),
    "grid of three": (["--grid", "rate=2", "rate=1.1"], "--grid"),
    "grid of one": (["--grid", "", "", "", "", "--steps", "1"], "2 rows or more"),
    "sd alone": ([*ENDS, "--sd", "2"], "--sd is for --traverse"),
    "sd": (["--traverse", "1", "--sd", "0"], "sd must be above 0"),
}


@pytest.mark.parametrize(("arguments", "message"), BAD.values(), ids=BAD)
def test_bad_input_is_one_line_and_code_2(run, voice, arguments, message):
    code, out, err = run(TEXT, "--voice", voice, "--out", "out", *arguments)
    assert code == 2 and out == ""
    assert err.startswith("tts-vae: error: ") and err.count("\n") == 1
    assert message in err
    assert list(Path().iterdir()) == [], "something was left behind"


def test_a_ridge_without_a_mixture(run, tmp_path_factory):
    plain = write_tiny_voice(tmp_path_factory.mktemp("voices") / "plain", "gaussian")
    code, _, err = run(
        *(TEXT, "--voice", plain, "--out", "o", "--path", "ridge"),
        *("--from", "vector=1,0,0,0", "--to", "vector=0,1,0,0"),
    )
    assert code == 2 and "prosody site of this voice is a GaussianLatent" in err
    assert err.count("\n") == 1


def test_unwritable(run, voice):
    Path("file").write_text("mine")
    code, _, err = run(TEXT, "--voice", voice, "--out", "file", *ENDS)
    assert code == 2 and "file is not a folder" in err and Path("file").read_text() == "mine"


def test_an_interruption_leaves_whole_files_only(run, voice, monkeypatch):
    from tts_vae.synthesis.sentence_speaker import SentenceSpeaker

    say, said = SentenceSpeaker.say, []

    def interrupted(self, *arguments):
        said.append(1)
        if len(said) == 3:
            raise KeyboardInterrupt
        return say(self, *arguments)

    monkeypatch.setattr(SentenceSpeaker, "say", interrupted)
    code, _, err = run(TEXT, "--voice", voice, "--out", "s", "--no-page", *ENDS)
    assert code == 130 and err.startswith("tts-vae: interrupted")
    assert names("s") == ["00.TextGrid", "00.wav", "01.TextGrid", "01.wav"]
    assert all(len(samples(f"s/0{n}.wav")) > 1000 for n in (0, 1))


def test_without_parselmouth_there_is_no_page_and_a_line_that_says_so(run, voice, monkeypatch):
    monkeypatch.setitem(sys.modules, "parselmouth", None)
    code, out, err = run(TEXT, "--voice", voice, "--out", "s", "--steps", "2", *ENDS)
    assert code == 0 and err.count("\n") == 1
    assert "no page and no attributes: the praat F0 tracker needs praat-parselmouth" in err
    assert names("s") == ["00.TextGrid", "00.wav", "01.TextGrid", "01.wav", "steps.json"]


def test_speak_writes_a_textgrid(capsys, tmp_path, monkeypatch, voice):
    parselmouth = pytest.importorskip("parselmouth")
    monkeypatch.chdir(tmp_path)
    speak = commands(capsys)
    options = ("--voice", voice, "--out", "a.wav", "--textgrid", "deep/a.TextGrid")
    code, _, err = speak("speak", "One day. Two days.", *options)
    assert (code, err) == (0, "")
    call = parselmouth.praat.call
    grid = parselmouth.read("deep/a.TextGrid")
    labels = [call(grid, "Get label of interval", 2, i + 1) for i in range(7)]
    assert [label for label in labels if label] == ["one", "day", "two", "days"]
    seconds = len(samples("a.wav")) / 22050
    assert call(grid, "Get total duration") == pytest.approx(seconds, abs=1e-9)
    Path("lines.txt").write_text("One.\n")
    code, _, err = speak("speak", "--file", "lines.txt", *options[:2], "--out", "f", *options[4:])
    assert code == 2 and "--textgrid is for one text" in err
