"""Residual quantisation: several codes, each for what the ones before it left over.

Zeghidour et al. 2021 (SoundStream, arXiv 2107.03312, algorithm 1): L levels of K codes name K^L
points at the cost of L searches over K. Quantizer dropout is their section III-C.
"""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from tts_vae.latents.code_latent import CodeLatent, Quantised, squared_errors
from tts_vae.latents.codebook import Codebook, perplexity


class ResidualQuantizerLatent(CodeLatent):
    """The sum of one code vector per level.

    Args:
        feature_width: width of the encoder features.
        width: width of a code vector, and of z.
        levels: number of codebooks; the first holds the coarse choice.
        codes: size of each codebook.
        update: "codebook" learns the vectors by the penalty "codebook"; "ema" lets them follow a
            moving average, and there is no such penalty.
        decay: of the moving average.
        kmeans_start: start each codebook by k-means on the first training batch.
        revival_threshold: share of its even share below which a code counts as dead; 0 for never.
        revival_patience: training steps between two revivals.
        level_dropout: share of the training examples that keep only the first 1 to levels - 1
            codes, so that fewer levels are a z of their own too.
        projection: a linear map from ``feature_width`` to ``width`` first.

    Shapes: features (batch, *steps, feature_width) -> z (*samples, batch, *steps, width), codes
    (batch, *steps, levels), -1 for a level left out. Penalties "commitment" and, unless "ema",
    "codebook": (batch,) squared errors, summed over real steps, levels and width. Statistics
    "perplexity" and "used_codes": (levels,) over the batch.

    ``component(k)`` is code k of the first level alone: the coarse choices.

    Raises:
        ValueError: for fewer than one level, or a dropout outside 0 to 1.
    """

    levels: int

    def __init__(
        self,
        feature_width: int,
        width: int,
        levels: int = 4,
        codes: int = 512,
        update: Literal["codebook", "ema"] = "ema",
        decay: float = 0.99,
        kmeans_start: bool = True,
        revival_threshold: float = 0.25,
        revival_patience: int = 20,
        level_dropout: float = 0.0,
        projection: bool = False,
    ) -> None:
        super().__init__(feature_width, width, codes, projection, normalised=False)
        if levels < 1:
            raise ValueError(f"levels must be at least 1, got {levels}")
        if not 0 <= level_dropout <= 1 or (level_dropout and levels == 1):
            raise ValueError(
                f"level_dropout must lie in 0 to 1, and be 0 for one level, got {level_dropout} "
                f"for levels={levels}"
            )
        self.levels = levels
        self.level_dropout = level_dropout
        self.update = update
        self.codebooks = nn.ModuleList(
            Codebook(codes, width, update, decay, kmeans_start, revival_threshold, revival_patience)
            for _ in range(levels)
        )

    def quantise(
        self,
        rows: Tensor,
        owners: Tensor,
        learn: bool = False,
        generator: torch.Generator | None = None,
    ) -> Quantised:
        """Return the codes (n, levels) of each row, level by level."""
        depths = self._depths(owners, generator) if learn and self.level_dropout else None
        codes = owners.new_full((len(rows), self.levels), -1)
        residual, total = rows, torch.zeros_like(rows)
        penalties: dict[str, Tensor] = {}
        counts = []
        for level, codebook in enumerate(self.codebooks):
            kept = None if depths is None else (depths > level).nonzero().squeeze(-1)
            given = residual if kept is None else residual[kept]
            found, vectors, used = codebook.quantise(given, learn, generator)  # type: ignore[operator]
            errors = squared_errors(given, vectors, self.update == "codebook")
            vectors = vectors.detach()
            if kept is not None:
                vectors = torch.zeros_like(rows).index_copy(0, kept, vectors)
                errors = {
                    k: v.new_zeros(len(rows)).index_copy(0, kept, v) for k, v in errors.items()
                }
                codes[kept, level] = found
            else:
                codes[:, level] = found
            penalties = {k: penalties[k] + v if k in penalties else v for k, v in errors.items()}
            total = total + vectors
            residual = residual - vectors
            counts.append(used)
        stacked = torch.stack(counts)
        statistics = {"perplexity": perplexity(stacked), "used_codes": (stacked > 0).sum(-1)}
        return Quantised(total, codes, penalties, statistics)

    def codes_to_z(self, codes: Tensor) -> Tensor:
        """Return the sums (*any, width) of codes (*any, levels); a code of -1 adds nothing.

        Raises:
            ValueError: if codes are not integers, out of range, or not of ``levels`` levels.
        """
        self._check_codes(codes)
        if codes.ndim < 1 or codes.shape[-1] != self.levels:
            raise ValueError(
                f"codes must be (*any, levels) = (..., {self.levels}), got {tuple(codes.shape)}; "
                "fill levels that are left out with -1"
            )
        tables = self._tables()
        total = tables[0].new_zeros(*codes.shape[:-1], self.width)
        for table, at in zip(tables, codes.long().unbind(-1), strict=True):
            vectors = functional.embedding(at.clamp(min=0), table)
            total = total + vectors.masked_fill((at < 0).unsqueeze(-1), 0.0)
        return total

    def centre(self) -> Tensor:
        """Return the sum (width,) of the mean vectors of all levels."""
        return torch.stack([table.mean(0) for table in self._tables()]).sum(0)

    def _component(self, index: int) -> Tensor:
        return self._tables()[0][index]

    def _tables(self) -> list[Tensor]:
        return [codebook.table() for codebook in self.codebooks]  # type: ignore[operator]

    def _depths(self, owners: Tensor, generator: torch.Generator | None) -> Tensor | None:
        """Draw how many levels each example keeps and return it for each row (n,)."""
        if not all(bool(codebook.started) for codebook in self.codebooks):
            return None  # every level starts from the whole batch
        device = owners.device if generator is None else generator.device
        examples = int(owners.max()) + 1
        fewer = torch.rand(examples, generator=generator, device=device) < self.level_dropout
        drawn = torch.randint(1, self.levels, (examples,), generator=generator, device=device)
        return torch.where(fewer, drawn, self.levels).to(owners.device)[owners]
