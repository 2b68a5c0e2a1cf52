import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))  # for tiny_corpus, which the experiments share

from tiny_corpus import TINY, TINY_SPEAKER, write_tiny_corpus  # noqa: E402

from recipes.train import train  # noqa: E402
from tts_vae.training.module import LatentModule  # noqa: E402


@pytest.fixture(scope="session")
def corpus(tmp_path_factory):
    """14 training utterances of two speakers: 4 batches of at most 4."""
    return write_tiny_corpus(tmp_path_factory.mktemp("corpora") / "tiny")


@pytest.fixture(scope="session")
def overrides(corpus):
    """Of a tiny run: 11 steps of 4 an epoch, a checkpoint after each."""
    return [
        *TINY,
        *TINY_SPEAKER,
        f"corpus.dir={corpus}",
        "batch_size=4",
        "steps=11",
        "optimizer.warmup_steps=2",
        "checkpoint.every_s=0",
        "trainer.check_val_every_n_epoch=1",
    ]


@pytest.fixture
def run(overrides, tmp_path):
    """Train with more overrides; returns the voice folder."""

    def call(*more, output="run"):
        return train([*overrides, f"output={tmp_path / output}", *more])

    return call


@pytest.fixture
def at_step(monkeypatch):
    """Watch or disturb training: call(step, module, batch) before every step, losses after it."""
    step = LatentModule.training_step
    losses: dict[int, float] = {}
    actions: list = []

    def watched(self, batch, batch_idx):
        number = self.global_step
        for action in actions:
            action(number, self, batch)
        loss = step(self, batch, batch_idx)
        losses[number] = loss.item()
        return loss

    monkeypatch.setattr(LatentModule, "training_step", watched)
    watched.losses, watched.actions = losses, actions
    return watched
