"""The importance-weighted bound over every reparameterised latent, without touching it.

L_k = E[log 1/k sum_i w_i], w_i = p(x, z_i) / q(z_i | x) (Burda et al. 2016, arXiv 1509.00519,
eq. 8). The bound itself is returned, logsumexp - log k, and autograd forms the normalised weights.

The standard gradient of the encoder grows noisier with k; the doubly reparameterised one (Tucker et
al. 2019, arXiv 1810.04152, eq. 8) has the same expectation, and vanishes where q is the posterior.
"""

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Literal, Protocol

import torch
from torch import Tensor

from tts_vae.latents.contract import LatentOutput
from tts_vae.latents.sampling import detached, masked_sum
from tts_vae.objectives.contract import (
    Objective,
    ObjectiveOutput,
    SiteWeights,
    Weight,
    as_schedule,
    common_terms,
    mean_over_samples,
    weighted_penalties,
)

Gradient = Literal["standard", "doubly_reparameterized"]


class Scored(Protocol):
    """What a forward pass of a model returns, as far as a bound is concerned."""

    @property
    def log_likelihood(self) -> Tensor: ...  # noqa: D102

    @property
    def sites(self) -> Mapping[str, LatentOutput]: ...  # noqa: D102


def log_weights(log_likelihood: Tensor, sites: Mapping[str, LatentOutput]) -> Tensor:
    """Return log p(x, z) - log q(z | x) of every draw, (*samples, batch)."""
    total = log_likelihood
    for output in sites.values():
        total = total + output.log_p - output.log_q
    return total


def importance_bound(*chunks: Tensor) -> Tensor:
    """Return L_k per example.

    Args:
        chunks: log weights (*samples, batch), nats; all draws of all chunks count as one k.

    Returns:
        (batch,).

    Raises:
        ValueError: if no chunk, or no draw, is given.
    """
    if not chunks:
        raise ValueError("importance_bound needs at least one chunk of log weights, got none")
    draws = torch.cat([chunk.reshape(-1, chunk.shape[-1]) for chunk in chunks])
    if not len(draws):
        raise ValueError("importance_bound needs k >= 1 draws, got 0; use sample_shape=(k,)")
    return torch.logsumexp(draws, 0) - math.log(len(draws))


@torch.no_grad()
def evaluate_bound(forward: Callable[[int], Scored], k: int, chunk: int = 100) -> Tensor:
    """Return L_k per example, drawing and holding no more than ``chunk`` draws at once.

    Args:
        forward: number of draws -> outcome with log_likelihood (draws, batch), for instance
            ``lambda draws: model(batch, sample_shape=(draws,))``.
        k: number of draws, e.g. 5000.
        chunk: draws of one pass.

    Returns:
        (batch,) float64.

    Raises:
        ValueError: if k or chunk is below 1, or ``forward`` gives another number of draws.
    """
    if k < 1 or chunk < 1:
        raise ValueError(f"k and chunk must be at least 1, got {k} and {chunk}; L_1 is the ELBO")
    total: Tensor | None = None
    for start in range(0, k, chunk):
        draws = min(chunk, k - start)
        scored = forward(draws)
        weights = log_weights(scored.log_likelihood, scored.sites).double()
        if weights.ndim != 2 or len(weights) != draws:
            raise ValueError(
                f"forward({draws}) must give log weights ({draws}, batch), got "
                f"{tuple(weights.shape)}; pass sample_shape=(draws,) to the model"
            )
        part = torch.logsumexp(weights, 0)
        total = part if total is None else torch.logaddexp(total, part)
    assert total is not None
    return total - math.log(k)


