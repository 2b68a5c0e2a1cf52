"""What a step costs: operations counted by hand, sizes as asked for, one line for mistakes."""

import json

import pytest
import torch

from recipes.measure_training import measure
from tts_vae.cli import run
from tts_vae.training.step_cost import _count, product_rate, random_speech

TINY = "['model.decoder.width=16','model.decoder.layers=1','model.decoder.text_encoder.width=8']"
SMALL = ("experiments=[espeak/parallel_gmvae]", f"overrides={TINY}", "device=cpu", "batch_size=2")
SMALL += ("phones=6", "frames=30", "steps=2", "warm_ups=1")


def test_operations_are_those_of_the_products():
    layer = torch.nn.Linear(7, 11)
    x = torch.randn(5, 7, requires_grad=True)
    # forward, gradient of the weights, gradient of the input
    assert _count(lambda: layer(x).sum().backward()) == 3 * 2 * 5 * 7 * 11
    conv = torch.nn.Conv1d(4, 6, 3, padding=1)
    assert _count(lambda: conv(torch.randn(2, 4, 9))) == 2 * 2 * 9 * 4 * 6 * 3
    cell = torch.nn.LSTM(3, 4)
    found = _count(lambda: cell(torch.randn(5, 2, 3)))
    assert found == 2 * 5 * 2 * (3 + 4) * 4 * 4  # four gates, from input and state


def test_a_random_batch_has_the_sizes_that_are_asked_for():
    batch = random_speech(3, 7, 40, 80, 50, 2, seed=1)
    assert batch.tokens.shape == (3, 7) and batch.mels.shape == (3, 40, 80)
    assert batch.durations.sum(1).tolist() == [40, 40, 40] and int(batch.durations.min()) >= 1
    assert int(batch.tokens.min()) >= 1 and int(batch.speaker.max()) < 2
    again = random_speech(3, 7, 40, 80, 50, 2, seed=1)
    assert torch.equal(batch.mels, again.mels)
    with pytest.raises(ValueError, match="at least a frame for each phone, got 3, 7 and 6"):
        random_speech(3, 7, 6, 80, 50, 2, seed=1)


def test_a_large_product_takes_time():
    assert product_rate("cpu", bfloat16=False) > 1e9


def test_the_recipe_writes_what_it_prints(tmp_path, capsys):
    rows = measure([*SMALL, f"output={tmp_path}", "peak_tflops=2", "precision=float32"])
    assert json.loads((tmp_path / "metrics.json").read_text()) == rows
    (row,) = rows["experiments"].values()
    assert rows["precision"] == "float32" and row["steps_per_s"] > 0
    assert row["audio_per_s"] == pytest.approx(2 * 30 * 256 / 22050 * row["steps_per_s"])
    assert row["tflops"] == pytest.approx(row["gflop"] * row["steps_per_s"] / 1e3)
    assert row["utilisation"] == pytest.approx(row["tflops"] / row["product_tflops"])
    assert row["maker_utilisation"] == pytest.approx(row["tflops"] / 2)
    assert 0 < row["utilisation"] < 1 and row["peak_memory_mb"] > 100
    assert "espeak/parallel_gmvae" in capsys.readouterr().out


def test_twice_the_batch_is_twice_the_work(tmp_path):
    one, two = (measure([*SMALL, f"batch_size={items}", f"output={tmp_path}"]) for items in (2, 4))
    ratio = [next(iter(rows["experiments"].values()))["gflop"] for rows in (one, two)]
    assert 1.8 < ratio[1] / ratio[0] <= 2.01


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("device=tpu", "device must be one of auto, cpu, cuda, got 'tpu'"),
        ("precision=int4", "precision must be one of auto, float32, bfloat16"),
        ("steps=0", "expected steps >= 1, got 0"),
        ("frames=3", "at least a frame for each phone"),
        ("experiments=[espeak/none]", "configuration: "),
    ],
)
def test_mistakes_are_one_line(override, message, tmp_path, capsys):
    assert run(lambda: measure([*SMALL, override, f"output={tmp_path}"]) and 0) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1 and message in err


def test_no_gpu_is_one_line(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert run(lambda: measure([*SMALL, "device=cuda", f"output={tmp_path}"]) and 0) == 2
    assert "device is cuda and torch sees no GPU; use device=cpu" in capsys.readouterr().err
