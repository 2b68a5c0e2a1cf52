import pytest
import torch

from tts_vae.corpora import digits
from tts_vae.corpora.image_corpus import ImageCorpus
from tts_vae.data.images import ImageBatch, ImageLoader, binarise, dequantise


@pytest.fixture(scope="module")
def corpus():
    """23 images, each of one grey level, its index / 23; labels are the indices."""
    grey = torch.arange(23) / 23
    images = grey[:, None, None, None].expand(-1, 1, 10, 10).contiguous()
    return ImageCorpus("grey", images, torch.arange(23), "train")


def run(loader):
    return [(batch.images.clone(), batch.labels.tolist()) for batch in loader]


def same(one, other):
    return len(one) == len(other) and all(
        a[1] == b[1] and torch.equal(a[0], b[0]) for a, b in zip(one, other, strict=True)
    )


def labels(batches):
    return [label for _, batch in batches for label in batch]


def test_batch_is_what_a_latent_model_reads():
    batch = ImageBatch(torch.rand(3, 1, 2, 2), torch.arange(3))
    assert batch.observation is batch.images and batch.observation_mask is None
    moved = batch.to("meta")
    assert moved.images.device.type == moved.labels.device.type == "meta" and len(batch) == 3


def test_an_epoch_is_every_image_once_in_an_order_of_its_own(corpus):
    loader = ImageLoader(corpus, 5, seed=1)
    first, second = run(loader), run(loader)
    assert len(first) == len(loader) == 5 and len(first[-1][1]) == 3
    assert sorted(labels(first)) == sorted(labels(second)) == list(range(23))
    assert labels(first) != labels(second) != list(range(23))
    for images, numbers in first:
        assert torch.equal(images, corpus.images[numbers])
    assert same(first, run(ImageLoader(corpus, 5, seed=1)))
    assert not same(first, run(ImageLoader(corpus, 5, seed=2)))


def test_unshuffled_and_whole_batches(corpus):
    assert labels(run(ImageLoader(corpus, 5, shuffle=False))) == list(range(23))
    loader = ImageLoader(corpus, 5, drop_last=True)
    assert len(loader) == 4 and [len(batch) for batch in loader] == [5, 5, 5, 5]


@pytest.mark.parametrize("options", [{"binarisation": "dynamic"}, {"dequantisation": True}])
def test_a_stopped_run_continues_exactly(corpus, options):
    whole = ImageLoader(corpus, 5, seed=3, **options)
    expected = run(whole) + run(whole)
    stopped = ImageLoader(corpus, 5, seed=3, **options)
    for _ in stopped:
        pass
    for number, _ in enumerate(stopped, start=1):
        if number == 2:
            break
    state = stopped.state_dict()
    assert state == {"epoch": 1, "position": 2}
    resumed = ImageLoader(corpus, 5, seed=3, **options)
    resumed.load_state_dict(state)
    assert same(run(resumed), expected[7:])
    resumed.set_epoch(1)
    assert same(run(resumed), expected[5:])
    resumed.set_epoch(0)
    assert same(run(resumed), expected[:5])


def test_dynamic_binarisation_is_new_every_epoch_and_has_the_grey_levels_mean(corpus):
    loader = ImageLoader(corpus, 23, binarisation="dynamic", shuffle=False)
    draws = torch.stack([next(iter(run(loader)))[0] for _ in range(50)])
    assert set(draws.unique().tolist()) == {0.0, 1.0}
    assert not torch.equal(draws[0], draws[1])
    # 5,000 draws an image: three standard errors are 0.021
    torch.testing.assert_close(
        draws.mean((0, 2, 3, 4)), corpus.images[:, 0, 0, 0], atol=0.025, rtol=0
    )


def test_fixed_binarisation_is_drawn_once_from_the_seed(corpus):
    def images(seed, loader_seed_epochs=1):
        loader = ImageLoader(corpus, 23, binarisation="fixed", shuffle=False, seed=seed)
        return [run(loader)[0][0] for _ in range(loader_seed_epochs)]

    first, second = images(0, 2)
    assert torch.equal(first, second) and set(first.unique().tolist()) == {0.0, 1.0}
    assert torch.equal(first, images(0)[0]) and not torch.equal(first, images(1)[0])


def test_batches_of_one_epoch_have_noise_of_their_own():
    images = torch.full((4, 1, 8, 8), 0.5)
    images[0, 0, 0, 0] = 0.4
    loader = ImageLoader(
        ImageCorpus("half", images, torch.zeros(4).long(), "train"), 2, binarisation="dynamic"
    )
    first, second = run(loader)
    assert not torch.equal(first[0], second[0])


def test_dequantisation_fills_one_level_and_loses_none():
    corpus = digits.load("test")
    (images, numbers), *_ = run(ImageLoader(corpus, 360, dequantisation=True, shuffle=False))
    assert torch.equal((images * 16).floor() / 16, corpus.images)
    noise = images * 16 - corpus.images * 16
    assert noise.mean().item() == pytest.approx(0.5, abs=0.01)
    assert noise.var().item() == pytest.approx(1 / 12, abs=0.003)
    assert numbers == corpus.labels.tolist()


def test_noise_of_a_generator():
    images = torch.rand(2, 1, 3, 3)
    for draw in (binarise, lambda x, generator: dequantise(x, 17, generator)):
        one, two, other = (draw(images, torch.Generator().manual_seed(s)) for s in (0, 0, 1))
        assert torch.equal(one, two) and not torch.equal(one, other)


@pytest.mark.parametrize("batch_size", [5, 4])
def test_processes_share_an_epoch(corpus, batch_size):
    alone = run(ImageLoader(corpus, batch_size, binarisation="dynamic"))
    shares = [
        run(ImageLoader(corpus, batch_size, binarisation="dynamic", rank=rank, world_size=4))
        for rank in range(4)
    ]
    assert {len(share) for share in shares} == {2}
    together = [share[turn] for turn in range(2) for share in shares]
    assert same(together[: len(alone)], alone)
    assert same(together[len(alone) :], alone[: 8 - len(alone)])  # repeated from the start


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"batch_size": 0}, "positive batch_size, got 0"),
        ({"batch_size": 24, "drop_last": True}, "24 leaves no whole batch of 23 images"),
        ({"batch_size": 4, "binarisation": "static"}, "got 'static'"),
        (
            {"batch_size": 4, "binarisation": "fixed", "dequantisation": True},
            "no grey levels to dequantise",
        ),
        ({"batch_size": 4, "rank": 2, "world_size": 2}, "rank < world_size, got 2 and 2"),
    ],
)
def test_wrong_arguments(corpus, arguments, message):
    with pytest.raises(ValueError, match=message):
        ImageLoader(corpus, **arguments)
