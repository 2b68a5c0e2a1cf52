"""Law 7 over every shape of covariance, and proof that each part of it can fail."""

from typing import Any

import pytest
import torch
from torch import Tensor

from tts_vae.classical import GaussianMixture, ProbabilisticPCA
from tts_vae.classical.start import MixtureParameters

from . import classical_laws
from .classical_laws import SKLEARN_NAMES

every_shape = pytest.mark.parametrize("covariance", list(SKLEARN_NAMES))


@pytest.fixture
def x() -> Tensor:
    """Four clusters of unlike size that overlap, far from the origin; (1200, 5)."""
    generator = torch.Generator().manual_seed(1)
    centres = 2.0 * torch.randn(4, 5, generator=generator, dtype=torch.float64)
    stretch = torch.randn(5, 5, generator=generator, dtype=torch.float64)
    noise = torch.randn(1200, 5, generator=generator, dtype=torch.float64)
    sizes = torch.tensor([660, 270, 180, 90])
    clustered = 20.0 + centres.repeat_interleave(sizes, 0) + noise @ stretch
    return clustered[torch.randperm(1200, generator=generator)]


@every_shape
def test_em_never_falls(covariance: str, x: Tensor) -> None:
    classical_laws.em_never_falls(GaussianMixture, covariance, x)


@every_shape
@pytest.mark.parametrize("regularisation", [0.0, 1e-6, 0.1])
def test_not_below_scikit_learn(covariance: str, regularisation: float, x: Tensor) -> None:
    classical_laws.not_below_scikit_learn(GaussianMixture, covariance, x, regularisation)


@pytest.mark.parametrize("latents", [1, 2, 4])
def test_both_routes_of_ppca(latents: int, x: Tensor) -> None:
    classical_laws.closed_form_is_the_limit_of_em(ProbabilisticPCA, latents, x)


@pytest.mark.parametrize("latents", [1, 3])
def test_pca_score(latents: int, x: Tensor) -> None:
    classical_laws.is_pca_up_to_its_convention(ProbabilisticPCA, latents, x)


def breaks(law: Any, *arguments: Any) -> None:
    """Check that the law raises AssertionError, and no other error."""
    with pytest.raises(AssertionError):
        law(*arguments)


class WeightsOncePerColumn(GaussianMixture):
    """VaDE's bug: log pi added once per column, so the responsibilities are wrong."""

    def _expect(self, points: Tensor, parameters: MixtureParameters) -> tuple[Tensor, Tensor]:
        _, log_prob = super()._expect(points, parameters)
        wrong = MixtureParameters(
            parameters.weights ** len(points),
            parameters.means,
            parameters.covariances,
            parameters.scale,
        )
        return super()._expect(points, wrong)[0], log_prob


class HardAssignments(GaussianMixture):
    """Each point gives itself to one component alone: k-means' step, not EM's."""

    def _expect(self, points: Tensor, parameters: MixtureParameters) -> tuple[Tensor, Tensor]:
        share, log_prob = super()._expect(points, parameters)
        return (share == share.amax(0)).to(share), log_prob


class DividesByAllPoints(GaussianMixture):
    """Covariances divided by the number of all points instead of the component's own."""

    def _maximise(self, points: Tensor, responsibilities: Tensor) -> MixtureParameters:
        right = super()._maximise(points, responsibilities)
        share = right.weights.reshape(-1, *[1] * (right.covariances.ndim - 1))
        narrow = right.covariances * (share if len(right.covariances) == len(share) else 0.25)
        scale = self._shape.prepare(narrow, 0.0)
        return MixtureParameters(right.weights, right.means, narrow, scale)


class StaleMeans(GaussianMixture):
    """Covariances around the mean of all points instead of the new means."""

    def _maximise(self, points: Tensor, responsibilities: Tensor) -> MixtureParameters:
        right = super()._maximise(points, responsibilities)
        counts = responsibilities.sum(1)
        nothing = torch.zeros_like(right.means)
        wide = self._shape.estimate(points, responsibilities, counts, nothing, 0.0)
        return MixtureParameters(right.weights, right.means, wide, self._shape.prepare(wide, 0.0))


