"""MNIST: 70,000 handwritten digits of 28 x 28 pixels, 256 grey levels, in four IDX files.

11 MB. LeCun, Cortes & Burges 1998; CC BY-SA 3.0. Read as distributed (.gz) or unpacked, from the
root itself, from root/raw, or from torchvision's root/MNIST/raw.
"""

from __future__ import annotations

import gzip
import struct
import zlib
from math import prod
from pathlib import Path

import numpy as np
import torch

from tts_vae.corpora.image_corpus import ImageCorpus

NAME = "mnist"
LEVELS = 256
CLASSES = 10
SPLITS = ("train", "test", "all")
PREFIXES = {"train": "train", "test": "t10k"}
FOLDERS = (".", "raw", "MNIST/raw")
MIRROR = "https://ossci-datasets.s3.amazonaws.com/mnist/"


def load(split: str, root: Path) -> ImageCorpus:
    """The images of a split, pixels / 255, (n, 1, 28, 28).

    Args:
        split: "train" (60,000), "test" (10,000) or "all" (the two, in this order).
        root: Folder of the IDX files, or of raw/ or MNIST/raw/ with them.

    Raises:
        ValueError: If there is no such split, or a file is missing or damaged; the message says
            what to download.
    """
    if split not in SPLITS:
        raise ValueError(f"expected one of the splits {', '.join(SPLITS)}, got {split!r}")
    images, labels = [], []
    for part in PREFIXES if split == "all" else (split,):
        pixels = read_idx(_find(Path(root), f"{PREFIXES[part]}-images-idx3-ubyte"), dimensions=3)
        path = _find(Path(root), f"{PREFIXES[part]}-labels-idx1-ubyte")
        digits = read_idx(path, dimensions=1, count=len(pixels))
        if int(digits.max()) >= CLASSES:
            raise ValueError(f"{path}: label {int(digits.max())} is no digit; {_advice(path.name)}")
        images.append(torch.from_numpy(pixels).unsqueeze(1).float().div_(LEVELS - 1))
        labels.append(torch.from_numpy(digits).long())
    return ImageCorpus(NAME, torch.cat(images), torch.cat(labels), split, LEVELS)


def read_idx(path: Path, dimensions: int, count: int | None = None) -> np.ndarray:
    """Bytes of an IDX file: two zeros, the type, the number of dimensions, big-endian sizes, data.

    Args:
        path: The file; compressed if it begins as gzip does, whatever its name.
        dimensions: How many it must have.
        count: Its first size must be this; None takes any.

    Returns:
        uint8 array of the sizes that the file states.

    Raises:
        ValueError: If the file is not that.
    """

    def refuse(what: str) -> ValueError:
        return ValueError(f"{path}: {what}; {_advice(path.name)}")

    try:
        content = path.read_bytes()
        if content[:2] == b"\x1f\x8b":
            content = gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise refuse(f"cannot be read ({' '.join(str(error).split())})") from error
    start = 4 + 4 * dimensions
    if len(content) < start:
        raise refuse(f"expected a header of {start} bytes, got a file of {len(content)}")
    expected = bytes((0, 0, 8, dimensions))  # 8: unsigned bytes
    if content[:4] != expected:
        raise refuse(
            f"expected an IDX file of bytes in {dimensions} dimensions "
            f"(beginning {expected.hex()}), got {content[:4].hex()}"
        )
    sizes = struct.unpack(f">{dimensions}i", content[4:start])
    if min(sizes) < 1:
        raise refuse(f"expected positive sizes, got {sizes}")
    if len(content) - start != prod(sizes):
        raise refuse(f"sizes {sizes} need {prod(sizes)} bytes, got {len(content) - start}")
    if count is not None and sizes[0] != count:
        raise refuse(f"expected {count} items, one for every image, got {sizes[0]}")
    return np.frombuffer(bytearray(content), np.uint8, offset=start).reshape(sizes)


def _find(root: Path, name: str) -> Path:
    for folder in FOLDERS:
        for ending in (".gz", ""):
            path = root / folder / f"{name}{ending}"
            if path.is_file():
                return path
    raise ValueError(
        f"expected {name}.gz in {root}, {root}/raw or {root}/MNIST/raw, found none; "
        f"{_advice(name)}, or pass corpus.root=PATH"
    )


def _advice(name: str) -> str:
    return f"download {MIRROR}{name.removesuffix('.gz')}.gz again"
