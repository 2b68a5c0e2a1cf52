"""Every experiment file trains two steps at its own size and leaves a voice that loads."""

import sys
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parents[1]))  # for tiny_corpus

from tiny_corpus import (  # noqa: E402
    F0_TRACKER,
    SPEAKERS,
    TINY,
    write_even_durations,
    write_tiny_corpus,
)

from recipes.configuration import CONFIGS, configure
from recipes.train import prepare_corpus, train  # noqa: E402
from tts_vae.synthesis.bundle import load_voice  # noqa: E402
from tts_vae.training.module import LatentModule  # noqa: E402

pytest.importorskip("espeakng_loader")

EXPERIMENTS = sorted(
    str(path.relative_to(CONFIGS / "experiment").with_suffix(""))
    for path in (CONFIGS / "experiment").rglob("*.yaml")
    if path.parent.name in ("espeak", "ljspeech", "vctk")
)
QUICK = [f"features.f0_tracker={F0_TRACKER}", "batch_size=4", "steps=2"]


@pytest.fixture(scope="session")
def corpora(tmp_path_factory):
    """name -> a tiny corpus in the shape of the real one: exact onsets only in espeak.

    Slow enough that the recurrent layers, behind 64-fold subsampling, see more than one step.
    """
    root = tmp_path_factory.mktemp("corpora")
    options = {"train": 3, "valid": 2, "tempo": 0.4}
    folders = {"espeak": write_tiny_corpus(root / "espeak", **options)}
    for name, speakers in {"ljspeech": ("lj",), "vctk": SPEAKERS}.items():
        folders[name] = write_tiny_corpus(root / name, name, speakers, **options, aligned=False)
        write_even_durations(folders[name])
    return folders


@pytest.fixture
def unreached(monkeypatch):
    """Names of parameters that no gradient has reached, by step."""
    found: dict[int, list[str]] = {}

    def look(self, optimizer):
        found[self.global_step] = [
            name
            for name, parameter in self.named_parameters()
            if parameter.requires_grad and (parameter.grad is None or not parameter.grad.any())
        ]

    monkeypatch.setattr(LatentModule, "on_before_optimizer_step", look)
    return found


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_two_steps(experiment, corpora, unreached, tmp_path):
    corpus = corpora[experiment.split("/")[0]]
    voice = train(
        [f"experiment={experiment}", f"corpus.dir={corpus}", f"output={tmp_path}", *QUICK]
    )
    assert sorted(unreached) == [0, 1]
    # a median's gradient is a count of signs, which may be even once, but not twice
    assert not set(unreached[0]) & set(unreached[1]), "dead parameters"
    checkpoint = torch.load(tmp_path / "checkpoints" / "last.ckpt")
    assert checkpoint["global_step"] == 2
    sites = {"prosody"} if experiment.startswith("ljspeech") else {"prosody", "speaker"}
    assert set(load_voice(voice).model.sites) == sites


@pytest.mark.parametrize("name", ["ljspeech", "vctk"])
def test_two_steps_on_real_recordings(name, request, tmp_path):
    root = request.getfixturevalue(f"{name}_root")
    overrides = [
        f"experiment={name}/parallel_gmvae",
        f"corpus.root={root}",
        f"corpus.dir={tmp_path / 'corpus'}",
        "+corpus.prepare.limit=12",
        *QUICK,
    ]
    corpus = prepare_corpus(configure(overrides).corpus)
    write_even_durations(corpus)
    voice = train([*TINY, *overrides, f"output={tmp_path / 'run'}"])
    assert (voice / "model.safetensors").is_file()