class VarianceAsPrecision(GaussianMixture):
    """Variances where precisions belong: sigma^2 and 1 / sigma^2 confused."""

    def _expect(self, points: Tensor, parameters: MixtureParameters) -> tuple[Tensor, Tensor]:
        wrong = MixtureParameters(
            parameters.weights,
            parameters.means,
            parameters.covariances,
            1.0 / parameters.scale,
        )
        return super()._expect(points, wrong)


@pytest.mark.parametrize(
    "fault, covariance",
    [
        (StaleMeans, "full"),
        (WeightsOncePerColumn, "tied"),
        (DividesByAllPoints, "tied"),
        (HardAssignments, "diagonal"),
        (WeightsOncePerColumn, "diagonal"),
        (HardAssignments, "spherical"),
        (DividesByAllPoints, "spherical"),
    ],
)
def test_monotony_can_fail(fault: type[GaussianMixture], covariance: str, x: Tensor) -> None:
    breaks(classical_laws.em_never_falls, fault, covariance, x)


@pytest.mark.parametrize(
    "fault, covariance",
    [
        (StaleMeans, "full"),
        (WeightsOncePerColumn, "full"),
        (HardAssignments, "tied"),
        (HardAssignments, "diagonal"),
        (VarianceAsPrecision, "diagonal"),
        (StaleMeans, "spherical"),
    ],
)
def test_comparison_can_fail(fault: type[GaussianMixture], covariance: str, x: Tensor) -> None:
    breaks(classical_laws.not_below_scikit_learn, fault, covariance, x, 1e-6)


class OldLoadingsInNoise(ProbabilisticPCA):
    """The new noise variance computed with the old loadings throughout (no W_new in TB 30)."""

    def step(self, covariance: Tensor, loadings: Tensor, variance: Tensor) -> tuple[Tensor, Tensor]:
        new, _ = super().step(covariance, loadings, variance)
        inner = loadings.T @ loadings + variance * torch.eye(loadings.shape[1]).double()
        left = (
            covariance.trace() - (covariance @ loadings @ torch.linalg.inv(inner) @ new.T).trace()
        )
        return new, left / (len(covariance) - loadings.shape[1])


class StopsEarly(ProbabilisticPCA):
    """EM declared converged after a few steps."""

    def fit(self, x: Tensor) -> ProbabilisticPCA:
        self.max_iterations = 5
        super().fit(x)
        self.converged = True
        return self


class UnbiasedNoise(ProbabilisticPCA):
    """The n - 1 convention inside a model that promises maximum likelihood."""

    def fit(self, x: Tensor) -> ProbabilisticPCA:
        super().fit(x)
        assert self.loadings is not None and self.noise_variance is not None
        ratio = len(x) / (len(x) - 1)
        self.loadings = self.loadings * ratio**0.5
        self.noise_variance = self.noise_variance * ratio
        return self


class NoiseOfAllColumns(ProbabilisticPCA):
    """Discarded variance divided by the width instead of width - latents."""

    def fit(self, x: Tensor) -> ProbabilisticPCA:
        super().fit(x)
        assert self.noise_variance is not None
        self.noise_variance = self.noise_variance * (x.shape[1] - self.latents) / x.shape[1]
        return self


@pytest.mark.parametrize("fault", [OldLoadingsInNoise, StopsEarly, NoiseOfAllColumns])
def test_limit_can_fail(fault: type[ProbabilisticPCA], x: Tensor) -> None:
    breaks(classical_laws.closed_form_is_the_limit_of_em, fault, 2, x)


@pytest.mark.parametrize("fault", [UnbiasedNoise, NoiseOfAllColumns])
def test_pca_score_can_fail(fault: type[ProbabilisticPCA], x: Tensor) -> None:
    breaks(classical_laws.is_pca_up_to_its_convention, fault, 2, x)
