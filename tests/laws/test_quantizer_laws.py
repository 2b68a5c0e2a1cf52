"""Law 8 over every quantiser, and a planted fault for each of its parts that must be found."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from tts_vae.latents import Latent, ResidualQuantizerLatent, VectorQuantizerLatent
from tts_vae.latents.code_latent import Quantised
from tts_vae.latents.codebook import Codebook
from tts_vae.latents.nearest import nearest, nearest_exactly

from . import latent_laws, quantizer_laws
from .table import FEATURES, ROWS, WIDTH, Row
from .test_laws_can_fail import breaks


def vq(kind: type[VectorQuantizerLatent] = VectorQuantizerLatent, **options) -> Latent:
    return kind(FEATURES, WIDTH, 12, projection=True, **options).double()


def rvq(kind: type[ResidualQuantizerLatent] = ResidualQuantizerLatent, **options) -> Latent:
    return kind(FEATURES, WIDTH, 3, 5, projection=True, **options).double()


def projected(latent: Latent) -> Callable[[Tensor], Tensor]:
    """What the latent's first codebook sees of features."""

    def project(x: Tensor) -> Tensor:
        rows = latent.project(x)
        return functional.normalize(rows, dim=-1) if latent.normalised else rows

    return project


QUANTISERS = {
    "codebook": vq,
    "average": lambda: vq(update="ema"),
    "cosine": lambda: vq(normalised=True),
    "average, cosine": lambda: vq(update="ema", normalised=True),
    "residual codebooks": lambda: rvq(update="codebook"),
    "residual averages": rvq,
}
every_quantiser = pytest.mark.parametrize("build", QUANTISERS.values(), ids=QUANTISERS)
every_average = pytest.mark.parametrize(
    "build", [v for k, v in QUANTISERS.items() if "average" in k]
)


@pytest.mark.parametrize("search", [nearest, nearest_exactly])
def test_search(search: quantizer_laws.Search) -> None:
    quantizer_laws.search_is_brute_force(search)


@pytest.mark.parametrize("precision", ["high", "medium"])
def test_search_where_products_are_rounded(precision: str) -> None:
    torch.set_float32_matmul_precision(precision)
    try:
        quantizer_laws.search_is_brute_force(nearest)
    finally:
        torch.set_float32_matmul_precision("highest")


@every_quantiser
def test_codes_are_nearest(build: Callable[[], Latent]) -> None:
    latent = build().eval()
    quantizer_laws.codes_are_nearest(latent, projected(latent))


@every_average
def test_average_moves_only_in_training(build: Callable[[], Latent]) -> None:
    quantizer_laws.average_moves_only_in_training(build())


def test_average_is_the_published_one() -> None:
    latent = vq(update="ema")
    quantizer_laws.average_is_the_published_one(latent, projected(latent))


@every_quantiser
def test_straight_through(build: Callable[[], Latent]) -> None:
    latent = build()
    quantizer_laws.straight_through(latent, projected(latent))


def by_product(x: Tensor, vectors: Tensor) -> Tensor:
    """The published search: no second look at near ties."""
    return torch.addmm(vectors.square().sum(-1), x, vectors.T, alpha=-2).argmin(-1)


def by_root(x: Tensor, vectors: Tensor) -> Tensor:
    """The distance itself: its root merges what its square keeps apart."""
    return torch.cdist(x, vectors).argmin(-1)


def by_cosine(x: Tensor, vectors: Tensor) -> Tensor:
    """The largest product: no |c|^2."""
    return (x @ vectors.T).argmax(-1)


def last_of_equals(x: Tensor, vectors: Tensor) -> Tensor:
    """Ties to the highest index."""
    return len(vectors) - 1 - nearest_exactly(x, vectors.flip(0))


