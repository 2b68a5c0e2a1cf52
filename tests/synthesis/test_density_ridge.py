import pytest
import torch
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal

from tts_vae.synthesis.density_ridge import (
    POINTS,
    curve_length,
    density_ridge,
    evenly_spaced,
    piece_lengths,
)

ONE = torch.ones(2, dtype=torch.float64)


def mixture(means, scale=1.0):
    means = torch.tensor(means, dtype=torch.float64)
    normal = Normal(means, torch.full_like(means, scale), validate_args=False)
    weights = Categorical(logits=torch.zeros(len(means), dtype=torch.float64))
    return MixtureSameFamily(weights, Independent(normal, 1), validate_args=False)


def test_points_spread_evenly_by_hand():
    corner = torch.tensor([[0.0, 0.0], [3.0, 0.0], [3.0, 1.0]], dtype=torch.float64)
    assert evenly_spaced(corner, ONE, 5).tolist() == [[0, 0], [1, 0], [2, 0], [3, 0], [3, 1]]
    still = evenly_spaced(corner[:1].expand(2, 2), ONE, 3)
    assert still.tolist() == [[0, 0]] * 3


def test_length_of_a_piece_by_hand():
    """On a unit Gaussian in two dimensions the weight at r is exp(r^2 / 4)."""
    one = mixture([[0.0, 0.0]])
    start, end = torch.tensor([[0.0, 0.0], [2.0, 0.0]], dtype=torch.float64)
    r = torch.linspace(0, 2, 20001, dtype=torch.float64)
    exact = float(torch.trapezoid(torch.exp(r**2 / 4), r))
    assert float(piece_lengths(one, start, end, ONE)) == pytest.approx(exact, rel=2e-3)
    assert float(piece_lengths(one, start, end, 2 * ONE)) == pytest.approx(exact / 2, rel=2e-3)


def test_in_one_gaussian_the_way_bends_to_the_middle():
    one = mixture([[0.0, 0.0]])
    start, end = torch.tensor([[-2.0, 1.5], [2.0, 1.5]], dtype=torch.float64)
    curve = density_ridge(one, start, end, ONE)
    assert curve.shape == (POINTS, 2)
    assert torch.equal(curve[0], start) and torch.equal(curve[-1], end)
    assert torch.allclose(curve[:, 0], -curve.flip(0)[:, 0], atol=1e-2), "it is symmetric"
    assert curve[POINTS // 2, 1] < 1.2, "the mean draws it in"
    lengths = (curve[1:] - curve[:-1]).norm(dim=1)
    assert lengths.max() / lengths.min() < 1.01, "equal steps"


def test_it_goes_round_by_the_component_between():
    """Three components in a bow: the straight way from first to last is empty."""
    bow = mixture([[-4.0, 0.0], [0.0, 4.0], [4.0, 0.0]], scale=0.8)
    start, end = torch.tensor([[-4.0, 0.0], [4.0, 0.0]], dtype=torch.float64)
    curve = density_ridge(bow, start, end, ONE)
    straight = evenly_spaced(torch.stack([start, end]), ONE)
    assert (curve - torch.tensor([0.0, 4.0])).norm(dim=1).min() < 1.0
    assert bow.log_prob(curve).mean() > bow.log_prob(straight).mean() + 1
    assert curve_length(bow, curve, ONE) < 0.8 * curve_length(bow, straight, ONE)


def test_it_is_deterministic_and_leaves_the_generator_alone():
    bow = mixture([[-2.0, 0.0], [0.0, 2.0], [2.0, 0.0]])
    start, end = torch.tensor([[-2.0, 0.5], [2.0, 0.1]], dtype=torch.float64)
    state = torch.get_rng_state()
    first = density_ridge(bow, start, end, ONE)
    assert torch.equal(first, density_ridge(bow, start, end, ONE))
    assert torch.equal(state, torch.get_rng_state())


def test_it_can_be_made_in_inference():
    with torch.no_grad():
        curve = density_ridge(mixture([[0.0, 0.0]]), torch.zeros(2), torch.ones(2), ONE)
    assert curve.isfinite().all() and not curve.requires_grad
