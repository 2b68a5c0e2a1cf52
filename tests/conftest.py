"""Fixtures that every test may use: a fixed seed, one thread, and real corpora where they are."""

import os
from pathlib import Path

os.environ.setdefault("MPLBACKEND", "Agg")

import pytest
import torch

torch.set_num_threads(1)

# Real recordings are no part of the project: tests that need them skip where they are absent.
DATA = Path(
    os.environ.get("TTS_VAE_TEST_DATA", Path(__file__).parents[1] / ".." / "shared" / "data")
)


@pytest.fixture(autouse=True)
def fixed_seed():
    torch.manual_seed(0)


def _corpus(name: str) -> Path:
    path = DATA / name
    if not path.is_dir():
        pytest.skip(f"no {name} in {DATA}: set TTS_VAE_TEST_DATA to the folder that holds it")
    return path


@pytest.fixture(scope="session")
def ljspeech_root() -> Path:
    """Folder in the layout of LJSpeech-1.1."""
    return _corpus("LJSpeech-1.1")


@pytest.fixture(scope="session")
def vctk_root() -> Path:
    """Folder in the layout of VCTK-Corpus-0.92."""
    return _corpus("VCTK-Corpus-0.92")


@pytest.fixture(scope="session")
def mnist_root() -> Path:
    """Folder with MNIST's four .gz files."""
    return _corpus("mnist")
