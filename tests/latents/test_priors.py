"""What each prior promises: classes, components, starts, floors, samples, temperatures."""

import math

import pytest
import torch

from tts_vae.latents import GaussianLatent, MixtureLatent
from tts_vae.latents.scales import floored_scale, raw_of_scale
from tts_vae.latents.style_tokens import StyleTokenLatent


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_scale_starts_where_stated_and_has_its_floor() -> None:
    latent = GaussianLatent(5, 4, condition_classes=3, prior_initial_log_scale=-2.0)
    torch.testing.assert_close(latent.class_scales, torch.full((3, 4), math.exp(-2)))
    mixture = MixtureLatent(5, 4, 3, initial_log_scale=-1.0, log_scale_floor=-2.0)
    torch.testing.assert_close(mixture.scales, torch.full((3, 4), math.exp(-1)))
    assert floored_scale(torch.tensor(-1e9), -2.0).item() == pytest.approx(math.exp(-2))
    with pytest.raises(ValueError, match="initial log scale -3.0 lies below its floor -2.0"):
        MixtureLatent(5, 4, 3, initial_log_scale=-3.0)


def test_raw_of_scale_inverts() -> None:
    scale = torch.tensor([0.2, 1.0, 30.0], dtype=torch.float64)
    torch.testing.assert_close(floored_scale(raw_of_scale(scale, -2.0), -2.0), scale)


def test_condition_chooses_the_prior_of_each_example() -> None:
    latent = GaussianLatent(5, 4, condition_classes=3)
    condition = torch.tensor([2, 0])
    output = latent(torch.randn(2, 6, 5), condition=condition)
    assert output.prior is not None
    torch.testing.assert_close(output.prior.mean[0, 3], latent.class_mean(2))
    torch.testing.assert_close(output.prior.mean[1, 5], latent.class_mean(0))
    output.kl.sum().backward()
    assert latent.class_means.grad is not None
    assert (latent.class_means.grad[1] == 0).all() and (latent.class_means.grad[2] != 0).all()


def test_unknown_class_is_the_marginal() -> None:
    latent = GaussianLatent(5, 4, condition_classes=3)
    z = torch.randn(2, 4)
    each = torch.stack([latent.prior((2,), torch.full((2,), k)).log_prob(z) for k in range(3)])
    expected = torch.logsumexp(each, 0) - math.log(3)
    torch.testing.assert_close(latent.prior((2,)).log_prob(z), expected)


def test_class_messages() -> None:
    latent = GaussianLatent(5, 4, condition_classes=3)
    x = torch.randn(2, 5)
    with pytest.raises(ValueError, match="class 3; valid: 0 to 2"):
        latent(x, condition=torch.tensor([0, 3]))
    with pytest.raises(ValueError, match="int64 class indices, got torch.float32"):
        latent(x, condition=torch.zeros(2))
    with pytest.raises(ValueError, match=r"\(batch,\) = \(2,\), got \(3,\)"):
        latent(x, condition=torch.zeros(3, dtype=torch.long))
    with pytest.raises(ValueError, match="class 3 does not exist; valid: 0 to 2"):
        latent.class_mean(3)
    with pytest.raises(ValueError, match='"diagonal" or "cholesky", got \'full\''):
        GaussianLatent(5, 4, "full")  # type: ignore[arg-type]


def test_samples_have_the_moments_of_the_prior() -> None:
    latent = GaussianLatent(5, 4, condition_classes=3)
    drawn = latent.sample((4000,), torch.tensor([1, 2]), 0.5, generator())
    assert drawn.shape == (4000, 2, 4)
    torch.testing.assert_close(drawn.mean(0)[1], latent.class_mean(2), atol=0.05, rtol=0)
    torch.testing.assert_close(drawn.std(0)[0], 0.5 * latent.class_scales[1], atol=0.03, rtol=0)
    assert latent.sample((5, 2)).shape == (5, 2, 4)
    standard = GaussianLatent(5, 4).sample((4000,), temperature=2.0, generator=generator())
    torch.testing.assert_close(standard.std(0), torch.full((4,), 2.0), atol=0.1, rtol=0)


def test_mixture_sample_has_its_weights() -> None:
    mixture = MixtureLatent(5, 2, 3)
    weights = torch.tensor([0.6, 0.3, 0.1])
    mixture.initialise(10 * torch.eye(3)[:, :2], torch.full((3, 2), 0.2), 7 * weights)
    drawn = mixture.sample((5000,), temperature=0.0, generator=generator())
    shares = torch.stack([(drawn == mixture.component(k)).all(-1).float().mean() for k in range(3)])
    torch.testing.assert_close(shares, weights, atol=0.03, rtol=0)
    assert mixture.sample((2, 3)).shape == (2, 3, 2)
    with pytest.raises(ValueError, match="temperature must be finite and at least 0, got -1"):
        mixture.sample((2,), temperature=-1)