class ImportanceWeighted(Objective):
    """Minus the mean importance-weighted bound; k is the number of draws of ``log_likelihood``.

    Args:
        penalties: name -> weight of the extras that latents emit.
        gradient: "standard" is autograd's; "doubly_reparameterized" (DReG) replaces that of the
            posteriors. The decoder's and the priors' is the standard one in both cases.
        beta: weight of log p(z) - log q(z | x) inside log w, number or schedule, for all sites or
            per site (not named: 1), to open a latent slowly. The loss is a bound where it is 1.

    Raises:
        ValueError: on negative weights or an unknown gradient.
    """

    def __init__(
        self,
        penalties: Mapping[str, float] | None = None,
        gradient: Gradient = "standard",
        beta: Mapping[str, Weight] | Weight = 1.0,
    ) -> None:
        super().__init__()
        if gradient not in ("standard", "doubly_reparameterized"):
            raise ValueError(
                f'gradient must be "standard" or "doubly_reparameterized", got {gradient!r}'
            )
        self.gradient = gradient
        self.beta = SiteWeights("beta", beta, default=1.0)
        self.penalties = dict(penalties or {})
        for name, weight in self.penalties.items():
            as_schedule(f"penalties[{name!r}]", weight)

    def forward(
        self, log_likelihood: Tensor, sites: Mapping[str, LatentOutput], step: int
    ) -> ObjectiveOutput:
        """Return the loss and its terms with "bound" (all beta at 1); see :class:`Objective`.

        Raises:
            ValueError: if an option names a site or penalty that does not exist, or a site has no
                doubly reparameterised gradient.
        """
        reconstruction = mean_over_samples(log_likelihood)
        self.beta.check(sites)
        betas = {name: self.beta(name, step) for name in sites}
        doubly = self.gradient == "doubly_reparameterized"
        weights = log_likelihood
        for name, output in sites.items():
            log_q = detached_log_q(name, output) if doubly else output.log_q
            weights = weights + betas[name] * (output.log_p - log_q)
        if doubly:
            for name, output in sites.items():
                reweigh_gradient(name, output, weights, betas[name])
        penalty, penalties = weighted_penalties(self.penalties, sites)
        loss = (penalty - importance_bound(weights)).mean()
        kls = {name: output.kl for name, output in sites.items()}

        def report() -> dict[str, Tensor]:
            bound = importance_bound(log_weights(log_likelihood, sites)).mean()
            return common_terms(loss, reconstruction, kls, betas, penalties) | {"bound": bound}

        return ObjectiveOutput(loss, report)


def detached_log_q(name: str, output: LatentOutput) -> Tensor:
    """Return log q(z | x), (*samples, batch), whose gradient reaches z but not the posterior.

    Args:
        name: of the site, for messages.
        output: of the site.

    Raises:
        ValueError: if the site's posterior is not reparameterised, or depends on a parent's draw.
    """
    if output.posterior is None or not output.z.requires_grad:  # a plain code, or a clamped site
        return output.log_q
    if output.context is not None and output.context.requires_grad:
        raise ValueError(
            f"site {name!r} has parents, and its posterior may depend on their draws, which the "
            "doubly reparameterised gradient would have to follow; use gradient=standard, or put "
            "both sites into one HierarchicalLatent"
        )
    try:
        posterior = detached(output.posterior)
    except ValueError as error:
        raise ValueError(f"site {name!r}: {error}; use gradient=standard") from error
    steps = len(posterior.batch_shape) - 1
    return masked_sum(posterior.log_prob(output.z), output.mask, steps)


def reweigh_gradient(name: str, output: LatentOutput, weights: Tensor, beta: float) -> None:
    """Multiply the gradient that reaches a drawn z, wherever it comes from, once more.

    Autograd gives sum_i v_i dlog w_i/dz_i dz_i/dphi with v the normalised weights, and leaves out
    the score term -beta sum_i v_i dlog q/dphi, whose expectation is that of
    -beta sum_i v_i (1 - v_i) dlog w_i/dz_i dz_i/dphi (Tucker et al. 2019, appendix 8.1). Together
    the factor beside v_i is 1 - beta (1 - v_i), which is v_i at beta = 1.

    Args:
        name: of the site, for messages.
        output: of the site; a hook is left on its z.
        weights: (*samples, batch) log weights as the loss forms them.
        beta: weight of the site's log ratio.

    Raises:
        ValueError: if z has not the sample dimensions of the weights.
    """
    if output.posterior is None or not output.z.requires_grad:
        return
    shape = weights.shape
    if output.z.shape[: len(shape)] != shape:
        raise ValueError(
            f"site {name!r} needs a draw for each of the log weights {tuple(shape)}, got z "
            f"{tuple(output.z.shape)}; give every site the same sample_shape"
        )
    shares = torch.softmax(weights.detach().reshape(-1, shape[-1]), 0).reshape(shape)
    factor = 1.0 - beta * (1.0 - shares)
    factor = factor.reshape(*shape, *(1,) * (output.z.ndim - len(shape)))
    output.z.register_hook(partial(torch.mul, factor))
