"""A whole evaluation: sections that finish, fail and resume; the page; voices side by side."""

import base64
import io
import json
import re
import sys
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest
import soundfile

sys.path.insert(0, str(Path(__file__).parents[1]))

from command_line import commands  # noqa: E402
from html_page import Page  # noqa: E402
from tiny_held_out import write_held_out_corpus  # noqa: E402
from tiny_voice import write_tiny_voice  # noqa: E402

from tts_vae.evaluation.report import voice_report  # noqa: E402
from tts_vae.evaluation.report.compare import compare_voices, difference  # noqa: E402
from tts_vae.evaluation.report.figure_row import Row, number, show  # noqa: E402
from tts_vae.evaluation.report.figures import section_pictures  # noqa: E402
from tts_vae.evaluation.report.page import write_report  # noqa: E402
from tts_vae.evaluation.report.rows import report_rows  # noqa: E402
from tts_vae.evaluation.report.sections import SECTIONS, ReportSection  # noqa: E402
from tts_vae.evaluation.report.terminal_table import metrics_table  # noqa: E402
from tts_vae.evaluation.report.voice_report import evaluate_voice, fingerprint  # noqa: E402
from tts_vae.evaluation.voices.material import Material  # noqa: E402
from tts_vae.synthesis.voice import Voice  # noqa: E402

QUICK = ("clusters", "capacity", "speed")


@pytest.fixture(scope="module")
def voice(tmp_path_factory):
    return write_tiny_voice(tmp_path_factory.mktemp("voices") / "tiny")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return write_held_out_corpus(tmp_path_factory.mktemp("corpus"))


