"""Levels: what each adds, and what a z of fewer of them is."""

import torch

from tts_vae.latents import ResidualQuantizerLatent


def trained(**options):
    """40 steps on points of a square, 4 codes a level."""
    torch.manual_seed(0)
    latent = ResidualQuantizerLatent(2, 2, 4, 4, **{"decay": 0.9, **options})
    for _ in range(40):
        output = latent(torch.rand(200, 2))
    return latent, output


def error(latent, x, levels):
    """Mean squared error of the first ``levels`` codes."""
    codes = latent(x).codes
    codes[..., levels:] = -1
    return (x - latent.codes_to_z(codes)).square().sum(-1).mean().item()


def test_every_level_refines():
    latent, _ = trained()
    latent.eval()
    errors = [error(latent, torch.rand(2000, 2), n) for n in range(5)]
    assert all(after < 0.5 * before for before, after in zip(errors, errors[1:], strict=False))
    assert errors[4] < 0.03 * errors[1], "256 points from 16 vectors"


def test_levels_that_are_dropped_are_marked_and_not_counted():
    latent, output = trained(level_dropout=0.5)
    codes = output.codes
    depths = (codes >= 0).sum(-1)
    assert (depths >= 1).all() and 0.35 < (depths < 4).float().mean() < 0.65
    assert all((codes[i, depths[i] :] == -1).all() for i in range(len(codes)))
    assert set(depths.tolist()) == {1, 2, 3, 4}
    shares = [codebook.recent.sum() for codebook in latent.codebooks]
    assert shares == sorted(shares, reverse=True) and shares[-1] < 0.65 * shares[0]
    assert (latent.eval()(torch.rand(50, 2)).codes >= 0).all(), "only in training"


def test_an_example_keeps_the_same_levels_at_all_its_steps():
    latent, _ = trained(level_dropout=1.0)
    depths = (latent(torch.rand(30, 7, 2)).codes >= 0).sum(-1)
    assert (depths == depths[:, :1]).all() and set(depths[:, 0].tolist()) == {1, 2, 3}


def test_dropped_levels_leave_the_gradient_and_the_penalties_right():
    latent, _ = trained(level_dropout=1.0, update="codebook", revival_threshold=0.0)
    x = torch.rand(20, 2, requires_grad=True)
    output = latent(x)
    weight = torch.randn(20, 2)
    (gradient,) = torch.autograd.grad((weight * output.z).sum(), x, retain_graph=True)
    assert torch.equal(gradient, weight)
    kept = output.codes >= 0
    assert not kept.all() and torch.equal(latent.codes_to_z(output.codes), output.z)
    expected = torch.zeros(20)
    for level in range(4):
        first = output.codes.clone()
        first[:, level + 1 :] = -1
        left = (x - latent.codes_to_z(first)).square().sum(-1).detach()
        expected += torch.where(kept[:, level], left, 0)
    for value in output.penalties.values():
        torch.testing.assert_close(value.detach(), expected)


def test_components_are_the_coarse_choices():
    latent, _ = trained()
    for k in range(4):
        codes = torch.tensor([k, -1, -1, -1])
        assert torch.equal(latent.component(k), latent.codes_to_z(codes))


def test_a_generator_decides_the_levels():
    latent, _ = trained(level_dropout=0.5, update="codebook")
    x = torch.rand(50, 2)
    draws = [latent(x, generator=torch.Generator().manual_seed(seed)).codes for seed in (1, 1, 2)]
    assert torch.equal(draws[0], draws[1]) and not torch.equal(draws[0], draws[2])
