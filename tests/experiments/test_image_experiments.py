"""Every experiment on images trains two steps, is measured, drawn and read again."""

import json

import pytest
import torch

from recipes.configuration import CONFIGS
from recipes.train import train
from tts_vae.training.model_folder import load_model

EXPERIMENTS = sorted(
    f"{corpus}/{path.stem}"
    for corpus in ("digits", "mnist")
    for path in (CONFIGS / "experiment" / corpus).glob("*.yaml")
)
WITH_PRIOR = ("pixelcnn", "vqvae2", "dalle")
QUICK = (
    "steps=2",
    "batch_size=20",
    "evaluation.draws=3",
    "evaluation.chunk=2",
    "evaluation.drawn_of_each=3",
)


def arguments(experiment, mnist_root, output):
    overrides = [f"experiment={experiment}", f"output={output}", *QUICK]
    if experiment.startswith("mnist"):
        overrides.append(f"corpus.root={mnist_root}")
    if experiment.split("/")[1] in WITH_PRIOR:
        overrides.append("prior.steps=2")
    if experiment.endswith("vade"):
        overrides.append("mixture_start.step=1")
    return overrides


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_two_steps(experiment, tiny_mnist, tmp_path):
    overrides = arguments(experiment, tiny_mnist, tmp_path / "run")
    output = train(overrides)
    metrics = json.loads((output / "metrics.json").read_text())
    assert metrics["mse"] > 0
    assert (output / "reconstructions.png").stat().st_size > 1000
    model = load_model(output / "model")
    images = torch.rand(2, *model.decoder.shape)
    assert set(model.infer(images, encoder_conditions=labels(model))) == set(model.sites)


def labels(model):
    return {site: torch.zeros(2, dtype=torch.int64) for site in model.encoder_conditions}


def test_a_finished_run_is_measured_again_without_training(tmp_path):
    overrides = arguments("digits/vae_bernoulli", None, tmp_path)
    first = json.loads((train(overrides) / "metrics.json").read_text())
    second = json.loads((train([*overrides, "resume=true"]) / "metrics.json").read_text())
    assert first["mse"] == second["mse"]
    assert first["bound"] == second["bound"]


def test_a_run_is_not_overwritten(tmp_path):
    overrides = arguments("digits/ae", None, tmp_path)
    train(overrides)
    with pytest.raises(ValueError, match="already holds a run"):
        train(overrides)


def test_a_resumed_run_is_the_uninterrupted_one(tmp_path):
    whole = train(["experiment=digits/ae", "steps=6", "batch_size=700", f"output={tmp_path / 'a'}"])
    half = ["experiment=digits/ae", "batch_size=700", f"output={tmp_path / 'b'}"]
    # the schedule is that of the whole run
    train([*half, "steps=6", "trainer.max_steps=4"])
    (tmp_path / "b" / "model" / "config.yaml").unlink()
    (tmp_path / "b" / "model" / "model.safetensors").unlink()
    (tmp_path / "b" / "model").rmdir()
    again = train([*half, "steps=6", "resume=true"])
    weights = [(folder / "model" / "model.safetensors").read_bytes() for folder in (whole, again)]
    assert weights[0] == weights[1]
