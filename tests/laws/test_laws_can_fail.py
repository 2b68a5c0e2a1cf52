"""Each law can fail: a fault from published code is planted, and the law must raise."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.distributions import Distribution, Independent, Normal

from tts_vae.latents import Divergence, GaussianLatent, LatentOutput, MixtureLatent
from tts_vae.objectives import Elbo, ObjectiveOutput, importance_bound

from . import latent_laws, objective_laws
from .table import FEATURES, WIDTH, Row

GAUSSIAN = Row("gaussian", lambda: GaussianLatent(FEATURES, WIDTH))
MIXTURE = Row("mixture", lambda: MixtureLatent(FEATURES, WIDTH, 4), kl_is_exact=False)


def breaks(law: Callable[..., None], *arguments: Any) -> None:
    """Check that the law raises AssertionError, and no other error."""
    with pytest.raises(AssertionError):
        law(*arguments)


class LogVarianceAsScale(GaussianLatent):
    """KL formula fed with the variance where the standard deviation belongs."""

    def divergence(
        self, posterior: Distribution, prior: Distribution, z: Tensor, mask: Tensor | None = None
    ) -> Divergence:
        assert isinstance(posterior, Independent)
        base = posterior.base_dist
        wrong = Independent(Normal(base.loc, base.scale.square()), 1)
        return super().divergence(wrong, prior, z, mask)


def test_law_1_log_variance_as_scale() -> None:
    latent = Row("", lambda: LogVarianceAsScale(FEATURES, WIDTH)).latent()
    breaks(latent_laws.kl_is_its_expectation, latent, GAUSSIAN)


class WeightsOncePerDimension(MixtureLatent):
    """VaDE's bug: log pi added once per dimension, so the responsibilities are wrong."""

    def divergence(
        self, posterior: Distribution, prior: Distribution, z: Tensor, mask: Tensor | None = None
    ) -> Divergence:
        kept = self.logits.data.clone()
        self.logits.data.copy_(WIDTH * torch.log_softmax(kept, -1))
        result = super().divergence(posterior, prior, z, mask)
        self.logits.data.copy_(kept)
        return result


def test_law_1_weights_once_per_dimension() -> None:
    row = Row("", lambda: WeightsOncePerDimension(FEATURES, WIDTH, 4, learn_weights=True))
    latent = row.latent()
    with torch.no_grad():
        latent.get_parameter("logits").copy_(torch.tensor([2.0, 0.0, -1.0, 1.0]))
    breaks(latent_laws.kl_is_its_expectation, latent, MIXTURE)


def weighted_sum(weights: Tensor) -> Tensor:
    """IWAE's bug: the weighted sum of log w instead of the bound."""
    return (torch.softmax(weights, 0) * weights).sum(0)


def without_log_k(weights: Tensor) -> Tensor:
    """The bound without its - log k."""
    return torch.logsumexp(weights, 0)


def plain_mean(weights: Tensor) -> Tensor:
    """No importance weighting at all: never tightens."""
    return weights.mean(0)


@pytest.mark.parametrize("bound", [weighted_sum, without_log_k, plain_mean])
def test_law_2_wrong_bound(bound: Callable[[Tensor], Tensor]) -> None:
    latent = GAUSSIAN.latent()
    objective_laws.fit_posterior(latent, GAUSSIAN)
    objective_laws.bound_tightens(latent, GAUSSIAN, importance_bound)
    breaks(objective_laws.bound_tightens, latent, GAUSSIAN, bound)


def test_law_2_one_draw() -> None:
    def shifted(weights: Tensor) -> Tensor:
        return torch.logsumexp(weights, 0) - math.log(len(weights) + 1)

    breaks(objective_laws.one_draw_is_the_elbo, GAUSSIAN.latent(), GAUSSIAN, shifted)


class WrongScale(MixtureLatent):
    """A scale off by a factor: what sigma read as sigma^2 does to any sigma but 1."""

    def initialise(self, means: Tensor, scales: Tensor, weights: Tensor | None = None) -> None:
        super().initialise(means, 2 * scales, weights)


def test_law_3_one_component() -> None:
    breaks(latent_laws.one_component_is_gaussian, lambda: WrongScale(FEATURES, WIDTH, 1))


