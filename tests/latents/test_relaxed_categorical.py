"""The dVAE's code by hand: Gumbel-max, straight-through, KL to uniform, cooling, codes, traps."""

import math

import pytest
import torch
from torch.nn import functional

from tts_vae.latents import RelaxedCategoricalLatent


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def build(**options: object) -> RelaxedCategoricalLatent:
    torch.manual_seed(0)
    return RelaxedCategoricalLatent(5, 4, 7, **options)  # type: ignore[arg-type]


def test_kl_to_uniform_by_hand() -> None:
    latent = build()
    x = torch.randn(3, 2, 5)
    q = torch.softmax(x @ latent.posterior_head.weight.T + latent.posterior_head.bias, -1)
    output = latent(x)
    expected = (math.log(7) + (q * q.log()).sum(-1)).sum(-1)
    torch.testing.assert_close(output.kl, expected)
    assert (output.kl <= 2 * math.log(7)).all() and (output.kl >= 0).all()
    torch.testing.assert_close(output.log_p, torch.full((3,), -2 * math.log(7)))
    assert output.kl_per_dim is None
    assert torch.equal(latent.eval()(x).kl, output.kl)  # the trap: a loss of 0 in eval mode


def test_draws_are_those_of_the_categorical() -> None:
    """The argmax of Gumbel-perturbed logits has the probabilities of the softmax."""
    latent = build(hard=True)
    x = torch.randn(1, 5)
    q = torch.softmax(latent.posterior_head(x), -1)[0]
    z = latent(x, sample_shape=(20_000,), generator=generator()).z[:, 0]
    shares = torch.stack([(z == row).all(-1).float().mean() for row in latent.codebook])
    torch.testing.assert_close(shares, q, atol=0.015, rtol=0)


@pytest.mark.parametrize("temperature", [0.05, 1.0, 5.0])
def test_relaxed_draw_by_hand(temperature: float) -> None:
    latent = build(initial_temperature=temperature)
    x = torch.randn(2, 5)
    drawn = torch.empty(9, 2, 7).exponential_(generator=generator())
    weights = torch.softmax((latent.posterior_head(x) - drawn.log()) / temperature, -1)
    output = latent(x, sample_shape=(9,), generator=generator())
    torch.testing.assert_close(output.z, weights @ latent.codebook)
    log_q = torch.log_softmax(latent.posterior_head(x), -1).expand(9, 2, 7)
    index = weights.argmax(-1, keepdim=True)
    torch.testing.assert_close(output.log_q, log_q.gather(-1, index).squeeze(-1))


def test_cold_blend_is_the_hard_draw() -> None:
    cold, hard = build(initial_temperature=1e-3), build(hard=True)
    x = torch.randn(20, 5)
    soft = cold(x, generator=generator()).z
    torch.testing.assert_close(soft, hard(x, generator=generator()).z, atol=0.05, rtol=0)


def test_straight_through() -> None:
    """Value of the code, gradient of the blend, to the digit."""
    hard, soft = build(hard=True), build()
    x = torch.randn(6, 5)
    outputs = {
        name: latent(x, generator=generator()) for name, latent in (("h", hard), ("s", soft))
    }
    z = outputs["h"].z
    assert all((row == hard.codebook).all(-1).any() for row in z)
    direction = torch.randn(6, 4)
    for name, latent in (("h", hard), ("s", soft)):
        (outputs[name].z * direction).sum().backward()
        assert latent.posterior_head.weight.grad is not None
    torch.testing.assert_close(hard.posterior_head.weight.grad, soft.posterior_head.weight.grad)


def test_mean_mode_is_the_most_probable_code() -> None:
    latent = build()
    x = torch.randn(2, 3, 5)
    output = latent(x, mode="mean", sample_shape=(4,))
    assert output.codes is not None and output.codes.dtype == torch.int64
    assert torch.equal(output.codes, latent.posterior_head(x).argmax(-1))
    assert torch.equal(output.z, latent.codes_to_z(output.codes).expand(4, 2, 3, 4))
    x[0, 0] = torch.nan
    assert latent(x, mode="mean").z[0, 0].isnan().all()  # a hard choice does not hide it


def test_clamped_value_counts_as_its_nearest_code() -> None:
    latent = build()
    x = torch.randn(2, 5)
    output = latent(x, value=latent.component(3).detach() + 1e-3)
    log_q = torch.log_softmax(latent.posterior_head(x), -1)
    torch.testing.assert_close(output.log_q, log_q[:, 3])
    assert output.posterior is not None
    torch.testing.assert_close(output.posterior.log_prob(output.z), log_q[:, 3])
    torch.testing.assert_close(output.posterior.mean, log_q.exp() @ latent.codebook)


