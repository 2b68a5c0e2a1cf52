"""Law 7: what holds for every closed form and every EM, whatever the points."""

import warnings
from collections.abc import Callable

import torch
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture as SklearnMixture
from torch import Tensor

from tts_vae.classical import GaussianMixture, ProbabilisticPCA

SKLEARN_NAMES = {"full": "full", "tied": "tied", "diagonal": "diag", "spherical": "spherical"}
STEPS = 25


def em_never_falls(build: Callable[..., GaussianMixture], covariance: str, x: Tensor) -> None:
    """Step by step, each from where the last one ended, the log-likelihood of x never falls.

    The score is taken from ``log_prob``, not from the fit's own history, which must agree.
    """
    model = build(4, covariance, regularisation=0.0, max_iterations=1, tolerance=0.0)
    model.fit(x, means=x[:4])
    scores = [model.history[0], model.score(x)]
    for _ in range(STEPS):
        model.fit(x, responsibilities=model.responsibilities(x))
        scores += [model.history[0], model.score(x)]
        assert abs(model.history[-1] - scores[-1]) < 1e-9
    rises = torch.tensor(scores, dtype=torch.float64).diff()
    assert (rises > -1e-9).all(), f"the log-likelihood fell by {-rises.min():.3g} nats"
    assert scores[-1] - scores[0] > 1e-2, "EM went nowhere"
    whole = build(4, covariance, regularisation=0.0, max_iterations=STEPS, tolerance=0.0).fit(x)
    assert (torch.tensor(whole.history, dtype=torch.float64).diff() > -1e-9).all()


def closed_form_is_the_limit_of_em(
    build: Callable[..., ProbabilisticPCA], latents: int, x: Tensor
) -> None:
    """Eigendecomposition and EM agree to 1e-6, at the maximum; EM never falls on its way."""
    exact = build(latents, "eigen").fit(x)
    limit = build(latents, "em").fit(x)
    assert limit.converged
    assert exact.loadings is not None and limit.loadings is not None
    assert exact.noise_variance is not None and limit.noise_variance is not None
    torch.testing.assert_close(limit.loadings, exact.loadings, rtol=0, atol=1e-6)
    torch.testing.assert_close(limit.noise_variance, exact.noise_variance, rtol=0, atol=1e-6)
    assert abs(limit.history[-1] - exact.score(x)) < 1e-6
    assert (torch.tensor(limit.history, dtype=torch.float64).diff() > -1e-9).all()
    # the maximum itself: no other loadings or noise explain x better
    best = exact.score(x)
    for change in (0.98, 1.02):
        other = build(latents).fit(x)
        assert other.loadings is not None and other.noise_variance is not None
        other.loadings = exact.loadings * change
        assert other.score(x) < best
        other.loadings, other.noise_variance = exact.loadings, exact.noise_variance * change
        assert other.score(x) < best


def not_below_scikit_learn(
    build: Callable[..., GaussianMixture], covariance: str, x: Tensor, regularisation: float
) -> None:
    """From the same start, after as many steps, x is at least as likely as under scikit-learn's."""
    components, (n, width) = 4, x.shape
    means = x[:: n // components][:components]
    precision = float(1.0 / x.var())
    precisions = {
        "full": precision * torch.eye(width, dtype=x.dtype).repeat(components, 1, 1),
        "tied": precision * torch.eye(width, dtype=x.dtype),
        "diagonal": torch.full((components, width), precision, dtype=x.dtype),
        "spherical": torch.full((components,), precision, dtype=x.dtype),
    }[covariance]
    weights = torch.full((components,), 1.0 / components, dtype=x.dtype)
    ours = build(
        components, covariance, regularisation=regularisation, max_iterations=STEPS, tolerance=0.0
    ).fit(x, means=means, precisions=precisions, weights=weights)
    theirs = SklearnMixture(
        components,
        covariance_type=SKLEARN_NAMES[covariance],
        reg_covar=regularisation,
        max_iter=max(ours.iterations, 1),
        tol=0.0,
        means_init=means.numpy(),
        precisions_init=precisions.numpy(),
        weights_init=weights.numpy(),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # as few steps as ours took
        theirs.fit(x.numpy())
    slack = 1e-9 * abs(ours.score(x))
    assert ours.score(x) >= theirs.score(x.numpy()) - slack


def is_pca_up_to_its_convention(
    build: Callable[..., ProbabilisticPCA], latents: int, x: Tensor
) -> None:
    """scikit-learn's PCA.score is ours once both divide the covariance by n - 1 rather than n."""
    ours, theirs = build(latents).fit(x), PCA(latents, svd_solver="full").fit(x.numpy())
    assert ours.loadings is not None and ours.noise_variance is not None
    own = ours.score(x)
    assert own > theirs.score(x.numpy()), "ours is the maximum of likelihood; n - 1 is beside it"
    ratio = len(x) / (len(x) - 1)
    ours.loadings, ours.noise_variance = ours.loadings * ratio**0.5, ours.noise_variance * ratio
    torch.testing.assert_close(
        ours.log_prob(x), torch.from_numpy(theirs.score_samples(x.numpy())), rtol=1e-9, atol=1e-9
    )
