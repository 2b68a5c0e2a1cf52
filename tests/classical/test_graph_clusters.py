import math

import pytest
import torch
from torch import Tensor

from tts_vae.classical import graph_clusters, k_means
from tts_vae.corpora import digits
from tts_vae.evaluation.images.report import cluster_accuracy


def rings(count: int) -> tuple[Tensor, Tensor]:
    """Two noisy circles about one centre: no two Gaussians tell them apart."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(2 * count) % 2
    angle = 2 * math.pi * torch.rand(2 * count, generator=generator)
    radius = 1.0 + 2.0 * labels + 0.2 * torch.randn(2 * count, generator=generator)
    return torch.stack([radius * angle.cos(), radius * angle.sin()], -1), labels


def test_it_finds_groups_that_are_connected_not_round():
    points, labels = rings(150)
    assert cluster_accuracy(graph_clusters(points, 2), labels) == 1.0
    assert cluster_accuracy(k_means(points.double(), 2).labels, labels) < 0.7


def test_seed_and_order():
    points, labels = rings(60)
    found = graph_clusters(points, 2, seed=3)
    assert torch.equal(found, graph_clusters(points, 2, seed=3))
    order = torch.randperm(len(points), generator=torch.Generator().manual_seed(1))
    assert cluster_accuracy(graph_clusters(points[order], 2), labels[order]) == 1.0


def test_digits_better_than_the_classical_pipelines():
    corpus = digits.load("all")
    found = graph_clusters(corpus.images.flatten(1), corpus.classes, restarts=10)
    assert cluster_accuracy(found, corpus.labels) > 0.846


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"clusters": 41}, "expected at least 41 points"),
        ({"clusters": 2, "neighbours": 0}, "neighbours must be at least 1"),
        ({"clusters": 2, "neighbours": 40}, "expected more than 40 points for 40 neighbours"),
        ({"clusters": 36}, "and 41 eigenmaps, got 40; ask for fewer"),
    ],
)
def test_too_much_is_asked_of_40_points(settings, message):
    with pytest.raises(ValueError, match=message):
        graph_clusters(torch.randn(40, 3), **settings)


def test_no_finite_matrix():
    points = torch.randn(40, 3)
    points[7, 1] = torch.nan
    with pytest.raises(ValueError, match="row 7, column 1"):
        graph_clusters(points, 2)
