"""One codebook: its start, its search, how it learns from a batch, and how dead codes revive.

van den Oord et al. 2017 (arXiv 1711.00937): eq. 1 is the search; appendix A.1, eqs 6 to 8, the
moving average that replaces the codebook loss. Revival of unused codes: Dhariwal et al. 2020
(Jukebox, arXiv 2005.00341, section 3.1). The sphere (``normalised``): Yu et al. 2022
(arXiv 2110.04627, section 3.2).

Where several processes train, counts and sums are those of all of them, and what is drawn at
random is drawn by the first: their codebooks never part.
"""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from tts_vae.latents.k_means import k_means
from tts_vae.latents.moving_means import move_means
from tts_vae.latents.nearest import nearest
from tts_vae.latents.processes import from_first_process, sum_over_processes, together


class Codebook(nn.Module):
    """Vectors (codes, width) that stand for the vectors near them.

    Args:
        codes: number of vectors.
        width: width of a vector.
        update: "codebook" makes the vectors a parameter, which a loss must pull; "ema" a buffer
            that follows the mean of the vectors it stands for.
        decay: of the moving average.
        kmeans_start: start at the k-means centres of the first training batch; else at N(0, 1).
        revival_threshold: a code that got less than this share of its even share (vectors / codes)
            over ``revival_patience`` training steps is dead, and moves to a vector of the batch; 0
            never revives.
        revival_patience: training steps between two revivals.
        normalised: vectors lie on the unit sphere, and nearest is the largest cosine; what is
            quantised must be of unit length too.

    Raises:
        ValueError: for a size below 1, an unknown update, or a decay, threshold or patience out of
            range.
    """

    counts: Tensor
    recent: Tensor
    steps: Tensor
    started: Tensor

    def __init__(
        self,
        codes: int,
        width: int,
        update: Literal["codebook", "ema"] = "codebook",
        decay: float = 0.99,
        kmeans_start: bool = True,
        revival_threshold: float = 0.25,
        revival_patience: int = 20,
        normalised: bool = False,
    ) -> None:
        super().__init__()
        if codes < 1 or width < 1:
            raise ValueError(f"codes and width must be at least 1, got {codes} and {width}")
        if update not in ("codebook", "ema"):
            raise ValueError(f'update must be "codebook" or "ema", got {update!r}')
        if not 0 <= decay < 1:
            raise ValueError(f"decay must be at least 0 and below 1, got {decay}; usual is 0.99")
        if not 0 <= revival_threshold < 1 or revival_patience < 1:
            raise ValueError(
                "revival_threshold must be at least 0 and below 1 and revival_patience at least 1,"
                f" got {revival_threshold} and {revival_patience}; threshold 0 never revives"
            )
        self.codes = codes
        self.update = update
        self.decay = decay
        self.kmeans_start = kmeans_start
        self.revival_threshold = revival_threshold
        self.revival_patience = revival_patience
        self.normalised = normalised
        vectors = torch.randn(codes, width)
        if normalised:
            vectors = functional.normalize(vectors, dim=-1)
        if update == "ema":
            self.register_buffer("vectors", vectors)
            self.register_buffer("counts", torch.zeros(codes))
        else:
            self.vectors = nn.Parameter(vectors)
        self.register_buffer("recent", torch.zeros(codes))
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))
        self.register_buffer("started", torch.tensor(not kmeans_start))

    def table(self, like: Tensor | None = None) -> Tensor:
        """Return the vectors (codes, width), of unit length if normalised, in the type of like."""
        vectors = self.vectors if like is None else self.vectors.to(like.dtype)
        # a moving average on the sphere is put back onto it when it moves
        if self.normalised and self.update == "codebook":
            vectors = functional.normalize(vectors, dim=-1)
        return vectors

    def quantise(
        self, x: Tensor, learn: bool = False, generator: torch.Generator | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Find the nearest code of every vector.

        Args:
            x: (n, width), float32 or float64, real steps only.
            learn: start the codebook if it has not been, revive dead codes, count, and move the
                moving average.
            generator: source of randomness of start and revival; None is torch's global one.

        Returns:
            (n,) int64 codes; (n, width) their vectors, before this batch moves them; (codes,)
            how often each was chosen, by all processes if learning.
        """
        if learn:
            self._start(x, generator)
            self._revive(x, generator)
        table = self.table(x)
        codes = nearest(x, table.detach())
        vectors = functional.embedding(codes, table)
        counts = count_codes(codes, self.codes)
        if learn:
            self._learn(x.detach(), codes, counts)
        return codes, vectors, counts

    @torch.no_grad()
    def _start(self, x: Tensor, generator: torch.Generator | None) -> None:
        if bool(self.started):
            return
        centres = k_means(x.detach(), self.codes, generator=generator)
        self.vectors.copy_(functional.normalize(centres, dim=-1) if self.normalised else centres)
        from_first_process(self.vectors)
        self.started.fill_(True)

    @torch.no_grad()
    def _revive(self, x: Tensor, generator: torch.Generator | None) -> None:
        """Move codes that were hardly chosen since the last time; start counting anew."""
        if not self.revival_threshold or int(self.steps) < self.revival_patience:
            return
        even = self.recent.sum() / self.codes
        dead = (self.recent < self.revival_threshold * even).nonzero().squeeze(-1)
        if len(dead):
            if len(x):
                device = x.device if generator is None else generator.device
                order = torch.randperm(len(x), generator=generator, device=device).to(x.device)
                chosen = order[torch.arange(len(dead), device=x.device) % len(x)]
                self.vectors[dead] = x.detach()[chosen].to(self.vectors.dtype)
            from_first_process(self.vectors)
            if self.update == "ema":
                self.counts[dead] = 0.0  # no past: it moves to the mean of what it serves at once
        self.recent.zero_()
        self.steps.zero_()

    @torch.no_grad()
    def _learn(self, x: Tensor, codes: Tensor, counts: Tensor) -> None:
        """Count, and let every code follow the mean of what it stands for (eqs 6 to 8)."""
        if self.update == "ema":
            sums = x.new_zeros(self.vectors.shape).index_add_(0, codes, x)
            if together():
                both = sum_over_processes(torch.cat([sums, counts.unsqueeze(-1).to(sums)], -1))
                sums = both[:, :-1]
                counts.copy_(both[:, -1])
            move_means(self.vectors, self.counts, sums, counts, self.decay)
            if self.normalised:
                self.vectors.copy_(functional.normalize(self.vectors, dim=-1))
        else:
            sum_over_processes(counts)
        self.recent.add_(counts)
        self.steps.add_(1)


@torch.no_grad()
def count_codes(codes: Tensor, size: int) -> Tensor:
    """Return how often each of ``size`` codes occurs, (size,) float32; exact below 2^24."""
    ones = torch.ones(codes.numel(), device=codes.device)
    return torch.zeros(size, device=codes.device).scatter_add_(0, codes.flatten(), ones)


@torch.no_grad()
def perplexity(counts: Tensor) -> Tensor:
    """Return exp(entropy) of the shares of counts (..., codes): how many are used evenly; (...)."""
    shares = counts / counts.sum(-1, keepdim=True).clamp(min=1.0)
    return torch.special.entr(shares).sum(-1).exp()
