"""Images with labels, checked once: what every image corpus gives."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class ImageCorpus:
    """One split of an image corpus.

    Attributes:
        name: Name of the corpus.
        images: (n, channels, height, width) float32 in [0, 1].
        labels: (n,) int64, not negative.
        split: Which part of the corpus this is.
        levels: Number of grey levels of the pixels: they are multiples of 1 / (levels - 1).

    Raises:
        ValueError: If images or labels are not as above (see :func:`check`).
    """

    name: str
    images: Tensor
    labels: Tensor
    split: str
    levels: int = 256

    def __post_init__(self) -> None:
        """Refuse what is not as stated."""
        check(self.images, self.labels, f"{self.name}/{self.split}")
        if self.levels < 2:
            raise ValueError(f"{self.name}: expected at least 2 grey levels, got {self.levels}")

    def __len__(self) -> int:
        """Number of images."""
        return len(self.images)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height and width of an image."""
        channels, height, width = self.images.shape[1:]
        return channels, height, width

    @property
    def classes(self) -> int:
        """One more than the largest label."""
        return int(self.labels.max()) + 1


def check(images: Tensor, labels: Tensor, name: str = "images") -> None:
    """Raise ValueError unless these are images and their labels.

    Args:
        images: (n, channels, height, width) float32 in [0, 1], not all of one value.
        labels: (n,) int64, not negative.
        name: What to call them in the message.

    Raises:
        ValueError: On a wrong shape or type, NaN, values out of [0, 1], or images without contrast.
    """
    if images.ndim != 4 or not images.numel():
        raise ValueError(
            f"{name}: expected images (n, channels, height, width) and at least one, "
            f"got {tuple(images.shape)}; reshape them or add a channel dimension"
        )
    if images.dtype != torch.float32:
        raise ValueError(
            f"{name}: expected float32 images, got {images.dtype}; scale bytes by 1 / 255"
        )
    low, high = (float(value) for value in torch.aminmax(images))  # NaN where any pixel is NaN
    if low != low:
        bad = int(torch.isnan(images).sum())
        raise ValueError(f"{name}: {bad} pixels are NaN; drop or repair those images")
    if low < 0 or high > 1:
        raise ValueError(
            f"{name}: expected pixels in [0, 1], got {low:g} to {high:g}; "
            "divide by the largest possible value"
        )
    if low == high:
        raise ValueError(f"{name}: every pixel is {low:g}; check that the file holds images")
    if labels.dtype != torch.int64 or labels.shape != images.shape[:1]:
        raise ValueError(
            f"{name}: expected int64 labels ({len(images)},), "
            f"got {labels.dtype} {tuple(labels.shape)}; give one label per image"
        )
    if int(labels.min()) < 0:
        raise ValueError(f"{name}: label {int(labels.min())} is negative; number classes from 0")
