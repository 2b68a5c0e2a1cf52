"""The four shapes of a mixture's covariances: what each estimates, and its log-densities.

full: a matrix for each component; tied: one matrix for all; diagonal: a variance for each
component and column; spherical: one variance for each component.
"""

import math
from abc import ABC, abstractmethod

import torch
from torch import Tensor

from tts_vae.classical.checks import factor_covariances, upper_whiteners
from tts_vae.classical.moments import (
    NARROW,
    scaled_distances,
    scaled_variances,
    scatter_matrices,
    whitened_distances,
)

REMEDY = "raise regularisation (now {:g}), use fewer components, or drop dependent columns"


class CovarianceShape(ABC):
    """How components spread; stateless.

    Throughout, points are (width, n), means (components, width), responsibilities
    (components, n), counts (components,), and covariances of the shape that :meth:`shape` gives.
    A *scale* is what :meth:`prepare` makes of covariances for fast densities.
    """

    @abstractmethod
    def shape(self, components: int, width: int) -> tuple[int, ...]:
        """Shape of covariances and of precisions."""

    @abstractmethod
    def estimate(
        self, points: Tensor, responsibilities: Tensor, counts: Tensor, means: Tensor, floor: float
    ) -> Tensor:
        """Covariances of most likelihood, with the floor added to every variance."""

    @abstractmethod
    def prepare(self, covariances: Tensor, floor: float) -> Tensor:
        """The scale of covariances.

        Raises:
            ValueError: a covariance is singular; the message names it and the floor in use.
        """

    @abstractmethod
    def log_density(self, points: Tensor, means: Tensor, scale: Tensor) -> Tensor:
        """Logarithm of N(x_n | mu_k, Sigma_k), (components, n), in nats."""

    @abstractmethod
    def colour(self, noise: Tensor, labels: Tensor, covariances: Tensor) -> Tensor:
        """Give standard noise (n, width) the spread of its components ``labels`` (n,)."""

    def invert(self, precisions: Tensor) -> Tensor:
        """Covariances of precisions, which are refused where they are not positive."""
        if not (precisions > 0).all():
            raise ValueError("precisions must be positive; give 1 / variance of each component")
        return 1.0 / precisions


class Full(CovarianceShape):
    """A matrix (width, width) for each component."""

    def shape(self, components: int, width: int) -> tuple[int, ...]:
        """(components, width, width)."""
        return (components, width, width)

    def estimate(
        self, points: Tensor, responsibilities: Tensor, counts: Tensor, means: Tensor, floor: float
    ) -> Tensor:
        """Weighted scatter around each mean."""
        covariances = scatter_matrices(points, responsibilities, counts, means)
        covariances.diagonal(0, 1, 2).add_(floor)
        return covariances

    def prepare(self, covariances: Tensor, floor: float) -> Tensor:
        """Upper triangular U, U U^T = Sigma^-1."""
        return upper_whiteners(factor_covariances(covariances, REMEDY.format(floor)))

    def log_density(self, points: Tensor, means: Tensor, scale: Tensor) -> Tensor:
        """By Mahalanobis distances."""
        distances = whitened_distances(points, means, scale)
        return _normalise(distances, scale.diagonal(0, 1, 2).log().sum(1), len(points))

    def colour(self, noise: Tensor, labels: Tensor, covariances: Tensor) -> Tensor:
        """By Cholesky factors, one component at a time."""
        factors = torch.linalg.cholesky(covariances)
        coloured = torch.empty_like(noise)
        for k in range(len(covariances)):
            coloured[labels == k] = noise[labels == k] @ factors[k].T
        return coloured

    def invert(self, precisions: Tensor) -> Tensor:
        """By Cholesky factors."""
        return _invert(precisions)


