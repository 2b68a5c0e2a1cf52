"""The Gaussian mixture, fitted by expectation-maximisation.

p(x) = sum_k pi_k N(x | mu_k, Sigma_k) (Bishop 2006, section 9.2; Dempster, Laird and Rubin 1977).
EM is told once here; what differs between full, tied, diagonal and spherical covariances is in
covariances.py, and the arithmetic over many points in moments.py.
"""

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
from tts_vae.classical.covariances import SHAPES
from tts_vae.classical.kmeans import check_cluster_count, k_means
from tts_vae.classical.start import MixtureParameters, from_means, from_responsibilities

ROUNDING = 1e-10  # share of the bound by which it may fall without having fallen


class GaussianMixture:
    """A mixture of Gaussians by EM, started from k-means or from given values.

    The regularisation makes covariances a little wider than likelihood would have them, and near
    convergence a step may then cost likelihood. EM stops before such a step, so the bound never
    falls.

    Args:
        components: number of Gaussians.
        covariance: "full", "tied", "diagonal" or "spherical".
        regularisation: added to every variance (the unit of x, squared), as scikit-learn's
            ``reg_covar``.
        tolerance: stop when a step gains less than this many nats per point; 0 runs on to
            ``max_iterations``.
        max_iterations: limit of EM steps.
        restarts: k-means starts to try; the fit of highest likelihood is kept.
        seed: of the k-means starts.

    Attributes:
        weights: pi (components,) float64, after fit.
        means: mu (components, width) float64, after fit.
        covariances: after fit, float64: (components, width, width) full, (width, width) tied,
            (components, width) diagonal, (components,) spherical.
        history: log-likelihood in nats per point, at the start and after every EM step; the last
            is that of the fitted parameters.
        converged: whether the last step gained less than the tolerance, or none could gain.

    Raises:
        ValueError: a setting is out of range.
    """

    def __init__(
        self,
        components: int,
        covariance: Literal["full", "tied", "diagonal", "spherical"] = "full",
        *,
        regularisation: float = 1e-6,
        tolerance: float = 1e-4,
        max_iterations: int = 200,
        restarts: int = 1,
        seed: int = 0,
    ) -> None:
        check_at_least("components", components, 1)
        check_at_least("regularisation", regularisation, 0.0)
        check_at_least("tolerance", tolerance, 0.0)
        check_at_least("max_iterations", max_iterations, 1)
        check_at_least("restarts", restarts, 1)
        if covariance not in SHAPES:
            raise ValueError(
                f"covariance must be one of {', '.join(SHAPES)}, got {covariance!r}; choose one"
            )
        self.components = components
        self.covariance = covariance
        self.regularisation = regularisation
        self.tolerance = tolerance
        self.max_iterations = max_iterations
        self.restarts = restarts
        self.seed = seed
        self.weights: Tensor | None = None
        self.means: Tensor | None = None
        self.covariances: Tensor | None = None
        self.history: list[float] = []
        self.converged = False
        self._shape = SHAPES[covariance]
        self._dtype = torch.float64

    @torch.no_grad()
    def fit(
        self,
        x: Tensor,
        *,
        means: Tensor | None = None,
        precisions: Tensor | None = None,
        weights: Tensor | None = None,
        responsibilities: Tensor | None = None,
    ) -> "GaussianMixture":
        """Fit to x (n, width), from k-means unless a start is given.

        Args:
            x: (n, width).
            means: start (components, width).
            precisions: start, inverse covariances of the shape of ``covariances``; without them
                every component starts with the covariance around the nearest means.
            weights: start (components,), positive; without them uniform.
            responsibilities: start (n, components) instead of all of these.

        Raises:
            ValueError: x is no finite matrix or has fewer points than components, the start does
                not fit, or a covariance became singular.
        """
        given = check_points(x)
        check_cluster_count(self.components, len(given))
        explicit = means is not None or responsibilities is not None
        if explicit and self.restarts > 1:
            raise ValueError(
                f"expected restarts=1 with a start of your own, got {self.restarts}; "
                "every restart would be the same"
            )
        if means is not None and responsibilities is not None:
            raise ValueError("a start is either means or responsibilities, got both; give one")
        if means is None and (precisions is not None or weights is not None):
            raise ValueError("starting precisions or weights need means beside them; give means")
        origin = given.mean(0)  # EM does not see it, and small numbers lose fewer digits
        points = (given - origin).T.contiguous()
        generator = torch.Generator().manual_seed(self.seed)
        best: tuple[MixtureParameters, list[float], bool] | None = None
        for _ in range(self.restarts):
            if means is not None:
                at = torch.as_tensor(means).to(origin) - origin
                floor = self.regularisation
                start = from_means(
                    points, self.components, self._shape, floor, at, precisions, weights
                )
            elif responsibilities is not None:
                share = from_responsibilities(points, self.components, responsibilities)
                start = self._maximise(points, share)
            else:
                labels = k_means(given, self.components, generator=generator).labels
                share = torch.nn.functional.one_hot(labels, self.components).to(points)
                start = self._maximise(points, share.T.contiguous())
            found = self._iterate(points, start)
            if best is None or found[1][-1] > best[1][-1]:
                best = found
        assert best is not None
        parameters, self.history, self.converged = best
        self.weights = parameters.weights
        self.means = parameters.means + origin
        self.covariances = parameters.covariances
        self._dtype = result_type(x)
        return self

    @property
    def iterations(self) -> int:
        """EM steps whose outcome was kept."""
        return max(len(self.history) - 1, 0)

    def _iterate(
        self, points: Tensor, parameters: MixtureParameters
    ) -> tuple[MixtureParameters, list[float], bool]:
        """Alternate both steps; returns parameters, history and convergence."""
        share, log_prob = self._expect(points, parameters)
        history = [float(log_prob.mean())]
        for _ in range(self.max_iterations):
            new = self._maximise(points, share)
            share, log_prob = self._expect(points, new)
            bound = float(log_prob.mean())
            gain = bound - history[-1]
            if gain < -ROUNDING * max(1.0, abs(bound)):
                return parameters, history, True
            parameters = new
            history.append(bound)
            if gain < self.tolerance:
                return parameters, history, True
        return parameters, history, False

    def _expect(self, points: Tensor, parameters: MixtureParameters) -> tuple[Tensor, Tensor]:
        """E step: responsibilities (components, n) and log-densities (n,) of points (width, n)."""
        joint = self._shape.log_density(points, parameters.means, parameters.scale)
        joint += parameters.weights.log()[:, None]
        top = joint.amax(0)
        # processors take several times longer where exp underflows, and 1e-304 is as good as 0
        share = joint.sub_(top).clamp_(min=-700.0).exp_()
        total = share.sum(0)
        return share.div_(total), top.add_(total.log())

    def _maximise(self, points: Tensor, responsibilities: Tensor) -> MixtureParameters:
        """M step: weights, means and covariances of most expected likelihood."""
        # a component that answers for nothing keeps a weight next to 0, not a division by 0
        counts = responsibilities.sum(1) + 10 * torch.finfo(torch.float64).eps
        means = responsibilities @ points.T / counts[:, None]
        covariances = self._shape.estimate(
            points, responsibilities, counts, means, self.regularisation
        )
        scale = self._shape.prepare(covariances, self.regularisation)
        return MixtureParameters(counts / counts.sum(), means, covariances, scale)

    def _assign(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Responsibilities (components, n) and log-densities (n,) under the fit."""
        means = require_fit(self.means, "GaussianMixture")
        assert self.weights is not None and self.covariances is not None
        origin = means.mean(0)
        scale = self._shape.prepare(self.covariances, self.regularisation)
        centred = MixtureParameters(self.weights, means - origin, self.covariances, scale)
        return self._expect((check_points(x, means) - origin).T.contiguous(), centred)

    @torch.no_grad()
    def log_prob(self, x: Tensor) -> Tensor:
        """Log-densities (n,) of x (n, width), in nats."""
        return self._assign(x)[1].to(result_type(x))

    def score(self, x: Tensor) -> float:
        """Mean log-density of x (n, width), in nats per point."""
        return float(self.log_prob(x).double().mean())

    @torch.no_grad()
    def responsibilities(self, x: Tensor) -> Tensor:
        """p(k | x), (n, components), of x (n, width); rows sum to 1."""
        return self._assign(x)[0].T.contiguous().to(result_type(x))

    @torch.no_grad()
    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """Draw (n, width), in the type of the points of fit."""
        means = require_fit(self.means, "GaussianMixture")
        assert self.weights is not None and self.covariances is not None
        check_at_least("n", n, 1)
        device = means.device if generator is None else generator.device
        drawn = torch.multinomial(self.weights.to(device), n, True, generator=generator)
        labels = drawn.to(means.device)
        noise = standard_noise(n, means.shape[1], means, generator)
        spread = self._shape.colour(noise, labels, self.covariances)
        return (means[labels] + spread).to(self._dtype)
