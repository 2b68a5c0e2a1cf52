"""Quality told from outside: what a model encodes and decodes is scored here, whoever made it.

Libraries count constants, averages and sums of their losses differently, and some return another
quantity than the bound. Nothing here calls a library's loss, or ours.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor

Encode = Callable[[Tensor], tuple[Tensor, Tensor]]
Decode = Callable[[Tensor], Tensor]


def bernoulli_log_likelihood(logits: Tensor, observations: Tensor) -> Tensor:
    """Return log p(x | z), (draws, n) nats, of binary x.

    Args:
        logits: (draws, n, width).
        observations: (n, width), 0 or 1.
    """
    signs = 2 * observations - 1
    return torch.nn.functional.logsigmoid(signs * logits).sum(-1)


@torch.no_grad()
def importance_bound(
    encode: Encode,
    decode: Decode,
    observations: Tensor,
    draws: int,
    chunk: int = 50,
    seed: int = 0,
    log_likelihood: Callable[[Tensor, Tensor], Tensor] = bernoulli_log_likelihood,
) -> Tensor:
    """Estimate log p(x) under the prior N(0, I): log 1/k sum_i p(x, z_i) / q(z_i | x).

    It is L_k of Burda et al. 2016 (arXiv 1509.00519, eq. 8), below log p(x) in expectation, and
    nearer the larger k.

    Args:
        encode: observations -> mean and standard deviation (n, latents) of q(z | x).
        decode: z (m, latents) -> (m, ...), e.g. logits of the pixels.
        observations: (n, ...).
        draws: k.
        chunk: draws at once.
        seed: of the draws: the same noise for every model of the same width.
        log_likelihood: decoded (draws, n, width) and observations (n, width) -> (draws, n) nats.

    Returns:
        (n,) float64 nats.

    Raises:
        ValueError: for fewer than one draw.
    """
    if draws < 1 or chunk < 1:
        raise ValueError(f"draws and chunk must be at least 1, got {draws} and {chunk}")
    mean, scale = encode(observations)
    flat = observations.flatten(1)
    generator = torch.Generator().manual_seed(seed)
    total = torch.full((len(flat),), -math.inf, dtype=torch.float64)
    for start in range(0, draws, chunk):
        now = min(chunk, draws - start)
        noise = torch.randn(now, *mean.shape, generator=generator, dtype=mean.dtype)
        z = mean + scale * noise
        # the constants log 2 pi of prior and posterior cancel
        log_ratio = (scale.log() + 0.5 * noise.square() - 0.5 * z.square()).double().sum(-1)
        decoded = decode(z.flatten(0, 1)).reshape(now, len(flat), -1)
        log_weights = log_likelihood(decoded, flat).double() + log_ratio
        total = torch.logaddexp(total, torch.logsumexp(log_weights, 0))
    return total - math.log(draws)


@torch.no_grad()
def mixture_log_density(
    weights: Tensor, means: Tensor, covariances: Tensor, points: Tensor
) -> Tensor:
    """Log-density (n,) of points under a mixture of Gaussians, float64 nats.

    Args:
        weights: (components,).
        means: (components, width).
        covariances: (components, width, width).
        points: (n, width).
    """
    parts = [
        torch.distributions.MultivariateNormal(mean.double(), covariance.double()).log_prob(
            points.double()
        )
        for mean, covariance in zip(means, covariances, strict=True)
    ]
    return torch.logsumexp(torch.stack(parts, -1) + weights.double().log(), -1)


def code_perplexity(codes: Tensor) -> float:
    """Return exp(entropy) of how often each code occurs; the mean over levels.

    Args:
        codes: (n, steps) or (n, steps, levels) int64.
    """
    levels = codes.flatten(0, -2) if codes.ndim == 3 else codes.reshape(-1, 1)
    found = []
    for level in levels.unbind(-1):
        shares = torch.bincount(level).double() / len(level)
        found.append(torch.special.entr(shares).sum().exp())
    return float(torch.stack(found).mean())
