"""Published log-likelihoods of scikit-learn's digits, per item of the split of seed 0.

Protocol: 360 test items, stratified, seed 0; uniform noise of one grey level from NumPy's
default_rng(0), drawn for the training items first; (pixel + noise) / 16. With it scikit-learn's
GaussianMixture(10, reg_covar=1e-3, random_state=0) gives 70.61 / 57.68.
"""

import numpy as np
import pytest
import torch
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import Tensor

from tts_vae.classical import Gaussian, GaussianMixture, ProbabilisticPCA


@pytest.fixture(scope="module")
def digits() -> tuple[Tensor, Tensor]:
    pixels, labels = load_digits(return_X_y=True)
    parts = train_test_split(pixels, labels, test_size=360, random_state=0, stratify=labels)[:2]
    noise = np.random.default_rng(0)
    train, test = (torch.from_numpy((part + noise.random(part.shape)) / 16) for part in parts)
    return train, test


@pytest.mark.parametrize("method", ["eigen", "em"])
def test_ppca(digits: tuple[Tensor, Tensor], method: str) -> None:
    train, test = digits
    fit = ProbabilisticPCA(8, method).fit(train)  # type: ignore[arg-type]
    assert fit.score(train) == pytest.approx(14.04, abs=0.005)
    assert fit.score(test) == pytest.approx(13.07, abs=0.005)


def test_gaussian(digits: tuple[Tensor, Tensor]) -> None:
    train, test = digits
    fit = Gaussian().fit(train)
    assert fit.score(train) == pytest.approx(48.34, abs=0.005)
    assert fit.score(test) == pytest.approx(46.98, abs=0.005)


def test_mixture_from_the_published_start(digits: tuple[Tensor, Tensor]) -> None:
    train, test = digits
    # scikit-learn draws its start from one random state: k-means of one run, one-hot
    state = np.random.RandomState(0)
    labels = KMeans(10, n_init=1, random_state=state).fit(train.numpy()).labels_
    start = torch.nn.functional.one_hot(torch.from_numpy(labels).long(), 10)
    fit = GaussianMixture(10, regularisation=1e-3, tolerance=1e-3, max_iterations=100)
    fit.fit(train, responsibilities=start)
    assert fit.score(train) == pytest.approx(70.61, abs=0.01)
    assert fit.score(test) == pytest.approx(57.68, abs=0.02)


def test_mixture_from_its_own_start(digits: tuple[Tensor, Tensor]) -> None:
    train, test = digits
    fit = GaussianMixture(10, regularisation=1e-3, restarts=3).fit(train)
    assert fit.converged
    assert fit.score(train) >= 70.61
    assert fit.score(test) >= 57.68 - 1.0, "test figures of restarts differ by about a nat"
