import json
import sys

import pytest

from recipes.benchmark_speech import benchmark
from tts_vae.evaluation.peers.speech import waveforms
from tts_vae.evaluation.peers.speech.lengths import _parts, cost_by_length
from tts_vae.evaluation.peers.speech.processes import run_in_turn
from tts_vae.evaluation.peers.speech.speaking import check_length
from tts_vae.evaluation.peers.speech.tables import times_table
from tts_vae.evaluation.peers.speech.waveforms import symbols
from tts_vae.synthesis.voice import Voice

SIZES = ("batch=2", "phones=6", "frames=46", "rounds=2", "threads=1", "ours=[float32]")


@pytest.mark.parametrize("part", ["training", "synthesis"])
def test_every_contestant_is_timed_in_one_run(part, tmp_path, capsys):
    pytest.importorskip("threadpoolctl")
    written = benchmark([*SIZES, f"parts=[{part}]", "peers=[torchaudio]", f"output={tmp_path}"])
    rows = written[part]
    ours, theirs = rows
    assert ours == "ours, float32" and theirs.startswith("torchaudio")
    assert rows[ours][ours]["value"] == 1.0
    ratio = rows[theirs][ours]["value"]
    assert ratio == pytest.approx(rows[ours]["ms"] / rows[theirs]["ms"])
    assert json.loads((tmp_path / "metrics.json").read_text()) == json.loads(json.dumps(written))
    assert "torchaudio" in capsys.readouterr().out


def test_an_unknown_word_is_named():
    with pytest.raises(ValueError, match=r"among torchaudio, coqui, got \['espnet'\]"):
        benchmark(["peers=[espnet]"])
    with pytest.raises(ValueError, match=r"parts must be among training, .*got \['spelling'\]"):
        benchmark(["parts=[spelling]"])


def test_who_stops_early_is_found_out():
    check_length("it", 397, 400)
    with pytest.raises(RuntimeError, match="expected 400 frames of it, got 200"):
        check_length("it", 200, 400)


def test_times_are_for_a_second_of_audio_where_the_audio_differs():
    seconds = {"ours": [1.0, 2.0, 3.0], "other": [8.0, 8.0, 8.0]}
    _, rows = times_table("", seconds, ["ours"], {"ours": 10.0, "other": 2.0})
    assert rows["ours"]["rtf"] == pytest.approx(0.2) and rows["other"]["rtf"] == 4.0
    assert rows["other"]["ours"]["value"] == pytest.approx(0.05)


def test_a_character_is_a_symbol_between_blanks():
    found = symbols("ab", alphabet=1000)
    assert found.tolist() == [[0, 1 + ord("a"), 0, 1 + ord("b"), 0]]
    assert symbols("any text", alphabet=5).max() < 5


@pytest.mark.parametrize("length", [1, 10, 40, 500])
def test_a_text_has_about_the_length_asked_for(length):
    texts = _parts(length, seed=0)
    assert all(texts) and (len(texts) == 1 or len(" ".join(texts)) <= length)
    assert len(" ".join(texts)) >= length - 93 and texts == _parts(length, seed=0)


def test_cost_is_counted_by_the_clock_given():
    """The clock ticks once each time it is read: start, first sentence, end."""
    ticks = iter(range(1000))
    (cost,) = cost_by_length(Voice.load("espeak"), [40], 1, clock=lambda: float(next(ticks)))
    assert cost.ms_per_character == pytest.approx(2000 / cost.characters)
    assert cost.first_audio_ms == 1000.0
    assert 0 <= cost.per < 0.5 and cost.phones > 10
    with pytest.raises(ValueError, match="1 or more"):
        list(cost_by_length(Voice.load("espeak"), [0]))


def test_who_does_not_load_is_left_out_with_the_reason(tmp_path, monkeypatch):
    def broken(folder):
        raise ImportError("no such\nlibrary")

    speakers = {"good": lambda folder: ("good 1.0", len), "bad": broken}
    monkeypatch.setattr(waveforms, "SPEAKERS", speakers)
    found, missing = waveforms.load_speakers(["good", "bad"], tmp_path)
    assert found == {"good 1.0": len} and missing == {"bad": "no such library"}


def test_processes_are_measured_whole():
    empty, full = "pass", "x = bytearray(150_000_000); x[::4096] = b'1' * len(x[::4096])"
    runs = run_in_turn({"a": [sys.executable, "-c", empty], "b": [sys.executable, "-c", full]}, 1)
    assert runs["b"].peak_mb - runs["a"].peak_mb == pytest.approx(150, abs=10)
    assert 0 < runs["a"].cpu_s <= runs["b"].cpu_s + 0.05
    with pytest.raises(RuntimeError, match="ValueError: no"):
        run_in_turn({"c": [sys.executable, "-c", "raise ValueError('no')"]}, 1)
