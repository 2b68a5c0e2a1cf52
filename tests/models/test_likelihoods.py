import math

import pytest
import torch
from torch.distributions import Bernoulli, Laplace, Normal
from torch.nn.functional import binary_cross_entropy_with_logits

from tts_vae.models.likelihoods import (
    BernoulliLikelihood,
    DiscretizedLogisticLikelihood,
    GaussianLikelihood,
    LaplaceLikelihood,
)

ALL = [
    BernoulliLikelihood(),
    LaplaceLikelihood(0.3),
    GaussianLikelihood(0.3),
    DiscretizedLogisticLikelihood(17, 0.1),
]


def name_of(likelihood):
    return type(likelihood).__name__


@pytest.mark.parametrize(
    ("likelihood", "reference"),
    [(LaplaceLikelihood, Laplace), (GaussianLikelihood, Normal)],
)
@pytest.mark.parametrize("scale", [0.02, 1.0, 3.0])
def test_log_prob_is_the_density_torch_knows(likelihood, reference, scale):
    location, target = torch.randn(5, 3), torch.randn(5, 3)
    expected = reference(location, torch.tensor(scale)).log_prob(target)
    torch.testing.assert_close(likelihood(scale).log_prob(location, target), expected)


def test_learned_scale_moves_towards_the_mean_absolute_error():
    likelihood = LaplaceLikelihood(1.0, learned=True)
    optimizer = torch.optim.Adam(likelihood.parameters(), lr=0.05)
    error = torch.full((100,), 0.25)
    for _ in range(200):
        optimizer.zero_grad()
        (-likelihood.log_prob(torch.zeros(100), error).mean()).backward()
        optimizer.step()
    assert likelihood.log_scale.exp().item() == pytest.approx(0.25, rel=0.02)


def test_discretized_logistic_learns_its_scale():
    true, likelihood = (DiscretizedLogisticLikelihood(17, scale) for scale in (0.08, 0.5))
    location = torch.rand(5000)
    draws = true.sample(location)
    optimizer = torch.optim.Adam(likelihood.parameters(), lr=0.05)
    for _ in range(200):
        optimizer.zero_grad()
        (-likelihood.log_prob(location, draws).mean()).backward()
        optimizer.step()
    assert likelihood.log_scale.exp().item() == pytest.approx(0.08, rel=0.05)


def test_scale_must_be_positive():
    with pytest.raises(ValueError, match="scale must be positive, got 0"):
        LaplaceLikelihood(0.0)
    assert math.isclose(LaplaceLikelihood(2.0).log_scale.item(), math.log(2), rel_tol=1e-6)


def test_bernoulli_is_the_mass_torch_knows_and_its_expectation():
    logits, probability = torch.randn(2, 5, 3), torch.rand(5, 3)
    likelihood = BernoulliLikelihood()
    zero, one = (likelihood.log_prob(logits, torch.full((5, 3), x)) for x in (0.0, 1.0))
    torch.testing.assert_close(zero.exp() + one.exp(), torch.ones(2, 5, 3))
    torch.testing.assert_close(one, Bernoulli(logits=logits).log_prob(torch.ones(5, 3)))
    expected = probability * one + (1 - probability) * zero
    torch.testing.assert_close(likelihood.log_prob(logits, probability), expected)


def test_bernoulli_is_exact_and_its_gradient_finite_for_big_logits():
    logits = torch.tensor([-1e4, -200.0, -30.0, 30.0, 200.0, 1e4], requires_grad=True)
    for target in (torch.zeros(6), torch.ones(6), torch.full((6,), 0.25)):
        result = BernoulliLikelihood().log_prob(logits, target)
        wide = logits.detach().double()
        expected = -binary_cross_entropy_with_logits(wide, target.double(), reduction="none")
        torch.testing.assert_close(result.double(), expected, rtol=1e-6, atol=1e-7)
        (gradient,) = torch.autograd.grad(result.sum(), logits)
        torch.testing.assert_close(gradient, target - torch.sigmoid(logits.detach()))


def test_bernoulli_gradients_are_those_of_the_formula():
    logits = torch.cat([torch.randn(2, 3, 4), torch.zeros(1, 3, 4)]).double().requires_grad_()
    target = torch.rand(3, 4).double().requires_grad_()
    log_prob = BernoulliLikelihood().log_prob
    assert torch.autograd.gradcheck(log_prob, (logits, target))
    assert torch.autograd.gradgradcheck(log_prob, (logits, target))
    assert torch.autograd.gradcheck(log_prob, (logits[0, 0], target))


@pytest.mark.parametrize("scale", [1e-3, 0.02, 0.3, 5.0])
@pytest.mark.parametrize("levels", [2, 17, 256])
def test_discretized_logistic_is_a_distribution_over_levels(levels, scale):
    likelihood = DiscretizedLogisticLikelihood(levels, scale)
    location = torch.tensor([-2.0, 0.0, 0.31, 0.5, 1.0, 3.0]).double()
    grey = torch.arange(levels).double() / (levels - 1)
    mass = likelihood.log_prob(location, grey[:, None]).exp()
    torch.testing.assert_close(mass.sum(0), torch.ones(6).double(), rtol=1e-5, atol=1e-5)
    expected = (grey[:, None] * mass).sum(0)
    torch.testing.assert_close(likelihood.mean(location), expected, rtol=1e-4, atol=1e-5)


