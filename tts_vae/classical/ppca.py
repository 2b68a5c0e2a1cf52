"""Probabilistic principal components: the linear-Gaussian latent-variable model.

x = W z + mu + noise, z ~ N(0, I), noise ~ N(0, sigma^2 I), so x ~ N(mu, W W^T + sigma^2 I).
Tipping and Bishop 1999, "Probabilistic principal component analysis"; TB below. Both routes read
the points only through S = 1/N sum (x - mu)(x - mu)^T, so an EM step costs the same for any N.
"""

import math
from typing import Literal

import torch
from torch import Tensor

from tts_vae.classical.checks import (
    check_at_least,
    check_points,
    require_fit,
    result_type,
    standard_noise,
)


class ProbabilisticPCA:
    """Probabilistic PCA, by eigendecomposition or by EM.

    Of the solutions W R that differ by a rotation R, fit keeps the one whose columns are at right
    angles, longest first, each with its largest entry positive.

    Args:
        latents: width q of z; less than the width of x.
        method: "eigen" (TB eqs 14 and 15) or "em" (TB eqs 29 and 30).
        regularisation: added to the variance of every column (the unit of x, squared).
        tolerance: EM stops when a step changes the loadings by less than this share of their
            length. It looks at them and not at the likelihood, which is flat near its maximum and
            would stop EM early where eigenvalues q and q + 1 are close. EM is slow where the noise
            is small beside the signal; see ``converged``.
        max_iterations: limit of EM steps.
        seed: of the random loadings from which EM starts.

    Attributes:
        mean: (width,) float64, after fit.
        loadings: W (width, latents) float64, after fit.
        noise_variance: sigma^2, () float64, after fit.
        history: log-likelihood in nats per point: at the start and after every EM step; of the
            solution alone for "eigen".
        converged: whether EM met its tolerance; True for "eigen".

    Raises:
        ValueError: a setting is out of range.
    """

    def __init__(
        self,
        latents: int,
        method: Literal["eigen", "em"] = "eigen",
        regularisation: float = 0.0,
        tolerance: float = 1e-9,
        max_iterations: int = 20000,
        seed: int = 0,
    ) -> None:
        check_at_least("latents", latents, 1)
        check_at_least("regularisation", regularisation, 0.0)
        check_at_least("tolerance", tolerance, 0.0)
        check_at_least("max_iterations", max_iterations, 1)
        if method not in ("eigen", "em"):
            raise ValueError(f'method must be "eigen" or "em", got {method!r}; choose one')
        self.latents = latents
        self.method = method
        self.regularisation = regularisation
        self.tolerance = tolerance
        self.max_iterations = max_iterations
        self.seed = seed
        self.mean: Tensor | None = None
        self.loadings: Tensor | None = None
        self.noise_variance: Tensor | None = None
        self.history: list[float] = []
        self.converged = False
        self._dtype = torch.float64

    @torch.no_grad()
    def fit(self, x: Tensor) -> "ProbabilisticPCA":
        """Estimate mean, loadings and noise variance from x (n, width).

        Raises:
            ValueError: x is no finite matrix, has too few columns, or varies in no more than
                ``latents`` directions, so that no variance is left for the noise.
        """
        points = check_points(x)
        width = points.shape[1]
        if self.latents >= width:
            raise ValueError(
                f"latents must be less than the width {width} of x, got {self.latents}; lower it, "
                "or fit a Gaussian"
            )
        mean = points.mean(0)
        centred = points - mean
        covariance = centred.T @ centred / len(points)
        covariance.diagonal().add_(self.regularisation)
        values, vectors = torch.linalg.eigh(covariance)
        values, vectors = values.flip(0), vectors.flip(1)
        rank = int((values > 1e-13 * values[0].clamp(min=1e-300)).sum())
        if rank <= self.latents:
            raise ValueError(
                f"{len(points)} points vary in {rank} directions, which leaves no noise beside "
                f"{self.latents} latents; give more points, fewer latents, or regularisation "
                f"(now {self.regularisation:g}, try 1e-6)"
            )
        if self.method == "eigen":
            loadings, noise_variance = eigen_solution(values, vectors, self.latents)
            self.history = [average_log_density(covariance, loadings, noise_variance)]
            self.converged = True
        else:
            loadings, noise_variance = self._iterate(covariance)
        self.mean, self._dtype = mean, result_type(x)
        self.loadings, self.noise_variance = principal_rotation(loadings), noise_variance
        return self

    def step(self, covariance: Tensor, loadings: Tensor, variance: Tensor) -> tuple[Tensor, Tensor]:
        """One EM step: new loadings (width, latents) and noise variance () (TB eqs 29 and 30)."""
        inner = loadings.T @ loadings
        inner.diagonal().add_(variance)  # M = W^T W + sigma^2 I
        spread = covariance @ loadings  # S W
        inverse_spread = torch.linalg.solve(inner, loadings.T @ spread)  # M^-1 W^T S W
        inverse_spread.diagonal().add_(variance)
        new = torch.linalg.solve(inverse_spread, spread, left=False)
        left = covariance.trace() - torch.linalg.solve(inner, spread.T @ new).trace()
        return new, left / len(covariance)

    def _iterate(self, covariance: Tensor) -> tuple[Tensor, Tensor]:
        """EM from random loadings; fills ``history`` and ``converged``."""
        generator = torch.Generator().manual_seed(self.seed)
        drawn = torch.randn(
            len(covariance), self.latents, generator=generator, dtype=torch.float64
        ).to(covariance.device)
        variance = covariance.trace() / len(covariance)
        loadings = drawn * (variance / self.latents).sqrt()
        self.history = [average_log_density(covariance, loadings, variance)]
        self.converged = False
        for _ in range(self.max_iterations):
            before = loadings
            loadings, variance = self.step(covariance, loadings, variance)
            self.history.append(average_log_density(covariance, loadings, variance))
            if (loadings - before).norm() < self.tolerance * loadings.norm():
                self.converged = True
                break
        return loadings, variance

    def _parts(self) -> tuple[Tensor, Tensor, Tensor]:
        name = "ProbabilisticPCA"
        return (
            require_fit(self.mean, name),
            require_fit(self.loadings, name),
            require_fit(self.noise_variance, name),
        )

    @property
    def posterior_covariance(self) -> Tensor:
        """Covariance sigma^2 M^-1 (latents, latents) of z given x, the same for every x."""
        _, loadings, variance = self._parts()
        return variance * torch.linalg.inv(_inner(loadings, variance))

    @torch.no_grad()
    def log_prob(self, x: Tensor) -> Tensor:
        """Log-densities (n,) of x (n, width), in nats.

        By Woodbury's identity in the form without cancellation: with z the posterior mean,
        d^T C^-1 d = |d - W z|^2 / sigma^2 + |z|^2, and |C| = |M| sigma^(2 (width - latents)).
        """
        mean, loadings, variance = self._parts()
        centred = check_points(x, mean) - mean
        inner = _inner(loadings, variance)
        z = torch.linalg.solve(inner, loadings.T @ centred.T).T
        distance = (centred - z @ loadings.T).square().sum(1) / variance + z.square().sum(1)
        volume = _log_determinant(loadings, variance) + len(mean) * math.log(2 * math.pi)
        return (-0.5 * (distance + volume)).to(result_type(x))

    def score(self, x: Tensor) -> float:
        """Mean log-density of x (n, width), in nats per point."""
        return float(self.log_prob(x).double().mean())

    @torch.no_grad()
    def transform(self, x: Tensor) -> Tensor:
        """Posterior means (n, latents) of z: M^-1 W^T (x - mu)."""
        mean, loadings, variance = self._parts()
        centred = check_points(x, mean) - mean
        z = torch.linalg.solve(_inner(loadings, variance), loadings.T @ centred.T).T
        return z.to(result_type(x))

    @torch.no_grad()
    def inverse_transform(self, z: Tensor) -> Tensor:
        """Means W z + mu (n, width) of x given z (n, latents)."""
        mean, loadings, _ = self._parts()
        return (check_points(z, loadings) @ loadings.T + mean).to(result_type(z))

    @torch.no_grad()
    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """Draw (n, width), in the type of the points of fit."""
        mean, loadings, variance = self._parts()
        z = standard_noise(n, self.latents, mean, generator)
        noise = standard_noise(n, len(mean), mean, generator)
        return (mean + z @ loadings.T + variance.sqrt() * noise).to(self._dtype)


