import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA

from tts_vae.corpora import digits
from tts_vae.corpora.image_corpus import ImageCorpus, check


@pytest.mark.parametrize(("split", "count"), [("train", 1437), ("test", 360), ("all", 1797)])
def test_splits_have_the_protocols_sizes_and_pixels(split, count):
    corpus = digits.load(split)
    assert len(corpus) == count and corpus.shape == (1, 8, 8) and corpus.classes == 10
    assert corpus.name == "digits" and corpus.split == split and corpus.levels == 17
    grey = corpus.images * 16
    assert torch.equal(grey, grey.round()) and grey.max() == 16


def test_train_and_test_are_all_images_once():
    parts = [digits.load(split).images.flatten(1) for split in ("train", "test")]
    together = np.sort(torch.cat(parts).numpy().view("V256").ravel())
    everything = np.sort(digits.load("all").images.flatten(1).numpy().view("V256").ravel())
    assert np.array_equal(together, everything)


def test_labels_belong_to_their_images():
    corpus = digits.load("test", seed=3)
    pixels, labels = load_digits(return_X_y=True)
    known = {row.tobytes(): label for row, label in zip(pixels, labels, strict=True)}
    rows = (corpus.images * 16).flatten(1).double().numpy()
    assert [known[row.tobytes()] for row in rows] == corpus.labels.tolist()


def test_test_split_is_stratified_and_of_its_seed():
    counts = digits.load("test").labels.bincount()
    everywhere = digits.load("all").labels.bincount()
    assert (counts - 0.2 * everywhere).abs().max() < 1
    assert torch.equal(digits.load("test").images, digits.load("test").images)
    assert not torch.equal(digits.load("test").images, digits.load("test", seed=1).images)


def test_anchors_of_the_protocol():
    # the published log-likelihoods of pixels / 16 + uniform noise tell the split itself apart
    noise = np.random.default_rng(0)
    train, test = (
        digits.load(split).images.flatten(1).double().numpy() for split in ("train", "test")
    )
    train = train + noise.random(train.shape) / 16
    test = test + noise.random(test.shape) / 16
    ppca = PCA(8).fit(train)
    assert ppca.score(train) == pytest.approx(14.04, abs=0.005)
    assert ppca.score(test) == pytest.approx(13.07, abs=0.005)
    gaussian = multivariate_normal(train.mean(0), np.cov(train.T, bias=True))
    assert gaussian.logpdf(test).mean() == pytest.approx(46.98, abs=0.005)


def test_unknown_split():
    with pytest.raises(ValueError, match="one of the splits train, test, all, got 'valid'"):
        digits.load("valid")


GOOD = torch.linspace(0, 1, 2 * 4).reshape(2, 1, 2, 2)
LABELS = torch.tensor([0, 1])


def test_check_passes_what_is_right():
    check(GOOD, LABELS)


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (GOOD.index_fill(0, torch.tensor(1), float("nan")), LABELS, "4 pixels are NaN"),
        (GOOD * 16, LABELS, r"pixels in \[0, 1\], got 0 to 16; divide by"),
        (GOOD - 0.5, LABELS, r"got -0.5 to 0.5"),
        (GOOD * float("inf"), LABELS, "NaN"),
        (GOOD + torch.tensor([0.0, float("inf")]), LABELS, "to inf"),
        (torch.full((2, 1, 2, 2), 0.5), LABELS, "every pixel is 0.5"),
        (GOOD.double(), LABELS, "expected float32 images, got torch.float64"),
        (GOOD[:, 0], LABELS, r"\(n, channels, height, width\)"),
        (GOOD[:0], LABELS[:0], "at least one"),
        (GOOD, LABELS[:1], r"int64 labels \(2,\), got torch.int64 \(1,\)"),
        (GOOD, LABELS.float(), "got torch.float32"),
        (GOOD, LABELS - 1, "label -1 is negative"),
    ],
)
def test_check_says_what_is_wrong_on_one_line(images, labels, message):
    with pytest.raises(ValueError, match=message) as error:
        ImageCorpus("mine", images, labels, "train")
    assert str(error.value).startswith("mine/train: ") and "\n" not in str(error.value)


def test_levels_are_at_least_two():
    with pytest.raises(ValueError, match="at least 2 grey levels, got 1"):
        ImageCorpus("mine", GOOD, LABELS, "train", levels=1)
