import math

import pytest
import torch

from tts_vae.classical import Gaussian


def test_closed_form_and_density_by_hand():
    x = torch.tensor([[0.0, 0.0], [2.0, 0.0], [0.0, 4.0], [2.0, 4.0]], dtype=torch.float64)
    fit = Gaussian().fit(x)
    assert fit.mean.tolist() == [1.0, 2.0]
    assert fit.covariance.tolist() == [[1.0, 0.0], [0.0, 4.0]], "1/N, not 1/(N - 1)"
    expected = -math.log(2 * math.pi) - 0.5 * math.log(4.0) - 0.5 * (1 / 1 + 4 / 4)
    torch.testing.assert_close(fit.log_prob(x), torch.full((4,), expected, dtype=torch.float64))
    assert fit.score(x) == pytest.approx(expected, abs=1e-12)


def test_density_is_that_of_torch_and_samples_have_its_moments():
    x = torch.randn(500, 6, dtype=torch.float64) @ torch.randn(6, 6, dtype=torch.float64) + 100
    fit = Gaussian().fit(x)
    reference = torch.distributions.MultivariateNormal(fit.mean, fit.covariance)
    torch.testing.assert_close(fit.log_prob(x), reference.log_prob(x), rtol=1e-10, atol=1e-10)
    drawn = fit.sample(200_000, torch.Generator().manual_seed(1))
    spread = fit.covariance.diagonal().max().item()
    assert (drawn.mean(0) - fit.mean).abs().max() < 0.02 * spread**0.5
    assert (drawn.T.cov() - fit.covariance).abs().max() < 0.02 * spread
    again = fit.sample(200_000, torch.Generator().manual_seed(1))
    assert torch.equal(drawn, again)


def test_float32_far_from_the_origin_loses_nothing():
    exact = torch.randn(2000, 3, dtype=torch.float64)
    x = (exact + 4096).float()  # float32 keeps about 3 decimals there; squares would keep none
    narrow, wide = Gaussian().fit(x), Gaussian().fit(x.double())
    assert narrow.log_prob(x).dtype == narrow.sample(2).dtype == torch.float32
    assert narrow.mean.dtype == torch.float64
    torch.testing.assert_close(narrow.covariance, wide.covariance)
    assert narrow.score(x) == pytest.approx(wide.score(x.double()), abs=1e-6)
    assert wide.log_prob(x.double()).dtype == torch.float64
    assert Gaussian().fit(torch.randint(9, (50, 2))).sample(1).dtype == torch.float64


def test_bad_input_says_what_to_do():
    good = torch.randn(50, 3)
    bad = good.clone()
    bad[4, 1] = float("nan")
    with pytest.raises(ValueError, match="1 NaN .* row 4, column 1.*; drop or impute them"):
        Gaussian().fit(bad)
    constant = good.clone()
    constant[:, 2] = 7.0
    with pytest.raises(
        ValueError, match=r"column 2 is constant; .*regularisation \(now 0, try 1e-6\)"
    ):
        Gaussian().fit(constant)
    assert Gaussian(regularisation=1e-3).fit(constant).log_prob(good).isfinite().all()
    with pytest.raises(ValueError, match="column 3 follows from the columns before it; drop"):
        Gaussian().fit(torch.cat([good, good.sum(1, keepdim=True)], 1).double())
    with pytest.raises(ValueError, match="give more than 3 points"):
        Gaussian().fit(good[:3])
    with pytest.raises(ValueError, match=r"expected points \(n, width\), got \(50,\); flatten"):
        Gaussian().fit(good[:, 0])
    with pytest.raises(ValueError, match=r"got \(0, 3\)"):
        Gaussian().fit(good[:0])
    with pytest.raises(ValueError, match="expected real points"):
        Gaussian().fit(good.to(torch.complex64))
    with pytest.raises(ValueError, match="width 3 as in fit, got 2; give the same columns"):
        Gaussian().fit(good).log_prob(good[:, :2])
    with pytest.raises(ValueError, match=r"no parameters yet; call fit\(x\) first"):
        Gaussian().log_prob(good)
    with pytest.raises(ValueError, match="regularisation must be at least 0.0, got -1"):
        Gaussian(regularisation=-1.0)
    with pytest.raises(ValueError, match="n must be at least 1, got 0"):
        Gaussian().fit(good).sample(0)
