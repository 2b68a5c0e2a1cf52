"""The ELBO by hand: weights, both forms of free bits, penalties, NaN and messages."""

from typing import Any

import pytest
import torch
from torch import Tensor

from tts_vae.latents import GaussianLatent, LatentOutput, MixtureLatent
from tts_vae.latents.outcome import known
from tts_vae.objectives import Elbo, ImportanceWeighted, Linear, importance_bound


def site(kl_per_dim: list[Any], **more: Any) -> LatentOutput:
    """An outcome with a given KL; the distributions only need to exist."""
    per_dim = torch.tensor(kl_per_dim)
    nothing = torch.zeros(len(per_dim))
    posterior = GaussianLatent(1, 1).posterior(torch.zeros(1, 1))
    kl = per_dim.flatten(1).sum(-1)
    return LatentOutput(
        nothing, posterior, posterior, known(nothing, nothing), kl, kl_per_dim=per_dim, **more
    )


LIKELIHOOD = torch.tensor([-10.0, -20.0])


def test_loss_by_hand() -> None:
    sites = {"speaker": site([[1.0, 2.0], [3.0, 4.0]]), "prosody": site([[1.0], [5.0]])}
    output = Elbo(beta={"prosody": Linear(0, 10, 0.0, 0.5)})(LIKELIHOOD, sites, 10)
    assert output.loss.item() == pytest.approx(15 + (3 + 7) / 2 + 0.5 * (1 + 5) / 2)
    expected = {
        "loss": 21.5,
        "elbo": -23.0,
        "log_likelihood": -15.0,
        "kl/speaker": 5.0,
        "kl/prosody": 3.0,
        "beta/speaker": 1.0,
        "beta/prosody": 0.5,
    }
    assert {name: value.item() for name, value in output.terms.items()} == expected
    assert not any(value.requires_grad for value in output.terms.values())


def test_draws_are_averaged() -> None:
    draws = torch.stack([LIKELIHOOD - 1, LIKELIHOOD + 1]).unsqueeze(1).expand(2, 3, 2)
    assert Elbo()(draws, {}, 0).loss.item() == pytest.approx(15.0)


def test_free_bits_per_site() -> None:
    sites = {"prosody": site([[1.0, 1.0], [3.0, 4.0]])}
    output = Elbo(free_bits_nats={"prosody": 4.0})(LIKELIHOOD, sites, 0)
    assert output.loss.item() == pytest.approx(15 + (4 + 7) / 2)
    assert output.terms["kl/prosody"].item() == pytest.approx(4.5)  # reported as it is


def test_free_bits_per_dimension_sum_over_steps_first() -> None:
    """Padding adds steps of KL 0: flooring each step would count them, flooring the sum not."""
    sites = {"prosody": site([[[0.5, 1.0], [0.2, 2.0]], [[4.0, 0.0], [0.0, 0.0]]])}
    objective = Elbo(free_bits_nats=1.5, free_bits_per="dimension")
    assert objective(LIKELIHOOD, sites, 0).loss.item() == pytest.approx(15 + (4.5 + 5.5) / 2)


def test_free_bits_keep_the_component_cost_of_a_mixture() -> None:
    output = MixtureLatent(3, 2, 4)(torch.randn(5, 3))
    assert output.kl_per_dim is not None
    objective = Elbo(free_bits_nats=1.0, free_bits_per="dimension")
    loss = objective(torch.zeros(5), {"prosody": output}, 0).loss
    component = output.kl - output.kl_per_dim.sum(-1)
    expected = (output.kl_per_dim.clamp(min=1.0).sum(-1) + component).mean()
    torch.testing.assert_close(loss, expected)


def test_penalties() -> None:
    sites = {"prosody": site([[0.0], [0.0]], penalties={"commitment": torch.tensor([1.0, 3.0])})}
    output = Elbo(penalties={"commitment": 0.25})(LIKELIHOOD, sites, 0)
    assert output.loss.item() == pytest.approx(15.5)
    assert output.terms["penalty/commitment"].item() == 2.0
    with pytest.raises(ValueError, match=r"weighs \[\] but the latents emit \['commitment'\]"):
        Elbo()(LIKELIHOOD, sites, 0)
    with pytest.raises(ValueError, match=r"weighs \['codebook'\]"):
        Elbo(penalties={"codebook": 1.0})(LIKELIHOOD, {}, 0)


@pytest.mark.parametrize("objective", [Elbo(), Elbo(free_bits_nats=9.0), ImportanceWeighted()])
def test_nan_reaches_the_loss(objective: Elbo) -> None:
    bad = site([[float("nan")], [1.0]])
    bad.log_q[0] = torch.nan
    assert objective(LIKELIHOOD, {"prosody": bad}, 0).loss.isnan()
    good = {"prosody": site([[1.0], [1.0]])}
    assert objective(torch.tensor([float("nan"), 0.0]), good, 0).loss.isnan()


def test_messages() -> None:
    sites = {"prosody": site([[1.0], [1.0]])}
    with pytest.raises(ValueError, match=r"beta names unknown sites \['style'\]; valid: \['pros"):
        Elbo(beta={"style": 1.0})(LIKELIHOOD, sites, 0)
    with pytest.raises(ValueError, match="free_bits_nats names unknown sites"):
        Elbo(free_bits_nats={"style": 1.0})(LIKELIHOOD, sites, 0)
    with pytest.raises(ValueError, match="beta must be finite and at least 0, got -1"):
        Elbo(beta=-1.0)
    with pytest.raises(ValueError, match="must be a number or a schedule, got str"):
        Elbo(beta="linear")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match='"site" or "dimension", got \'dim\''):
        Elbo(free_bits_per="dim")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="got a scalar; do not average"):
        Elbo()(torch.tensor(1.0), sites, 0)
    sites["prosody"].kl_per_dim = None
    with pytest.raises(ValueError, match="no KL per dimension"):
        Elbo(free_bits_nats=1.0, free_bits_per="dimension")(LIKELIHOOD, sites, 0)
    with pytest.raises(ValueError, match="need 0 <= start_step < end_step, got 10 and 10"):
        Linear(10, 10)


def test_importance_bound_in_chunks_and_its_gradient() -> None:
    """Autograd forms the normalised weights: d L_k / d log w_i = softmax(log w)_i."""
    weights: Tensor = torch.randn(6, 3, dtype=torch.float64, requires_grad=True)
    whole = importance_bound(weights)
    torch.testing.assert_close(importance_bound(weights[:4], weights[4:]), whole)
    whole.sum().backward()
    torch.testing.assert_close(weights.grad, torch.softmax(weights.detach(), 0))
    with pytest.raises(ValueError, match="at least one chunk"):
        importance_bound()
