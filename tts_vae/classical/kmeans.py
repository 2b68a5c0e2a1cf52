"""K-means, from which a mixture starts: greedy k-means++ and Lloyd's iterations.

Arthur and Vassilvitskii 2007, "k-means++: the advantages of careful seeding"; the greedy form
tries several candidates for each centre and keeps the one that lowers the distances most.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from tts_vae.classical.checks import check_at_least, check_points


@dataclass(frozen=True)
class Clusters:
    """A partition of points.

    Attributes:
        centres: (clusters, width) float64.
        labels: (n,) int64, the nearest centre of each point.
        inertia: sum of squared distances to it, in the unit of x, squared.
    """

    centres: Tensor
    labels: Tensor
    inertia: float


@torch.no_grad()
def k_means(
    x: Tensor,
    clusters: int,
    *,
    restarts: int = 1,
    max_iterations: int = 300,
    generator: torch.Generator | None = None,
) -> Clusters:
    """Partition points so that each is near the mean of its part.

    Args:
        x: (n, width).
        clusters: number of parts.
        restarts: starts to try; the one of least inertia wins.
        max_iterations: limit of Lloyd's iterations; they end when no point changes its part.
        generator: source of randomness, on the CPU; None is torch's global one.

    Raises:
        ValueError: fewer points than clusters, or points that are not finite.
    """
    points = check_points(x)
    check_cluster_count(clusters, len(points))
    check_at_least("restarts", restarts, 1)
    offset = points.mean(0)  # distances below are differences of squares: keep those small
    points = points - offset
    best: Clusters | None = None
    for _ in range(restarts):
        centres = points[_plus_plus(points, clusters, generator)]
        found = _lloyd(points, centres, max_iterations)
        if best is None or found.inertia < best.inertia:
            best = found
    assert best is not None
    return Clusters(best.centres + offset, best.labels, best.inertia)


def check_cluster_count(clusters: int, n: int) -> None:
    """Refuse no clusters, and more clusters than points.

    Raises:
        ValueError: saying which.
    """
    if clusters < 1:
        raise ValueError(f"components must be at least 1, got {clusters}; ask for one or more")
    if n < clusters:
        raise ValueError(
            f"expected at least {clusters} points for {clusters} components, got {n}; "
            f"give more points or at most {n} components"
        )


def squared_distances(points: Tensor, centres: Tensor) -> Tensor:
    """Squared distances (n, clusters) of points (n, width) from centres (clusters, width)."""
    squares = centres.square().sum(1)
    products = torch.addmm(squares, points, centres.T, alpha=-2.0)
    return products.add_(points.square().sum(1, keepdim=True)).clamp_(min=0.0)


def _plus_plus(points: Tensor, clusters: int, generator: torch.Generator | None) -> Tensor:
    """Indices (clusters,) of points far apart: each drawn with odds of its squared distance."""
    trials = 2 + int(math.log(clusters))
    first = torch.randint(len(points), (1,), generator=generator)
    chosen = [first.to(points.device)]
    nearest = squared_distances(points, points[chosen[0]])[:, 0]
    for _ in range(clusters - 1):
        # drawn by inversion, on the CPU: the same points at the same seed on every device
        cumulative = nearest.cumsum(0)
        drawn = torch.rand(trials, generator=generator, dtype=torch.float64).to(points.device)
        candidates = torch.searchsorted(cumulative, drawn * cumulative[-1], right=True)
        candidates = candidates.clamp_(max=len(points) - 1)
        trial = torch.minimum(squared_distances(points, points[candidates]), nearest[:, None])
        winner = trial.sum(0).argmin()
        chosen.append(candidates[winner].reshape(1))
        nearest = trial[:, winner]
    return torch.cat(chosen)


def _lloyd(points: Tensor, centres: Tensor, max_iterations: int) -> Clusters:
    """Alternate nearest centres and means until no label changes."""
    labels = torch.full((len(points),), -1, device=points.device)
    for _ in range(max_iterations):
        distances = squared_distances(points, centres)
        nearest, new = distances.min(1)
        if torch.equal(new, labels):
            break
        labels = new
        counts = torch.bincount(labels, minlength=len(centres))
        sums = torch.zeros_like(centres).index_add_(0, labels, points)
        centres = sums / counts.clamp(min=1)[:, None]
        empty = (counts == 0).nonzero()[:, 0]
        if len(empty):  # move to the points that fit worst
            centres[empty] = points[nearest.topk(len(empty)).indices]
    distances = squared_distances(points, centres)
    nearest, labels = distances.min(1)
    return Clusters(centres, labels, float(nearest.sum()))
