"""What contestants work on: batches of images, features to quantise, points to fit."""

import itertools
from collections.abc import Iterator
from typing import Any, Protocol

import torch
from torch import Tensor

from tts_vae.corpora import digits
from tts_vae.data.images import ImageBatch, dequantise
from tts_vae.training.image_data import ImageData


class Work(Protocol):
    """Rounds to train on, and observations to be measured on.

    Attributes:
        train: (n, ...) observations that settings may be chosen by.
        test: (n, ...) observations that decide nothing.
        start: values that a fit starts from; none where contestants bring their own.
    """

    train: Tensor
    test: Tensor
    start: tuple[Tensor, ...]

    def rounds(self, count: int) -> Iterator[Any]:
        """Yield what each of ``count`` steps works on."""


class Images:
    """Batches of a corpus, as many epochs as are asked for.

    Args:
        data: the images, with their binarisation; test images are binarised once.
    """

    def __init__(self, data: ImageData) -> None:
        self.data = data
        self.start: tuple[Tensor, ...] = ()
        self.train = torch.cat([batch.images for batch in data.sample_batches()])
        self.test = torch.cat([batch.images for batch in data.val_dataloader()])

    def rounds(self, count: int) -> Iterator[ImageBatch]:
        """Yield whole batches, the same for the same seed."""
        loader = self.data.train_dataloader()
        # a smaller last batch would be another amount of work
        epochs = (batch for _ in itertools.count() for batch in loader)
        whole = (batch for batch in epochs if len(batch) == self.data.batch_size)
        return itertools.islice(whole, count)


class Features:
    """Vectors (batch, steps, width) about some centres, in float32.

    Args:
        batch: examples.
        steps: vectors of each.
        width: of a vector.
        centres: about which they scatter by half of the distance scale.
        seed: draws all of them.
    """

    def __init__(self, batch: int, steps: int, width: int, centres: int, seed: int) -> None:
        self.shape = (batch, steps)
        self.start: tuple[Tensor, ...] = ()
        self.generator = torch.Generator().manual_seed(seed)
        self.centres = torch.randn(centres, width, generator=self.generator)
        self.train, self.test = self._draw(), self._draw()

    def _draw(self) -> Tensor:
        chosen = torch.randint(len(self.centres), self.shape, generator=self.generator)
        around = self.centres[chosen]
        return around + 0.5 * torch.randn(around.shape, generator=self.generator)

    def rounds(self, count: int) -> Iterator[Tensor]:
        """Yield batches that are drawn one by one."""
        return (self._draw() for _ in range(count))


class Points:
    """Points (n, width) of a mixture of Gaussians, float64, and a start for EM.

    Args:
        count: of points to fit, and as many to measure on.
        width: of a point.
        components: of the mixture they are drawn from.
        seed: draws all of them.

    Attributes:
        start: weights, means and covariances: uniform, at random points, the covariance of all.
    """

    def __init__(self, count: int, width: int, components: int, seed: int) -> None:
        generator = torch.Generator().manual_seed(seed)

        def normal(*shape: int) -> Tensor:
            return torch.randn(*shape, generator=generator, dtype=torch.float64)

        centres, factors = normal(components, width), normal(components, width, width) / width**0.5
        labels = torch.randint(components, (2 * count,), generator=generator)
        noise = normal(2 * count, width, 1)
        points = centres[labels] + (factors[labels] @ noise).squeeze(-1)
        self.train, self.test = points[:count], points[count:]
        chosen = torch.randperm(count, generator=generator)[:components]
        covariance = torch.cov(self.train.T).expand(components, width, width).contiguous()
        weights = torch.full((components,), 1 / components, dtype=torch.float64)
        self.start: tuple[Tensor, ...] = weights, self.train[chosen], covariance

    def rounds(self, count: int) -> Iterator[Tensor]:
        """Yield the same points for every fit."""
        return itertools.repeat(self.train, count)


class Pixels:
    """The digits as points (n, 64) float64, with uniform noise of one grey level.

    Args:
        seed: draws the noise.
    """

    def __init__(self, seed: int) -> None:
        generator = torch.Generator().manual_seed(seed)
        self.start: tuple[Tensor, ...] = ()
        self.train, self.test = (
            dequantise(corpus.images.double(), corpus.levels, generator).flatten(1)
            for corpus in map(digits.load, ("train", "test"))
        )

    def rounds(self, count: int) -> Iterator[Tensor]:
        """Yield the same points for every fit."""
        return itertools.repeat(self.train, count)