def test_discretized_logistic_is_the_integral_of_its_bin():
    likelihood = DiscretizedLogisticLikelihood(17, 0.07)
    location = torch.rand(40).double()
    edges = torch.linspace(0, 1, 17).double()

    def below(x):
        return torch.sigmoid((x - location) / 0.07)

    for level in range(17):
        low = below(edges[level] - 0.5 / 16) if level else torch.zeros(40)
        high = below(edges[level] + 0.5 / 16) if level < 16 else torch.ones(40)
        result = likelihood.log_prob(location, edges[level].expand(40)).exp()
        torch.testing.assert_close(result, high - low, rtol=1e-5, atol=1e-9)


def test_discretized_logistic_keeps_both_tails():
    # the difference of two distribution functions is 0 in float32 here; the formula is not
    likelihood = DiscretizedLogisticLikelihood(256, 0.005)
    location = torch.tensor([-1.0, 2.0], requires_grad=True)
    result = likelihood.log_prob(location, torch.tensor([0.6, 0.4]))
    # density of the tail, exp(-|x - m| / s) / s over a bin of width h: sinh for its slope
    half = 0.5 / 255 / 0.005
    expected = -1.6 / 0.005 + math.log(2 * math.sinh(half))
    assert result.tolist() == pytest.approx([expected, expected], rel=1e-5)
    (gradient,) = torch.autograd.grad(result.sum(), location)
    assert gradient.tolist() == pytest.approx([200, -200], rel=1e-4)


def test_discretized_logistic_scores_the_nearest_level():
    likelihood = DiscretizedLogisticLikelihood(17, 0.1)
    location = torch.full((3,), 0.4)
    near = likelihood.log_prob(location, torch.tensor([4.0, 3.6, 4.4]) / 16)
    assert near[0] == near[1] == near[2]
    with pytest.raises(ValueError, match="levels must be at least 2, got 1"):
        DiscretizedLogisticLikelihood(1)


@pytest.mark.parametrize("likelihood", ALL, ids=name_of)
def test_half_precision_is_scored_in_float32_and_double_stays_double(likelihood):
    location, target = torch.rand(4, 5), (torch.rand(4, 5) * 16).round() / 16
    assert likelihood.log_prob(location.bfloat16(), target).dtype == torch.float32
    assert likelihood.log_prob(location.double(), target.double()).dtype == torch.float64
    exact = likelihood.log_prob(location.bfloat16().float(), target)
    assert torch.equal(likelihood.log_prob(location.bfloat16(), target), exact)


@pytest.mark.parametrize("likelihood", ALL, ids=name_of)
def test_draws_have_the_stated_mean_and_the_density_scored(likelihood):
    location = torch.tensor([-0.5, 0.2, 0.9]).expand(40_000, 3)
    draws = likelihood.sample(location, torch.Generator().manual_seed(1))
    assert not draws.requires_grad
    mean = likelihood.mean(location[0])
    torch.testing.assert_close(draws.mean(0), mean, atol=0.012, rtol=0)
    # minus the mean log-probability of draws is the entropy: known, or a sum over the levels
    if isinstance(likelihood, BernoulliLikelihood):
        entropy = Bernoulli(logits=location[0]).entropy()
    elif isinstance(likelihood, LaplaceLikelihood):
        entropy = Laplace(location[0], 0.3).entropy()
    elif isinstance(likelihood, GaussianLikelihood):
        entropy = Normal(location[0], 0.3).entropy()
    else:
        grey = torch.linspace(0, 1, 17)
        log_mass = likelihood.log_prob(location[0], grey[:, None])
        entropy = -(log_mass.exp() * log_mass).sum(0)
    scored = -likelihood.log_prob(location, draws).mean(0).detach()
    torch.testing.assert_close(scored, entropy.detach(), atol=0.03, rtol=0)


@pytest.mark.parametrize("likelihood", ALL, ids=name_of)
def test_same_generator_same_draws(likelihood):
    location = torch.rand(50)
    one, two, other = (
        likelihood.sample(location, torch.Generator().manual_seed(seed)) for seed in (0, 0, 1)
    )
    assert torch.equal(one, two) and not torch.equal(one, other)


@pytest.mark.parametrize("likelihood", ALL, ids=name_of)
def test_a_bias_may_start_where_the_mean_is(likelihood):
    mean = torch.tensor([0.2, 0.5, 0.8])
    started = likelihood.mean(likelihood.location_of(mean))
    torch.testing.assert_close(started, mean, atol=0.02, rtol=0)
    if isinstance(likelihood, BernoulliLikelihood):
        extremes = likelihood.mean(likelihood.location_of(torch.tensor([0.0, 1.0])))
        torch.testing.assert_close(extremes, torch.tensor([0.001, 0.999]))
