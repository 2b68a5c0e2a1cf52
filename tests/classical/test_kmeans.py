import pytest
import torch

from tts_vae.classical import k_means


def blobs(each=50):
    centres = torch.tensor([[0.0, 0.0], [20.0, 0.0], [0.0, 20.0]], dtype=torch.float64)
    noise = torch.randn(3 * each, 2, dtype=torch.float64)
    return centres, centres.repeat_interleave(each, 0) + noise


def test_it_finds_the_clusters_at_every_seed():
    centres, x = blobs()
    for seed in range(20):
        found = k_means(x + 1e4, 3, generator=torch.Generator().manual_seed(seed))
        order = torch.cdist(centres + 1e4, found.centres).argmin(1)
        assert sorted(order.tolist()) == [0, 1, 2]
        expected = x.reshape(3, 50, 2).mean(1) + 1e4
        torch.testing.assert_close(found.centres[order], expected)
        assert found.labels.tolist() == order.repeat_interleave(50).tolist()
        nearest = (x + 1e4 - found.centres[found.labels]).square().sum().item()
        assert found.inertia == pytest.approx(nearest, rel=1e-9)


def test_restarts_keep_the_best_and_a_seed_repeats():
    x = torch.rand(300, 4, dtype=torch.float64)
    single = [
        k_means(x, 12, generator=torch.Generator().manual_seed(seed)).inertia for seed in range(8)
    ]
    assert max(single) > min(single), "starts differ, so choosing among them matters"
    generator = torch.Generator().manual_seed(0)
    assert k_means(x, 12, restarts=8, generator=generator).inertia <= single[0]
    again = k_means(x, 12, generator=torch.Generator().manual_seed(3))
    assert again.inertia == single[3]


def test_no_cluster_stays_empty():
    x = torch.tensor([[0.0], [0.0], [0.0], [0.0], [5.0]])
    found = k_means(x, 2, generator=torch.Generator().manual_seed(0))
    assert sorted(found.centres[:, 0].tolist()) == [0.0, 5.0] and found.inertia == 0.0
    same = k_means(torch.ones(6, 2), 3)
    assert same.inertia == 0.0 and same.centres.isfinite().all()


def test_bad_input_says_what_to_do():
    with pytest.raises(ValueError, match="at least 4 points for 4 components, got 3; give more"):
        k_means(torch.rand(3, 2), 4)
    with pytest.raises(ValueError, match="components must be at least 1, got 0"):
        k_means(torch.rand(3, 2), 0)
    with pytest.raises(ValueError, match="restarts must be at least 1"):
        k_means(torch.rand(3, 2), 1, restarts=0)