@pytest.mark.parametrize("components, width", [(10, 16), (8, 4), (1, 3)])
def test_component_means_start_well_spread(components: int, width: int) -> None:
    means = MixtureLatent(5, width, components).means.detach()
    distance = torch.cdist(means, means) + torch.diag(torch.full((components,), math.inf))
    assert (distance / math.exp(-1) > 3.99).all()


def test_initialise_sets_the_prior() -> None:
    mixture = MixtureLatent(5, 2, 3, learn_weights=True)
    means, scales = torch.randn(3, 2), torch.rand(3, 2) + 0.3
    weights = torch.tensor([0.5, 0.3, 0.2])
    mixture.initialise(means, scales, weights)
    torch.testing.assert_close(mixture.component(1), means[1])
    torch.testing.assert_close(mixture.scales, scales)
    torch.testing.assert_close(mixture.log_weights.exp(), weights)
    mixture.initialise(means, torch.full((3, 2), 0.01))
    torch.testing.assert_close(mixture.scales, torch.full((3, 2), 1.01 * math.exp(-2)))
    torch.testing.assert_close(mixture.log_weights.exp(), torch.full((3,), 1 / 3))
    with pytest.raises(ValueError, match=r"means must be .* \(3, 2\), got \(2, 2\)"):
        mixture.initialise(means[:2], scales)
    with pytest.raises(ValueError, match=r"weights must be \(3,\), got \(2,\)"):
        mixture.initialise(means, scales, weights[:2])
    with pytest.raises(ValueError, match="positive; drop empty components"):
        mixture.initialise(means, scales, torch.tensor([1.0, 0.0, 0.0]))
    with pytest.raises(ValueError, match="must be finite"):
        mixture.initialise(means * torch.nan, scales)


def test_responsibilities_name_the_component() -> None:
    mixture = MixtureLatent(5, 4, 3)
    output = mixture(torch.randn(3, 5), value=mixture.means.detach())
    assert output.statistics["responsibilities"].argmax(-1).tolist() == [0, 1, 2]
    steps = mixture(torch.randn(2, 3, 5), mask=torch.tensor([[True] * 3, [True, False, False]]))
    shares = steps.statistics["responsibilities"]
    assert shares.shape == (2, 3)
    torch.testing.assert_close(shares.sum(-1), torch.ones(2))


def test_average_responsibilities_are_never_dearer_than_per_draw() -> None:
    """KL(E q || p) <= E KL(q || p): Hsu's average against VaDE's per draw, on the same draws."""
    average = MixtureLatent(5, 4, 3)
    per_draw = MixtureLatent(5, 4, 3, "sample")
    per_draw.load_state_dict(average.state_dict())
    x = 0.1 * torch.randn(6, 5)
    kls = [m(x, sample_shape=(50,), generator=generator()).kl for m in (average, per_draw)]
    assert (kls[0] < kls[1]).all()
    kls = [m(x, generator=generator()).kl for m in (average, per_draw)]
    torch.testing.assert_close(*kls)


def test_style_token_component_is_all_attention_on_it() -> None:
    latent = StyleTokenLatent(5, 4, tokens=6, heads=2)
    value = torch.tanh(latent.tokens[3]) @ latent.value.weight.T
    torch.testing.assert_close(latent.component(3), value)
    attention = latent.attention(torch.randn(2, 7, 5))
    assert attention.shape == (2, 7, 2, 6)
    torch.testing.assert_close(attention.sum(-1), torch.ones(2, 7, 2))
    with pytest.raises(ValueError, match="heads that divide width"):
        StyleTokenLatent(5, 4, heads=3)


def test_style_token_sample_is_a_convex_mix() -> None:
    latent = StyleTokenLatent(5, 4, tokens=3, heads=2)
    corners = torch.stack([latent.component(k) for k in range(3)])
    drawn = latent.sample((200,), generator=generator())
    assert drawn.shape == (200, 4)
    system = torch.cat([corners.T, torch.ones(1, 3)])
    weights = torch.linalg.lstsq(system, torch.cat([drawn.T, torch.ones(1, 200)])).solution
    torch.testing.assert_close(system[:4] @ weights, drawn.T, atol=1e-4, rtol=0)
    assert (weights > -1e-3).all() and weights.std() > 0.1
    centre = latent.sample((1,), temperature=0.0)[0]
    torch.testing.assert_close(centre, corners.mean(0))
