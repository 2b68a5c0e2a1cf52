import math

import pytest
import torch

from tts_vae.models.likelihoods import GaussianLikelihood, LaplaceLikelihood


@pytest.mark.parametrize(
    ("likelihood", "reference"),
    [
        (LaplaceLikelihood, torch.distributions.Laplace),
        (GaussianLikelihood, torch.distributions.Normal),
    ],
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


def test_scale_must_be_positive():
    with pytest.raises(ValueError, match="scale must be positive, got 0"):
        LaplaceLikelihood(0.0)
    assert math.isclose(LaplaceLikelihood(2.0).log_scale.item(), math.log(2), rel_tol=1e-6)
