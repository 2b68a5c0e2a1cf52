"""The table: one row per latent system. A new latent is one row here."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

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

FEATURES = 4
WIDTH = 2
BATCH = 6
CLASSES = 3
CONTEXT = 3


@dataclass(frozen=True)
class Row:
    """One latent with all that the laws need to know of it.

    Attributes:
        name: test id.
        build: makes the latent; called under a fixed seed.
        stochastic: it has a posterior and a prior.
        kl_is_exact: its ``kl`` is KL(q || p); else an upper bound or an estimate of it.
        classes: number of classes of its prior's condition; 0 for none.
        learns_by_itself: it moves with every batch that it is trained on (declared batch
            statistics); the laws of one forward pass then hold in eval mode.
        context_width: width of the parent's z that its prior reads; 0 for none.
        linear: a chain of linear links whose scales are held constant: z is jointly Gaussian, so
            law 2 has a marginal in closed form.
        may_coincide: two draws may be one code by chance; law 6 then asks that most differ.
        blends: its z is a relaxation, so a likelihood of z belongs to no model whose marginal the
            importance bound could stay under, and that half of law 2 does not apply.
    """

    name: str
    build: Callable[[], Latent]
    stochastic: bool = True
    kl_is_exact: bool = True
    classes: int = 0
    learns_by_itself: bool = False
    context_width: int = 0
    linear: bool = False
    may_coincide: bool = False
    blends: bool = False

    def latent(self, seed: int = 0) -> Latent:
        """Build in float64 with every parameter moved off its start."""
        torch.manual_seed(seed)
        latent = self.build().double().train(not self.learns_by_itself)
        with torch.no_grad():
            for parameter in latent.parameters():
                parameter.add_(0.2 * torch.randn_like(parameter))
            for name, parameter in latent.named_parameters():
                if self.linear and name.endswith("raw_log_scale.weight"):
                    parameter.zero_().requires_grad_(False)
        return latent

    def condition(self, batch: int = BATCH) -> Tensor | None:
        """Class indices (batch,) where the prior takes them."""
        return torch.arange(batch) % self.classes if self.classes else None

    def given(self, batch: int = BATCH) -> dict[str, Tensor]:
        """All that the prior is conditioned on, as keyword arguments."""
        result = {}
        if self.classes:
            result["condition"] = torch.arange(batch) % self.classes
        if self.context_width:
            generator = torch.Generator().manual_seed(9)
            shape = (batch, self.context_width)
            result["context"] = torch.randn(shape, dtype=torch.float64, generator=generator)
        return result


ROWS = [
    Row("plain code", lambda: DeterministicLatent(FEATURES, WIDTH), stochastic=False),
    Row("style tokens", lambda: StyleTokenLatent(FEATURES, WIDTH, 5, 2), stochastic=False),
    Row(
        "codes",
        lambda: VectorQuantizerLatent(FEATURES, WIDTH, 300, projection=True),
        stochastic=False,
        learns_by_itself=True,
    ),
    Row(
        "codes, moving average, cosine",
        lambda: VectorQuantizerLatent(
            FEATURES, WIDTH, 300, "ema", projection=True, normalised=True
        ),
        stochastic=False,
        learns_by_itself=True,
    ),
    Row(
        "residual codes",
        lambda: ResidualQuantizerLatent(FEATURES, WIDTH, 3, 16, projection=True),
        stochastic=False,
        learns_by_itself=True,
    ),
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
    Row(
        "linked prior",
        lambda: GaussianLatent(FEATURES, WIDTH, context_width=CONTEXT, context_hidden=[5]),
        context_width=CONTEXT,
    ),
    Row("hierarchy", lambda: HierarchicalLatent(FEATURES, WIDTH, hidden=8)),
    Row(
        "hierarchy, linked prior",
        lambda: HierarchicalLatent(FEATURES, WIDTH, hidden=8, context_width=CONTEXT),
        context_width=CONTEXT,
    ),
    Row("stochastic layers", lambda: BottomUpLatent(FEATURES, WIDTH, hidden=[[6], [5, 5]])),
    Row("stochastic layers, linear", lambda: BottomUpLatent(FEATURES, WIDTH), linear=True),
    Row(
        "relaxed codes",
        lambda: RelaxedCategoricalLatent(FEATURES, WIDTH, 48),
        may_coincide=True,
        blends=True,
    ),
    Row(
        "relaxed codes, straight-through",
        lambda: RelaxedCategoricalLatent(FEATURES, WIDTH, 48, hard=True),
        may_coincide=True,
    ),
    Row(
        "relaxed codes, straight-through, linked prior",
        lambda: RelaxedCategoricalLatent(FEATURES, WIDTH, 48, hard=True, context_width=CONTEXT),
        context_width=CONTEXT,
        may_coincide=True,
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
