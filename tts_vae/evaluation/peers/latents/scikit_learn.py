"""scikit-learn: GaussianMixture and the density of PCA."""

import warnings

import numpy as np
import torch
from torch import Tensor

from tts_vae.evaluation.peers.latents.contestant import Contestant, Mixture, named

PACKAGE = "scikit-learn"


def mixture(
    weights: Tensor, means: Tensor, covariances: Tensor, iterations: int, regularisation: float
) -> Contestant:
    """GaussianMixture, full covariances, from the given start, for a given number of steps."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import GaussianMixture

    start = [part.double().numpy() for part in (weights, means, covariances)]
    fitted: list[GaussianMixture] = []

    def step(points: Tensor) -> None:
        fit = GaussianMixture(
            len(weights),
            tol=0.0,
            max_iter=iterations,
            reg_covar=regularisation,
            weights_init=start[0],
            means_init=start[1],
            precisions_init=np.linalg.inv(start[2]),
        )
        with warnings.catch_warnings():  # that so many steps do not converge is what was asked for
            warnings.simplefilter("ignore", ConvergenceWarning)
            fitted[:] = [fit.fit(points.numpy())]

    def found() -> Mixture:
        (fit,) = fitted
        return (
            torch.from_numpy(fit.weights_),
            torch.from_numpy(fit.means_),
            torch.from_numpy(fit.covariances_),
        )

    return Contestant(named(PACKAGE, "GaussianMixture"), step, mixture=found)


def principal_components(latents: int) -> Contestant:
    """PCA, fitted and scored; its covariance divides by n - 1."""
    from sklearn.decomposition import PCA

    fitted: list[PCA] = []

    def step(points: Tensor) -> None:
        fit = PCA(latents).fit(points.numpy())
        fit.score(points.numpy())
        fitted[:] = [fit]

    def found() -> Mixture:
        (fit,) = fitted
        mean, covariance = torch.from_numpy(fit.mean_), torch.from_numpy(fit.get_covariance())
        return torch.ones(1), mean[None], covariance[None]

    return Contestant(named(PACKAGE, "PCA.score"), step, mixture=found)
