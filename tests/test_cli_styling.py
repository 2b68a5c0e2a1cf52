"""What ``tts-vae styles`` shows, measures, saves and names."""

import json
import os
import shutil
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from command_line import commands, samples  # noqa: E402
from tiny_vocoder import write_tiny_vocoder  # noqa: E402
from tiny_voice import WIDTH, sweep, write_tiny_voice  # noqa: E402

from tts_vae.audio.files import write_wav  # noqa: E402
from tts_vae.cli.style_tables import style_tables  # noqa: E402
from tts_vae.evaluation.cards import style_cards  # noqa: E402

STYLES = {
    "sites": {
        "prosody": {"default": [0.1] * WIDTH, "std": [0.5] * WIDTH, "usage": [0.25, 0.25, 0.5]}
    }
}


@pytest.fixture
def run(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return commands(capsys)


@pytest.fixture
def voice(tmp_path):
    return write_tiny_voice(tmp_path / "tiny", styles=STYLES)


def stored(voice):
    return json.loads((voice / "styles.json").read_text())


def test_a_voice_without_cards_says_how_to_get_them(run, voice):
    code, out, err = run("styles", "--voice", voice)
    assert (code, err) == (0, "")
    assert out.splitlines()[:4] == [
        "component  used",
        "0          25 %",
        "1          25 %",
        "2          50 %",
    ]
    assert f"no cards yet; `tts-vae styles --voice {voice} --measure`" in out


def test_styles_are_saved_spoken_renamed_and_deleted(run, voice):
    here = ("styles", "--voice", voice)
    code, out, err = run(*here, "--save", "lively", "--style", "component=2,pitch=+2st")
    assert (code, out, err) == (0, "lively: saved, component=2,pitch_st=+2\n", "")
    assert run(*here, "--save", "livelier", "--style", "lively")[0] == 0
    assert run(*here, "--rename", "component=0", "cheerful")[1] == "component 0: now cheerful\n"
    assert run(*here, "--rename", "livelier", "quick")[:2] == (0, "livelier: now quick\n")
    assert run(*here, "--delete", "quick")[1] == "quick: deleted, it was component=2,pitch_st=+2\n"
    out = run(*here)[1]
    assert "0 cheerful" in out and "lively" in out and "quick" not in out
    for name, words in (
        ("lively", ["--component", "2", "--pitch", "2"]),
        ("cheerful", ["--component=0"]),
    ):
        assert run("speak", "Hi.", "--voice", voice, "--style", name, "--out", "a.wav")[0] == 0
        assert run("speak", "Hi.", "--voice", voice, *words, "--out", "b.wav")[0] == 0
        assert samples("a.wav").tobytes() == samples("b.wav").tobytes()


def test_the_style_of_a_recording_is_saved_without_it(run, voice):
    write_wav("ref.wav", sweep(1.2, 22050), 22050)
    style = "reference=ref.wav,rate=1.1"
    code, out, err = run("styles", "--voice", voice, "--save", "taken", "--style", style)
    assert (code, err) == (0, "") and out.startswith("taken: saved, vector=")
    Path("ref.wav").unlink()
    assert run("speak", "Hi.", "--voice", voice, "--style", "taken", "--out", "a.wav")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--save", "calm"), "--save NAME and --style WORDS go together"),
        (("--style", "rate=2"), "--save NAME and --style WORDS go together"),
        (("--out", "page"), "--out and --corpus are for --measure"),
        (
            ("--measure", "--delete", "calm"),
            "one of --measure, --save, --rename, --delete at a time",
        ),
        (("--save", "two words", "--style", "rate=2"), "a style's name has up to 40 letters"),
        (("--save", "calm", "--style", "mood=2"), "'mood' is not a way to choose a style"),
        (("--save", "calm", "--style", "vector=1,2"), "vector must be 4 finite numbers"),
        (("--save", "calm", "--style", "speaker=eve"), "unknown speaker 'eve'"),
        (("--rename", "component=9", "calm"), "component 9 and there are 0 to 2 here"),
        (("--rename", "rate=2", "calm"), "--rename gives a component a name"),
        (("--rename", "gone", "calm"), "unknown style name 'gone'; this voice has none"),
        (("--delete", "gone"), "unknown style name 'gone'; this voice has none"),
        (("--measure", "--corpus", "nowhere"), "expected a prepared corpus"),
        (("--measure", "--out", "tiny/styles.json"), "is a file; give the name of a folder"),
    ],
)
def test_mistakes_are_one_line_and_change_nothing(run, voice, arguments, message):
    code, out, err = run("styles", "--voice", voice, *arguments)
    assert (code, out) == (2, "") and err.count("\n") == 1 and message in err
    assert stored(voice) == STYLES


