import json

import pytest

from recipes.benchmark_speech import benchmark


def test_every_contestant_is_timed_in_one_run(tmp_path, capsys):
    pytest.importorskip("threadpoolctl")
    sizes = ("batch=2", "phones=6", "frames=4", "rounds=2", "threads=1", "ours=[float32]")
    rows = benchmark([*sizes, "peers=[torchaudio]", f"output={tmp_path}"])
    ours, theirs = rows
    assert ours == "ours, float32" and theirs.startswith("torchaudio")
    assert rows[ours][ours]["value"] == 1.0
    ratio = rows[theirs][ours]["value"]
    assert ratio == pytest.approx(rows[ours]["ms"] / rows[theirs]["ms"])
    assert json.loads((tmp_path / "metrics.json").read_text()) == json.loads(json.dumps(rows))
    assert "torchaudio" in capsys.readouterr().out


def test_an_unknown_peer_is_named():
    with pytest.raises(ValueError, match=r"among torchaudio, coqui, got \['espnet'\]"):
        benchmark(["peers=[espnet]"])
