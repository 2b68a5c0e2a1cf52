"""The importance-weighted bound over every reparameterised latent, without touching it.

L_k = E[log 1/k sum_i w_i], w_i = p(x, z_i) / q(z_i | x) (Burda et al. 2016, arXiv 1509.00519,
eq. 8). The bound itself is returned, logsumexp - log k, and autograd forms the normalised weights.
"""

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from tts_vae.latents.contract import LatentOutput
from tts_vae.objectives.contract import (
    Objective,
    ObjectiveOutput,
    as_schedule,
    common_terms,
    mean_over_samples,
    weighted_penalties,
)


def log_weights(log_likelihood: Tensor, sites: Mapping[str, LatentOutput]) -> Tensor:
    """Return log p(x, z) - log q(z | x) of every draw, (*samples, batch)."""
    total = log_likelihood
    for output in sites.values():
        total = total + output.log_p - output.log_q
    return total


def importance_bound(*chunks: Tensor) -> Tensor:
    """Return L_k per example.

    Args:
        chunks: log weights (*samples, batch), nats; all draws of all chunks count as one k, so a
            large k can be evaluated a few draws at a time.

    Returns:
        (batch,).

    Raises:
        ValueError: if no chunk is given.
    """
    if not chunks:
        raise ValueError("importance_bound needs at least one chunk of log weights, got none")
    draws = torch.cat([chunk.reshape(-1, chunk.shape[-1]) for chunk in chunks])
    return torch.logsumexp(draws, 0) - math.log(len(draws))


class ImportanceWeighted(Objective):
    """Minus the mean importance-weighted bound; k is the number of draws of ``log_likelihood``.

    Args:
        penalties: name -> weight of the extras that latents emit.

    Raises:
        ValueError: on negative weights.
    """

    def __init__(self, penalties: Mapping[str, float] | None = None) -> None:
        super().__init__()
        self.penalties = dict(penalties or {})
        for name, weight in self.penalties.items():
            as_schedule(f"penalties[{name!r}]", weight)

    def forward(
        self, log_likelihood: Tensor, sites: Mapping[str, LatentOutput], step: int
    ) -> ObjectiveOutput:
        """Return the loss and its terms with "bound" added; see :class:`Objective`."""
        reconstruction = mean_over_samples(log_likelihood)
        bound = importance_bound(log_weights(log_likelihood, sites))
        penalty, penalty_terms = weighted_penalties(self.penalties, sites)
        loss = (penalty - bound).mean()
        terms = common_terms(loss, reconstruction, {k: v.kl for k, v in sites.items()})
        return ObjectiveOutput(loss, terms | {"bound": bound.mean().detach()} | penalty_terms)
