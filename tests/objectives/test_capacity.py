"""The capacity constraint: the Lagrangian by hand, both gradients, KL = C beside a big -log p."""

import math

import pytest
import torch
from torch import nn

from tts_vae.latents import DeterministicLatent, GaussianLatent, MixtureLatent
from tts_vae.objectives import Capacity


def test_value_is_the_lagrangian_and_reports_beta() -> None:
    latent = GaussianLatent(3, 2)
    output = latent(torch.randn(4, 3))
    objective = Capacity({"prosody": output.kl.mean().item()}, beta=2.0, initial_beta=5.0)
    likelihood = torch.randn(4)
    result = objective(likelihood, {"prosody": output, "speaker": output}, 0)
    torch.testing.assert_close(result.loss, (-likelihood + 2.0 * output.kl).mean())
    torch.testing.assert_close(result.terms["beta/prosody"], torch.tensor(5.0))
    torch.testing.assert_close(result.terms["beta/speaker"], torch.tensor(2.0))


@pytest.mark.parametrize("capacity_nats", [5.0, 20.0])
def test_gradient_descends_the_model_and_ascends_the_multiplier(capacity_nats: float) -> None:
    """Descent on the loss raises beta where KL = 10 is above its capacity, and lowers it below."""
    output = GaussianLatent(3, 2)(torch.randn(4, 3))
    output.kl = torch.full((4,), 10.0, requires_grad=True)
    objective = Capacity({"prosody": capacity_nats}, initial_beta=3.0)
    result = objective(torch.zeros(4), {"prosody": output}, 0)
    result.loss.backward()
    (raw,) = objective.multiplier_parameters()
    assert raw.grad is not None and output.kl.grad is not None
    before = objective.multiplier("prosody").item()
    with torch.no_grad():
        raw -= 0.01 * raw.grad
    assert (objective.multiplier("prosody").item() > before) == (capacity_nats < 10)
    felt = result.terms["beta/prosody"]
    torch.testing.assert_close(output.kl.grad, torch.full((4,), felt.item() / 4))


@pytest.mark.parametrize("beta", [1e-3, 0.3, 1.0, 40.0, 5000.0])
def test_initial_beta_is_what_was_asked(beta: float) -> None:
    objective = Capacity({"prosody": 5.0}, initial_beta=beta)
    assert objective.multiplier("prosody").item() == pytest.approx(beta, rel=1e-4)


def test_multiplier_stops_at_its_limits_and_keeps_nan() -> None:
    output = GaussianLatent(3, 2)(torch.randn(4, 3))
    objective = Capacity({"prosody": 1e6}, initial_beta=1.0)
    (raw,) = objective.multiplier_parameters()
    with torch.no_grad():
        raw.fill_(-1.0)
    objective(torch.zeros(4), {"prosody": output}, 0).loss.backward()
    assert raw.grad is not None and raw.grad == 0
    output.kl = output.kl.detach() * torch.nan
    assert objective(torch.zeros(4), {"prosody": output}, 0).loss.isnan()


def train(capacity_nats: float, strength: float, steps: int) -> tuple[list[float], list[float]]:
    """KL and -log p of a perceptron VAE over 400 observations that six factors explain."""
    torch.manual_seed(0)
    mixing = strength * torch.randn(6, 400)
    encoder = nn.Sequential(nn.Linear(400, 64), nn.ReLU(), nn.Linear(64, 32))
    latent = MixtureLatent(32, 8, 5)
    decoder = nn.Sequential(nn.Linear(8, 64), nn.ReLU(), nn.Linear(64, 400))
    objective = Capacity({"prosody": capacity_nats})
    model = nn.ModuleList([encoder, latent, decoder])
    optimiser = torch.optim.Adam([*model.parameters(), *objective.multiplier_parameters()], lr=1e-3)
    kls, costs = [], []
    for step in range(steps):
        x = torch.tanh(torch.randn(32, 6)) @ mixing + 0.3 * torch.randn(32, 400)
        output = latent(encoder(x))
        error = (x - decoder(output.z)) / 0.3
        likelihood = -(0.5 * error.square() + math.log(0.3) + 0.92).sum(-1)
        result = objective(likelihood, {"prosody": output}, step)
        optimiser.zero_grad()
        result.loss.backward()
        optimiser.step()
        kls.append(result.terms["kl/prosody"].item())
        costs.append(-result.terms["log_likelihood"].item())
    return kls, costs


@pytest.mark.parametrize("capacity_nats, strength", [(8.0, 1.0), (20.0, 0.2)])
def test_constraint_is_attained_within_400_steps(capacity_nats: float, strength: float) -> None:
    kls, costs = train(capacity_nats, strength, 600)
    assert strength < 1 or costs[0] > 3000  # thousands of nats at the start
    for start in range(400, 600, 100):
        average = sum(kls[start : start + 100]) / 100
        assert average == pytest.approx(capacity_nats, rel=0.1), (start, average)


def test_messages() -> None:
    with pytest.raises(ValueError, match="names no site; use Elbo"):
        Capacity({})
    with pytest.raises(ValueError, match=r"capacity_nats\['prosody'\] must be positive .* got -1"):
        Capacity({"prosody": -1.0})
    with pytest.raises(ValueError, match="initial_beta must lie between"):
        Capacity({"prosody": 1.0}, initial_beta=0.0)
    with pytest.raises(ValueError, match="have a capacity and a beta"):
        Capacity({"prosody": 1.0}, beta={"prosody": 1.0})
    sites = {"prosody": DeterministicLatent(3, 2)(torch.randn(4, 3))}
    with pytest.raises(ValueError, match="has no posterior, so no KL to hold"):
        Capacity({"prosody": 1.0})(torch.zeros(4), sites, 0)
    with pytest.raises(ValueError, match=r"unknown sites \['style'\]; valid: \['prosody'\]"):
        Capacity({"style": 1.0})(torch.zeros(4), sites, 0)
