"""Interleaving, ratios, and the measures that are taken from outside."""

import math
import os

import pytest
import torch
from torch.distributions import MultivariateNormal

from tts_vae.evaluation.peers.outside_measures import (
    bernoulli_log_likelihood,
    code_perplexity,
    importance_bound,
    mixture_log_density,
)
from tts_vae.evaluation.peers.side_by_side import DRIVER_SEARCH, interleave, ratio, same_threads


class FakeClock:
    """Seconds that pass only while a contestant works."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now

    def step(self, seconds):
        def work(item):
            self.now += seconds * item

        return work


def test_every_contestant_does_every_round_in_turn():
    done = []
    steps = {name: lambda item, name=name: done.append((name, item)) for name in "abc"}
    interleave(steps, [10, 20, 30])
    assert done == [
        *(("a", 10), ("b", 10), ("c", 10)),
        *(("c", 20), ("b", 20), ("a", 20)),
        *(("a", 30), ("b", 30), ("c", 30)),
    ]


def test_contestants_draw_the_same_numbers_in_a_round_and_others_in_the_next():
    drawn = {"a": [], "b": []}
    steps = {name: lambda _, name=name: drawn[name].append(torch.rand(2)) for name in drawn}
    interleave(steps, range(3), seed=4)
    assert all(torch.equal(a, b) for a, b in zip(drawn["a"], drawn["b"], strict=True))
    assert not torch.equal(drawn["a"][0], drawn["a"][1])
    interleave({"a": steps["a"]}, range(1), seed=5)
    assert not torch.equal(drawn["a"][0], drawn["a"][3])


def test_warm_ups_are_done_and_not_timed():
    clock = FakeClock()
    done = []
    seconds = interleave(
        {"ours": clock.step(1.0), "theirs": done.append}, [9, 1, 2], warm_ups=1, clock=clock
    )
    assert seconds == {"ours": [1.0, 2.0], "theirs": [0.0, 0.0]}
    assert done == [9, 1, 2]


@pytest.mark.parametrize("rounds", [[], [1, 2]])
def test_no_round_left_to_time_is_an_error(rounds):
    with pytest.raises(ValueError, match="more rounds than warm-ups"):
        interleave({"ours": lambda _: None}, rounds, warm_ups=2)


def test_ratio_of_known_clocks_with_its_interval():
    clock = FakeClock()
    steps = {"ours": clock.step(0.5), "theirs": clock.step(2.0)}
    seconds = interleave(steps, [1.0] * 20, clock=clock)
    found = ratio(seconds["ours"], seconds["theirs"])
    assert (found.value, found.low, found.high) == (0.25, 0.25, 0.25)


def test_a_slow_minute_hits_both_and_leaves_the_ratio():
    clock = FakeClock()
    steps = {"ours": clock.step(1.0), "theirs": clock.step(2.0)}
    # every second round is three times slower: medians move, pairs do not
    seconds = interleave(steps, [1.0, 3.0] * 10 + [1.0], clock=clock)
    found = ratio(seconds["ours"], seconds["theirs"])
    assert found.value == 0.5
    assert found.low == found.high == 0.5


def test_interval_holds_the_ratio_and_narrows_with_rounds():
    generator = torch.Generator().manual_seed(0)
    noise = 1 + 0.2 * torch.rand(2, 400, generator=generator, dtype=torch.float64)
    ours, theirs = noise[0].tolist(), (2 * noise[1]).tolist()
    few, many = ratio(ours[:20], theirs[:20]), ratio(ours, theirs)
    assert many.low < 0.5 < many.high
    assert many.high - many.low < 0.5 * (few.high - few.low)


def test_ratio_wants_the_same_rounds():
    with pytest.raises(ValueError, match="got 2 and 1"):
        ratio([1.0, 2.0], [1.0])


def test_threads_are_set_for_all_and_restored():
    before = torch.get_num_threads()
    with same_threads(before + 1):
        assert torch.get_num_threads() == before + 1
    assert torch.get_num_threads() == before
    with pytest.raises(ValueError, match="at least 1 thread"), same_threads(0):
        pass


class LinearGaussian:
    """x = W z + mean + noise: its marginal and its posterior are known exactly."""

    def __init__(self, width=5, latents=2, noise=0.3):
        generator = torch.Generator().manual_seed(1)
        options = {"generator": generator, "dtype": torch.float64}
        self.loadings = torch.randn(width, latents, **options)
        self.mean = torch.randn(width, **options)
        self.noise = noise
        covariance = self.loadings @ self.loadings.T + noise**2 * torch.eye(width)
        self.marginal = MultivariateNormal(self.mean, covariance)
        z, error = torch.randn(40, latents, **options), torch.randn(40, width, **options)
        self.points = self.decode(z) + noise * error

    def encode(self, points, spread=1.0, shift=0.0):
        """Means of the exact posterior and its standard deviations (its axes are made upright)."""
        inner = self.loadings.T @ self.loadings + self.noise**2 * torch.eye(2)
        mean = torch.linalg.solve(inner, self.loadings.T @ (points - self.mean).T).T + shift
        scale = (self.noise**2 * torch.linalg.inv(inner)).diagonal().sqrt()
        return mean, spread * scale.expand_as(mean)

    def decode(self, z):
        return z @ self.loadings.T + self.mean

    def log_likelihood(self, decoded, points):
        squares = ((points - decoded) / self.noise).square() + math.log(2 * math.pi)
        return (-0.5 * squares - math.log(self.noise)).sum(-1)

    def bound(self, draws, spread=1.0, shift=0.0):
        return importance_bound(
            lambda points: self.encode(points, spread, shift),
            self.decode,
            self.points,
            draws,
            chunk=700,
            log_likelihood=self.log_likelihood,
        )


def test_estimator_reaches_the_exact_marginal():
    model = LinearGaussian()
    exact = model.marginal.log_prob(model.points)
    torch.testing.assert_close(model.bound(20_000, spread=1.5), exact, atol=0.05, rtol=0)


def test_estimator_rises_to_the_marginal_from_below():
    model = LinearGaussian()
    exact = float(model.marginal.log_prob(model.points).mean())
    loose = [float(model.bound(k, spread=1.5, shift=0.1).mean()) for k in (1, 10, 10_000)]
    assert loose[0] < loose[1] - 0.1 < loose[1] < exact - 0.01
    assert loose[-1] == pytest.approx(exact, abs=0.01)


def test_one_draw_is_exact_where_q_is_the_posterior():
    model = LinearGaussian()
    # one latent: the posterior's axes are upright, and every weight is the marginal itself
    model.loadings = model.loadings[:, :1]
    covariance = model.loadings @ model.loadings.T + model.noise**2 * torch.eye(5)
    inner = float((model.loadings.T @ model.loadings + model.noise**2).squeeze())

    def encode(points):
        mean = (points - model.mean) @ model.loadings / inner
        return mean, torch.full_like(mean, model.noise / inner**0.5)

    found = importance_bound(
        encode, model.decode, model.points, 1, log_likelihood=model.log_likelihood
    )
    exact = MultivariateNormal(model.mean, covariance).log_prob(model.points)
    torch.testing.assert_close(found, exact, atol=1e-4, rtol=0)


def test_chunks_change_nothing_but_the_order_of_the_sum():
    model = LinearGaussian()

    def bound(chunk):
        return importance_bound(
            model.encode, model.decode, model.points, 60, chunk, 3, model.log_likelihood
        )

    torch.testing.assert_close(bound(60), bound(7), atol=1e-9, rtol=0)


def test_estimator_needs_a_draw():
    with pytest.raises(ValueError, match="got 0 and"):
        LinearGaussian().bound(0)


def test_bernoulli_against_its_definition_and_without_overflow():
    logits = torch.tensor([[[0.3, -2.0, 300.0]]])
    observed = torch.tensor([[1.0, 0.0, 0.0]])
    expected = math.log(1 / (1 + math.exp(-0.3))) + math.log(1 - 1 / (1 + math.exp(2.0))) - 300
    assert float(bernoulli_log_likelihood(logits, observed)) == pytest.approx(expected, rel=1e-6)


def test_density_of_a_mixture_by_hand():
    points = torch.tensor([[0.0], [1.0]])
    weights, means = torch.tensor([0.25, 0.75]), torch.tensor([[0.0], [1.0]])
    covariances = torch.tensor([[[1.0]], [[4.0]]])

    def normal(x, mean, scale):
        return math.exp(-0.5 * ((x - mean) / scale) ** 2) / (scale * math.sqrt(2 * math.pi))

    expected = [
        math.log(0.25 * normal(x, 0.0, 1.0) + 0.75 * normal(x, 1.0, 2.0)) for x in (0.0, 1.0)
    ]
    found = mixture_log_density(weights, means, covariances, points)
    assert found.tolist() == pytest.approx(expected, rel=1e-9)


def test_perplexity_by_hand():
    assert code_perplexity(torch.tensor([[3, 3], [3, 3]])) == 1.0
    assert code_perplexity(torch.tensor([[0, 1], [2, 3]])) == pytest.approx(4.0)
    levels = torch.tensor([[[0, 5], [1, 5]]])  # two codes at the first level, one at the second
    assert code_perplexity(levels) == pytest.approx(1.5)


def test_no_contestant_pays_for_the_driver_search_of_lightning(monkeypatch):
    monkeypatch.setenv(DRIVER_SEARCH, "1")
    seen = []
    interleave({"a": lambda _: seen.append(os.environ.get(DRIVER_SEARCH))}, range(2))
    assert seen == [None, None]
    assert os.environ[DRIVER_SEARCH] == "1"
