"""Laws 2, 4 and 9: bounds against an exact marginal, batch independence of losses, schedules."""

import math
from collections.abc import Callable, Mapping

import torch
from torch import Tensor
from torch.distributions import (
    Distribution,
    Independent,
    MixtureSameFamily,
    MultivariateNormal,
)

from tts_vae.latents import Latent, LatentOutput, RelaxedCategoricalLatent
from tts_vae.latents.chain import GaussianChain
from tts_vae.latents.outcome import known
from tts_vae.latents.relaxed_categorical import CodebookCategorical
from tts_vae.objectives import Elbo, Objective, Schedule, importance_bound, log_weights

from .latent_laws import same
from .table import FEATURES, WIDTH, Row, features

NOISE = 0.45
Bound = Callable[[Tensor], Tensor]


def loading() -> Tensor:
    """Decoder W (WIDTH, FEATURES) of the linear-Gaussian model x = z W + noise."""
    generator = torch.Generator().manual_seed(11)
    return torch.randn(WIDTH, FEATURES, dtype=torch.float64, generator=generator)


def linear_gaussian(x: Tensor, z: Tensor, read: int = WIDTH) -> Tensor:
    """log N(x; z W, NOISE^2 I), (*samples, batch), of the first ``read`` dimensions of z."""
    error = (x - z[..., :read] @ loading()[:read]) / NOISE
    return (-0.5 * error.square() - math.log(NOISE) - 0.5 * math.log(2 * math.pi)).sum(-1)


def exact_marginal(x: Tensor, latent: Latent, row: Row) -> Tensor:
    """log p(x) (batch,) of the linear-Gaussian model under the latent's prior.

    Probabilistic PCA, a mixture of them, or a linear chain in closed form; a sum over a codebook;
    any other prior by quadrature.
    """
    prior = latent.prior(x.shape[:1], **row.given())
    if isinstance(prior, CodebookCategorical):
        each = linear_gaussian(x, prior.codebook.unsqueeze(1))
        return torch.logsumexp(each + prior.log_weights.T, 0)
    if isinstance(prior, MixtureSameFamily):
        normals, log_weights_ = prior.component_distribution, prior.mixture_distribution.logits
    elif isinstance(prior, Independent):
        normals, log_weights_ = prior.expand([1, *x.shape[:1]]), torch.zeros(())
        normals = Independent(normals.base_dist.expand([1, *x.shape[:1], WIDTH]), 1)
        log_weights_ = torch.zeros(1, x.shape[0], dtype=x.dtype)
    elif row.linear:
        return linear_chain(x, prior, latent.decoded_width)
    else:
        return quadrature(x, prior, latent.decoded_width)
    w = loading()
    covariance = w.T @ torch.diag_embed(normals.base_dist.variance) @ w
    covariance = covariance + NOISE**2 * torch.eye(FEATURES, dtype=x.dtype)
    density = MultivariateNormal(normals.mean @ w, covariance)
    if isinstance(prior, MixtureSameFamily):
        return torch.logsumexp(density.log_prob(x.unsqueeze(1)) + log_weights_, -1)
    return torch.logsumexp(density.log_prob(x) + log_weights_, 0)


def linear_chain(x: Tensor, prior: GaussianChain, read: int) -> Tensor:
    """log p(x) (batch,) where z = mean + J eps, so that x ~ N(mean W, W^T J J^T W + NOISE^2 I)."""
    nothing = torch.zeros(*prior.batch_shape, WIDTH, dtype=x.dtype)
    mean = prior.from_noise(nothing)
    columns = [prior.from_noise(nothing + unit) - mean for unit in torch.eye(WIDTH, dtype=x.dtype)]
    reach = torch.stack(columns, -2)[..., :read] @ loading()[:read]
    covariance = reach.mT @ reach + NOISE**2 * torch.eye(FEATURES, dtype=x.dtype)
    return MultivariateNormal(mean[..., :read] @ loading()[:read], covariance).log_prob(x)


def quadrature(
    x: Tensor, prior: Distribution, read: int = WIDTH, reach: float = 12.0, step: float = 0.06
) -> Tensor:
    """log p(x) = log of the integral of p(x | z) p(z) over a grid of the plane, WIDTH being 2.

    The likelihood is a Gaussian in z with standard deviations above 3 steps, for which the sum over
    a grid is the integral to many more digits than a Monte-Carlo test can tell.
    """
    assert WIDTH == 2
    axis = torch.arange(-reach, reach, step, dtype=x.dtype)
    grid = torch.cartesian_prod(axis, axis).unsqueeze(1)
    each = [linear_gaussian(x, z, read) + prior.log_prob(z) for z in grid.split(20_000)]
    return torch.logsumexp(torch.cat(each), 0) + 2 * math.log(step)