def test_cooling() -> None:
    """Half a cosine from 1 to 1/16, both ends exact; the module's own step decides."""
    latent = build(anneal_steps=1000)
    assert latent.temperature == 1.0
    for step, expected in {0: 1.0, 500: (1 + 1 / 16) / 2, 1000: 1 / 16, 9999: 1 / 16}.items():
        latent.set_step(step)
        assert latent.temperature.item() == pytest.approx(expected, abs=1e-7)
    assert latent(torch.randn(2, 5)).statistics["temperature"] == 1 / 16
    fresh = build(anneal_steps=1000)
    fresh.load_state_dict(latent.state_dict())
    assert fresh.temperature == 1 / 16  # a voice draws as it was trained to


def test_cooling_attains_its_end() -> None:
    from ..laws.objective_laws import schedule_attains

    schedule_attains(build(anneal_steps=400).temperature_at, 0, 400, 1.0, 0.0625)


def test_statistics_by_hand() -> None:
    latent = build()
    with torch.no_grad():
        latent.posterior_head.weight.copy_(torch.eye(7, 5))
        latent.posterior_head.bias.zero_()
    x = 5 * torch.eye(5)[[0, 0, 1, 2]].reshape(2, 2, 5)
    mask = torch.tensor([[True, True], [True, False]])
    output = latent(x, mask=mask)
    assert output.codes is not None and output.codes.tolist() == [[0, 0], [1, -1]]
    expected = math.exp(math.log(3) - 2 / 3 * math.log(2))  # entropy of 2/3, 1/3
    assert output.statistics["perplexity"].item() == pytest.approx(expected)
    assert output.statistics["used_codes"].item() == 2


def test_sample_is_uniform_over_code_vectors() -> None:
    latent = build()
    drawn = latent.sample((7000,), temperature=0.0, generator=generator())
    shares = torch.stack([(drawn == row).all(-1).float().mean() for row in latent.codebook])
    torch.testing.assert_close(shares, torch.full((7,), 1 / 7), atol=0.02, rtol=0)
    assert latent.sample((2, 3)).shape == (2, 3, 4)
    linked = build(context_width=3)
    with torch.no_grad():
        assert linked.context_logits is not None
        linked.context_logits.bias.copy_(100 * functional.one_hot(torch.tensor(2), 7))
    assert (linked.sample((5,), context=torch.randn(2, 3)) == linked.component(2)).all()


def test_codes_to_z() -> None:
    latent = build()
    codes = torch.tensor([[0, 6], [3, -1]])
    z = latent.codes_to_z(codes)
    assert torch.equal(z[0, 1], latent.component(6)) and (z[1, 1] == 0).all()
    assert latent.code_count == latent.components == 7
    for wrong in (7, -2):
        with pytest.raises(ValueError, match="between 0 and 6, or be -1 on padding, got"):
            latent.codes_to_z(torch.tensor([0, wrong]))
    with pytest.raises(ValueError, match="int64 indices, got torch.bfloat16"):
        latent.codes_to_z(torch.zeros(3, dtype=torch.bfloat16))


def test_half_precision_never_rounds_a_code() -> None:
    """Above 256 bfloat16 cannot count; codes stay int64 and name their own vectors."""
    latent = RelaxedCategoricalLatent(5, 4, 1000)
    x = torch.randn(64, 5).bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        codes = latent(x).codes
    assert codes is not None and codes.dtype == torch.int64
    assert torch.equal(codes, latent.posterior_head(x.float()).argmax(-1))
    assert (codes > 256).any()


def test_every_code_can_learn() -> None:
    """A blend reaches every vector: no code dies for want of a gradient."""
    latent = build()
    latent(torch.randn(2, 5)).z.square().sum().backward()
    assert latent.codebook.grad is not None and latent.codebook.grad.any(-1).all()


def test_messages() -> None:
    with pytest.raises(ValueError, match="codes must be at least 2, got 1"):
        RelaxedCategoricalLatent(5, 4, 1)
    with pytest.raises(ValueError, match="a temperature of 0 has no gradient: use hard=True"):
        build(final_temperature=0.0)
    with pytest.raises(ValueError, match="component 7 does not exist; valid: 0 to 6"):
        build().component(7)
    with pytest.raises(ValueError, match="no prior on a parent site"):
        build()(torch.randn(2, 5), context=torch.randn(2, 3))
