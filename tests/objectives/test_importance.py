"""Importance weighting: chunks of any size, k = 0, the doubly reparameterised gradient, warm-up."""

import math

import pytest
import torch
from torch import Tensor
from torch.distributions import MultivariateNormal

from tts_vae.latents import (
    DeterministicLatent,
    GaussianLatent,
    HierarchicalLatent,
    Latent,
    LatentOutput,
    MixtureLatent,
    RelaxedCategoricalLatent,
)
from tts_vae.models.latent_model import ModelOutput
from tts_vae.objectives import (
    Elbo,
    ImportanceWeighted,
    Linear,
    evaluate_bound,
    importance_bound,
    log_weights,
)

NOISE = 0.5
DREG = "doubly_reparameterized"


def score(x: Tensor, z: Tensor, loading: Tensor) -> Tensor:
    """log N(x; z W, NOISE^2 I)."""
    error = (x - z @ loading) / NOISE
    return (-0.5 * error.square() - math.log(NOISE) - 0.5 * math.log(2 * math.pi)).sum(-1)


def exact_model() -> tuple[GaussianLatent, Tensor, Tensor]:
    """Linear-Gaussian model of orthogonal loadings, with its latent at the true posterior."""
    torch.manual_seed(3)
    latent = GaussianLatent(4, 2).double()
    loading = torch.linalg.qr(torch.randn(4, 2, dtype=torch.float64)).Q.T * torch.tensor(
        [[2.0], [0.7]], dtype=torch.float64
    )
    variance = 1 / (1 + loading.square().sum(1) / NOISE**2)
    raw = variance.sqrt().log() / 6
    with torch.no_grad():
        latent.posterior_head.mean.weight.copy_(variance.unsqueeze(1) * loading / NOISE**2)
        latent.posterior_head.mean.bias.zero_()
        latent.posterior_head.raw_log_scale.weight.zero_()
        latent.posterior_head.raw_log_scale.bias.copy_(6 * torch.atanh(raw))
    return latent, loading, torch.randn(6, 4, dtype=torch.float64)


def encoder_gradient(latent: Latent, loading: Tensor, x: Tensor, k: int, kind: str) -> Tensor:
    output = latent(x, sample_shape=(k,))
    objective = ImportanceWeighted(gradient=kind)  # type: ignore[arg-type]
    loss = objective(score(x, output.z, loading), {"z": output}, 0).loss
    names = [p for n, p in latent.named_parameters() if "posterior" in n]
    return torch.cat([g.flatten() for g in torch.autograd.grad(loss, names)])


@pytest.mark.parametrize("k", [1, 8, 64])
def test_noise_vanishes_at_the_optimum(k: int) -> None:
    """Where q is the posterior every weight is p(x): DReG is 0 to the bit, the other is noise."""
    latent, loading, x = exact_model()
    marginal = MultivariateNormal(
        torch.zeros(4).double(), loading.T @ loading + NOISE**2 * torch.eye(4).double()
    )
    output = latent(x, sample_shape=(k,))
    bound = importance_bound(log_weights(score(x, output.z, loading), {"z": output}))
    torch.testing.assert_close(bound, marginal.log_prob(x))
    seeds = range(20)
    found = {}
    for kind in ("standard", DREG):
        each = []
        for seed in seeds:
            torch.manual_seed(seed)
            each.append(encoder_gradient(latent, loading, x, k, kind))
        found[kind] = torch.stack(each)
    assert found[DREG].abs().max() < 1e-12
    assert found["standard"].std(0).max() > 0.02


def test_signal_to_noise_grows_with_k() -> None:
    """Rainforth et al. 2018: the encoder's standard gradient drowns as k grows; DReG's rises.

    Near the optimum, 400 gradients each: signal-to-noise 0.2 -> 0.05 against 1.8 -> 3.3 from k = 2
    to 128, and at 128 a variance some thousand times smaller.
    """
    latent, loading, x = exact_model()
    torch.manual_seed(0)
    with torch.no_grad():
        for parameter in latent.parameters():
            parameter.add_(0.03 * torch.randn_like(parameter))
    ratio, variance = {}, {}
    for kind in ("standard", DREG):
        for k in (2, 128):
            torch.manual_seed(7)
            each = torch.stack([encoder_gradient(latent, loading, x, k, kind) for _ in range(400)])
            ratio[kind, k] = (each.mean(0).abs() / each.std(0)).mean().item()
            variance[kind, k] = each.var(0).sum().item()
    assert ratio["standard", 128] < 0.5 * ratio["standard", 2]
    assert ratio[DREG, 128] > 1.5 * ratio[DREG, 2]
    assert variance[DREG, 128] < 0.01 * variance["standard", 128]