def test_a_voice_that_cannot_be_written_is_to_be_copied(run, voice, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK)
    code, _, err = run("styles", "--voice", voice, "--save", "calm", "--style", "rate=0.8")
    assert code == 2 and f"{voice} cannot be written; copy the voice (`cp -r {voice} my" in err
    assert "--voice my-tiny" in err
    assert run("styles", "--voice", voice)[0] == 0, "looking is allowed"


def test_the_advice_for_a_shipped_voice_brings_its_vocoder(run, voice, tmp_path, monkeypatch):
    from tts_vae import voices

    monkeypatch.setattr(voices, "FOLDER", tmp_path)
    vocoder = write_tiny_vocoder(tmp_path / "vocoder")
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK)
    code, _, err = run("styles", "--delete", "calm", "--voice", "tiny")
    assert code == 2 and f"&& cp -r {vocoder} my-tiny/vocoder" in err


def test_measuring_keeps_cards_and_writes_a_page(run, voice, monkeypatch):
    pytest.importorskip("parselmouth", reason="F0 is measured by the extra evaluation")
    monkeypatch.setattr(style_cards, "TEXTS", ("one two three",))
    monkeypatch.setattr(style_cards, "SPEAKERS", 1)
    run("styles", "--voice", voice, "--rename", "component=1", "cheerful")
    code, out, err = run("styles", "--voice", voice, "--measure", "--out", "page")
    assert (code, err) == (0, "")
    assert {"sites", "component_names", "cards"} == set(stored(voice))
    assert [card["component"] for card in stored(voice)["cards"]["components"]] == [0, 1, 2]
    assert out.endswith("page/cards.html: written\n") and "1 cheerful" in out
    assert "cheerful<span>component 1, 25 %" in Path("page/cards.html").read_text()
    assert len(samples("page/audio/usual.wav")) > 1000
    assert run("styles", "--voice", voice)[1] == out.removesuffix("page/cards.html: written\n")
    copied = shutil.copytree(voice, "copied")
    assert run("styles", "--voice", copied)[1] == run("styles", "--voice", voice)[1]


def test_tables_by_hand():
    changes = {"pitch_st": 1.04, "rate_percent": -12.0, "snr_db": None}
    slopes = {"pitch_st": 1.046, "rate_percent": -0.001, "snr_db": None}
    cards = {
        "components": [
            {"component": 0, "usage": 0.016, "differences": changes, "leakage": None, "name": ""},
            {"component": 11, "usage": None, "differences": changes, "leakage": 0.5, "name": "low"},
        ],
        "dimensions": [
            {"site": "prosody", "dimension": 3, "used": 1.2, "slopes": slopes, "leakage": 0.25}
        ],
        "lda": {
            "gender": [
                {"site": "speaker", "dimension": 4, "fisher": 9.5, "accuracy": 1.0, "baseline": 0.5}
            ]
        },
    }
    assert style_tables(cards, {11: "deep"}, {"calm": "rate=0.9"}).splitlines() == [
        "component  used  pitch st  rate %  SNR dB  leakage  against the usual style",
        "0           2 %      +1.0   -12.0       -        -  as usual",
        "11 deep       -      +1.0   -12.0       -     50 %  low",
        "",
        "dimension   used  pitch st  rate %  SNR dB  leakage  per prior sd upwards",
        "prosody 3  120 %     +1.05   +0.00       -     25 %  no audible change",
        "",
        "label     told by  Fisher  accuracy  most frequent",
        "gender  speaker 4    9.50     100 %  50 %",
        "",
        "saved style  recipe",
        "calm         rate=0.9",
    ]
    assert style_tables({}, {}, {}) == "no components and no saved styles"
