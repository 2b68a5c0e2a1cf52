"""Chains by hand: order, densities, KL, means, temperature, masks; Burda's two layers; messages."""

import math

import pytest
import torch
from torch import Tensor
from torch.distributions import Independent, MultivariateNormal, Normal, kl_divergence

from tts_vae.latents import BottomUpLatent, GaussianLatent, HierarchicalLatent, Latent

CHAINS = [
    HierarchicalLatent(5, 4, [1, 3], hidden=6),
    HierarchicalLatent(5, 4, 4, hidden=6),
    BottomUpLatent(5, 4, [3, 1], [[6], [5, 5]]),
    BottomUpLatent(5, 4, 4),
]
every_chain = pytest.mark.parametrize("latent", CHAINS, ids=range(len(CHAINS)))


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def normal_of(head: torch.nn.Module, x: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and scale of a linear head whose scale is exp(6 tanh(raw / 6)), written out."""
    raw = x @ head.raw_log_scale.weight.T + head.raw_log_scale.bias  # type: ignore[union-attr]
    mean = x @ head.mean.weight.T + head.mean.bias  # type: ignore[union-attr]
    return mean, torch.exp(6 * torch.tanh(raw / 6))


def test_two_layers_by_hand() -> None:
    """q(z_1 | x) q(z_2 | z_1) and p(z_2) p(z_1 | z_2), each from its own weights."""
    latent = BottomUpLatent(5, 3, [2, 1], [[4], [4]]).double()
    x, z = torch.randn(7, 5).double(), torch.randn(9, 7, 3).double()
    first, second = latent.posterior_network
    (link,) = latent.prior_network.links

    def score(head: torch.nn.Module, given: Tensor, value: Tensor) -> Tensor:
        tanh = torch.tanh(given @ head.body[0].weight.T + head.body[0].bias)  # type: ignore[index]
        return Normal(*normal_of(head, tanh)).log_prob(value).sum(-1)

    output = latent(x, value=z)
    log_q = score(first, x, z[..., :2]) + score(second, z[..., :2], z[..., 2:])
    standard = Normal(torch.zeros(()).double(), torch.ones(()).double())
    log_p = standard.log_prob(z[..., 2]) + score(link, z[..., 2:], z[..., :2])
    torch.testing.assert_close(output.log_q, log_q)
    torch.testing.assert_close(output.log_p, log_p)
    torch.testing.assert_close(output.kl, (log_q - log_p).mean(0))
    assert latent.decoded_width == 2


def test_burda_has_the_published_layers() -> None:
    """100 and 50 units; 200-200 below the first, 100-100 between them, tanh, in both directions."""
    latent = BottomUpLatent(784, 150, [100, 50], [[200, 200], [100, 100]])
    assert latent.decoded_width == 100
    first, second = latent.posterior_network
    (link,) = latent.prior_network.links
    sizes = {
        name: [tuple(m.weight.shape[::-1]) for m in part.body if hasattr(m, "weight")]
        for name, part in {"first": first, "second": second, "link": link}.items()
    }
    assert sizes == {
        "first": [(784, 200), (200, 200)],
        "second": [(100, 100), (100, 100)],
        "link": [(50, 100), (100, 100)],
    }
    assert (first.mean.out_features, second.mean.out_features, link.mean.out_features) == (
        100,
        50,
        100,
    )
    for part in (first, second, link):
        kinds = [type(module).__name__ for module in part.body]
        assert kinds == ["Linear", "Tanh"] * 2
        bound = math.sqrt(6 / sum(part.body[0].weight.shape))  # Glorot & Bengio 2010
        assert 0.9 * bound < part.body[0].weight.abs().max() <= bound
        assert not part.body[0].bias.any() and not part.mean.bias.any()
    drawn = latent(torch.randn(3, 784)).z
    assert drawn.shape == (3, 150)


def test_unequal_hidden_layers_are_reversed_on_the_way_down() -> None:
    latent = BottomUpLatent(5, 3, 3, [[], [7, 8], [9]])
    lower, upper = latent.prior_network.links
    assert [m.out_features for m in lower.body if hasattr(m, "weight")] == [8, 7]
    assert [m.out_features for m in upper.body if hasattr(m, "weight")] == [9]


def test_saying_nothing_costs_nothing() -> None:
    """NVAE's residual: with d_mu = 0 and d_sigma = 1 the posterior is the prior, wherever it is."""
    latent = HierarchicalLatent(5, 4, 2, hidden=6)
    with torch.no_grad():
        for parameter in latent.parameters():
            parameter.add_(0.5 * torch.randn_like(parameter))
        for head in latent.network.posteriors:
            for layer in (head.mean, head.raw_log_scale):
                layer.weight.zero_()
                layer.bias.zero_()
    output = latent(torch.randn(8, 5), sample_shape=(3,))
    torch.testing.assert_close(output.kl, torch.zeros(8))
    torch.testing.assert_close(output.log_q, output.log_p)
    prior = latent.prior((8,))
    assert prior.conditionals(output.z)[1].mean.std() > 0.1  # and it is not standard


def test_residual_posterior_moves_in_units_of_the_prior() -> None:
    latent = HierarchicalLatent(5, 4, 2, hidden=6)
    with torch.no_grad():
        for head in latent.network.posteriors:
            for layer in (head.mean, head.raw_log_scale):
                layer.weight.zero_()
            head.mean.bias.fill_(0.25)
            head.raw_log_scale.bias.fill_(6 * math.atanh(math.log(0.5) / 6))  # half as wide
    z = torch.randn(8, 4)
    q, p = latent.posterior(torch.randn(8, 5)), latent.prior((8,))
    for ours, prior in zip(q.conditionals(z), p.conditionals(z), strict=True):
        torch.testing.assert_close(ours.mean, prior.mean + 0.25)
        torch.testing.assert_close(ours.stddev, 0.5 * prior.stddev)


def test_kl_of_groups_is_analytic_and_is_that_of_each_dimension() -> None:
    latent = HierarchicalLatent(5, 4, [1, 3], hidden=6).double()
    x = torch.randn(6, 5).double()
    output = latent(x, sample_shape=(20,))
    q, p = output.posterior, output.prior
    assert q is not None and p is not None and output.kl_per_dim is not None
    pairs = zip(q.conditionals(output.z), p.conditionals(output.z), strict=True)  # type: ignore[attr-defined]
    each = [kl_divergence(Independent(a, 1), Independent(b, 1)) for a, b in pairs]
    torch.testing.assert_close(output.kl, sum(kl.expand(20, 6).mean(0) for kl in each))
    torch.testing.assert_close(output.kl_per_dim.sum(-1), output.kl)
    assert output.kl_per_dim.shape == (6, 4)


def test_one_group_is_the_gaussian_latent() -> None:
    """A chain of one link equals GaussianLatent with the same weights, in all its terms."""
    chain, plain = BottomUpLatent(5, 3, 1), GaussianLatent(5, 3)
    with torch.no_grad():
        for name in ("mean", "raw_log_scale"):
            for part in ("weight", "bias"):
                source = chain.get_parameter(f"posterior_network.0.{name}.{part}")
                plain.get_parameter(f"posterior_head.{name}.{part}").copy_(source)
    x = torch.randn(6, 4, 5)
    mask = torch.arange(4) < torch.tensor([4, 1, 2, 3, 4, 2]).unsqueeze(-1)
    first = chain(x, mask=mask, sample_shape=(2,), generator=generator())
    second = plain(x, mask=mask, sample_shape=(2,), generator=generator())
    for name in ("z", "log_q", "log_p"):
        torch.testing.assert_close(getattr(first, name), getattr(second, name))


@every_chain
def test_density_is_that_of_the_noise(latent: Latent) -> None:
    """By change of variables, log q(z) = log N(eps; 0, I) - log |det dz / deps|."""
    chain = latent.double().posterior(torch.randn(1, 5).double())
    noise = torch.randn(1, 4).double()
    jacobian = torch.autograd.functional.jacobian(chain.from_noise, noise).reshape(4, 4)
    expected = Normal(0.0, 1.0).log_prob(noise).sum(-1) - torch.linalg.slogdet(jacobian).logabsdet
    torch.testing.assert_close(chain.log_prob(chain.from_noise(noise)), expected)
    latent.float()


def test_mean_of_a_linear_chain_is_its_mean() -> None:
    latent = BottomUpLatent(5, 4, 4)
    with torch.no_grad():
        for name, parameter in latent.named_parameters():
            if name.endswith("raw_log_scale.weight"):
                parameter.zero_()
    posterior = latent.posterior(torch.randn(3, 5))
    drawn = posterior.rsample((40_000,), generator=generator())
    torch.testing.assert_close(posterior.mean, drawn.mean(0), atol=0.05, rtol=0)
    covariance = torch.cov(drawn[:, 0].T)
    gaussian = MultivariateNormal(posterior.mean[0], covariance)
    scored = posterior.log_prob(drawn[:50])[:, 0]
    torch.testing.assert_close(gaussian.log_prob(drawn[:50, 0]), scored, atol=0.15, rtol=0)


@every_chain
def test_density_of_a_draw_is_that_of_the_same_numbers(latent: Latent) -> None:
    """A draw's conditionals are kept; asked anew for equal numbers the answer is the same."""
    posterior = latent.posterior(torch.randn(3, 2, 5))
    z = posterior.rsample((6,))
    torch.testing.assert_close(posterior.log_prob(z), posterior.log_prob(z.clone()))
    moved = posterior.log_prob(z + 1.0)
    assert not torch.allclose(moved, posterior.log_prob(z))


@every_chain
def test_density_keeps_its_gradient_after_a_look_without(latent: Latent) -> None:
    posterior = latent.posterior(torch.randn(3, 5))
    with torch.no_grad():
        z = posterior.rsample()
        posterior.log_prob(z)
    posterior.log_prob(z).sum().backward()
    reached = [p.grad is not None and p.grad.any() for p in latent.parameters()]
    latent.zero_grad()
    assert any(reached)


@every_chain
def test_every_parameter_learns(latent: Latent) -> None:
    output = latent(torch.randn(8, 3, 5), sample_shape=(2,))
    (output.kl.sum() + output.z.square().sum()).backward()
    dead = [n for n, p in latent.named_parameters() if p.grad is None or not p.grad.any()]
    latent.zero_grad()
    assert not dead


@every_chain
def test_detached_keeps_the_gradient_of_z_alone(latent: Latent) -> None:
    """What DReG needs: through z_1 into q(z_2 | z_1), but into no parameter and no feature."""
    x = torch.randn(3, 5, requires_grad=True)
    posterior = latent.posterior(x)
    z = torch.randn(3, 4, requires_grad=True)
    score = posterior.detached().log_prob(z)
    torch.testing.assert_close(score, posterior.log_prob(z))
    score.sum().backward()
    assert x.grad is None and all(p.grad is None for p in latent.parameters())
    (expected,) = torch.autograd.grad(posterior.log_prob(z.clone()).sum(), z, allow_unused=True)
    whole = z.detach().clone().requires_grad_()
    (expected,) = torch.autograd.grad(posterior.log_prob(whole).sum(), whole)
    torch.testing.assert_close(z.grad, expected)


@every_chain
def test_sample_is_the_prior(latent: Latent) -> None:
    drawn = latent.sample((4000,), generator=generator())
    assert drawn.shape == (4000, 4) and latent.sample((2, 3)).shape == (2, 3, 4)
    prior = latent.prior((4000,))
    torch.testing.assert_close(drawn, prior.rsample(generator=generator()))  # type: ignore[union-attr]
    noise = torch.randn(4000, 4, generator=generator())
    half = latent.sample((4000,), temperature=0.5, generator=generator())
    torch.testing.assert_close(half, prior.from_noise(0.5 * noise))  # type: ignore[union-attr]
    still = latent.sample((5,), temperature=0.0)
    torch.testing.assert_close(still, latent.prior((5,)).mean)
    with pytest.raises(ValueError, match="temperature must be finite and at least 0, got -1"):
        latent.sample((2,), temperature=-1.0)


def test_context_reaches_every_group_of_prior_and_posterior() -> None:
    latent = HierarchicalLatent(5, 4, 2, hidden=6, context_width=3)
    x = torch.randn(1, 5).expand(2, 5)
    value = torch.randn(4)
    context = torch.randn(2, 3, requires_grad=True)
    output = latent(x, context=context, value=value)
    for chain in (output.posterior, output.prior):
        assert chain is not None
        for normal in chain.conditionals(output.z):  # type: ignore[attr-defined]
            assert (normal.mean[0] != normal.mean[1]).all()
    output.kl.sum().backward()
    assert context.grad is not None and context.grad.all()
    assert latent.sample((6,), context=torch.randn(2, 7, 3)).shape == (6, 2, 7, 4)
    layers = BottomUpLatent(5, 4, 2, context_width=3)
    prior = layers(x, context=context, value=value).prior
    assert prior is not None
    below, top = prior.conditionals(value.expand(2, 4))  # type: ignore[attr-defined]
    assert (top.mean[0] != top.mean[1]).all() and torch.equal(below.mean[0], below.mean[1])


def test_messages() -> None:
    with pytest.raises(ValueError, match="groups must divide width, got 3 groups for width 4"):
        HierarchicalLatent(5, 4, 3)
    with pytest.raises(ValueError, match=r"sum up to width 4, got \(1, 2\)"):
        HierarchicalLatent(5, 4, [1, 2])
    with pytest.raises(ValueError, match="hidden must be at least 1"):
        HierarchicalLatent(5, 4, 2, hidden=0)
    with pytest.raises(ValueError, match="each of the 2 stochastic layers"):
        BottomUpLatent(5, 4, 2, [[3]])
    with pytest.raises(ValueError, match="widths must be at least 1"):
        BottomUpLatent(5, 4, 2, [[0], []])
    for latent in (HierarchicalLatent(5, 4), BottomUpLatent(5, 4)):
        with pytest.raises(ValueError, match="no prior on a parent site but got a context"):
            latent(torch.randn(2, 5), context=torch.randn(2, 3))
    linked = HierarchicalLatent(5, 4, context_width=3)
    with pytest.raises(ValueError, match=r"pass context=\(batch, 3\)"):
        linked(torch.randn(2, 5))
    with pytest.raises(ValueError, match="fold draws into the batch"):
        linked(torch.randn(2, 5), context=torch.randn(6, 2, 3), sample_shape=(6,))
    with pytest.raises(ValueError, match="expected chains, got Independent"):
        linked.divergence(*[GaussianLatent(5, 4).prior((2,))] * 2, torch.zeros(2, 4))