def test_generator_keeps_its_gradient() -> None:
    """Decoder and prior get autograd's gradient in both cases, draw by draw."""
    latent = MixtureLatent(4, 2, 3).double()
    x = torch.randn(6, 4).double()
    found = []
    for kind in ("standard", DREG):
        loading = torch.ones(2, 4, dtype=torch.float64, requires_grad=True)
        torch.manual_seed(5)
        output = latent(x, sample_shape=(8,))
        objective = ImportanceWeighted(gradient=kind)  # type: ignore[arg-type]
        loss = objective(score(x, output.z, loading), {"z": output}, 0).loss
        found.append(torch.autograd.grad(loss, [loading, latent.means, latent.raw_scales]))
        found[-1] += (loss.detach(),)
    for first, second in zip(*found, strict=True):
        torch.testing.assert_close(first, second)


def test_masked_steps_several_sites_and_sample_dimensions() -> None:
    """log q is summed over real steps only; sample dimensions (2, 3) are 6 draws."""
    style, phones = GaussianLatent(4, 2).double(), HierarchicalLatent(4, 2, hidden=5).double()
    x, steps = torch.randn(6, 4).double(), torch.randn(6, 5, 4).double()
    mask = torch.arange(5) < torch.tensor([5, 1, 2, 3, 4, 2]).unsqueeze(-1)
    longer = torch.cat([steps, torch.randn(6, 2, 4).double()], 1)
    longer_mask = torch.cat([mask, torch.zeros(6, 2, dtype=torch.bool)], 1)
    parameters = [*style.parameters(), *phones.parameters()]
    found = []
    for shape, given, given_mask in (
        ((6,), steps, mask),
        ((2, 3), steps, mask),
        ((6,), longer, longer_mask),
    ):
        torch.manual_seed(5)
        sites = {
            "style": style(x, sample_shape=shape),
            "phones": phones(given, mask=given_mask, sample_shape=shape),
        }
        z = sites["style"].z + sites["phones"].z.sum(-2)
        likelihood = -(z - x[:, :2]).square().sum(-1)
        output = ImportanceWeighted(gradient=DREG)(likelihood, sites, 0)
        bound = importance_bound(log_weights(likelihood, sites)).mean()
        torch.testing.assert_close(-output.loss, bound)
        found.append(torch.autograd.grad(output.loss, parameters))
    for other in found[1:]:
        for first, second in zip(found[0], other, strict=True):
            torch.testing.assert_close(first, second)


def test_warm_up_weighs_the_ratio_inside_the_weights() -> None:
    latent = GaussianLatent(4, 2)
    output = latent(torch.randn(6, 4), sample_shape=(5,))
    likelihood = torch.randn(5, 6)
    objective = ImportanceWeighted(beta={"z": Linear(0, 10, 0.0, 1.0)})
    half = objective(likelihood, {"z": output}, 5)
    expected = importance_bound(likelihood + 0.5 * (output.log_p - output.log_q)).mean()
    torch.testing.assert_close(-half.loss, expected)
    bound = importance_bound(log_weights(likelihood, {"z": output})).mean()
    torch.testing.assert_close(half.terms["bound"], bound)  # the bound itself is reported
    assert half.terms["beta/z"] == 0.5
    torch.testing.assert_close(-objective(likelihood, {"z": output}, 10).loss, bound)


@pytest.mark.parametrize("beta", [0.3, 1.0])
def test_gradient_agrees_during_warm_up_too(beta: float) -> None:
    """The factor 1 - beta (1 - v): the same expectation as autograd's at any weight."""
    latent, loading, x = exact_model()
    with torch.no_grad():
        for parameter in latent.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    data = x.repeat(200, 1)
    parameters = list(latent.parameters())
    differences = []
    for seed in range(40):
        pair = []
        for kind in ("standard", DREG):
            torch.manual_seed(seed)
            output = latent(data, sample_shape=(4,))
            objective = ImportanceWeighted(gradient=kind, beta=beta)  # type: ignore[arg-type]
            loss = objective(score(data, output.z, loading), {"z": output}, 0).loss
            pair.append(torch.cat([g.flatten() for g in torch.autograd.grad(loss, parameters)]))
        differences.append(pair[1] - pair[0])
    each = torch.stack(differences)
    assert (each.mean(0).abs() <= 6 * each.std(0) / math.sqrt(40) + 1e-9).all()
    assert (6 * each.std(0) / math.sqrt(40)).max() < 0.3


