"""Closed forms against independent recomputation in NumPy and torch's dense formulas."""

import numpy as np
import torch
from torch.distributions import Independent, MultivariateNormal, Normal, kl_divergence

from tts_vae.latents import divergences


def draw(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.float64)


def positive(*shape: int) -> torch.Tensor:
    return torch.rand(*shape, dtype=torch.float64) + 0.2


def test_gaussian_kl_by_hand() -> None:
    kl = divergences.gaussian_kl_per_dim(
        torch.tensor([1.0, 0.0]), torch.tensor([1.0, 2.0]), torch.zeros(2), torch.ones(2)
    )
    torch.testing.assert_close(kl, torch.tensor([0.5, 1.5 - np.log(2)], dtype=torch.float32))


def test_cholesky_kl_is_the_dense_formula() -> None:
    mean_q, mean_p, scale_p = draw(5, 3), draw(5, 3), positive(5, 3)
    factor = draw(5, 3, 3).tril(-1) + torch.diag_embed(positive(5, 3))
    kl = divergences.cholesky_diagonal_kl(mean_q, factor, mean_p, scale_p)
    for i in range(5):
        q = (factor[i] @ factor[i].T).numpy()
        p = np.diag(scale_p[i].numpy() ** 2)
        d = (mean_p[i] - mean_q[i]).numpy()
        inverse = np.linalg.inv(p)
        expected = 0.5 * (
            np.trace(inverse @ q)
            + d @ inverse @ d
            - 3
            + np.log(np.linalg.det(p) / np.linalg.det(q))
        )
        np.testing.assert_allclose(kl[i].item(), expected, rtol=1e-10)
    posterior = MultivariateNormal(mean_q, scale_tril=factor)
    prior = Independent(Normal(mean_p, scale_p), 1)
    torch.testing.assert_close(kl_divergence(posterior, prior), kl)


def test_responsibilities_in_numpy() -> None:
    z, means, scales = draw(4, 2, 3), draw(5, 3), positive(5, 3)
    weights = torch.softmax(draw(5), 0)
    log_q = divergences.log_responsibilities(z, means, scales, weights.log())
    density = np.empty((4, 2, 5))
    for k in range(5):
        standard = (z.numpy() - means[k].numpy()) / scales[k].numpy()
        normal = np.exp(-0.5 * standard**2) / (scales[k].numpy() * np.sqrt(2 * np.pi))
        density[..., k] = weights[k].item() * normal.prod(-1)
    np.testing.assert_allclose(
        log_q.exp().numpy(), density / density.sum(-1, keepdims=True), rtol=1e-9
    )


def test_hsu_estimator_by_its_published_formula() -> None:
    """q_k = softmax(-1/2 sum [(z-mu)^2/s^2 + log s^2]); KL_y = log K + sum q log q (speech.md)."""
    z, mean, scale = draw(6, 3), draw(6, 3), positive(6, 3)
    means, scales = draw(4, 3), positive(4, 3)
    uniform = torch.full((4,), -np.log(4), dtype=torch.float64)
    exponent = -0.5 * ((z.unsqueeze(1) - means) ** 2 / scales**2 + torch.log(scales**2)).sum(-1)
    q = torch.softmax(exponent, -1)
    expected_kl_y = np.log(4) + (q * q.log()).sum(-1)
    each = kl_divergence(
        Independent(Normal(mean.unsqueeze(1), scale.unsqueeze(1)), 1),
        Independent(Normal(means, scales), 1),
    )
    log_q = divergences.log_responsibilities(z, means, scales, uniform)
    torch.testing.assert_close(log_q.exp(), q)
    torch.testing.assert_close(divergences.categorical_kl(log_q, uniform), expected_kl_y)
    per_dim = divergences.mixture_kl_per_dim(mean, scale, means, scales, q)
    torch.testing.assert_close(per_dim.sum(-1), (q * each).sum(-1))


def test_categorical_kl_of_a_certain_class_is_finite() -> None:
    log_q = torch.log_softmax(torch.tensor([500.0, 0.0, 0.0]), -1).requires_grad_()
    kl = divergences.categorical_kl(log_q, torch.full((3,), -np.log(3)))
    kl.backward()
    torch.testing.assert_close(kl.detach(), torch.tensor(np.log(3), dtype=torch.float32))
    assert log_q.grad is not None and log_q.grad.isfinite().all()
