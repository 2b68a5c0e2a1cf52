"""Faults planted in hierarchies, relaxed codes and gradients: each law must raise on its own."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.distributions import Distribution, Normal

from tts_vae.latents import (
    BottomUpLatent,
    Divergence,
    GaussianLatent,
    HierarchicalLatent,
    Latent,
    RelaxedCategoricalLatent,
)
from tts_vae.latents import hierarchy as hierarchy_module
from tts_vae.latents.chain import GaussianChain
from tts_vae.latents.outcome import known
from tts_vae.latents.relaxed_categorical import CodebookCategorical
from tts_vae.objectives import Linear, importance

from . import gradient_laws, latent_laws, objective_laws
from .table import FEATURES, WIDTH, Row
from .test_laws_can_fail import breaks

HIERARCHY = Row("hierarchy", lambda: HierarchicalLatent(FEATURES, WIDTH, hidden=8))
CODES = Row(
    "codes", lambda: RelaxedCategoricalLatent(FEATURES, WIDTH, 48, hard=True), may_coincide=True
)


class PriorForgetsAncestors(HierarchicalLatent):
    """KL of every group against N(0, I): the hierarchy is one in name only."""

    def divergence(
        self, posterior: Distribution, prior: Distribution, z: Tensor, mask: Tensor | None = None
    ) -> Divergence:
        assert isinstance(posterior, GaussianChain)
        standard = Normal(0.0, 1.0)
        each = [torch.distributions.kl_divergence(q, standard) for q in posterior.conditionals(z)]
        samples = tuple(range(z.ndim - len(posterior.batch_shape) - 1))
        per_dim = torch.cat([kl.expand(*z.shape[:-1], -1) for kl in each], -1).mean(samples)
        return Divergence(per_dim.sum(-1), per_dim)


class OneDrawOfAncestors(HierarchicalLatent):
    """KL at the chained means only: no expectation over the ancestors."""

    def divergence(
        self, posterior: Distribution, prior: Distribution, z: Tensor, mask: Tensor | None = None
    ) -> Divergence:
        return super().divergence(posterior, prior, posterior.mean, mask)


@pytest.mark.parametrize("latent", [PriorForgetsAncestors, OneDrawOfAncestors])
def test_law_1_hierarchy(latent: type[HierarchicalLatent]) -> None:
    broken = Row("", lambda: latent(FEATURES, WIDTH, hidden=8)).latent()
    breaks(latent_laws.kl_is_its_expectation, broken, HIERARCHY)


def test_law_1_residual_scale_added(monkeypatch: pytest.MonkeyPatch) -> None:
    """The published short form of NVAE's residual KL, with sigma_p forgotten under d_mu."""

    def short_form(mean_q: Tensor, scale_q: Tensor, mean_p: Tensor, scale_p: Tensor) -> Tensor:
        ratio, shift = scale_q / scale_p, mean_q - mean_p
        return 0.5 * (ratio.square() + shift.square() - 1.0) - torch.log(ratio)

    monkeypatch.setattr("tts_vae.latents.chain.gaussian_kl_per_dim", short_form)
    breaks(latent_laws.kl_is_its_expectation, HIERARCHY.latent(), HIERARCHY)


class TemperedKl(RelaxedCategoricalLatent):
    """KL of the relaxation's logits divided by the temperature, not of the categorical."""

    def divergence(
        self, posterior: Distribution, prior: Distribution, z: Tensor, mask: Tensor | None = None
    ) -> Divergence:
        assert isinstance(posterior, CodebookCategorical)
        cold = torch.log_softmax(posterior.log_weights / 0.5, -1)
        return super().divergence(CodebookCategorical(cold, posterior.codebook), prior, z, mask)


class EntropyOnly(RelaxedCategoricalLatent):
    """Minus the entropy of q, without the log of the number of codes: negative."""

    def divergence(
        self, posterior: Distribution, prior: Distribution, z: Tensor, mask: Tensor | None = None
    ) -> Divergence:
        assert isinstance(posterior, CodebookCategorical)
        log_q = posterior.log_weights
        return Divergence((log_q.exp() * log_q).sum(-1))


@pytest.mark.parametrize("latent", [TemperedKl, EntropyOnly])
def test_law_1_codes(latent: type[RelaxedCategoricalLatent]) -> None:
    broken = Row("", lambda: latent(FEATURES, WIDTH, 48)).latent()
    breaks(latent_laws.kl_is_its_expectation, broken, CODES)


class SharpDraws(RelaxedCategoricalLatent):
    """Gumbel noise on logits already divided by a temperature: not the categorical any more."""

    def posterior(
        self, features: Tensor, condition: Tensor | None = None, mask: Tensor | None = None
    ) -> CodebookCategorical:
        q = super().posterior(features, condition, mask)
        return CodebookCategorical(q.log_weights * 2.0, q.codebook)


def test_law_1_unnormalised_codes() -> None:
    broken = Row("", lambda: SharpDraws(FEATURES, WIDTH, 48)).latent()
    breaks(latent_laws.kl_is_its_expectation, broken, CODES)


class IndependentGroups(HierarchicalLatent):
    """q(z | x) scored as if its groups were independent, each at the others' means."""

    def _describe(self, posterior: Any, prior: Any, z: Tensor, *rest: Any) -> Any:
        output = super()._describe(posterior, prior, z, *rest)
        at_means = posterior.conditionals(posterior.mean)
        log_q = sum(
            q.log_prob(z[..., group]).sum(-1)
            for q, group in zip(at_means, posterior.groups, strict=True)
        )
        return replace(output, densities=known(log_q, output.log_p))


