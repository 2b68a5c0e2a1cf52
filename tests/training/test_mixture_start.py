import copy
from types import SimpleNamespace

import pytest
import torch
from tiny_corpus import write_tiny_corpus

from tts_vae.audio.mel import MelConfig
from tts_vae.latents.gaussian import GaussianLatent
from tts_vae.latents.mixture import MixtureLatent
from tts_vae.training.data_module import SpeechData
from tts_vae.training.mixture_start import MixtureStart
from tts_vae.training.site_values import component_usage, posterior_means

COMPONENTS = "model.latents.prosody.components=3"


def test_it_sets_the_prior_at_its_step_and_only_then(run, at_step, monkeypatch):
    initialise, fits, seen = MixtureLatent.initialise, [], {}

    def spy(self, means, scales, weights):
        fits.append((copy.deepcopy(self), means))
        initialise(self, means, scales, weights)

    def look(number, module, batch):
        prosody = module.model.sites["prosody"]
        seen[number] = prosody.means.detach().clone()
        assert len(fits) == (number >= 5)
        if number == 5:
            loader = module.trainer.datamodule.train_dataloader()
            codes = torch.tensor(posterior_means(module, loader)["prosody"])
            with torch.no_grad():
                before, after = (
                    latent.prior((len(codes),)).log_prob(codes).mean()
                    for latent in (fits[0][0], prosody)
                )
            seen["usage"] = component_usage(prosody, codes)
            seen["codes"], seen["gain"] = codes, after - before

    monkeypatch.setattr(MixtureLatent, "initialise", spy)
    at_step.actions.append(look)
    run(COMPONENTS, "mixture_start.step=5", "steps=9")
    means, codes = fits[0][1], seen["codes"]
    assert torch.equal(seen[5], means) and not torch.allclose(seen[4], means, atol=1e-2)
    steps = [(seen[n + 1] - seen[n]).abs().max() for n in (0, 1, 2, 3, 5, 6, 7)]
    assert 0 < min(steps) and max(steps) < 5e-3, "between, only the optimiser moves it"
    assert (means >= codes.min(0).values - 1e-4).all()
    assert (means <= codes.max(0).values + 1e-4).all()
    assert seen["usage"].sum().item() == pytest.approx(1.0, abs=1e-5)
    assert seen["gain"] > 1.0, "nats per code by which EM explains the codes better"


def test_a_model_without_a_mixture_is_left_alone(run):
    run("latent=gaussian", "mixture_start.step=1", "steps=2")


def test_usage_counts_the_component_that_answers():
    latent = MixtureLatent(feature_width=4, width=2, components=3)
    means = torch.tensor([[0.0, 0.0], [9.0, 0.0], [0.0, 9.0]])
    latent.initialise(means, torch.ones(3, 2), None)
    usage = component_usage(latent, means[[0, 1, 1, 1]] + 0.1)
    assert usage.tolist() == pytest.approx([0.25, 0.75, 0.0], abs=1e-6)
    assert component_usage(GaussianLatent(4, 2), torch.zeros(3, 2)) is None


def test_posterior_means_follow_the_loader_and_restore_the_mode(run, at_step, corpus):
    found = {}

    def look(number, module, batch):
        data = module.trainer.datamodule
        found["all"] = posterior_means(module, data.train_dataloader())
        found["few"] = posterior_means(module, data.train_dataloader(), limit=5)
        assert module.training and module.model.decoder.training

    at_step.actions.append(look)
    run("steps=1")
    assert found["all"]["prosody"].shape == (14, 4) and found["all"]["speaker"].shape == (14, 3)
    few = found["few"]["prosody"]
    assert 5 <= len(few) < 14 and (few == found["all"]["prosody"][: len(few)]).all()


def test_a_corpus_without_training_recordings(tmp_path):
    corpus = write_tiny_corpus(tmp_path / "c", train=0, valid=2)
    with pytest.raises(ValueError, match="no training recordings; prepare more"):
        SpeechData(corpus, MelConfig(), f0_tracker="pyin")


@pytest.mark.parametrize("graph_of", ["codes", "observations"])
def test_a_graph_gives_every_component_the_moments_of_its_group(graph_of):
    start = MixtureStart(clusters="graph", graph_of=graph_of, neighbours=3)
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(60) % 2
    apart = 10.0 * labels[:, None] + torch.randn(60, 2, generator=generator)
    mixed = torch.randn(60, 2, generator=generator)
    codes = apart if graph_of == "codes" else mixed
    batches = [SimpleNamespace(observation=(apart + mixed - codes)[:, None])]
    means, scales, weights = start._by_graph(codes.double(), 2, batches)
    groups = [codes[labels == each].double() for each in (0, 1)]
    order = [0, 1] if (means[0] - groups[0].mean(0)).norm() < 1e-6 else [1, 0]
    for component, group in zip(order, groups, strict=True):
        assert torch.allclose(means[component], group.mean(0))
        assert torch.allclose(scales[component], group.std(0, correction=0))
    assert weights.tolist() == [0.5, 0.5]


@pytest.mark.parametrize("option", ["clusters", "graph_of"])
def test_an_unknown_option_is_named(option):
    with pytest.raises(ValueError, match=f"mixture_start.{option} must be one of"):
        MixtureStart(**{option: "spectral"})
