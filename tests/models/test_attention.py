"""The three attentions through their one interface."""

import sys
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent))

from tacotron_parts import ATTENTIONS  # noqa: E402

from tts_vae.models.speech.attention import LocationSensitiveAttention, windows  # noqa: E402
from tts_vae.models.speech.attention_dca import (  # noqa: E402
    DynamicConvolutionAttention,
    beta_binomial,
)
from tts_vae.models.speech.attention_gmm import GaussianMixtureAttention  # noqa: E402
from tts_vae.models.speech.guided_attention import (  # noqa: E402
    GuidedAttention,
    alignment_log_likelihood,
)

MASK = torch.arange(12) < torch.tensor([[12], [7]])


def run(attention, steps=15, mask=MASK, window=None, scale=1.0):
    """Weights (batch, steps, tokens) of random queries and keys."""
    batch, tokens = mask.shape
    keys = scale * torch.randn(batch, tokens, attention.width) if attention.uses_keys else None
    scene, state = attention.begin(keys, mask)
    rows = []
    for _ in range(steps):
        query = scale * torch.randn(batch, attention.width)
        weights, state = attention.step(query, scene, state, window)
        rows.append(weights)
    return torch.stack(rows, 1)


@pytest.mark.parametrize("name", ATTENTIONS)
def test_padding_is_never_attended_to(name):
    weights = run(ATTENTIONS[name]())
    assert (weights[1, :, 7:] == 0).all() and (weights >= 0).all()
    assert (weights[:, :, :7].sum(-1) > 0).all()


@pytest.mark.parametrize("name", ["location", "dca"])
def test_rows_are_distributions_over_real_tokens(name):
    torch.testing.assert_close(run(ATTENTIONS[name]()).sum(-1), torch.ones(2, 15))


@pytest.mark.parametrize("name", ATTENTIONS)
def test_a_window_is_kept(name):
    allowed = (torch.arange(12) >= 2) & (torch.arange(12) <= 4)
    weights = run(ATTENTIONS[name](), window=allowed.expand(2, -1))
    assert (weights[:, :, ~allowed] == 0).all() and (weights[:, :, allowed].sum(-1) > 0).all()


@pytest.mark.parametrize("make", [DynamicConvolutionAttention, GaussianMixtureAttention])
def test_it_moves_forward_at_the_start(make):
    mask = torch.ones(3, 200, dtype=torch.bool)
    weights = run(make(), steps=60, mask=mask)
    place = (weights * torch.arange(200)).sum(-1) / weights.sum(-1)
    # a component wider than the way it has come is cut off at the first token
    late = place[:, 30:]
    assert (late.diff(dim=1) > 0).all()
    speed = (late[:, -1] - late[:, 0]) / 29
    assert ((speed > 0.5) & (speed < 1.6)).all()


def test_the_prior_filter_is_beta_binomial():
    taps = beta_binomial(11, 0.1, 0.9)
    assert taps.sum().item() == pytest.approx(1, abs=1e-6)
    assert (taps * torch.arange(11)).sum().item() == pytest.approx(10 * 0.1, abs=1e-5)
    # P(0) = B(0.1, 10.9) / B(0.1, 0.9) = prod_{i<10} (0.9 + i) / (1 + i)
    first = torch.prod((0.9 + torch.arange(10.0)) / (1 + torch.arange(10.0)))
    torch.testing.assert_close(taps[0], first)


def test_dca_without_learned_filters_is_its_prior():
    """One step: the weights are the prior filter, so it goes forward and never back."""
    attention = DynamicConvolutionAttention(8, kernel_size=21)
    torch.nn.init.zeros_(attention.energy.weight)
    weights = run(attention, steps=1, mask=torch.ones(1, 30, dtype=torch.bool))[0, 0]
    torch.testing.assert_close(weights[:11], beta_binomial(11, 0.1, 0.9), atol=1e-4, rtol=0)
    assert weights[11:].max() < 1e-5


def test_gmm_steps_one_token_and_is_ten_wide_at_the_start():
    attention = GaussianMixtureAttention()
    torch.nn.init.zeros_(attention.parameters_of.weight)
    scene, state = attention.begin(None, torch.ones(1, 400, dtype=torch.bool))
    for _ in range(100):
        weights, state = attention.step(torch.randn(1, 128), scene, state)
    torch.testing.assert_close(state[1], torch.full((1, 5), 99.0), atol=1e-3, rtol=0)
    tokens = torch.arange(400.0)
    deviation = ((weights * (tokens - 99).square()).sum() / weights.sum()).sqrt()
    assert deviation.item() == pytest.approx(10.05, abs=0.02)
    assert weights.sum().item() == pytest.approx(1, abs=1e-3)


def test_windows_and_their_gradient_are_those_of_unfold():
    weights = torch.rand(2, 3, 6, dtype=torch.float64, requires_grad=True)
    seen = windows(weights, 5)
    padded = torch.nn.functional.pad(weights, (2, 2))
    expected = torch.stack([padded[:, :, k : k + 6] for k in range(5)], -1)
    assert torch.equal(seen, expected.permute(0, 2, 1, 3).flatten(2))
    assert torch.autograd.gradcheck(lambda x: windows(x, 5), weights)


def test_sizes_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match="kernel_size must be odd, got 4"):
        DynamicConvolutionAttention(8, kernel_size=4)
    with pytest.raises(ValueError, match="odd"):
        LocationSensitiveAttention(8, kernel_size=30)
    with pytest.raises(ValueError, match="prior_length must be at most 5"):
        DynamicConvolutionAttention(8, kernel_size=9, prior_length=11)


def test_a_diagonal_costs_less_than_anything_else():
    guide = GuidedAttention(weight=2.0)
    steps, tokens = torch.ones(1, 12, dtype=torch.bool), torch.ones(1, 12, dtype=torch.bool)
    diagonal = torch.eye(12).unsqueeze(0)
    costs = [guide(x, tokens, steps) for x in (diagonal, diagonal.roll(4, 1), diagonal.flip(1))]
    assert costs[0].item() == 0 and min(costs[1:]) > 10
    # twelve steps, one of which stands 0.5 off at most: each costs 2 (1 - exp(-d^2 / 2 g^2))
    far = torch.zeros(1, 12, 12)
    far[0, 6, 0] = 1.0
    expected = 2 * (1 - torch.exp(torch.tensor(-(0.5**2) / (2 * 0.2**2))))
    torch.testing.assert_close(guide(far, tokens, steps)[0], expected)
    padded = torch.nn.functional.pad(far, (0, 5, 0, 3))
    longer = [torch.nn.functional.pad(m, (0, n)) for m, n in ((tokens, 5), (steps, 3))]
    torch.testing.assert_close(guide(padded, *longer)[0], expected)


def test_guided_attention_ends():
    guide = GuidedAttention(until_step=10)
    active = []
    for step in (0, 9, 10, 99):
        guide.set_step(step)
        active.append(guide.active)
    assert active == [True, True, False, False]


@pytest.mark.parametrize("frames_per_step", [1, 2])
def test_known_alignment_is_scored_by_the_mass_on_the_right_token(frames_per_step):
    durations = torch.tensor([[2, 3, 0]])
    mask = torch.arange(6)[None] < 5
    weights = torch.rand(1, -(-6 // frames_per_step), 3)
    token = [0, 0, 1, 1, 1]
    expected = sum(
        torch.log(weights[0, frame // frames_per_step, token[frame]] + 1e-5) for frame in range(5)
    )
    found = alignment_log_likelihood(weights, durations, mask, frames_per_step)
    torch.testing.assert_close(found[0], expected)
