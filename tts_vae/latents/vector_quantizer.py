"""The vector quantiser of VQ-VAE: van den Oord et al. 2017 (arXiv 1711.00937)."""

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from tts_vae.latents.code_latent import CodeLatent, Quantised, squared_errors
from tts_vae.latents.codebook import Codebook, perplexity


class VectorQuantizerLatent(CodeLatent):
    """One code of one codebook for every real step.

    Args:
        feature_width: width of the encoder features.
        width: width of a code vector, and of z.
        codes: size of the codebook.
        update: "codebook" learns the vectors by the penalty "codebook"; "ema" lets them follow a
            moving average, and there is no such penalty.
        decay: of the moving average.
        kmeans_start: start the codebook by k-means on the first training batch.
        revival_threshold: share of its even share below which a code counts as dead; 0 for never.
        revival_patience: training steps between two revivals.
        projection: a linear map from ``feature_width`` to ``width`` first.
        normalised: quantise on the unit sphere (nearest by cosine).

    Shapes: features (batch, *steps, feature_width) -> z (*samples, batch, *steps, width), codes
    (batch, *steps). Penalties "commitment" and, unless "ema", "codebook": (batch,) squared errors,
    summed over real steps and width. Statistics "perplexity" and "used_codes": () over the batch.
    """

    def __init__(
        self,
        feature_width: int,
        width: int,
        codes: int = 512,
        update: Literal["codebook", "ema"] = "codebook",
        decay: float = 0.99,
        kmeans_start: bool = True,
        revival_threshold: float = 0.25,
        revival_patience: int = 20,
        projection: bool = False,
        normalised: bool = False,
    ) -> None:
        super().__init__(feature_width, width, codes, projection, normalised)
        self.codebook = Codebook(
            codes,
            width,
            update,
            decay,
            kmeans_start,
            revival_threshold,
            revival_patience,
            normalised,
        )

    def quantise(
        self,
        rows: Tensor,
        owners: Tensor,
        learn: bool = False,
        generator: torch.Generator | None = None,
    ) -> Quantised:
        """Return the nearest code of each row."""
        codes, vectors, counts = self.codebook.quantise(rows, learn, generator)
        return Quantised(
            vectors.detach(),
            codes,
            squared_errors(rows, vectors, self.codebook.update == "codebook"),
            {"perplexity": perplexity(counts), "used_codes": (counts > 0).sum()},
        )

    def codes_to_z(self, codes: Tensor) -> Tensor:
        """Return the vectors (*any, width) of codes (*any); 0 where a code is -1."""
        self._check_codes(codes)
        vectors = functional.embedding(codes.long().clamp(min=0), self.codebook.table())
        return vectors.masked_fill((codes < 0).unsqueeze(-1), 0.0)

    def centre(self) -> Tensor:
        """Return the mean code vector (width,)."""
        return self.codebook.table().mean(0)

    def _component(self, index: int) -> Tensor:
        return self.codebook.table()[index]
