"""The table: one row per latent system. A new latent is one row here."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from tts_vae.latents import (
    DeterministicLatent,
    GaussianLatent,
    Latent,
    MixtureLatent,
    StyleTokenLatent,
)

FEATURES = 4
WIDTH = 2
BATCH = 6
CLASSES = 3


@dataclass(frozen=True)
class Row:
    """One latent with all that the laws need to know of it.

    Attributes:
        name: test id.
        build: makes the latent; called under a fixed seed.
        stochastic: it has a posterior and a prior.
        kl_is_exact: its ``kl`` is KL(q || p); else an upper bound or an estimate of it.
        classes: number of classes of its prior's condition; 0 for none.
    """

    name: str
    build: Callable[[], Latent]
    stochastic: bool = True
    kl_is_exact: bool = True
    classes: int = 0

    def latent(self, seed: int = 0) -> Latent:
        """Build in float64 with every parameter moved off its start."""
        torch.manual_seed(seed)
        latent = self.build().double()
        with torch.no_grad():
            for parameter in latent.parameters():
                parameter.add_(0.2 * torch.randn_like(parameter))
        return latent

    def condition(self, batch: int = BATCH) -> Tensor | None:
        """Class indices (batch,) where the prior takes them."""
        return torch.arange(batch) % self.classes if self.classes else None


ROWS = [
    Row("plain code", lambda: DeterministicLatent(FEATURES, WIDTH), stochastic=False),
    Row("style tokens", lambda: StyleTokenLatent(FEATURES, WIDTH, 5, 2), stochastic=False),
    Row("gaussian", lambda: GaussianLatent(FEATURES, WIDTH)),
    Row("full covariance", lambda: GaussianLatent(FEATURES, WIDTH, "cholesky")),
    Row(
        "class prior",
        lambda: GaussianLatent(FEATURES, WIDTH, condition_classes=CLASSES),
        classes=CLASSES,
    ),
    Row(
        "full covariance, class prior",
        lambda: GaussianLatent(FEATURES, WIDTH, "cholesky", condition_classes=CLASSES),
        classes=CLASSES,
    ),
    Row(
        "unknown class",
        lambda: GaussianLatent(FEATURES, WIDTH, condition_classes=CLASSES),
        kl_is_exact=False,
    ),
    Row("mixture", lambda: MixtureLatent(FEATURES, WIDTH, 4), kl_is_exact=False),
    Row(
        "mixture, learned weights, per draw",
        lambda: MixtureLatent(FEATURES, WIDTH, 4, "sample", learn_weights=True),
        kl_is_exact=False,
    ),
]


def features(*steps: int, batch: int = BATCH, seed: int = 1) -> Tensor:
    """Encoder features (batch, *steps, FEATURES), float64."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(batch, *steps, FEATURES, dtype=torch.float64, generator=generator)
