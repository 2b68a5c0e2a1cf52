"""A voice whose prosody depends on its speaker: p(prosody | speaker's z), drawn for the speaker."""

from dataclasses import replace

import pytest
import torch
from tiny_voice import SPEAKERS, WIDTH, sweep
from torch import nn

from tts_vae.latents.gaussian import GaussianLatent
from tts_vae.models.latent_model import LatentModel
from tts_vae.synthesis.bundle import load_voice
from tts_vae.synthesis.style_words import parse_style
from tts_vae.synthesis.voice import Voice


class ReadsSpeaker(nn.Module):
    """An encoder that also sees what the speaker is."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, observation, mask, above):
        return self.inner(observation, mask) + above["speaker"].sum(-1, keepdim=True)


@pytest.fixture(scope="module")
def linked(folder):
    bundle = load_voice(folder)
    model = bundle.model
    torch.manual_seed(3)
    prosody = GaussianLatent(feature_width=8, width=WIDTH, context_width=3)
    with torch.no_grad():
        for parameter in prosody.parameters():
            parameter.normal_(std=0.7)
    speaker = model.encoders["speaker"]
    linked = LatentModel(
        {"speaker": speaker, "prosody": ReadsSpeaker(model.encoders["prosody"])},
        {"speaker": model.latents["speaker"], "prosody": prosody},
        model.decoder,
        conditions={"speaker": "speaker"},
        parents={"prosody": ["speaker"]},
    ).eval()
    return Voice(replace(bundle, model=linked.requires_grad_(False), styles={}))


def prior_of(voice, speaker):
    """Mean and variance of p(prosody | the speaker's usual z)."""
    z = voice.style(speaker=speaker).values["speaker"].unsqueeze(0)
    prior = voice.bundle.model.latents["prosody"].prior((1,), None, z)
    return prior.mean[0], prior.variance[0]


def test_a_draw_follows_the_prior_of_the_chosen_speaker(linked):
    for speaker in SPEAKERS[:2]:
        mean, variance = prior_of(linked, speaker)
        drawn = torch.stack(
            [linked.style(speaker=speaker, prior=k).values["prosody"] for k in range(600)]
        )
        error = (variance / len(drawn)).sqrt()
        assert ((drawn.mean(0) - mean).abs() < 5 * error).all()
        torch.testing.assert_close(drawn.var(0), variance, rtol=0.3, atol=0)


def test_without_spread_it_is_the_mean_of_that_prior_which_is_the_usual_style(linked):
    for speaker in SPEAKERS:
        mean, _ = prior_of(linked, speaker)
        still = linked.style(speaker=speaker, prior=4, temperature=0.0)
        torch.testing.assert_close(still.values["prosody"], mean)
        assert torch.equal(linked.style(speaker=speaker).values["prosody"], still.values["prosody"])
    means = [prior_of(linked, speaker)[0] for speaker in SPEAKERS]
    assert (means[0] - means[1]).abs().max() > 0.05


def test_such_a_voice_speaks_and_its_styles_can_be_written(linked):
    style = linked.style(speaker="bert", prior=5, temperature=0.5, pause=1.5)
    assert linked.style(**parse_style(str(style))) == style
    heard = linked.style(reference=(sweep(1.5, 22050), 22050), speaker="bert")
    assert torch.equal(heard.values["speaker"], style.values["speaker"])
    assert linked.speak("One day.", style).duration_s > 0