@pytest.fixture
def run(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return commands(capsys)


def section(measure):
    return ReportSection("Title", "About.", measure)


def use_sections(monkeypatch, **sections):
    table = MappingProxyType({name: section(measure) for name, measure in sections.items()})
    monkeypatch.setattr(voice_report, "SECTIONS", table)


def nobody(_):
    pass


def test_sections_are_kept_as_they_finish_and_resumed(voice, corpus, tmp_path, monkeypatch):
    calls = []

    def first(material):
        calls.append("first")
        return {"value": float("nan"), "limit": material.limit}

    def second(_):
        calls.append("second")
        if len(calls) == 2:
            raise KeyboardInterrupt
        return {"value": 2}

    use_sections(monkeypatch, first=first, second=second)
    out = tmp_path / "report"
    with pytest.raises(KeyboardInterrupt):
        evaluate_voice(voice, out, corpus, limit=4)
    kept = json.loads((out / "metrics.json").read_text())
    assert kept["sections"] == {"first": {"value": None, "limit": 4}}
    assert kept["undefined"] == {"first": 1}
    told = []
    metrics = evaluate_voice(voice, out, corpus, limit=4, tell=told.append)
    assert calls == ["first", "second", "second"]
    assert "kept: first" in told[0] and told[1].startswith("second: ")
    assert metrics["sections"]["second"] == {"value": 2}
    assert json.loads((out / "metrics.json").read_text()) == metrics
    evaluate_voice(voice, out, corpus, limit=4)
    assert len(calls) == 3
    # other settings are another evaluation
    again = evaluate_voice(voice, out, corpus, limit=5, tell=told.append)
    assert any("measuring afresh" in line for line in told)
    assert len(calls) == 5 and again["sections"]["first"]["limit"] == 5


def test_what_cannot_be_measured_says_why_and_the_rest_goes_on(
    voice, corpus, tmp_path, monkeypatch
):
    def impossible(_):
        raise ValueError("this voice\nhas no hands")

    def broken(_):
        raise ZeroDivisionError("division by zero")

    use_sections(monkeypatch, impossible=impossible, broken=broken, fine=lambda _: {"value": 1})
    metrics = evaluate_voice(voice, tmp_path, corpus, limit=2, tell=nobody)
    assert metrics["unavailable"] == {"impossible": "this voice has no hands"}
    assert metrics["failed"] == {"broken": "ZeroDivisionError: division by zero"}
    assert list(metrics["sections"]) == ["fine"]
    # tried again the next time, and forgotten when it works
    use_sections(monkeypatch, impossible=lambda _: {"hands": 2}, fine=lambda _: {"value": 9})
    metrics = evaluate_voice(voice, tmp_path, corpus, limit=2, tell=nobody)
    assert metrics["unavailable"] == metrics["failed"] == {}
    assert metrics["sections"] == {"fine": {"value": 1}, "impossible": {"hands": 2}}


def test_fingerprint_knows_voice_corpus_and_settings(corpus, tmp_path):
    one = write_tiny_voice(tmp_path / "one")
    same = write_tiny_voice(tmp_path / "same")
    settings = {"limit": 4, "seed": 0}
    mark = fingerprint(one, corpus, settings)
    assert fingerprint(same, corpus, settings) == mark
    assert fingerprint(one, corpus, settings | {"seed": 1}) != mark
    other = write_held_out_corpus(tmp_path / "corpus", test=5)
    assert fingerprint(one, other, settings) != mark
    styles = json.loads((same / "styles.json").read_text())
    names = json.dumps(styles | {"named": {"cheerful": {}}})
    (same / "styles.json").write_text(names)
    assert fingerprint(same, corpus, settings) == mark  # a name changes no figure
    (same / "styles.json").write_text(json.dumps(styles | {"calibration": {"pitch": 1}}))
    assert fingerprint(same, corpus, settings) != mark
    assert fingerprint(write_tiny_voice(one, "gaussian"), corpus, settings) != mark


def test_bad_input_is_named(voice, corpus, tmp_path):
    with pytest.raises(ValueError, match="unknown section 'pich'; choose from intelligibility, pi"):
        evaluate_voice(voice, tmp_path / "out", corpus, only=["pich"])
    with pytest.raises(ValueError, match="no section to measure; choose from"):
        evaluate_voice(voice, tmp_path / "out", corpus, only=[])
    with pytest.raises(ValueError, match="limit must be 1 recording or more, got 0"):
        evaluate_voice(voice, tmp_path / "out", corpus, limit=0)
    with pytest.raises(ValueError, match="prepared corpus .* got none in data/none; make it with"):
        evaluate_voice(voice, tmp_path / "out")
    with pytest.raises(ValueError, match="expected a prepared corpus"):
        evaluate_voice(voice, tmp_path / "out", tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="--out .*file is a file; give the name of a folder"):
        evaluate_voice(voice, tmp_path / "file", corpus)
    untested = write_held_out_corpus(tmp_path / "untested", test=0)
    with pytest.raises(ValueError, match="has no test recordings; prepare more utterances"):
        evaluate_voice(voice, tmp_path / "out", untested)
    assert not (tmp_path / "out").exists()


@pytest.fixture(scope="module")
def measured(voice, corpus, tmp_path_factory):
    out = tmp_path_factory.mktemp("measured")
    only = [name for name in SECTIONS if name not in ("intelligibility", "control")]
    metrics = evaluate_voice(voice, out, corpus, limit=6, only=only, tell=nobody)
    return out, metrics


def test_a_tiny_voice_is_measured_in_every_section(measured):
    _, metrics = measured
    assert metrics["failed"] == {}
    # tones are no speech, but every path is walked; this corpus knows no factors
    assert set(metrics["unavailable"]) == {"disentanglement", "noise"}
    assert "only the embedded corpus" in metrics["unavailable"]["disentanglement"]
    rows = report_rows(metrics["sections"])
    assert list(rows) == [name for name in SECTIONS if name in metrics["sections"]]
    for name, lines in rows.items():
        assert len({row.key for row in lines}) == len(lines) > 0, name
        assert all(row.n for row in lines if row.value is not None), name
    units = next(row for row in rows["clusters"] if row.key == "prosody_units")
    assert (
        units.shown == f"{metrics['sections']['clusters']['sites']['prosody']['active_units']} of 4"
    )


def test_a_voice_without_speakers_or_components(corpus, tmp_path):
    plain = write_tiny_voice(tmp_path / "plain", "code", ("anna",))
    metrics = evaluate_voice(
        plain, tmp_path / "out", corpus, limit=4, only=["clusters", "capacity", "diversity"]
    )
    assert metrics["failed"] == {}
    sites = metrics["sections"]["clusters"]["sites"]
    assert set(sites) == {"prosody"} and sites["prosody"]["components"] == 0
    labels = [row.label for row in report_rows(metrics["sections"])["diversity"]]
    assert not any("prior" in label for label in labels)  # a plain code has none


def test_the_page_stands_alone(measured, tmp_path):
    out, metrics = measured
    page = Page(write_report(out, metrics))
    for tag, attributes in page.tags:
        assert tag not in {"link", "iframe"}
        source = attributes.get("src", attributes.get("href", "#"))
        assert re.match(r"#|data:(image/png|audio/flac);base64,", source), source[:40]
        assert tag != "img" or attributes["alt"]
    sounds = [a["src"].split(",", 1)[1] for tag, a in page.tags if tag == "audio"]
    clips = [c for s in metrics["sections"].values() for c in s.get("clips", ())]
    assert len(sounds) == len(clips) >= 3 + 3 + 4
    heard, rate = soundfile.read(io.BytesIO(base64.b64decode(sounds[0])), dtype="int16")
    written, _ = soundfile.read(out / clips[0]["file"], dtype="int16")
    assert rate == 22050
    np.testing.assert_array_equal(heard, written)
    assert metrics["unavailable"]["disentanglement"] in page.text
    assert "Measured on 6 of 6 held-out recordings" in page.text
    hostile = metrics | {"voice": {"name": "<script>alert(1)</script>"}}
    assert "<script>alert(1)" not in write_report(out, hostile).read_text()


def test_the_table_tells_what_is_missing(measured):
    from rich.console import Console

    console = Console(width=150, file=io.StringIO())
    console.print(metrics_table(measured[1]))
    text = console.file.getvalue()
    assert "Disentanglement not measured" in text and "only the embedded corpus" in text
    assert re.search(r"prosody: active units +\d of 4 +6 recordings", text)


def test_numbers_are_shown_in_their_units():
    assert show(0.0123, "%") == "1.23 %" and show(-1.5, "dB") == "\u22121.50 dB"
    assert show(None, "st") == "undefined" and show(9, "of 10") == "9 of 10"
    assert show(1.0, "") == "1.000" and show(3, "") == "3"
    assert number(0.5, "st", sign=True) == "+0.50" and number(-0.02, "%", sign=True) == "\u22122.00"
    row = Row("k", "l", 0.5, "%", low=0.25, high=0.75, n=3, items="texts")
    assert (row.interval, row.counted) == ("25.00 … 75.00", "3 texts")
    assert Row("k", "l", 1.0).interval == Row("k", "l", 1.0).counted == ""


def control_result():
    """Two controls of two lines at three settings: pitch 0.5 st too high, rate right but once."""
    settings = {
        "pitch_st": [(-6.0, [-5.5, -5.5]), (0.0, [0.0, 0.0]), (6.0, [6.5, None])],
        "rate": [(0.5, [-1.0, -1.0]), (1.0, [0.0, 0.0]), (2.0, [1.0, 2.0])],
    }
    figures = {"n": 3, "undefined": 1, "mae": 0.5, "mae_low": 0.4, "mae_high": 0.6, "p95": 0.5}
    figures |= {"slope": 1.0, "spearman": 1.0, "clamped": 0.25}
    ratios = {"pitch_st": 1.0, "rate": 0.04, "tilt_db": None}
    return {
        "items": 2,
        "controls": {
            name: figures
            | {"percent": {"mae": 33.3, "p95": 100.0}}
            | {"settings": [{"requested": r, "values": values} for r, values in rows]}
            for name, rows in settings.items()
        },
        "leakage": {"worst": 0.04, "ratios": {"pitch_st": ratios, "rate": ratios}},
        "per": {"usual": 0.01, "moved": 0.02},
    }


def test_control_rows_and_pictures_from_known_figures():
    rows = {row.key: row for row in report_rows({"control": control_result()})["control"]}
    assert rows["pitch_st_mae"].shown == "0.50 st" and rows["rate_mae"].shown == "33.30 %"
    assert rows["pitch_st_mae"].paired == {
        "-6 0": (0.5, 1.0),
        "-6 1": (0.5, 1.0),
        "6 0": (0.5, 1.0),  # its undefined neighbour and the neutral setting do not count
    }
    # an octave too fast is twice as fast: 100 % off
    assert [value for value, _ in rows["rate_mae"].paired.values()] == [0, 0, 0, 1]
    assert rows["leakage"].shown == "4.00 %" and rows["per_moved"].shown == "2.00 %"
    assert rows["pitch_st_clamped"].shown == "25.00 %" and rows["rate_undefined"].value == 1
    pictures = section_pictures("control", control_result())
    assert len(pictures) == 3
    points = pictures[0].figure.axes[0].collections[0].get_offsets()
    assert points.shape == (6, 2) and np.ma.filled(points, np.nan)[4].tolist() == [6, 6.5]
    labels = {text.get_text() for text in pictures[2].figure.axes[0].texts}
    assert labels == {"100", "4"}  # an undefined cell stays empty


def rate_row(errors, lengths):
    pairs = {str(i): (e, n) for i, (e, n) in enumerate(zip(errors, lengths, strict=True))}
    value = sum(errors) / sum(lengths)
    return Row("per", "PER", value, "%", paired=pairs, statistic="ratio")


def test_difference_of_two_voices():
    first = rate_row([1, 0, 1, 0], [10, 10, 10, 10])
    worse = rate_row([2, 1, 2, 1], [10, 10, 10, 10])  # one error more in every text
    found = difference(first, worse)
    assert found.value == pytest.approx(0.1) and found.n == 4 and found.clear
    assert (found.low, found.high) == pytest.approx((0.1, 0.1))
    same = difference(first, first)
    assert same.value == 0 and not same.clear
    # only shared texts count
    longer = rate_row([1, 0, 1, 0, 9], [10, 10, 10, 10, 10])
    assert difference(first, longer).value == 0 and difference(first, longer).n == 4
    medians = [
        Row("m", "M", v, paired={str(i): (x, 1.0) for i, x in enumerate(values)})
        for v, values in ((2.0, (1, 2, 9)), (4.0, (3, 4, 11)))
    ]
    assert difference(*medians).value == 2 and difference(*medians).clear
    alone = difference(Row("k", "l", 1.0), Row("k", "l", 4.0))
    assert (alone.value, alone.low, alone.clear) == (3, None, False)
    assert difference(None, first) is None and difference(Row("k", "l", None), first) is None


def test_voices_side_by_side(measured, voice, corpus, tmp_path):
    other = write_tiny_voice(tmp_path / "other", "gaussian")
    settings = {"corpus_dir": corpus, "limit": 4, "only": QUICK, "tell": nobody}
    made = compare_voices([measured[0], other], tmp_path / "out", **settings)
    assert (tmp_path / "out" / "other" / "metrics.json").is_file()  # measured on the way
    found = json.loads((tmp_path / "out" / "compare.json").read_text())
    assert list(found["voices"]) == ["tiny", "other"] and set(found["sections"]) == set(QUICK)
    units = found["sections"]["clusters"]["prosody_units"]
    gap = units["other"]["value"] - units["tiny"]["value"]
    assert units["tiny"]["difference"] is None
    assert units["other"]["difference"]["value"] == gap
    assert "other" not in found["sections"]["clusters"]["prosody_components"]  # it has none
    text = Page(made.page).text
    assert "Not on one footing: limit differs (tiny 6, other 4)" in text and "Δ" in text
    # the same name twice: two folders, told apart by their paths
    twin = write_tiny_voice(tmp_path / "elsewhere" / "other", "tokens")
    compare_voices([other, twin], tmp_path / "twins", **settings)
    assert {p.name for p in (tmp_path / "twins").iterdir() if p.is_dir()} == {"other-1", "other-2"}
    found = json.loads((tmp_path / "twins" / "compare.json").read_text())
    assert list(found["voices"]) == [str(other), str(twin)]
    with pytest.raises(ValueError, match="two voices or more to compare, got 1"):
        compare_voices([voice], tmp_path / "out", **settings)
    with pytest.raises(ValueError, match="expected different voices, got .*; name each once"):
        compare_voices([measured[0], measured[0]], tmp_path / "out", **settings)
    (tmp_path / "metrics.json").write_text('{"accuracy": 1}')
    with pytest.raises(ValueError, match="is not what `tts-vae evaluate` writes"):
        compare_voices([measured[0], tmp_path], tmp_path / "out", **settings)
    with pytest.raises(ValueError, match="nowhere is not a folder; a voice is a folder with"):
        compare_voices([measured[0], tmp_path / "nowhere"], tmp_path / "out", **settings)


def test_command_line(run, voice, corpus):
    arguments = ("--corpus", corpus, "--limit", 3, "--only", "capacity, speed")
    code, out, err = run("evaluate", "--voice", voice, "--out", "a", *arguments)
    assert code == 0 and "prosody: mean KL" in out and "capacity: 0 s" in err
    assert out.endswith("a/metrics.json and a/report.html: written\n")
    other = write_tiny_voice(Path("other"), "gaussian")
    code, out, _ = run("evaluate", "--compare", "a", other, "--out", "both", *arguments)
    assert code == 0 and "both/compare.html: written" in out and "other" in out
    for mistake, words in (
        (("--voice", voice, "--only", "pich"), "unknown section 'pich'; choose from intelligib"),
        (("--voice", voice, "--compare", "a"), "give one of --voice VOICE to measure and --comp"),
        ((), "give one of --voice VOICE to measure and --compare A B to compare"),
        (("--voice", voice, "b"), "unexpected 'b'; voices to compare follow --compare"),
        (("--voice", "nobody"), "nobody is not a folder"),
    ):
        code, _, err = run("evaluate", "--out", "c", *mistake)
        assert code == 2 and words in err and err.count("\n") == 1
    Path("file").write_text("")
    code, _, err = run("evaluate", "--voice", voice, "--out", "file")
    assert code == 2 and "--out file is a file; give the name of a folder" in err


def test_a_defect_of_ours_is_told_by_the_exit_code(run, voice, corpus, monkeypatch):
    def broken(_):
        raise ZeroDivisionError("oh")

    use_sections(monkeypatch, broken=broken, capacity=SECTIONS["capacity"].measure)
    code, out, err = run("evaluate", "--voice", voice, "--out", "a", "--corpus", corpus)
    assert code == 1 and "broken: failed: ZeroDivisionError: oh" in err
    assert "prosody: mean KL" in out


def test_examples_are_of_different_speakers_and_never_twice(voice, corpus, tmp_path):
    several = Material(Voice.load(voice), corpus, tmp_path, 6, 0)
    chosen = [several.recordings[i] for i in several.examples]
    assert len({recording.speaker for recording in chosen}) == 3
    single = write_held_out_corpus(tmp_path / "single", speakers=("anna",))
    alone = Material(Voice.load(voice), single, tmp_path, 4, 0)
    assert len(set(alone.examples)) == 3
    # counts follow the limit, down to the least
    assert several.count(50) == 2 and several.count(50, least=9) == 9
