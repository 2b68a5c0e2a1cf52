"""Where EM starts when it is told: given parameters or responsibilities, checked."""

from dataclasses import dataclass

import torch
from torch import Tensor

from tts_vae.classical.covariances import CovarianceShape
from tts_vae.classical.kmeans import squared_distances


@dataclass(frozen=True)
class MixtureParameters:
    """A mixture inside EM.

    Attributes:
        weights: pi (components,).
        means: mu (components, width).
        covariances: of the shape that the covariance states.
        scale: what :meth:`CovarianceShape.prepare` made of them.
    """

    weights: Tensor
    means: Tensor
    covariances: Tensor
    scale: Tensor


def from_means(
    points: Tensor,
    components: int,
    shape: CovarianceShape,
    floor: float,
    means: Tensor,
    precisions: Tensor | None = None,
    weights: Tensor | None = None,
) -> MixtureParameters:
    """Parameters from means (components, width) and what else is given.

    Args:
        points: (width, n), centred as the means are.
        components: number of Gaussians.
        shape: of the covariances.
        floor: added to variances that are estimated here.
        means: (components, width).
        precisions: inverse covariances; None takes the covariance of all points around their
            nearest means, the same for every component.
        weights: (components,) positive, normalised here; None means uniform.

    Raises:
        ValueError: a part does not fit.
    """
    width = points.shape[0]
    _check("means", means, (components, width))
    if weights is None:
        weights = points.new_ones(components)
    weights = torch.as_tensor(weights).to(points)
    _check("weights", weights, (components,))
    if not (weights > 0).all():
        raise ValueError("starting weights must be positive; leave out components without weight")
    expected = shape.shape(components, width)
    if precisions is None:
        nearest = squared_distances(points.T, means).argmin(1)
        residuals = points - means[nearest].T
        everyone = points.new_ones(1, points.shape[1])
        origin = points.new_zeros(1, width)
        pooled = shape.estimate(residuals, everyone, everyone.sum(1), origin, floor)
        covariances = pooled.expand(expected).contiguous()
    else:
        precisions = torch.as_tensor(precisions).to(points)
        _check("precisions", precisions, expected)
        covariances = shape.invert(precisions)
    scale = shape.prepare(covariances, floor)
    return MixtureParameters(weights / weights.sum(), means, covariances, scale)


def from_responsibilities(points: Tensor, components: int, given: Tensor) -> Tensor:
    """Responsibilities (n, components) as EM holds them: (components, n) float64.

    Raises:
        ValueError: the shape does not fit, or a row is no distribution.
    """
    share = torch.as_tensor(given).to(points)
    _check("responsibilities", share, (points.shape[1], components))
    sums = share.sum(1)
    if (share < 0).any() or not torch.allclose(sums, torch.ones_like(sums), atol=1e-4):
        raise ValueError(
            "starting responsibilities must be at least 0 and sum to 1 in each row; normalise them"
        )
    return (share / sums[:, None]).T.contiguous()


def _check(name: str, given: Tensor, shape: tuple[int, ...]) -> None:
    if given.shape != shape or not given.isfinite().all():
        raise ValueError(
            f"starting {name} must be finite and {shape}, got {tuple(given.shape)}; reshape them, "
            "or leave them out"
        )
