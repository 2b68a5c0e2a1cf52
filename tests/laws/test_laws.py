"""Every law over every row of the table."""

import pytest
import torch

from tts_vae.latents import MixtureLatent
from tts_vae.objectives import (
    Capacity,
    Constant,
    Cosine,
    Elbo,
    ImportanceWeighted,
    Linear,
    Objective,
    Sigmoid,
)

from . import gradient_laws, latent_laws, objective_laws
from .table import FEATURES, ROWS, WIDTH, Row, features

every_row = pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
stochastic_row = pytest.mark.parametrize(
    "row", [row for row in ROWS if row.stochastic], ids=lambda row: row.name
)


@stochastic_row
def test_kl_is_its_expectation(row: Row) -> None:
    latent_laws.kl_is_its_expectation(row.latent(), row)


@stochastic_row
def test_importance_bound(row: Row) -> None:
    latent = row.latent()
    objective_laws.one_draw_is_the_elbo(latent, row)
    if row.blends:
        return
    objective_laws.fit_posterior(latent, row)
    objective_laws.bound_tightens(latent, row)


@pytest.mark.parametrize(
    "row",
    # a code is no differentiable function of noise
    [row for row in ROWS if row.stochastic and "codes" not in row.name],
    ids=lambda row: row.name,
)
def test_doubly_reparameterised_gradient(row: Row) -> None:
    gradient_laws.both_gradients_agree(row.latent(), row)


@pytest.mark.parametrize("name", ["gaussian", "class prior", "stochastic layers, linear"])
def test_quadrature_is_the_closed_form(name: str) -> None:
    """What law 2 measures nonlinear chains against is itself right where a formula exists."""
    row = next(row for row in ROWS if row.name == name)
    latent, x = row.latent(), features()
    with torch.no_grad():
        exact = objective_laws.exact_marginal(x, latent, row)
        prior = latent.prior(x.shape[:1], **row.given())
        assert prior is not None
        summed = objective_laws.quadrature(x, prior, latent.decoded_width)
    torch.testing.assert_close(summed, exact, rtol=0, atol=1e-9)


def test_one_component_is_gaussian() -> None:
    latent_laws.one_component_is_gaussian()


@pytest.mark.parametrize("row", [r for r in ROWS if "mixture" in r.name], ids=lambda row: row.name)
def test_permutation(row: Row) -> None:
    mixture = row.latent()
    assert isinstance(mixture, MixtureLatent)
    latent_laws.permutation_changes_nothing(mixture)


@every_row
def test_neighbours(row: Row) -> None:
    latent_laws.neighbours_change_nothing(row.latent(), row)


@every_row
def test_padding(row: Row) -> None:
    latent_laws.padding_changes_nothing(row.latent(), row)


@every_row
def test_seed(row: Row) -> None:
    latent_laws.seed_decides(row.latent(), row)


@every_row
def test_state_round_trip(row: Row) -> None:
    latent_laws.state_round_trip(row.build, row)


@pytest.mark.parametrize(
    "objective",
    [
        Elbo(),
        Elbo(beta={"style": Linear(0, 10)}, free_bits_nats=0.3, free_bits_per="dimension"),
        Capacity({"style": 3.0}),
        ImportanceWeighted(),
    ],
    ids=["elbo", "free bits", "capacity", "importance"],
)
def test_loss_ignores_batch_size(objective: Objective) -> None:
    latent = MixtureLatent(FEATURES, WIDTH, 3).double()
    sites = {"style": latent(features(4))}
    likelihood = torch.randn(len(sites["style"].z), dtype=torch.float64)
    objective_laws.loss_ignores_batch_size(objective, likelihood, sites)


@pytest.mark.parametrize("ramp", [Linear, Cosine, Sigmoid])
@pytest.mark.parametrize("start, end", [(0.0, 1.0), (0.2, 0.7), (1.0, 0.1), (0.5, 0.5)])
def test_schedules(ramp: type[Linear], start: float, end: float) -> None:
    schedule = ramp(start_step=100, end_step=400, start=start, end=end)
    objective_laws.schedule_attains(schedule, 100, 400, start, end)


def test_constant_schedule() -> None:
    objective_laws.schedule_attains(Constant(0.3), 0, 100, 0.3, 0.3)