def fit_posterior(latent: Latent, row: Row, steps: int = 120) -> None:
    """Fit the recognition parts alone to the fixed linear-Gaussian decoder, then widen them.

    A fit is narrower than the true posterior; three times as wide (or with a third of the logits)
    it covers the tails, and importance weights have a small variance.
    """
    objective = Elbo(estimate="sample")
    heads = {name: p for name, p in latent.named_parameters() if "posterior" in name}
    optimiser = torch.optim.Adam(heads.values(), lr=0.05)
    x = features()
    torch.manual_seed(12)
    for step in range(steps):
        output = latent(x, **row.given(), sample_shape=(8,))
        loss = objective(
            linear_gaussian(x, output.z, latent.decoded_width), {"z": output}, step
        ).loss
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    with torch.no_grad():
        for name, head in heads.items():
            if isinstance(latent, RelaxedCategoricalLatent):
                head.div_(3.0)
            elif name.endswith("raw_log_scale.bias"):
                head.add_(math.log(3.0))


@torch.no_grad()
def one_draw_is_the_elbo(latent: Latent, row: Row, bound: Bound = importance_bound) -> None:
    """Law 2: with k = 1 the importance bound is the single-sample ELBO, draw by draw."""
    x = features()
    for seed in range(3):
        torch.manual_seed(seed)
        output = latent(x, **row.given(), sample_shape=(1,))
        likelihood = linear_gaussian(x, output.z, latent.decoded_width)
        elbo = Elbo(estimate="sample")(likelihood, {"z": output}, 0).loss
        same(-bound(log_weights(likelihood, {"z": output})).mean(), elbo, "k = 1 is not the ELBO")


@torch.no_grad()
def bound_tightens(latent: Latent, row: Row, bound: Bound = importance_bound) -> None:
    """Law 2: ELBO <= L_1 <= L_4 <= L_32 <= exact marginal, and L_20000 reaches it.

    Args:
        latent: with a posterior fitted to the linear-Gaussian model.
        row: its row.
        bound: log weights (k, batch) -> bound (batch,).
    """
    x = features()
    exact = exact_marginal(x, latent, row)
    torch.manual_seed(13)
    output = latent(x, **row.given(), sample_shape=(20_000,))
    likelihood = linear_gaussian(x, output.z, latent.decoded_width)
    weights = log_weights(likelihood, {"z": output})
    relative = torch.exp(weights - torch.logsumexp(weights, 0)) * len(weights)
    last_error = 5 * relative.std(0) / math.sqrt(len(weights))
    previous = likelihood.mean(0) - output.kl
    error = 5 * (likelihood.std(0) + weights.std(0)) / math.sqrt(len(weights))
    for k in (1, 4, 32, len(weights)):
        groups = weights.unflatten(0, (-1, k)).transpose(0, 1)
        bounds = bound(groups.flatten(1)).reshape(-1, len(x))
        mean = bounds.mean(0)
        assert (mean >= previous - error).all(), f"L_{k} falls below the bound before it"
        noise = 5 * bounds.std(0) / math.sqrt(len(bounds)) if len(bounds) > 1 else last_error
        assert (mean <= exact + noise).all(), f"L_{k} above the marginal"
        previous = mean
    if (last_error > 0.1).any():  # no verdict: neither that the law holds nor that it is broken
        raise ArithmeticError(f"too noisy to judge: {last_error}")
    assert ((previous - exact).abs() < last_error).all(), f"L_{k} off by {previous - exact} nats"


def loss_ignores_batch_size(
    objective: Objective, likelihood: Tensor, sites: Mapping[str, LatentOutput]
) -> None:
    """Law 4: doubling the batch changes neither loss nor terms.

    Args:
        objective: under test.
        likelihood: (batch,) nats.
        sites: outcomes whose z has no sample dimension.
    """
    once = objective(likelihood, sites, 7)
    doubled = {name: _twice(output) for name, output in sites.items()}
    twice = objective(torch.cat([likelihood, likelihood]), doubled, 7)
    same(once.loss, twice.loss, "loss depends on the batch size")
    assert once.terms.keys() == twice.terms.keys()
    for name, value in once.terms.items():
        same(value, twice.terms[name], f"{name} depends on the batch size")


def _twice(output: LatentOutput) -> LatentOutput:
    def cat(tensor: Tensor) -> Tensor:
        return torch.cat([tensor, tensor])

    per_dim = output.kl_per_dim
    return LatentOutput(
        z=cat(output.z),
        posterior=output.posterior,
        prior=output.prior,
        densities=known(cat(output.log_q), cat(output.log_p)),
        kl=cat(output.kl),
        kl_per_dim=None if per_dim is None else cat(per_dim),
    )


def schedule_attains(
    schedule: Schedule, start_step: int, end_step: int, start: float, end: float
) -> None:
    """Law 9: exactly ``start`` until its step, exactly ``end`` from its step, monotone between."""
    assert schedule(0) == schedule(start_step) == start, f"starts at {schedule(start_step)}"
    for step in (end_step, end_step + 1, 10 * end_step):
        assert schedule(step) == end, f"attains {schedule(step)}, not {end}"
    sign = 1 if end >= start else -1
    values = [sign * schedule(step) for step in range(start_step, end_step + 1)]
    assert values == sorted(values), "not monotone"
    if end != start:
        assert values[0] < values[len(values) // 2] < values[-1], "does not move on its way"
        assert max(b - a for a, b in zip(values, values[1:], strict=False)) < 0.2 * abs(
            end - start
        ), "jumps"