def eigen_solution(values: Tensor, vectors: Tensor, latents: int) -> tuple[Tensor, Tensor]:
    """Loadings U (L - sigma^2 I)^(1/2) and sigma^2, the mean discarded eigenvalue (TB 14, 15).

    Args:
        values: (width,) eigenvalues of S, largest first.
        vectors: (width, width) their eigenvectors, one a column.
        latents: how many to keep.
    """
    variance = values[latents:].clamp(min=0.0).mean()
    lengths = (values[:latents] - variance).clamp(min=0.0).sqrt()
    return vectors[:, :latents] * lengths, variance


def principal_rotation(loadings: Tensor) -> Tensor:
    """Rotate loadings (width, latents) onto their principal axes, signs fixed."""
    left, lengths, _ = torch.linalg.svd(loadings, full_matrices=False)
    rows = left.abs().argmax(0, keepdim=True)
    return left * left.gather(0, rows).sign() * lengths


def average_log_density(covariance: Tensor, loadings: Tensor, variance: Tensor) -> float:
    """Log-likelihood per point from S: -(width log 2 pi + log |C| + tr C^-1 S) / 2 (TB eq. 10)."""
    inner = _inner(loadings, variance)
    explained = torch.linalg.solve(inner, loadings.T @ covariance @ loadings).trace()
    distance = (covariance.trace() - explained) / variance
    constant = len(covariance) * math.log(2 * math.pi)
    return float(-0.5 * (constant + _log_determinant(loadings, variance) + distance))


def _inner(loadings: Tensor, variance: Tensor) -> Tensor:
    """M = W^T W + sigma^2 I, (latents, latents)."""
    inner = loadings.T @ loadings
    inner.diagonal().add_(variance)
    return inner


def _log_determinant(loadings: Tensor, variance: Tensor) -> Tensor:
    """Log-determinant of C = W W^T + sigma^2 I, in terms of M."""
    width, latents = loadings.shape
    return torch.logdet(_inner(loadings, variance)) + (width - latents) * variance.log()