def test_one_draw_is_the_elbo() -> None:
    """At k = 1 the loss is the single-sample ELBO; the gradient leaves the score out."""
    latent, loading, x = exact_model()
    torch.manual_seed(1)
    output = latent(x)
    loss = ImportanceWeighted(gradient=DREG)(score(x, output.z, loading), {"z": output}, 0).loss
    torch.testing.assert_close(
        loss, Elbo(estimate="sample")(score(x, output.z, loading), {"z": output}, 0).loss
    )


class Toy:
    """A model that counts how many draws it is asked for at once."""

    def __init__(self) -> None:
        self.latent, self.loading, self.x = exact_model()
        with torch.no_grad():
            self.latent.posterior_head.mean.bias.add_(0.5)
        self.asked: list[int] = []

    def __call__(self, draws: int) -> ModelOutput:
        self.asked.append(draws)
        output = self.latent(self.x, sample_shape=(draws,))
        assert not output.z.requires_grad
        return ModelOutput(score(self.x, output.z, self.loading), {"z": output}, {}, {})


def test_evaluation_never_holds_all_draws() -> None:
    toy = Toy()
    torch.manual_seed(2)
    bound = evaluate_bound(toy, k=250, chunk=100)
    assert toy.asked == [100, 100, 50]
    with torch.no_grad():
        torch.manual_seed(2)
        chunks = [toy(draws) for draws in (100, 100, 50)]
    whole = importance_bound(*[log_weights(c.log_likelihood, c.sites) for c in chunks])
    torch.testing.assert_close(bound, whole)
    assert bound.dtype == torch.float64
    toy.asked.clear()
    assert evaluate_bound(toy, k=3).shape == (6,) and toy.asked == [3]


def test_evaluation_survives_weights_that_no_float_holds() -> None:
    def far(draws: int) -> ModelOutput:
        return ModelOutput(torch.full((draws, 2), -90_000.0), {}, {}, {})

    torch.testing.assert_close(
        evaluate_bound(far, 5000, 999), torch.full((2,), -90_000.0, dtype=torch.float64)
    )


def site(latent: Latent, **options: object) -> dict[str, LatentOutput]:
    return {"z": latent(torch.randn(6, 4), **options)}  # type: ignore[arg-type]


def test_messages() -> None:
    with pytest.raises(ValueError, match="k and chunk must be at least 1, got 0 and 100"):
        evaluate_bound(Toy(), 0)
    with pytest.raises(ValueError, match="got 5 and 0"):
        evaluate_bound(Toy(), 5, 0)
    with pytest.raises(ValueError, match=r"forward\(5\) must give log weights \(5, batch\), got"):
        evaluate_bound(lambda _: ModelOutput(torch.zeros(6), {}, {}, {}), 5)
    with pytest.raises(ValueError, match="needs k >= 1 draws, got 0"):
        importance_bound(torch.zeros(0, 6))
    with pytest.raises(ValueError, match='"standard" or "doubly_reparameterized", got \'dreg\''):
        ImportanceWeighted(gradient="dreg")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"beta names unknown sites \['style'\]"):
        ImportanceWeighted(beta={"style": 1.0})(torch.zeros(6), site(GaussianLatent(4, 2)), 0)
    doubly = ImportanceWeighted(gradient=DREG)
    with pytest.raises(ValueError, match="site 'z': .* CodebookCategorical; .* gradient=standard"):
        doubly(torch.zeros(6), site(RelaxedCategoricalLatent(4, 2, 5)), 0)
    parent = torch.randn(6, 3, requires_grad=True)
    with pytest.raises(ValueError, match="site 'z' has parents, .* into one HierarchicalLatent"):
        doubly(torch.zeros(6), site(GaussianLatent(4, 2, context_width=3), context=parent), 0)
    with pytest.raises(ValueError, match=r"a draw for each of the log weights \(5, 6\), got z \(6"):
        doubly(torch.zeros(5, 6), site(GaussianLatent(4, 2)), 0)


def test_plain_codes_and_clamped_sites_pass() -> None:
    doubly = ImportanceWeighted(gradient=DREG)
    latent = DeterministicLatent(4, 2)
    output = latent(torch.randn(6, 4), sample_shape=(5,))
    doubly(output.z.sum(-1), {"z": output}, 0).loss.backward()
    assert latent.project.weight.grad is not None and latent.project.weight.grad.any()
    clamped = site(GaussianLatent(4, 2), value=torch.zeros(2), sample_shape=(5,))
    assert doubly(torch.zeros(5, 6), clamped, 0).loss.isfinite()
