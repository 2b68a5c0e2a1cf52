"""K-means with k-means++ seeding (Arthur & Vassilvitskii 2007): where a codebook starts."""

import torch
from torch import Tensor

from tts_vae.latents.nearest import nearest

POINTS_PER_CLUSTER = 32  # more points would not move the centres, only cost time


@torch.no_grad()
def k_means(
    points: Tensor, clusters: int, iterations: int = 10, generator: torch.Generator | None = None
) -> Tensor:
    """Return cluster centres (clusters, width) of points (n, width).

    Fewer distinct points than clusters are no error: a batch of an utterance-level site is small.
    Every distinct point is then a centre, and the others stand close to one.

    Args:
        points: (n, width), n at least 1.
        clusters: number of centres.
        iterations: of Lloyd's algorithm.
        generator: source of randomness; None is torch's global one.

    Raises:
        ValueError: if there is no point, or one is not finite.
    """
    if not len(points) or not points.isfinite().all():
        got = "values that are not finite" if len(points) else "none"
        raise ValueError(f"k-means needs at least one point, all finite, got {got}; check the data")
    device = points.device if generator is None else generator.device
    limit = POINTS_PER_CLUSTER * clusters
    if len(points) > limit:
        order = torch.randperm(len(points), generator=generator, device=device)
        points = points[order[:limit].to(points.device)]
    centres = _spread_seeds(points, clusters, generator, device)
    for _ in range(iterations):
        owner = nearest(points, centres)
        sums = torch.zeros_like(centres).index_add_(0, owner, points)
        sizes = torch.bincount(owner, minlength=clusters).unsqueeze(-1)
        moved = torch.where(sizes > 0, sums / sizes.clamp(min=1), centres)
        if torch.equal(moved, centres):
            break
        centres = moved
    return centres


def _spread_seeds(
    points: Tensor, clusters: int, generator: torch.Generator | None, device: torch.device
) -> Tensor:
    """Draw each next centre with probability proportional to its squared distance to the others."""

    def draw(weights: Tensor, count: int) -> Tensor:
        drawn = torch.multinomial(weights.to(device), count, True, generator=generator)
        return drawn.to(points.device)

    even = points.new_ones(len(points))
    centres = points[draw(even, 1)]
    distance = (points - centres).square().sum(-1)
    while len(centres) < clusters and bool(distance.sum() > 0):
        new = points[draw(distance, 1)]
        centres = torch.cat([centres, new])
        distance = torch.minimum(distance, (points - new).square().sum(-1))
    missing = clusters - len(centres)
    if missing:  # no distinct point is left: stand close to one
        noise = torch.randn(missing, points.shape[-1], generator=generator, device=device)
        spread = 0.1 * points.std(0, correction=0).max()
        spread = torch.where(spread > 0, spread, 0.01 + 0.01 * points.abs().max())
        extra = points[draw(even, missing)] + spread * noise.to(points)
        centres = torch.cat([centres, extra])
    return centres
