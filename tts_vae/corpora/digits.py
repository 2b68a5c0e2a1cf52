"""scikit-learn's digits: 1,797 handwritten digits of 8 x 8 pixels and 17 grey levels, embedded.

No download: the images ship with scikit-learn (0.1 MB). Test set of the UCI "Optical recognition
of handwritten digits" (Alpaydin & Kaynak 1998, doi 10.24432/C50P49), CC BY 4.0.
"""

from __future__ import annotations

import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from tts_vae.corpora.image_corpus import ImageCorpus

NAME = "digits"
LEVELS = 17
TEST_ITEMS = 360
SPLITS = ("train", "test", "all")


def load(split: str = "train", seed: int = 0) -> ImageCorpus:
    """The images of a split, pixels / 16, (n, 1, 8, 8).

    Args:
        split: "train" (1,437), "test" (360, stratified by digit) or "all" (1,797).
        seed: Draws the test items; the published log-likelihoods are of seed 0.

    Raises:
        ValueError: If there is no such split.
    """
    if split not in SPLITS:
        raise ValueError(f"expected one of the splits {', '.join(SPLITS)}, got {split!r}")
    pixels, labels = load_digits(return_X_y=True)
    if split != "all":
        parts = train_test_split(
            pixels, labels, test_size=TEST_ITEMS, stratify=labels, random_state=seed
        )
        pixels, labels = parts[SPLITS.index(split)], parts[2 + SPLITS.index(split)]
    images = torch.from_numpy(pixels).float().div_(LEVELS - 1).reshape(-1, 1, 8, 8)
    return ImageCorpus(NAME, images, torch.from_numpy(labels).long(), split, LEVELS)
