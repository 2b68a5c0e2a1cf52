"""Law 2's other half: the doubly reparameterised gradient has the expectation of autograd's."""

import math

import torch
from torch import Tensor

from tts_vae.latents import Latent
from tts_vae.objectives import ImportanceWeighted

from .objective_laws import linear_gaussian
from .table import Row, features

DRAWS = 4


def gradients(latent: Latent, row: Row, gradient: str, seed: int, copies: int = 100) -> Tensor:
    """Gradient of -L_4 by every parameter, flat: a mean over ``copies`` of the data."""
    x = features().repeat(copies, 1)
    given = {
        name: tensor.repeat(copies, *[1] * (tensor.ndim - 1))
        for name, tensor in row.given().items()
    }
    torch.manual_seed(seed)
    output = latent(x, **given, sample_shape=(DRAWS,))
    likelihood = linear_gaussian(x, output.z, latent.decoded_width)
    objective = ImportanceWeighted(gradient=gradient)  # type: ignore[arg-type]
    wanted = [p for p in latent.parameters() if p.requires_grad]
    found = torch.autograd.grad(
        objective(likelihood, {"z": output}, 0).loss, wanted, allow_unused=True
    )
    return torch.cat(
        [
            torch.zeros_like(p).flatten() if g is None else g.flatten()
            for p, g in zip(wanted, found, strict=True)
        ]
    )


def both_gradients_agree(latent: Latent, row: Row, groups: int = 30) -> None:
    """The two estimators, on the same draws, differ by noise of mean 0."""
    differences = torch.stack(
        [
            gradients(latent, row, "doubly_reparameterized", seed)
            - gradients(latent, row, "standard", seed)
            for seed in range(groups)
        ]
    )
    mean, error = differences.mean(0), 6 * differences.std(0) / math.sqrt(groups)
    assert (differences.std(0) > 1e-9).any(), "both gradients are one: nothing is compared"
    worst = (mean.abs() - error).argmax()
    assert (mean.abs() <= error + 1e-9).all(), f"biased by {mean[worst]}, noise {error[worst]}"
