"""A tiny MNIST in its own file format."""

import struct

import numpy as np
import pytest

ITEMS = {"train": 60, "t10k": 20}


@pytest.fixture(scope="session")
def tiny_mnist(tmp_path_factory):
    """Folder of IDX files: squares of ten sizes instead of ten digits, with noise."""
    root = tmp_path_factory.mktemp("mnist")
    generator = np.random.default_rng(0)
    for prefix, count in ITEMS.items():
        labels = (np.arange(count) % 10).astype(np.uint8)
        images = generator.integers(0, 60, (count, 28, 28)).astype(np.uint8)
        for image, label in zip(images, labels, strict=True):
            image[4 : 6 + 2 * label, 4 : 6 + 2 * label] = 255
        for kind, array in (("images-idx3", images), ("labels-idx1", labels)):
            header = struct.pack(f">BBBB{array.ndim}i", 0, 0, 8, array.ndim, *array.shape)
            (root / f"{prefix}-{kind}-ubyte").write_bytes(header + array.tobytes())
    return root
