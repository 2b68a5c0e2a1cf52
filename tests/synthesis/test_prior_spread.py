import math
from dataclasses import replace

import pytest
import torch
from tiny_voice import WIDTH, write_tiny_voice

from tts_vae.synthesis.bundle import load_voice
from tts_vae.synthesis.prior_spread import prior_sd


def test_a_mixture_by_hand(tmp_path):
    bundle = load_voice(write_tiny_voice(tmp_path / "mixture"))
    means = torch.zeros(3, WIDTH)
    means[:, 0] = torch.tensor([-3.0, 0.0, 3.0])
    bundle.model.sites["prosody"].initialise(means, torch.full((3, WIDTH), 2.0))
    # variance 4 within each component, 6 between their means in dimension 0
    assert prior_sd(bundle, "prosody").tolist() == pytest.approx([math.sqrt(10), 2, 2, 2], rel=1e-5)


def test_a_conditional_prior_counts_every_class(voice):
    latent = voice.bundle.model.sites["speaker"]
    between = latent.class_means.var(0, correction=0)
    expected = (between + latent.class_scales.square().mean(0)).sqrt()
    assert torch.allclose(prior_sd(voice.bundle, "speaker"), expected)


@pytest.mark.parametrize("kind", ["gaussian", "tokens", "codebook", "levels", "relaxed", "layers"])
def test_every_prior_agrees_with_its_draws(kind, tmp_path):
    bundle = load_voice(write_tiny_voice(tmp_path / kind, kind))
    latent = bundle.model.sites["prosody"]
    drawn = latent.sample((20_000,), generator=torch.Generator().manual_seed(5))
    expected = drawn.reshape(20_000, WIDTH).std(0)
    assert torch.allclose(prior_sd(bundle, "prosody"), expected, rtol=0.06, atol=1e-4)


def test_a_plain_code_goes_by_its_recordings(tmp_path):
    bundle = load_voice(write_tiny_voice(tmp_path / "code", "code"))
    with pytest.raises(ValueError, match="site prosody has no prior of its own and styles.json no"):
        prior_sd(bundle, "prosody")
    styles = {"sites": {"prosody": {"std": [0.5, 1.0, 1.5, 2.0]}}}
    found = prior_sd(replace(bundle, styles=styles), "prosody")
    assert found.tolist() == [0.5, 1.0, 1.5, 2.0]


def test_an_unknown_site_is_named(voice):
    with pytest.raises(ValueError, match="unknown site 'mood'; this voice has prosody, speaker"):
        prior_sd(voice.bundle, "mood")
