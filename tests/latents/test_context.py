"""Priors on a parent site, and calls that make no sense: context, k = 0, nothing but padding."""

import math

import pytest
import torch
from torch.distributions import Independent, Normal, kl_divergence

from tts_vae.latents import (
    BottomUpLatent,
    DeterministicLatent,
    GaussianLatent,
    HierarchicalLatent,
    Latent,
    MixtureLatent,
    RelaxedCategoricalLatent,
)

LINKED = [
    GaussianLatent(5, 4, context_width=3),
    GaussianLatent(5, 4, "cholesky", context_width=3, context_hidden=[6, 6]),
    HierarchicalLatent(5, 4, context_width=3),
    BottomUpLatent(5, 4, context_width=3),
    RelaxedCategoricalLatent(5, 4, 7, context_width=3),
]
every_linked = pytest.mark.parametrize("latent", LINKED, ids=range(len(LINKED)))


def test_gaussian_given_its_parent_by_hand() -> None:
    """p(z | c) = N(W c + b, (e^-4 + softplus(V c + d))^2)."""
    latent = GaussianLatent(5, 4, context_width=3)
    x, context = torch.randn(2, 7, 5), torch.randn(2, 3)
    head = latent.context_prior
    mean = context @ head.mean.weight.T + head.mean.bias
    raw = context @ head.raw_log_scale.weight.T + head.raw_log_scale.bias
    scale = math.exp(-4) + torch.log1p(raw.exp())
    prior = Independent(Normal(mean.unsqueeze(1), scale.unsqueeze(1)), 1)
    output = latent(x, context=context, sample_shape=(3,))
    posterior = latent.posterior(x)
    torch.testing.assert_close(output.kl, kl_divergence(posterior, prior.expand((2, 7))).sum(1))
    torch.testing.assert_close(output.log_p, prior.log_prob(output.z).sum(-1))
    assert output.context is context


@every_linked
def test_utterance_context_is_that_of_every_step(latent: Latent) -> None:
    x, context = torch.randn(2, 7, 5), torch.randn(2, 3)
    whole = latent(x, context=context, mode="mean")
    spread = latent(x, context=context.unsqueeze(1).expand(2, 7, 3), mode="mean")
    torch.testing.assert_close(whole.kl, spread.kl)
    torch.testing.assert_close(whole.log_p, spread.log_p)
    by_step = latent(x, context=torch.randn(2, 7, 3), mode="mean")
    assert not torch.allclose(whole.log_p, by_step.log_p)


@pytest.mark.parametrize("latent", [LINKED[0], LINKED[3]])
def test_context_of_draws_averages_the_kl_over_them(latent: Latent) -> None:
    """One prior for each draw of the parent: log_p has them all, the KL is their mean."""
    x, context = torch.randn(2, 7, 5), torch.randn(9, 2, 1, 3)
    torch.manual_seed(1)
    output = latent(x, context=context, sample_shape=(9,))
    assert output.log_p.shape == (9, 2) and output.kl.shape == (2,)
    for draw in range(9):
        alone = latent(x, context=context[draw], value=output.z[draw])
        torch.testing.assert_close(alone.log_p, output.log_p[draw])
    if isinstance(latent, GaussianLatent):
        each = [latent(x, context=context[draw]).kl for draw in range(9)]
        torch.testing.assert_close(output.kl, torch.stack(each).mean(0))


@every_linked
def test_a_linked_prior_starts_near_the_standard_one_and_learns(latent: Latent) -> None:
    context = torch.randn(2, 3, requires_grad=True)
    output = latent(torch.randn(2, 5), context=context)
    assert output.prior is not None
    if not isinstance(latent, RelaxedCategoricalLatent):
        assert (output.prior.mean.abs() < 2).all()
    output.log_p.sum().backward()
    assert context.grad is not None and context.grad.any()
    latent.zero_grad()


@every_linked
def test_sample_needs_and_reads_the_context(latent: Latent) -> None:
    context = torch.randn(2, 7, 3)
    assert latent.sample((6,), context=context).shape == (6, 2, 7, 4)
    with pytest.raises(ValueError, match=r"pass context=\(batch, 3\)"):
        latent.sample((6,))


@every_linked
@pytest.mark.parametrize("shape", [(2, 4), (3, 3), (7, 3), (2, 6, 3), (3,), (9, 2, 3)])
def test_context_never_slides(latent: Latent, shape: tuple[int, ...]) -> None:
    """(draws, batch, width) is not (batch, steps, width): refused, with what to do."""
    message = r"context must be \(batch, 3\) or .* = \(2, 7\), got .*; check context_width"
    with pytest.raises(ValueError, match=message):
        latent(torch.randn(2, 7, 5), context=torch.randn(shape))


@every_linked
def test_linked_priors_have_no_classes(latent: Latent) -> None:
    with pytest.raises(ValueError, match="no conditional prior"):
        latent(torch.randn(2, 5), condition=torch.zeros(2).long(), context=torch.randn(2, 3))


def test_construction() -> None:
    with pytest.raises(ValueError, match="not both be set, got 2 and 3"):
        GaussianLatent(5, 4, condition_classes=2, context_width=3)
    for latent in (GaussianLatent(5, 4), MixtureLatent(5, 4), GaussianLatent(5, 4, "cholesky")):
        with pytest.raises(ValueError, match=r"remove it, or use GaussianLatent\(context_width"):
            latent(torch.randn(2, 5), context=torch.randn(2, 3))
        with pytest.raises(ValueError, match="no prior on a parent site"):
            latent.sample((2,), context=torch.randn(2, 3))


@pytest.mark.parametrize("latent", [*LINKED, DeterministicLatent(5, 4)], ids=range(6))
def test_no_draw_and_no_real_step_are_refused(latent: Latent) -> None:
    given = {} if isinstance(latent, DeterministicLatent) else {"context": torch.randn(2, 3)}
    with pytest.raises(ValueError, match=r"sizes of at least 1, got \(0,\); k draws are sample_sh"):
        latent(torch.randn(2, 5), sample_shape=(0,), **given)
    with pytest.raises(ValueError, match="no real step in the whole batch; .* invert the mask"):
        latent(torch.randn(2, 3, 5), mask=torch.zeros(2, 3, dtype=torch.bool), **given)
