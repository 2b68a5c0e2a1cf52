import pytest
import torch

from tts_vae.classical import Gaussian, ProbabilisticPCA


@pytest.fixture
def x():
    weights = torch.randn(2, 6, dtype=torch.float64)
    z, noise = (torch.randn(3000, n, dtype=torch.float64) for n in (2, 6))
    return 50 + z @ weights * 2 + 0.5 * noise


@pytest.mark.parametrize("method", ["eigen", "em"])
def test_density_is_that_of_its_marginal(x, method):
    fit = ProbabilisticPCA(2, method).fit(x)
    covariance = fit.loadings @ fit.loadings.T + fit.noise_variance * torch.eye(6).double()
    marginal = torch.distributions.MultivariateNormal(fit.mean, covariance)
    torch.testing.assert_close(fit.log_prob(x), marginal.log_prob(x), rtol=1e-9, atol=1e-9)
    assert fit.history[-1] == pytest.approx(fit.score(x), abs=1e-9)
    assert fit.noise_variance.item() == pytest.approx(0.25, rel=0.05), "what made the points"
    drawn = fit.sample(200_000, torch.Generator().manual_seed(2))
    assert (drawn.T.cov() - covariance).abs().max() < 0.02 * covariance.max()


def test_posterior_is_that_of_the_joint_gaussian(x):
    """By conditioning (z, x) ~ N((0, mu), [[I, W^T], [W, C]]) instead of through M."""
    fit = ProbabilisticPCA(2).fit(x)
    covariance = fit.loadings @ fit.loadings.T + fit.noise_variance * torch.eye(6).double()
    gain = fit.loadings.T @ torch.linalg.inv(covariance)
    torch.testing.assert_close(fit.transform(x), (x - fit.mean) @ gain.T)
    torch.testing.assert_close(
        fit.posterior_covariance, torch.eye(2).double() - gain @ fit.loadings
    )
    back = fit.inverse_transform(fit.transform(x))
    assert (back - x).square().mean() < 0.3, "what is left is the noise, variance 0.25"


def test_one_step_is_the_step_over_points(x):
    """TB 29 and 30 against E[z], E[z z^T] summed point by point (Bishop 12.54 to 12.57)."""
    model, centred = ProbabilisticPCA(2), x - x.mean(0)
    loadings, variance = torch.randn(6, 2, dtype=torch.float64), torch.tensor(0.7).double()
    inverse = torch.linalg.inv(loadings.T @ loadings + variance * torch.eye(2).double())
    z = centred @ loadings @ inverse
    second = len(x) * variance * inverse + z.T @ z
    new = centred.T @ z @ torch.linalg.inv(second)
    terms = (
        centred.square().sum() - 2 * (z * (centred @ new)).sum() + (second @ new.T @ new).trace()
    )
    covariance = centred.T @ centred / len(x)
    stepped, noise = model.step(covariance, loadings, variance)
    torch.testing.assert_close(stepped, new)
    torch.testing.assert_close(noise, terms / x.numel())


def test_all_but_one_direction_is_nearly_the_gaussian(x):
    full, gaussian = ProbabilisticPCA(5).fit(x), Gaussian().fit(x)
    assert full.score(x) == pytest.approx(gaussian.score(x), abs=1e-9)
    assert ProbabilisticPCA(1).fit(x).score(x) < full.score(x)


def test_columns_are_at_right_angles_longest_first(x):
    loadings = ProbabilisticPCA(3).fit(x).loadings
    products = loadings.T @ loadings
    assert (products - products.diagonal().diag()).abs().max() < 1e-9
    assert (products.diagonal().diff() < 0).all()
    assert (loadings.gather(0, loadings.abs().argmax(0, keepdim=True)) > 0).all()


def test_float32_returns_float32(x):
    fit = ProbabilisticPCA(2).fit(x.float())
    assert fit.loadings.dtype == torch.float64
    z = fit.transform(x.float())
    assert z.dtype == fit.inverse_transform(z).dtype == fit.log_prob(x.float()).dtype
    assert z.dtype == fit.sample(3).dtype == torch.float32
    assert fit.score(x.float()) == pytest.approx(ProbabilisticPCA(2).fit(x).score(x), abs=1e-4)


def test_fewer_points_than_columns_still_fit():
    few = torch.randn(10, 40, dtype=torch.float64)
    exact, limit = (ProbabilisticPCA(3, method).fit(few) for method in ("eigen", "em"))
    assert exact.score(few) == pytest.approx(limit.score(few), abs=1e-8)


def test_bad_input_says_what_to_do(x):
    with pytest.raises(ValueError, match="latents must be at least 1, got 0"):
        ProbabilisticPCA(0)
    with pytest.raises(ValueError, match="less than the width 6 of x, got 6; lower it"):
        ProbabilisticPCA(6).fit(x)
    with pytest.raises(ValueError, match='method must be "eigen" or "em", got "svd"|\'svd\''):
        ProbabilisticPCA(2, "svd")
    flat = x @ torch.diag(torch.tensor([1.0, 1, 0, 0, 0, 0])).double()
    with pytest.raises(
        ValueError, match="vary in 2 directions, .* beside 2 latents; .*regularisation"
    ):
        ProbabilisticPCA(2).fit(flat)
    for method in ("eigen", "em"):
        fit = ProbabilisticPCA(2, method, regularisation=1.0).fit(flat)
        assert fit.noise_variance.item() == pytest.approx(1.0, rel=1e-6)
    with pytest.raises(ValueError, match="vary in 0 directions"):
        ProbabilisticPCA(1).fit(torch.ones(9, 3))
    with pytest.raises(ValueError, match="3000 NaN or infinite"):
        ProbabilisticPCA(2).fit(torch.cat([x, x[:, :1] / 0], 1))
    fit = ProbabilisticPCA(2).fit(x)
    with pytest.raises(ValueError, match="width 6 as in fit, got 5"):
        fit.transform(x[:, :5])
    with pytest.raises(ValueError, match="width 2 as in fit, got 6"):
        fit.inverse_transform(x)
    with pytest.raises(ValueError, match="call fit"):
        ProbabilisticPCA(2).sample(1)
    slow = ProbabilisticPCA(2, "em", max_iterations=3).fit(x)
    assert not slow.converged and len(slow.history) == 4