def rounded_index(x: Tensor, vectors: Tensor) -> Tensor:
    """The index went through a number of 3 significant bits, as bf16 does beyond 256."""
    codes = nearest_exactly(x, vectors)
    return torch.where(codes > 8, codes // 2 * 2, codes)


@pytest.mark.parametrize("search", [by_product, by_root, by_cosine, last_of_equals, rounded_index])
def test_wrong_search(search: quantizer_laws.Search) -> None:
    breaks(quantizer_laws.search_is_brute_force, search)


class ForgetsResidual(ResidualQuantizerLatent):
    """Every level quantises the whole vector."""

    def quantise(self, rows: Tensor, owners: Tensor, *rest) -> Quantised:
        found = [codebook.quantise(rows, *rest) for codebook in self.codebooks]
        vectors = torch.stack([vectors for _, vectors, _ in found]).sum(0).detach()
        return Quantised(vectors, torch.stack([codes for codes, _, _ in found], -1), {}, {})


class AlmostTheCode(VectorQuantizerLatent):
    """z is the projected vector moved most of the way."""

    def quantise(self, rows: Tensor, owners: Tensor, *rest) -> Quantised:
        found = super().quantise(rows, owners, *rest)
        vectors = found.vectors + 1e-6 * rows.detach()
        return Quantised(vectors, found.codes, found.penalties, found.statistics)


@pytest.mark.parametrize("latent", [rvq(ForgetsResidual), vq(AlmostTheCode)])
def test_wrong_codes(latent: Latent) -> None:
    breaks(quantizer_laws.codes_are_nearest, latent.eval(), projected(latent))


class AlwaysLearns(Codebook):
    """Moves in eval mode too."""

    def quantise(self, x: Tensor, learn: bool = False, *rest):
        return super().quantise(x, True, *rest)


class NeverLearns(Codebook):
    """Starts, and stays there."""

    def _learn(self, *rest) -> None:
        pass


@pytest.mark.parametrize("kind", [AlwaysLearns, NeverLearns])
def test_average_that_moves_when_it_should_not(kind: type[Codebook]) -> None:
    latent = vq(update="ema")
    latent.codebook.__class__ = kind
    breaks(quantizer_laws.average_moves_only_in_training, latent)


class MeansOfTheBatch(Codebook):
    """Averages means of batches: a batch with one vector weighs as much as one with fifty."""

    def _learn(self, x: Tensor, codes: Tensor, counts: Tensor) -> None:
        share = 1 - self.decay
        sums = torch.zeros_like(self.vectors).index_add_(0, codes, x)
        used = counts > 0
        self.counts.mul_(self.decay).add_(counts, alpha=share)
        means = sums[used] / counts[used].unsqueeze(-1)
        self.vectors[used] = torch.lerp(self.vectors[used], means, share)


def test_wrong_average() -> None:
    latent = vq(update="ema")
    latent.codebook.__class__ = MeansOfTheBatch
    breaks(quantizer_laws.average_is_the_published_one, latent, projected(latent))


class NoWayBack(VectorQuantizerLatent):
    """z is detached: the encoder learns nothing from the decoder."""

    def forward(self, features: Tensor, **options):
        output = super().forward(features, **options)
        output.z = output.z.detach()
        return output


class HalfWayBack(VectorQuantizerLatent):
    """The gradient of z is scaled on its way."""

    def forward(self, features: Tensor, **options):
        output = super().forward(features, **options)
        output.z = 0.5 * output.z + 0.5 * output.z.detach()
        return output


class PullsTheCodebook(VectorQuantizerLatent):
    """Code vectors keep their gradient on the way to z."""

    def quantise(self, rows: Tensor, owners: Tensor, *rest) -> Quantised:
        found = super().quantise(rows, owners, *rest)
        vectors = functional.embedding(found.codes, self.codebook.table())
        return Quantised(vectors, found.codes, found.penalties, found.statistics)


class OneLoss(VectorQuantizerLatent):
    """Nothing detached: one loss pulls both sides, and its two weights mean nothing."""

    def quantise(self, rows: Tensor, owners: Tensor, *rest) -> Quantised:
        found = super().quantise(rows, owners, *rest)
        error = (rows - functional.embedding(found.codes, self.codebook.table())).square().sum(-1)
        penalties = {"commitment": error, "codebook": error}
        return Quantised(found.vectors, found.codes, penalties, found.statistics)


class NobodyMovesIt(VectorQuantizerLatent):
    """A learned codebook without its penalty."""

    def quantise(self, rows: Tensor, owners: Tensor, *rest) -> Quantised:
        found = super().quantise(rows, owners, *rest)
        penalties = {"commitment": found.penalties["commitment"]}
        return Quantised(found.vectors, found.codes, penalties, found.statistics)


@pytest.mark.parametrize("kind", [NoWayBack, HalfWayBack, PullsTheCodebook, OneLoss, NobodyMovesIt])
def test_wrong_gradient(kind: type[VectorQuantizerLatent]) -> None:
    latent = vq(kind)
    breaks(quantizer_laws.straight_through, latent, projected(latent))


class CountsPadding(VectorQuantizerLatent):
    """Quantises and counts padding too, and only hides it from z."""

    def forward(self, features: Tensor, **options):
        mask = options.pop("mask")
        output = super().forward(features.nan_to_num(), **options)
        output.z = output.z.masked_fill(~mask.unsqueeze(-1), 0.0)
        output.codes = output.codes.masked_fill(~mask, -1)
        return output


class OffByOneCodes(VectorQuantizerLatent):
    """Padding gets code 0, a code like any other."""

    def forward(self, features: Tensor, **options):
        output = super().forward(features, **options)
        output.codes = output.codes.clamp(min=0)
        return output


@pytest.mark.parametrize("kind", [CountsPadding, OffByOneCodes])
def test_law_5_codes(kind: type[VectorQuantizerLatent]) -> None:
    breaks(latent_laws.padding_changes_nothing, vq(kind).eval(), Row("", vq, False))


class UnsavedAverage(Codebook):
    """The moving average is no part of the state."""

    def _save_to_state_dict(self, destination, prefix, keep_vars) -> None:
        super()._save_to_state_dict(destination, prefix, keep_vars)
        destination[prefix + "vectors"] = torch.zeros_like(self.vectors)


def test_law_10_codebook() -> None:
    def build() -> Latent:
        latent = VectorQuantizerLatent(FEATURES, WIDTH, 12, "ema", projection=True)
        latent.codebook.__class__ = UnsavedAverage
        return latent

    breaks(latent_laws.state_round_trip, build, Row("", build, False))


def test_every_quantiser_has_a_row() -> None:
    built = {type(row.build()) for row in ROWS}
    assert {VectorQuantizerLatent, ResidualQuantizerLatent} <= built
