import gzip
import struct

import numpy as np
import pytest
import torch

from tts_vae.corpora import mnist

COUNTS = {"train": 5, "t10k": 3}


def idx(array: np.ndarray) -> bytes:
    return struct.pack(f">BBBB{array.ndim}i", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()


def pixels(prefix: str) -> np.ndarray:
    return np.random.default_rng(len(prefix)).integers(0, 256, (COUNTS[prefix], 4, 6), np.uint8)


def write(folder, compressed=True):
    """A tiny MNIST in a folder: 5 training and 3 test images of 4 x 6 pixels."""
    folder.mkdir(parents=True, exist_ok=True)
    for prefix, count in COUNTS.items():
        for name, array in (
            (f"{prefix}-images-idx3-ubyte", pixels(prefix)),
            (f"{prefix}-labels-idx1-ubyte", np.arange(count, dtype=np.uint8)),
        ):
            if compressed:
                (folder / f"{name}.gz").write_bytes(gzip.compress(idx(array)))
            else:
                (folder / name).write_bytes(idx(array))


@pytest.mark.parametrize("layout", [".", "raw", "MNIST/raw"])
@pytest.mark.parametrize("compressed", [True, False])
def test_every_layout_gives_the_pixels_written(tmp_path, layout, compressed):
    write(tmp_path / layout, compressed)
    corpus = mnist.load("train", tmp_path)
    assert corpus.shape == (1, 4, 6) and corpus.labels.tolist() == [0, 1, 2, 3, 4]
    assert corpus.images.dtype == torch.float32 and corpus.levels == 256
    np.testing.assert_allclose(corpus.images[:, 0].numpy(), pixels("train") / 255, rtol=1e-6)


def test_test_and_all(tmp_path):
    write(tmp_path)
    parts = [mnist.load(split, tmp_path) for split in ("train", "test")]
    everything = mnist.load("all", tmp_path)
    assert torch.equal(everything.images, torch.cat([part.images for part in parts]))
    assert everything.labels.tolist() == [0, 1, 2, 3, 4, 0, 1, 2]


IMAGES = "train-images-idx3-ubyte.gz"
WHOLE = idx(pixels("train"))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (WHOLE[:-1], r"sizes \(5, 4, 6\) need 120 bytes, got 119"),
        (WHOLE + b"\0", "need 120 bytes, got 121"),
        (WHOLE[:7], "expected a header of 16 bytes, got a file of 7"),
        (b"", "got a file of 0"),
        (b"<html>no such file, sorry</html>", "expected an IDX file of bytes in 3 dimensions"),
        (idx(np.zeros((5, 24), np.uint8)) + bytes(8), r"\(beginning 00000803\), got 00000802"),
        (WHOLE[:4] + struct.pack(">3i", -5, 4, 6) + WHOLE[16:], r"positive sizes, got \(-5, 4, 6"),
        (WHOLE[:4] + struct.pack(">3i", 0, 4, 6), r"positive sizes, got \(0, 4, 6\)"),
        (gzip.compress(WHOLE)[:-20], "cannot be read"),
        (gzip.compress(WHOLE)[:40] + b"junk" + gzip.compress(WHOLE)[44:], "cannot be read"),
        (b"\x1f\x8b but no archive", "cannot be read"),
    ],
)
def test_damaged_files_say_what_to_download_on_one_line(tmp_path, content, message):
    write(tmp_path)
    (tmp_path / IMAGES).write_bytes(content)
    with pytest.raises(ValueError, match=message) as error:
        mnist.load("train", tmp_path)
    assert f"download {mnist.MIRROR}{IMAGES} again" in str(error.value)
    assert "\n" not in str(error.value)
    assert len(mnist.load("test", tmp_path)) == 3


def test_labels_must_be_digits_and_as_many_as_images(tmp_path):
    write(tmp_path)
    path = tmp_path / "train-labels-idx1-ubyte.gz"
    path.write_bytes(idx(np.full(5, 10, np.uint8)))
    with pytest.raises(ValueError, match=f"label 10 is no digit; download .*{path.name} again"):
        mnist.load("train", tmp_path)
    path.write_bytes(idx(np.zeros(4, np.uint8)))
    with pytest.raises(ValueError, match="expected 5 items, one for every image, got 4"):
        mnist.load("train", tmp_path)


def test_missing_files_are_named(tmp_path):
    with pytest.raises(ValueError, match=r"expected train-images-idx3-ubyte.gz in .*root=PATH"):
        mnist.load("train", tmp_path / "nowhere")
    write(tmp_path)
    (tmp_path / "train-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(ValueError, match="expected train-labels-idx1-ubyte.gz in"):
        mnist.load("train", tmp_path)


def test_unknown_split(tmp_path):
    with pytest.raises(ValueError, match="train, test, all, got 'valid'"):
        mnist.load("valid", tmp_path)


def test_the_real_test_split(mnist_root):
    corpus = mnist.load("test", mnist_root)
    assert len(corpus) == 10_000 and corpus.shape == (1, 28, 28)
    counts = [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]  # as published
    assert corpus.labels.bincount().tolist() == counts
    assert corpus.labels[:4].tolist() == [7, 2, 1, 0]
    assert corpus.images.mean().item() == pytest.approx(0.1325, abs=1e-4)
