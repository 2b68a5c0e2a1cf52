"""Law 8: nearest neighbour against brute force, who moves a codebook and when, straight-through.

Functions that raise AssertionError, so that test_quantizer_laws.py can hand them a broken one.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from tts_vae.latents import Latent, LatentOutput
from tts_vae.latents.codebook import Codebook

from .latent_laws import same
from .table import features

Search = Callable[[Tensor, Tensor], Tensor]


def brute_force(x: Tensor, vectors: Tensor) -> list[int]:
    """Nearest vector of each row: a loop over every pair; the first of equals."""
    found = []
    for row in x.double().tolist():
        distances = [
            math.fsum((a - b) ** 2 for a, b in zip(row, code, strict=True))
            for code in vectors.double().tolist()
        ]
        found.append(min(range(len(distances)), key=distances.__getitem__))
    return found


def search_cases() -> dict[str, tuple[Tensor, Tensor]]:
    """Rows and codebooks, float32, on which a careless search goes wrong."""
    draw = torch.Generator().manual_seed(21)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=draw)

    twins = normal(37, 8)
    twins[5], twins[36], twins[20] = twins[1], twins[1], twins[30]
    grid = torch.cartesian_prod(torch.arange(6.0), torch.arange(6.0))
    return {
        "plain": (normal(200, 16), normal(48, 16)),
        "one code": (normal(5, 3), normal(1, 3)),
        "the codes themselves": (twins, twins),
        "two equal codes": (twins[[1, 30]].repeat(30, 1) + 0.01 * normal(60, 8), twins),
        "half-way points": (grid + 0.5, grid),
        "far from 0": (1000 + 0.01 * normal(150, 16), 1000 + 0.01 * normal(40, 16)),
        "a codebook of two clouds": (
            1000 * normal(60, 1).sign() + normal(60, 8),
            1000 * normal(40, 1).sign() + normal(40, 8),
        ),
        "near codes": (normal(60, 8), twins[:1] + 1e-6 * normal(30, 8)),
    }


def search_is_brute_force(search: Search) -> None:
    """Law 8: the code of every row is the one that brute force finds, alone or in a batch."""
    for name, (x, vectors) in search_cases().items():
        expected = brute_force(x, vectors)
        assert search(x, vectors).tolist() == expected, name
        alone = [search(row, vectors).item() for row in x[:20].split(1)]
        assert alone == expected[:20], f"{name}, alone"


def codes_are_nearest(latent: Latent, projected: Callable[[Tensor], Tensor]) -> None:
    """Law 8: codes are those of a greedy search over what was projected; z is their sum.

    Args:
        latent: in float64.
        projected: features (n, feature_width) -> what the codebooks see, (n, width).
    """
    output: LatentOutput = latent(features(5))
    assert output.codes is not None
    rows = projected(features(5).flatten(0, 1)).detach()
    codes = output.codes.flatten(0, 1)
    residual = rows
    for level, codebook in enumerate(_codebooks(latent)):
        vectors = codebook.table().detach()
        expected = brute_force(residual, vectors)
        assert codes.reshape(len(rows), -1)[:, level].tolist() == expected, f"level {level}"
        residual = residual - vectors[expected]
    same(output.z.flatten(0, 1), rows - residual, "z is not the sum of its code vectors")
    assert torch.equal(latent.codes_to_z(output.codes), output.z), "codes do not stand for z"


def average_moves_only_in_training(latent: Latent) -> None:
    """Law 8: codebooks of a moving average move in training with gradients, and only then."""

    def state() -> list[Tensor]:
        return [tensor.clone() for tensor in latent.buffers()]

    def moved(before: list[Tensor]) -> bool:
        return any(not torch.equal(a, b) for a, b in zip(before, latent.buffers(), strict=True))

    for training, gradients in ((False, True), (False, False), (True, False)):
        before = state()
        latent.train(training)
        with torch.set_grad_enabled(gradients):
            latent(features(3))
        assert not moved(before), f"it moved with training={training}, gradients={gradients}"
    latent.train()
    latent(features(3))  # starts
    before = [codebook.vectors.clone() for codebook in _codebooks(latent)]
    latent(features(3, seed=9))
    for codebook, old in zip(_codebooks(latent), before, strict=True):
        assert not torch.equal(codebook.vectors, old), "training did not move it"
        assert not codebook.vectors.requires_grad, "a moving average is no parameter"


def average_is_the_published_one(latent: Latent, projected: Callable[[Tensor], Tensor]) -> None:
    """Law 8: N = g N + (1 - g) n, m = g m + (1 - g) sum x, e = m / N, by its own two averages."""
    latent.train()
    latent(features(3))  # starts
    (codebook,) = _codebooks(latent)
    n, e = codebook.counts.clone(), codebook.vectors.clone()
    m = n.unsqueeze(-1) * e
    for seed in range(2, 6):
        x = features(3, seed=seed)
        codes = latent(x).codes.flatten()
        rows = projected(x.flatten(0, 1)).detach()
        for k in range(len(n)):
            mine = rows[codes == k]
            n[k] = codebook.decay * n[k] + (1 - codebook.decay) * len(mine)
            m[k] = codebook.decay * m[k] + (1 - codebook.decay) * mine.sum(0)
        used = n > 0  # a code that nobody ever chose has no average
        same(codebook.vectors[used], m[used] / n[used].unsqueeze(-1), "the moving average")
        same(codebook.counts, n, "the counts")
        assert used.sum() > 1, "too few codes to judge"


def straight_through(latent: Latent, projected: Callable[[Tensor], Tensor]) -> None:
    """Law 8: d z / d (what is quantised) is the identity; each penalty pulls its own side only."""
    latent.eval()
    x = features(2).requires_grad_()
    output: LatentOutput = latent(x)
    weight = torch.randn_like(output.z)
    tables = [p for name, p in latent.named_parameters() if "codebook" in name]

    def pull(value: Tensor) -> tuple[Tensor, bool]:
        """Gradient in x, and whether any codebook feels the value."""
        assert value.requires_grad, "nothing feels the value"
        gradients = torch.autograd.grad(
            value, [x, *tables], retain_graph=True, allow_unused=True, materialize_grads=True
        )
        return gradients[0], any(bool(g.any()) for g in gradients[1:])

    through, felt = pull((output.z * weight).sum())
    (direct,) = torch.autograd.grad((projected(x) * weight).sum(), x)
    same(through, direct, "the gradient is not that of the quantised vector")
    assert not felt, "z pulls the codebook"
    encoder, felt = pull(output.penalties["commitment"].sum())
    assert encoder.any(), "commitment does not reach the encoder"
    assert not felt, "commitment pulls the codebook"
    assert bool(tables) == ("codebook" in output.penalties), "who moves the codebook?"
    if tables:
        encoder, felt = pull(output.penalties["codebook"].sum())
        assert felt, "the codebook penalty does not reach the codebook"
        assert not encoder.any(), "the codebook penalty pulls the encoder"


def _codebooks(latent: Latent) -> list[Codebook]:
    return list(latent.codebooks) if hasattr(latent, "codebooks") else [latent.codebook]