class Tied(CovarianceShape):
    """One matrix (width, width) for all components."""

    def shape(self, components: int, width: int) -> tuple[int, ...]:
        """(width, width)."""
        return (width, width)

    def estimate(
        self, points: Tensor, responsibilities: Tensor, counts: Tensor, means: Tensor, floor: float
    ) -> Tensor:
        """Scatter of all points less that of the means: every point's responsibilities sum to 1."""
        total = points @ points.T
        covariance = (total - (means * counts[:, None]).T @ means) / counts.sum()
        if (covariance.diagonal() * counts.sum() < NARROW * total.diagonal()).any():
            # little remains of the difference: average what each component sees around its mean
            scatter = scatter_matrices(points, responsibilities, counts, means)
            covariance = torch.einsum("k,kij->ij", counts / counts.sum(), scatter)
        covariance.diagonal().add_(floor)
        return covariance

    def prepare(self, covariances: Tensor, floor: float) -> Tensor:
        """Upper triangular U, U U^T = Sigma^-1."""
        return upper_whiteners(factor_covariances(covariances, REMEDY.format(floor)))

    def log_density(self, points: Tensor, means: Tensor, scale: Tensor) -> Tensor:
        """Whiten once; distances are then Euclidean."""
        distances = scaled_distances(scale.T @ points, means @ scale, torch.ones_like(means))
        return _normalise(distances, scale.diagonal().log().sum(), len(points))

    def colour(self, noise: Tensor, labels: Tensor, covariances: Tensor) -> Tensor:
        """The same for every component."""
        return noise @ torch.linalg.cholesky(covariances).T

    def invert(self, precisions: Tensor) -> Tensor:
        """By its Cholesky factor."""
        return _invert(precisions)


class Diagonal(CovarianceShape):
    """A variance for each component and column."""

    def shape(self, components: int, width: int) -> tuple[int, ...]:
        """(components, width)."""
        return (components, width)

    def estimate(
        self, points: Tensor, responsibilities: Tensor, counts: Tensor, means: Tensor, floor: float
    ) -> Tensor:
        """Weighted variances around each mean."""
        return scaled_variances(points, responsibilities, counts, means).add_(floor)

    def prepare(self, covariances: Tensor, floor: float) -> Tensor:
        """Precisions."""
        bad = ~(covariances > 0)
        if bad.any():
            where = bad.nonzero()[0].tolist()
            column = f": column {where[1]} is constant there" if len(where) > 1 else ""
            which = f"the covariance of component {where[0]} is singular{column}"
            raise ValueError(f"{which}; {REMEDY.format(floor)}")
        return 1.0 / covariances

    def log_density(self, points: Tensor, means: Tensor, scale: Tensor) -> Tensor:
        """By scaled distances."""
        distances = scaled_distances(points, means, scale)
        return _normalise(distances, 0.5 * scale.log().sum(1), len(points))

    def colour(self, noise: Tensor, labels: Tensor, covariances: Tensor) -> Tensor:
        """By standard deviations."""
        return noise * covariances[labels].sqrt()


class Spherical(Diagonal):
    """One variance for each component."""

    def shape(self, components: int, width: int) -> tuple[int, ...]:
        """(components,)."""
        return (components,)

    def estimate(
        self, points: Tensor, responsibilities: Tensor, counts: Tensor, means: Tensor, floor: float
    ) -> Tensor:
        """Mean of the variances of all columns."""
        return super().estimate(points, responsibilities, counts, means, floor).mean(1)

    def log_density(self, points: Tensor, means: Tensor, scale: Tensor) -> Tensor:
        """As a diagonal covariance whose variances agree."""
        return super().log_density(points, means, scale[:, None].expand_as(means))

    def colour(self, noise: Tensor, labels: Tensor, covariances: Tensor) -> Tensor:
        """By standard deviations."""
        return noise * covariances[labels, None].sqrt()


SHAPES: dict[str, CovarianceShape] = {
    "full": Full(),
    "tied": Tied(),
    "diagonal": Diagonal(),
    "spherical": Spherical(),
}


def _normalise(distances: Tensor, log_volume: Tensor, width: int) -> Tensor:
    """Log-densities from squared distances (components, n) and log-determinants of the scales."""
    constants = log_volume - 0.5 * width * math.log(2 * math.pi)
    return distances.mul_(-0.5).add_(constants.unsqueeze(-1))


def _invert(precisions: Tensor) -> Tensor:
    """Covariances of precision matrices."""
    if not torch.allclose(precisions, precisions.mT):
        raise ValueError("precisions must be symmetric; average them with their transposes")
    factors, failed = torch.linalg.cholesky_ex(precisions)
    if failed.any():
        raise ValueError("precisions must be positive definite; give inverses of covariances")
    return torch.cholesky_inverse(factors)