def test_law_2_hierarchy() -> None:
    latent = Row("", lambda: IndependentGroups(FEATURES, WIDTH, hidden=8)).latent()
    objective_laws.fit_posterior(latent, HIERARCHY)
    breaks(objective_laws.bound_tightens, latent, HIERARCHY)


def test_law_2_a_blend_bounds_nothing() -> None:
    """Why rows that blend are left out: likelihoods of blends exceed the discrete marginal."""
    latent = Row("", lambda: RelaxedCategoricalLatent(FEATURES, WIDTH, 24)).latent()
    objective_laws.fit_posterior(latent, CODES)
    breaks(objective_laws.bound_tightens, latent, CODES)


def no_reweighing(*_: Any) -> None:
    """The score term is dropped and nothing takes its place: a biased gradient."""


def squared_twice(name: str, output: Any, weights: Tensor, beta: float) -> None:
    """Weights to the power of three."""
    importance_reweigh(name, output, weights, beta)
    importance_reweigh(name, output, weights, beta)


importance_reweigh = importance.reweigh_gradient


@pytest.mark.parametrize("fault", [no_reweighing, squared_twice])
@pytest.mark.parametrize("row", [HIERARCHY, Row("", lambda: GaussianLatent(FEATURES, WIDTH))])
def test_law_2_gradient(fault: Any, row: Row, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importance, "reweigh_gradient", fault)
    breaks(gradient_laws.both_gradients_agree, row.latent(), row)


def test_law_2_gradient_of_frozen_links(monkeypatch: pytest.MonkeyPatch) -> None:
    """log q with z_1 frozen inside q(z_2 | z_1): its gradient with respect to z_1 is lost."""
    whole = GaussianChain.log_prob

    def frozen(self: GaussianChain, value: Tensor) -> Tensor:
        if not self._without_gradient:
            return whole(self, value)
        normals = self.conditionals(value.detach())
        return sum(
            q.log_prob(value[..., g]).sum(-1) for q, g in zip(normals, self.groups, strict=True)
        )

    monkeypatch.setattr(GaussianChain, "log_prob", frozen)
    breaks(gradient_laws.both_gradients_agree, HIERARCHY.latent(), HIERARCHY)


class StateOverBatch(HierarchicalLatent):
    """The posterior reads features centred over the batch."""

    def distributions(self, features: Tensor, *rest: Any) -> Any:
        return super().distributions(features - features.mean(0), *rest)


def test_law_4_hierarchy() -> None:
    breaks(
        latent_laws.neighbours_change_nothing, StateOverBatch(FEATURES, WIDTH).double(), HIERARCHY
    )


def noise_everywhere(shape: Sequence[int], like: Tensor, mask: Any = None, *rest: Any) -> Tensor:
    """Noise for padding too: the length of a batch moves its draws."""
    return hierarchy_module.real_noise(shape, like, None, *rest)


@pytest.mark.parametrize("row", [HIERARCHY, CODES])
def test_law_5_noise_on_padding(row: Row, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("sampling", "relaxed_categorical"):
        monkeypatch.setattr(f"tts_vae.latents.{module}.real_noise", noise_everywhere)
    breaks(latent_laws.padding_changes_nothing, row.latent(), row)


class DrawsFromTheGlobalSource(RelaxedCategoricalLatent):
    """Drops the generator on the way to the Gumbel noise."""

    def forward(self, features: Tensor, **options: Any) -> Any:
        return super().forward(features, **(options | {"generator": None}))


def test_law_6_codes() -> None:
    broken = DrawsFromTheGlobalSource(FEATURES, WIDTH, 48).double()
    breaks(latent_laws.seed_decides, broken, CODES)


def test_law_9_exponential_cooling_never_arrives() -> None:
    """Jang et al.'s max(0.5, exp(-r t)) with r too small for the number of steps."""

    def cooling(step: int) -> float:
        return max(0.0625, float(torch.exp(torch.tensor(-1e-5 * step))))

    breaks(objective_laws.schedule_attains, cooling, 0, 1000, 1.0, 0.0625)
    assert Linear(0, 1000, 1.0, 0.0625)(1000) == 0.0625


class UnsavedTemperature(RelaxedCategoricalLatent):
    """Loses the temperature that it was trained to."""

    def __init__(self, feature_width: int, width: int) -> None:
        super().__init__(feature_width, width, 48)
        self.register_buffer("temperature", torch.tensor(1.0), persistent=False)


class UnsavedLink(BottomUpLatent):
    """Holds a link of the chain that is no part of its state."""

    def __init__(self, feature_width: int, width: int) -> None:
        super().__init__(feature_width, width)
        self.prior_network.forward = partial(_louder, self.prior_network.forward, torch.rand(()))


def _louder(forward: Any, gain: Tensor, choose: Any, given: Tensor) -> Any:
    return [Normal(n.mean, n.stddev * (1 + gain)) for n in forward(choose, given)]


@pytest.mark.parametrize("latent", [UnsavedTemperature, UnsavedLink])
def test_law_10(latent: Any) -> None:
    def build() -> Latent:
        return latent(FEATURES, WIDTH)

    breaks(latent_laws.state_round_trip, build, CODES)
