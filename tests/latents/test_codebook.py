"""What a codebook promises: its start, its revival, and agreement between processes."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tts_vae.latents.codebook import Codebook, count_codes, perplexity
from tts_vae.latents.k_means import k_means


def clouds(count: int = 8, each: int = 16, seed: int = 0) -> torch.Tensor:
    """(count * each, 4): clouds around corners far from 0."""
    generator = torch.Generator().manual_seed(seed)
    corners = 5 + 4 * torch.cartesian_prod(*[torch.tensor([-1.0, 1.0])] * 3)[:count]
    corners = torch.cat([corners, torch.full((count, 1), 5.0)], -1)
    points = corners.repeat_interleave(each, 0)
    return points + 0.1 * torch.randn(points.shape, generator=generator)


def train(codebook: Codebook, steps: int = 200) -> float:
    """Train on clouds; the perplexity of the last batch, at most 8."""
    learned = list(codebook.parameters())
    optimiser = torch.optim.Adam(learned, lr=0.02) if learned else None
    for step in range(steps):
        x = clouds(seed=step)
        _, vectors, counts = codebook.quantise(x, learn=True)
        if optimiser:
            optimiser.zero_grad()
            (x - vectors).square().sum().backward()
            optimiser.step()
    return perplexity(counts).item()


@pytest.mark.parametrize("update", ["codebook", "ema"])
def test_without_a_start_and_revival_it_collapses(update):
    """The trap: codes far from the data never win, so nothing ever moves them."""
    options = {"update": update, "kmeans_start": False}
    assert train(Codebook(16, 4, **options, revival_threshold=0.0)) < 4
    assert train(Codebook(16, 4, **options, revival_patience=10)) > 7
    assert train(Codebook(16, 4, update, revival_threshold=0.0), steps=5) > 7


def test_k_means_finds_the_clouds():
    x = clouds()
    centres = k_means(x, 8)
    expected = x.reshape(8, 16, 4).mean(1)
    distance = torch.cdist(centres, expected)
    assert sorted(distance.argmin(1).tolist()) == list(range(8))
    torch.testing.assert_close(centres, expected[distance.argmin(1)])
    again = [k_means(x, 8, generator=torch.Generator().manual_seed(3)) for _ in range(2)]
    assert torch.equal(*again)


def test_k_means_never_ends_above_its_start():
    x = torch.randn(300, 4)

    def error(iterations):
        centres = k_means(x, 9, iterations, torch.Generator().manual_seed(1))
        return torch.cdist(x, centres).square().amin(1).sum().item()

    errors = [error(n) for n in (0, 1, 2, 5, 10)]
    assert errors == sorted(errors, reverse=True) and errors[-1] < 0.95 * errors[0]


def test_k_means_of_fewer_points_than_clusters():
    x = torch.tensor([[0.0, 0.0], [1.0, 0.0], [1.0, 0.0]])
    centres = k_means(x, 6)
    assert centres.shape == (6, 2) and centres.isfinite().all()
    assert torch.cdist(x, centres).amin(1).max() < 1e-6 and len(centres.unique(dim=0)) == 6
    alike = k_means(torch.zeros(3, 2), 4)  # what a level leaves over that has hit every point
    assert len(alike.unique(dim=0)) == 4 and alike.abs().max() < 0.1


@pytest.mark.parametrize(("points", "got"), [(torch.zeros(0, 2), "none"), (None, "not finite")])
def test_k_means_refuses(points, got):
    points = torch.full((3, 2), torch.nan) if points is None else points
    with pytest.raises(ValueError, match=f"at least one point, all finite, got .*{got}"):
        k_means(points, 2)


def test_a_large_batch_is_thinned_before_the_start():
    x = clouds(each=4000)
    assert (torch.cdist(k_means(x, 8), x.reshape(8, 4000, 4).mean(1)).amin(1) < 0.1).all()


def test_the_start_happens_once_and_only_when_learning():
    codebook = Codebook(8, 4, "ema")
    before = codebook.vectors.clone()
    codebook.quantise(clouds())
    assert torch.equal(codebook.vectors, before) and not codebook.started
    codebook.quantise(clouds(), learn=True)
    assert codebook.started and (torch.cdist(codebook.vectors, clouds()).amin(1) < 0.5).all()
    torch.testing.assert_close(codebook.counts.sum(), torch.tensor(1.28))
    for _ in range(3):
        codebook.quantise(clouds(), learn=True)
    started = codebook.vectors.clone()
    codebook.quantise(clouds() + 1, learn=True)
    moved = codebook.vectors - started
    torch.testing.assert_close(moved, torch.full((8, 4), 0.2), atol=0.01, rtol=0)  # 1 of 5 batches


def test_dead_codes_move_to_the_batch_after_the_patience():
    codebook = Codebook(4, 4, "ema", kmeans_start=False, revival_patience=3, decay=0.9)
    codebook.vectors.copy_(torch.tensor([0.0, 1.0, 50.0, 60.0]).unsqueeze(-1).expand(4, 4))
    for step in range(3):
        codebook.quantise(torch.rand(20, 4), learn=True)
        assert codebook.steps == step + 1 and codebook.vectors[2:].min() == torch.tensor(50.0)
    x = torch.rand(20, 4)
    codes, vectors, _ = codebook.quantise(x, learn=True)
    assert codebook.steps == 1 and codebook.recent.sum() == 20
    assert codebook.vectors.max() < 2 and (codes >= 2).any(), "a revived code serves at once"
    revived = torch.cdist(vectors[codes >= 2], x).amin(1)
    assert (revived == 0).all(), "it stands on a vector of the batch"
    mine = codes == codes[codes >= 2][0]
    own = codebook.vectors[codes[mine][0]]
    torch.testing.assert_close(own, x[mine].mean(0), msg="it is the mean of what it serves")


def test_threshold_is_a_share_of_the_even_share():
    def kept(threshold, uses):
        codebook = Codebook(2, 1, "ema", 0.99, False, threshold, 1)
        codebook.vectors.copy_(torch.tensor([[0.0], [10.0]]))
        x = torch.zeros(20, 1)
        x[:uses] = 10
        codebook.quantise(x, learn=True)
        codebook.quantise(torch.zeros(20, 1), learn=True)
        return codebook.vectors[1].item() == 10.0

    assert kept(0.5, 5) and not kept(0.5, 4), "the even share of 20 vectors is 10"
    assert kept(0.0, 0) and not kept(0.01, 0)


def test_more_dead_codes_than_vectors():
    codebook = Codebook(9, 2, kmeans_start=False, revival_patience=1)
    with torch.no_grad():
        codebook.vectors.copy_(100.0 + torch.arange(9.0).unsqueeze(-1))
    for _ in range(3):
        codebook.quantise(torch.rand(3, 2), learn=True)
    assert (codebook.vectors < 2).all(-1).sum() >= 8


def test_dead_codes_revive_even_where_numbers_are_lost():
    for x in (torch.ones(20, 2), torch.full((20, 2), torch.nan)):
        codebook = Codebook(4, 2, "ema", kmeans_start=False, revival_patience=1)
        codebook.vectors.copy_(torch.tensor([[1.0], [5.0], [6.0], [7.0]]).expand(4, 2))
        for _ in range(2):
            codes, _, counts = codebook.quantise(x, learn=True)
        assert counts.sum() == 20 and codes.min() >= 0


def test_perplexity_by_hand():
    assert perplexity(torch.tensor([5.0, 5, 0, 0])).item() == pytest.approx(2)
    assert perplexity(torch.tensor([7.0, 0, 0])).item() == pytest.approx(1)
    shares = torch.tensor([0.5, 0.25, 0.25])
    expected = (-(shares * shares.log()).sum()).exp()
    torch.testing.assert_close(perplexity(torch.tensor([[2.0, 1, 1]])), expected.unsqueeze(0))
    assert count_codes(torch.tensor([[0, 2], [2, 2]]), 4).tolist() == [1, 0, 3, 0]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"codes": 0}, "codes and width must be at least 1, got 0 and 4"),
        ({"update": "adam"}, "update must be"),
        ({"decay": 1.0}, "decay must be .* below 1, got 1.0"),
        ({"revival_threshold": 1.0}, "revival_threshold must be"),
        ({"revival_patience": 0}, "revival_patience at least 1"),
    ],
)
def test_wrong_options(options, words):
    with pytest.raises(ValueError, match=words):
        Codebook(**{"codes": 3, "width": 4, **options})


def test_processes_agree(tmp_path):
    """Each of two processes sees other data; counts, sums, starts and revivals are common."""
    script = Path(__file__).with_name("quantizer_process.py")
    started = [
        subprocess.Popen(
            [sys.executable, str(script), str(rank), "2", str(tmp_path / "meeting")],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    outputs = [process.communicate(timeout=120) for process in started]
    assert [process.returncode for process in started] == [0, 0], outputs
    first, second = (out.splitlines() for out, _ in outputs)
    assert len(first) == 3 and first == second
