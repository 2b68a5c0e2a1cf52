"""Closed-form divergences and log-densities, in nats. Pure functions; broadcast over leading axes.

Every scale argument is a standard deviation. Formulas: Kingma & Welling 2014, appendix B;
Bishop 2006, eqs 1.113, 9.23; Jiang et al. 2017 (VaDE), eq. 9; Hsu et al. 2019, appendix A.
"""

import math
from typing import TypeGuard

import torch
from torch import Tensor
from torch.distributions import Distribution, Independent, MultivariateNormal, Normal, register_kl

LOG_TWO_PI = math.log(2 * math.pi)


def gaussian_kl_per_dim(mean_q: Tensor, scale_q: Tensor, mean_p: Tensor, scale_p: Tensor) -> Tensor:
    """KL(N(mean_q, scale_q^2) || N(mean_p, scale_p^2)) of each dimension.

    Args:
        mean_q: (..., width).
        scale_q: (..., width) standard deviations.
        mean_p: (..., width).
        scale_p: (..., width) standard deviations.

    Returns:
        (..., width): log s_p/s_q + (s_q^2 + (m_q - m_p)^2) / 2 s_p^2 - 1/2.
    """
    ratio = scale_q / scale_p
    distance = (mean_q - mean_p) / scale_p
    return 0.5 * (ratio.square() + distance.square() - 1.0) - torch.log(ratio)


def is_diagonal(distribution: Distribution) -> TypeGuard["Independent[Normal]"]:
    """Whether this is a Gaussian of independent dimensions that stands alone."""
    return isinstance(distribution, Independent) and type(distribution.base_dist) is Normal


def cholesky_diagonal_kl(
    mean_q: Tensor, scale_tril_q: Tensor, mean_p: Tensor, scale_p: Tensor
) -> Tensor:
    """KL(N(mean_q, L L^T) || N(mean_p, diag scale_p^2)).

    Args:
        mean_q: (..., width).
        scale_tril_q: (..., width, width) lower Cholesky factor L with a positive diagonal.
        mean_p: (..., width).
        scale_p: (..., width) standard deviations.

    Returns:
        (...): half of trace(S^-1 L L^T) + (m_q - m_p)^T S^-1 (m_q - m_p) - width + log|S|/|L L^T|.
    """
    variance_q = scale_tril_q.square().sum(-1)  # diagonal of L L^T
    distance = (mean_q - mean_p).square()
    log_ratio = torch.log(scale_p) - torch.log(scale_tril_q.diagonal(dim1=-2, dim2=-1))
    return (0.5 * ((variance_q + distance) / scale_p.square() - 1.0) + log_ratio).sum(-1)


def mixture_joint_log_prob(z: Tensor, means: Tensor, scales: Tensor, log_weights: Tensor) -> Tensor:
    """Return log p(c) + log p(z | c) of every component of a diagonal Gaussian mixture.

    Args:
        z: (..., width).
        means: (components, width).
        scales: (components, width) standard deviations.
        log_weights: (components,), normalised.

    Returns:
        (..., components). The weight enters once per component, not once per dimension.
    """
    standard = (z.unsqueeze(-2) - means) / scales
    log_density = -0.5 * (standard.square() + LOG_TWO_PI) - torch.log(scales)
    return log_weights + log_density.sum(-1)


def log_responsibilities(z: Tensor, means: Tensor, scales: Tensor, log_weights: Tensor) -> Tensor:
    """Return log p(c | z), (..., components), arguments as in :func:`mixture_joint_log_prob`."""
    return torch.log_softmax(mixture_joint_log_prob(z, means, scales, log_weights), dim=-1)


def mixture_kl_per_dim(
    mean_q: Tensor, scale_q: Tensor, means: Tensor, scales: Tensor, responsibilities: Tensor
) -> Tensor:
    """sum_c q(c | x) KL(q(z | x) || p(z | c)) of each dimension (Hsu et al. 2019, KL_z).

    Args:
        mean_q: (..., width).
        scale_q: (..., width) standard deviations.
        means: (components, width).
        scales: (components, width) standard deviations.
        responsibilities: (..., components), q(c | x).

    Returns:
        (..., width).
    """
    each = gaussian_kl_per_dim(mean_q.unsqueeze(-2), scale_q.unsqueeze(-2), means, scales)
    return (responsibilities.unsqueeze(-1) * each).sum(-2)


def categorical_kl(log_q: Tensor, log_p: Tensor) -> Tensor:
    """KL(q || p) of two categorical distributions, reduced over the last axis.

    Args:
        log_q: (..., categories) normalised and finite, as log_softmax gives.
        log_p: (..., categories) normalised and finite.

    Returns:
        (...): against a uniform p this is log K + sum_k q_k log q_k.
    """
    return (log_q.exp() * (log_q - log_p)).sum(-1)


@register_kl(MultivariateNormal, Independent)
def _kl_cholesky_independent(q: MultivariateNormal, p: "Independent[Normal]") -> Tensor:
    """Full-covariance posterior against a diagonal prior; the pair that torch leaves out."""
    if not isinstance(p.base_dist, Normal) or p.reinterpreted_batch_ndims != 1:
        raise NotImplementedError("only Independent(Normal, 1) is covered")
    return cholesky_diagonal_kl(q.loc, q.scale_tril, p.base_dist.loc, p.base_dist.scale)
