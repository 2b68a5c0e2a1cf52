"""The Gaussian of maximum likelihood: the model that every density must beat.

mu = 1/N sum x, Sigma = 1/N sum (x - mu)(x - mu)^T (Bishop 2006, eqs 2.121 and 2.122).
"""

import math

import torch
from torch import Tensor

from tts_vae.classical.checks import (
    check_at_least,
    check_points,
    factor_covariances,
    require_fit,
    result_type,
    standard_noise,
)


class Gaussian:
    """A Gaussian with full covariance, fitted in closed form.

    Args:
        regularisation: added to the variance of every column (the unit of x, squared).

    Attributes:
        mean: (width,) float64, after fit.
        covariance: (width, width) float64, after fit; the 1/N form plus the regularisation.

    Raises:
        ValueError: the regularisation is negative.
    """

    def __init__(self, regularisation: float = 0.0) -> None:
        check_at_least("regularisation", regularisation, 0.0)
        self.regularisation = regularisation
        self.mean: Tensor | None = None
        self.covariance: Tensor | None = None
        self._factor: Tensor | None = None
        self._dtype = torch.float64

    @torch.no_grad()
    def fit(self, x: Tensor) -> "Gaussian":
        """Estimate mean and covariance from x (n, width).

        Raises:
            ValueError: x is no finite matrix, or its covariance is singular.
        """
        points = check_points(x)
        mean = points.mean(0)
        centred = points - mean
        covariance = centred.T @ centred / len(points)
        covariance.diagonal().add_(self.regularisation)
        few = f"give more than {points.shape[1]} points, " if len(x) <= points.shape[1] else ""
        remedy = (
            f"{few}drop the column, or raise regularisation (now {self.regularisation:g}, try 1e-6)"
        )
        self._factor = factor_covariances(covariance, remedy)
        self.mean, self.covariance, self._dtype = mean, covariance, result_type(x)
        return self

    @torch.no_grad()
    def log_prob(self, x: Tensor) -> Tensor:
        """Log-densities (n,) of x (n, width), in nats."""
        mean, factor = require_fit(self.mean, "Gaussian"), require_fit(self._factor, "Gaussian")
        centred = (check_points(x, mean) - mean).T
        white = torch.linalg.solve_triangular(factor, centred, upper=False)
        volume = factor.diagonal().log().sum() + 0.5 * len(mean) * math.log(2 * math.pi)
        return (-0.5 * white.square().sum(0) - volume).to(result_type(x))

    def score(self, x: Tensor) -> float:
        """Mean log-density of x (n, width), in nats per point."""
        return float(self.log_prob(x).double().mean())

    @torch.no_grad()
    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """Draw (n, width), in the type of the points of fit."""
        mean, factor = require_fit(self.mean, "Gaussian"), require_fit(self._factor, "Gaussian")
        noise = standard_noise(n, len(mean), mean, generator)
        return (mean + noise @ factor.T).to(self._dtype)