class FavouriteComponent(MixtureLatent):
    """A divergence that knows the order of its components."""

    def divergence(
        self, posterior: Distribution, prior: Distribution, z: Tensor, mask: Tensor | None = None
    ) -> Divergence:
        result = super().divergence(posterior, prior, z, mask)
        shares = result.statistics["responsibilities"]
        return Divergence(result.nats + shares[:, 0], result.per_dim, result.statistics)


def test_law_3_permutation() -> None:
    breaks(latent_laws.permutation_changes_nothing, FavouriteComponent(FEATURES, WIDTH, 4).double())


class BatchCentred(GaussianLatent):
    """Features centred over the batch, as an undeclared batch norm would."""

    def posterior(
        self, features: Tensor, condition: Tensor | None = None, mask: Tensor | None = None
    ) -> Distribution:
        return super().posterior(features - features.mean(0), condition, mask)


def test_law_4_neighbours() -> None:
    breaks(latent_laws.neighbours_change_nothing, BatchCentred(FEATURES, WIDTH).double(), GAUSSIAN)


class SummedOverBatch(Elbo):
    """KL summed over the batch against a mean reconstruction."""

    def forward(
        self, log_likelihood: Tensor, sites: Mapping[str, LatentOutput], step: int
    ) -> ObjectiveOutput:
        kl = sum(site.kl.sum() for site in sites.values())
        return ObjectiveOutput(kl - log_likelihood.mean(), dict)


def test_law_4_loss() -> None:
    sites = {"style": GaussianLatent(FEATURES, WIDTH)(torch.randn(6, FEATURES))}
    breaks(objective_laws.loss_ignores_batch_size, SummedOverBatch(), torch.randn(6), sites)


class PoolsOverPadding(GaussianLatent):
    """Adds the plain mean over all steps, padding included."""

    def posterior(
        self, features: Tensor, condition: Tensor | None = None, mask: Tensor | None = None
    ) -> Distribution:
        return super().posterior(features + features.mean(1, keepdim=True), condition, mask)


class ForgetsMask(GaussianLatent):
    """Receives the mask and drops it."""

    def forward(self, features: Tensor, **options: Any) -> LatentOutput:
        options["mask"] = None
        return super().forward(features.nan_to_num(), **options)


@pytest.mark.parametrize("latent", [PoolsOverPadding, ForgetsMask])
def test_law_5_padding(latent: type[GaussianLatent]) -> None:
    breaks(latent_laws.padding_changes_nothing, latent(FEATURES, WIDTH).double(), GAUSSIAN)


class IgnoresGenerator(GaussianLatent):
    """Draws from the global source whatever generator it is given."""

    def sample(
        self,
        sample_shape: Sequence[int],
        condition: Tensor | None = None,
        temperature: float = 1.0,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        return super().sample(sample_shape, condition, temperature)


class NeverDraws(GaussianLatent):
    """Always the mean: z no longer depends on the seed."""

    def forward(self, features: Tensor, **options: Any) -> LatentOutput:
        return super().forward(features, **(options | {"mode": "mean"}))


@pytest.mark.parametrize("latent", [IgnoresGenerator, NeverDraws])
def test_law_6_seed(latent: type[GaussianLatent]) -> None:
    breaks(latent_laws.seed_decides, latent(FEATURES, WIDTH).double(), GAUSSIAN)


def test_law_9_logistic_never_arrives() -> None:
    def logistic(step: int) -> float:
        return 1 / (1 + math.exp(-0.0025 * (step - 2500)))

    breaks(objective_laws.schedule_attains, logistic, 0, 5000, 0.0, 1.0)


def test_law_9_one_step_in_a_hundred() -> None:
    def rare(step: int) -> float:
        return min(step / 5000, 1.0) if step % 100 == 0 else 0.0

    breaks(objective_laws.schedule_attains, rare, 0, 5000, 0.0, 1.0)


class UnsavedTemperature(GaussianLatent):
    """Holds a tensor that matters and that state_dict does not save."""

    def __init__(self, feature_width: int, width: int) -> None:
        super().__init__(feature_width, width)
        self.register_buffer("gain", torch.ones(()), persistent=False)

    def posterior(
        self, features: Tensor, condition: Tensor | None = None, mask: Tensor | None = None
    ) -> Distribution:
        return super().posterior(features * self.get_buffer("gain"), condition, mask)


def test_law_10_state() -> None:
    breaks(latent_laws.state_round_trip, lambda: UnsavedTemperature(FEATURES, WIDTH), GAUSSIAN)
