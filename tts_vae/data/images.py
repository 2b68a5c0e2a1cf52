"""Images in memory as seeded, resumable batches, binarised or dequantised as they are drawn."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from tts_vae.corpora.image_corpus import ImageCorpus
from tts_vae.data.epochs import ResumableEpochs

Binarisation = Literal["none", "fixed", "dynamic"]
ORDER, NOISE, FIXED = 0, 1, 2  # what a random stream is for


@dataclass
class ImageBatch:
    """A batch of images.

    Attributes:
        images: (batch, channels, height, width) float32 in [0, 1], above 1 by less than a grey
            level where dequantised.
        labels: (batch,) int64.
    """

    images: Tensor
    labels: Tensor

    def __len__(self) -> int:
        """Number of images."""
        return len(self.images)

    @property
    def observation(self) -> Tensor:
        """What the encoders of a latent model see: the images."""
        return self.images

    @property
    def observation_mask(self) -> None:
        """Nothing is padding."""
        return None

    def to(self, device: torch.device | str, non_blocking: bool = False) -> ImageBatch:
        """The same batch on a device."""
        return ImageBatch(
            self.images.to(device, non_blocking=non_blocking),
            self.labels.to(device, non_blocking=non_blocking),
        )


def binarise(images: Tensor, generator: torch.Generator) -> Tensor:
    """Draw each pixel as 1 with the probability that its grey level states.

    Dynamic binarisation of Burda et al. 2016 (arXiv 1509.00519, section 5) where it is drawn anew
    for every batch; Salakhutdinov & Murray 2008 where it is drawn once.
    """
    noise = torch.rand(images.shape, generator=generator, device=generator.device)
    return (noise.to(images.device) < images).to(images.dtype)


def dequantise(images: Tensor, levels: int, generator: torch.Generator) -> Tensor:
    """Add uniform noise of one grey level's width, so that a density scores discrete pixels.

    ``images`` are multiples of 1 / (levels - 1); the result is in [0, levels / (levels - 1)). A
    log-density in these units plus ``pixels * log(levels - 1)`` is a lower bound on the discrete
    log-probability (Theis et al. 2016, arXiv 1511.01844, section 3.1).
    """
    noise = torch.rand(images.shape, generator=generator, device=generator.device)
    return torch.add(images, noise.to(images.device), alpha=1 / (levels - 1))


class ImageLoader(ResumableEpochs):
    """Batches of a corpus; iterating once gives one epoch.

    Order and noise of a batch are functions of (seed, epoch, its number) alone, so a run that was
    stopped in the middle of an epoch continues exactly. After the last batch the epoch advances.

    Args:
        corpus: The images.
        batch_size: Images in a batch.
        seed: Draws order and noise.
        shuffle: Without it: the corpus's own order.
        drop_last: Leave out a batch of fewer than batch_size.
        binarisation: "none", "fixed" (drawn once from the seed) or "dynamic" (for every batch).
        dequantisation: Add uniform noise of one grey level, drawn for every batch.
        device: Where the whole corpus is kept and the noise is drawn.
        rank: This process, of world_size; each gets every world_size-th batch, all equally many.
        world_size: Processes that share the epoch.

    Raises:
        ValueError: On sizes that are not positive, an unknown binarisation, binary images to be
            dequantised, or more images in a batch than there are where the rest is dropped.
    """

    def __init__(
        self,
        corpus: ImageCorpus,
        batch_size: int,
        *,
        seed: int = 0,
        shuffle: bool = True,
        drop_last: bool = False,
        binarisation: Binarisation = "none",
        dequantisation: bool = False,
        device: torch.device | str = "cpu",
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        if batch_size < 1:
            raise ValueError(f"expected a positive batch_size, got {batch_size}")
        if drop_last and batch_size > len(corpus):
            raise ValueError(
                f"batch_size {batch_size} leaves no whole batch of {len(corpus)} images; "
                "lower it or set drop_last=False"
            )
        if not 0 <= rank < world_size:
            raise ValueError(f"expected 0 <= rank < world_size, got {rank} and {world_size}")
        if binarisation not in ("none", "fixed", "dynamic"):
            raise ValueError(
                f'expected binarisation "none", "fixed" or "dynamic", got {binarisation!r}'
            )
        if dequantisation and binarisation != "none":
            raise ValueError(
                f"binary images have no grey levels to dequantise, got both (binarisation "
                f'{binarisation!r}); set dequantisation=False or binarisation="none"'
            )
        self.corpus, self.batch_size = corpus, batch_size
        self.seed, self.shuffle, self.drop_last = seed, shuffle, drop_last
        self.binarisation, self.dequantisation = binarisation, dequantisation
        self.rank, self.world_size = rank, world_size
        self.generator = torch.Generator(device)
        self.images, self.labels = corpus.images.to(device), corpus.labels.to(device)
        if binarisation == "fixed":
            self.images = binarise(self.images, self._seeded(FIXED))

    def __len__(self) -> int:
        """Batches of an epoch and rank."""
        return -(-self._batches() // self.world_size)

    def __iter__(self) -> Iterator[ImageBatch]:
        """Yields the batches of this epoch and rank."""
        order = self._order()
        for number in self._numbers(len(self)):
            # batches that do not divide evenly are repeated from the start
            turn = (number * self.world_size + self.rank) % self._batches()
            yield self._batch(order, turn)

    def _batches(self) -> int:
        whole, rest = divmod(len(self.corpus), self.batch_size)
        return whole + (rest > 0 and not self.drop_last)

    def _order(self) -> Tensor | None:
        if not self.shuffle:
            return None
        generator = np.random.default_rng([self.seed, ORDER, self.epoch])
        return torch.from_numpy(generator.permutation(len(self.corpus))).to(self.images.device)

    def _batch(self, order: Tensor | None, turn: int) -> ImageBatch:
        members = slice(turn * self.batch_size, (turn + 1) * self.batch_size)
        chosen = members if order is None else order[members]
        images = self.images[chosen]
        if self.binarisation == "dynamic":
            images = binarise(images, self._seeded(NOISE, self.epoch, turn))
        elif self.dequantisation:
            generator = self._seeded(NOISE, self.epoch, turn)
            images = dequantise(images, self.corpus.levels, generator)
        return ImageBatch(images, self.labels[chosen])

    def _seeded(self, *stream: int) -> torch.Generator:
        entropy = np.random.SeedSequence([self.seed, *stream]).generate_state(1, np.uint64)[0]
        return self.generator.manual_seed(int(entropy) >> 1)
