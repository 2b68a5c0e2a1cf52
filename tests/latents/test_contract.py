"""Shapes, clamps, precision and messages that all latents share."""

import pytest
import torch

from tts_vae.latents import (
    BottomUpLatent,
    DeterministicLatent,
    GaussianLatent,
    HierarchicalLatent,
    Latent,
    MixtureLatent,
    RelaxedCategoricalLatent,
    ResidualQuantizerLatent,
    StyleTokenLatent,
    VectorQuantizerLatent,
)

LATENTS = [
    DeterministicLatent(5, 4),
    GaussianLatent(5, 4),
    GaussianLatent(5, 4, "cholesky"),
    MixtureLatent(5, 4, 3),
    StyleTokenLatent(5, 4, 6, 2),
    HierarchicalLatent(5, 4, [1, 3], hidden=6),
    BottomUpLatent(5, 4, [3, 1], [[6], [5, 5]]),
    RelaxedCategoricalLatent(5, 4, 7),
    RelaxedCategoricalLatent(5, 4, 7, hard=True),
    VectorQuantizerLatent(5, 4, 6, kmeans_start=False, projection=True),
    ResidualQuantizerLatent(5, 4, 3, 6, "codebook", kmeans_start=False, projection=True),
]
every_latent = pytest.mark.parametrize("latent", LATENTS, ids=lambda x: type(x).__name__)


@every_latent
@pytest.mark.parametrize("steps", [(), (7,), (2, 3)])
@pytest.mark.parametrize("samples", [(), (6,), (2, 3)])
def test_shapes(latent: Latent, steps: tuple[int, ...], samples: tuple[int, ...]) -> None:
    output = latent(torch.randn(2, *steps, 5), sample_shape=samples)
    assert output.z.shape == (*samples, 2, *steps, 4)
    assert output.log_q.shape == output.log_p.shape == (*samples, 2)
    assert output.kl.shape == (2,)
    if output.kl_per_dim is not None:
        assert output.kl_per_dim.shape == (2, *steps, 4)
    if output.posterior is not None and output.prior is not None:
        for distribution in (output.posterior, output.prior):
            assert distribution.batch_shape == (2, *steps)
            assert distribution.event_shape == (4,)
    for statistic in output.statistics.values():
        assert not statistic.requires_grad


@every_latent
def test_value_clamps(latent: Latent) -> None:
    value = torch.randn(2, 4)
    output = latent(torch.randn(2, 5), value=value)
    assert torch.equal(output.z, value)
    everywhere = latent(torch.randn(2, 3, 5), value=value[0]).z
    assert torch.equal(everywhere, value[0].expand(2, 3, 4))
    drawn = latent(torch.randn(2, 5), value=torch.randn(9, 2, 4))
    assert drawn.z.shape == (9, 2, 4) and drawn.log_p.shape == (9, 2)


@pytest.mark.parametrize("shape", [(2, 4), (2, 3, 5), (3, 3, 4), ()])
def test_value_never_slides(shape: tuple[int, ...]) -> None:
    """(batch, width) would broadcast over two steps of a fine-grained site: refused."""
    with pytest.raises(ValueError, match="value must broadcast"):
        GaussianLatent(5, 4)(torch.randn(2, 2, 5), value=torch.randn(shape))


@every_latent
def test_mean_mode_has_no_noise_and_training_flag_no_say(latent: Latent) -> None:
    x = torch.randn(64, 5)  # two draws of two codes each are the same once in fifty times
    first = latent.train()(x, mode="mean").z
    assert torch.equal(first, latent.eval()(x, mode="mean").z)
    if latent(x).posterior is not None:
        assert not torch.equal(latent.eval()(x).z, latent.eval()(x).z)


@every_latent
def test_float32_under_autocast(latent: Latent) -> None:
    x = torch.randn(2, 5)
    with torch.autocast("cpu", torch.bfloat16):
        lowered = latent(x.bfloat16(), mode="mean")
    exact = latent(x.bfloat16().float(), mode="mean")
    for name in ("z", "log_q", "log_p", "kl"):
        assert getattr(lowered, name).dtype == torch.float32
        assert torch.equal(getattr(lowered, name), getattr(exact, name)), name


@every_latent
def test_nan_is_not_hidden(latent: Latent) -> None:
    x = torch.randn(2, 5)
    x[0, 0] = torch.nan
    output = latent(x)
    assert output.z[0].isnan().all() and not output.z[1].isnan().any()
    if output.posterior is not None:
        assert output.kl[0].isnan() and not output.kl[1].isnan()


@every_latent
def test_extreme_features_stay_finite(latent: Latent) -> None:
    x = (1e4 * torch.randn(2, 5)).requires_grad_()
    output = latent(x)
    (output.z.sum() + output.kl.sum() + output.log_p.sum()).backward()
    assert output.z.isfinite().all() and output.kl.isfinite().all()
    assert x.grad is not None and x.grad.isfinite().all()


def test_messages() -> None:
    latent = GaussianLatent(5, 4)
    with pytest.raises(ValueError, match=r"features must be \(batch, \*steps, 5\), got \(2, 6\)"):
        latent(torch.randn(2, 6))
    with pytest.raises(ValueError, match=r"mask must be .* \(2, 3\), got \(2,\)"):
        latent(torch.randn(2, 3, 5), mask=torch.ones(2, dtype=torch.bool))
    with pytest.raises(ValueError, match='"sample" or "mean", got \'mode\''):
        latent(torch.randn(2, 5), mode="mode")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="component 0 does not exist; GaussianLatent has none"):
        latent.component(0)
    with pytest.raises(ValueError, match="component 3 does not exist; valid: 0 to 2"):
        MixtureLatent(5, 4, 3).component(3)
    for each in LATENTS:
        with pytest.raises(ValueError, match="no conditional prior"):
            each(torch.randn(2, 5), condition=torch.zeros(2, dtype=torch.long))
    with pytest.raises(ValueError, match="at least 1"):
        DeterministicLatent(5, 0)
    with pytest.raises(ValueError, match="no prior to sample"):
        DeterministicLatent(5, 4).sample((3,))


def test_example_without_real_steps_counts_nothing() -> None:
    latent = MixtureLatent(5, 4, 3)
    mask = torch.tensor([[True, True], [False, False]])
    output = latent(torch.randn(2, 2, 5), mask=mask)
    assert output.kl[1] == 0 and output.log_q[1] == 0 and (output.z[1] == 0).all()
