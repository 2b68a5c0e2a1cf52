"""Weighted moments and distances of many points under many components: where EM spends its time.

Points lie as (width, n), so that every inner loop runs along the points, and are worked through in
pieces that stay in the processor's cache. All is float64 and exact up to rounding:

* Weighted sums of x x^T over all components are one product of the responsibilities with the
  products x_i x_j, j >= i: half the work of a product per component, and the products are formed
  once for all components.
* A component that answers for few points looks at those alone. Responsibilities of less than
  1e-18 / n of its weight are left out: together they move its moments by less than 1e-18 of the
  scatter around it, and float64 rounds at 1e-16.
* Sums of squares around a distant origin lose digits; where a component is so narrow that this
  could be seen, it is computed again from differences.
"""

import torch
from torch import Tensor

CACHE_BYTES = 2 * 2**20  # one piece of products on the CPU
DEVICE_BYTES = 256 * 2**20  # on an accelerator, which wants few large steps
ROWS = 8  # of a matrix of products at a time
FEW = 0.35  # share of the points below which gathering them is cheaper
NARROW = 1e-6  # variance over second moment; below it about ten digits remain


def pieces(points: Tensor, bytes_per_point: int) -> list[slice]:
    """Slices of the n points (width, n) whose working memory fits."""
    room = CACHE_BYTES if points.device.type == "cpu" else DEVICE_BYTES
    size = max(room // bytes_per_point, 64)
    return [slice(start, start + size) for start in range(0, points.shape[1], size)]


def scatter_matrices(
    points: Tensor, responsibilities: Tensor, counts: Tensor, means: Tensor
) -> Tensor:
    """Covariances 1/N_k sum_n r_nk (x_n - mu_k)(x_n - mu_k)^T.

    Args:
        points: (width, n), with their mean near 0.
        responsibilities: (components, n).
        counts: N_k (components,), their sums.
        means: mu_k (components, width), their weighted means.

    Returns:
        (components, width, width), symmetric.
    """
    least = (1e-18 / points.shape[1]) * counts
    needed = (responsibilities > least[:, None]).sum(1)
    dense = needed > FEW * points.shape[1]
    scatter = points.new_empty(*means.shape, means.shape[1])
    if dense.any():
        raw = _second_moments(points, responsibilities[dense]) / counts[dense, None, None]
        around = raw - means[dense, :, None] * means[dense, None, :]
        scatter[dense] = around
        variances, squares = around.diagonal(0, 1, 2), raw.diagonal(0, 1, 2)
        narrow = (variances < NARROW * squares).any(1)
        dense[dense.clone()] = ~narrow
    if not dense.all():
        by_row = points.T.contiguous()  # whole points are gathered faster than columns
    for k in (~dense).nonzero()[:, 0].tolist():
        rows = (responsibilities[k] > least[k]).nonzero()[:, 0]
        weights = responsibilities[k, rows].sqrt_().unsqueeze(1)
        weighted = by_row.index_select(0, rows).sub_(means[k]).mul_(weights)
        scatter[k] = weighted.T @ weighted / counts[k]
    return scatter


def _second_moments(points: Tensor, responsibilities: Tensor) -> Tensor:
    """Sums r_nk x_n x_n^T (components, width, width)."""
    width, components = points.shape[0], len(responsibilities)
    starts = range(0, width, ROWS)
    sums = [points.new_zeros(components, len(points[i : i + ROWS]) * (width - i)) for i in starts]
    for piece in pieces(points, 8 * ROWS * width):
        x, share = points[:, piece], responsibilities[:, piece]
        for i, part in zip(starts, sums, strict=True):
            products = x[i : i + ROWS, None] * x[None, i:]  # x_i x_j for j from the block on
            part.addmm_(share, products.flatten(0, 1).T)
    full = points.new_zeros(components, width, width)
    for i, part in zip(starts, sums, strict=True):
        full[:, i : i + ROWS, i:] = part.view(components, -1, width - i)
    return full.triu() + full.triu(1).mT


def whitened_distances(points: Tensor, means: Tensor, whiteners: Tensor) -> Tensor:
    """Squared Mahalanobis distances |(x_n - mu_k) U_k|^2.

    U_k is upper triangular, so the first columns of (x - mu) U need the first columns of x alone:
    taken in blocks that saves nearly half of the work.

    Args:
        points: (width, n).
        means: mu_k (components, width).
        whiteners: U_k (components, width, width), upper triangular.

    Returns:
        (components, n).
    """
    components, width = means.shape
    block = max(8, -(-width // 8))
    shift = -torch.bmm(means.unsqueeze(1), whiteners).squeeze(1)
    blocks = []
    for start in range(0, width, block):
        end = min(start + block, width)
        columns = whiteners[:, :end, start:end].mT.reshape(-1, end)
        blocks.append((end, columns, shift[:, start:end].reshape(-1, 1)))
    distances = points.new_zeros(components, points.shape[1])
    for piece in pieces(points, 8 * components * block):
        x = points[:, piece]
        for end, columns, offset in blocks:
            white = torch.addmm(offset, columns, x[:end])
            distances[:, piece] += white.square_().view(components, -1, x.shape[1]).sum(1)
    return distances


def scaled_distances(points: Tensor, means: Tensor, precisions: Tensor) -> Tensor:
    """Squared distances sum_d p_kd (x_dn - mu_kd)^2 for diagonal precisions.

    Args:
        points: (width, n), with their mean near 0.
        means: mu_k (components, width).
        precisions: p_k (components, width).

    Returns:
        (components, n).
    """
    weighted = means * precisions
    distances = torch.addmm(
        (weighted * means).sum(1, keepdim=True), precisions, points.square()
    ).addmm_(weighted, points, alpha=-2.0)
    distances.clamp_(min=0.0)
    # the terms that cancel are up to p x^2: beyond 1e6 fewer than about ten decimals remain
    reach = points.abs().amax(1).square()
    for k in ((precisions * reach).amax(1) > 1.0 / NARROW).nonzero()[:, 0].tolist():
        torch.mv((points - means[k, :, None]).square_().T, precisions[k], out=distances[k])
    return distances


def scaled_variances(
    points: Tensor, responsibilities: Tensor, counts: Tensor, means: Tensor
) -> Tensor:
    """Variances 1/N_k sum_n r_nk (x_dn - mu_kd)^2; (components, width)."""
    raw = responsibilities @ points.square().T / counts[:, None]
    variances = raw - means.square()
    for k in (variances < NARROW * raw).any(1).nonzero()[:, 0].tolist():
        differences = (points - means[k, :, None]).square_()
        variances[k] = torch.mv(differences, responsibilities[k]) / counts[k]
    return variances
