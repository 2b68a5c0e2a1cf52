import numpy as np
import pytest

from tts_vae.evaluation.measures.clustering import active_units, cluster_agreement, latent_use


def test_active_units_by_hand():
    # variances 1, 0.0025 and 0.25
    means = np.array([[1.0, 0.05, 0.5], [-1.0, -0.05, -0.5]])
    assert active_units(means) == 2
    assert active_units(means, threshold=0.5) == 1


def test_use_by_hand():
    means = np.array([[1.0, 0.0], [-1.0, 0.0], [1.0, 0.0], [-1.0, 0.0]])
    q = np.array([[0.9, 0.1, 0.0], [0.2, 0.8, 0.0], [0.6, 0.4, 0.0], [0.7, 0.3, 0.0]])
    use = latent_use(means, [2.0, 4.0, 3.0, 3.0], q)
    assert (use.active_units, use.width, use.mean_kl_nats) == (1, 2, 3.0)
    assert use.shares == (0.75, 0.25, 0.0)
    assert (use.components_in_use, use.components) == (2, 3)
    assert latent_use(means, [2.0, 4.0, 3.0, 3.0], q, least_share=0.3).components_in_use == 1


def test_without_components():
    use = latent_use(np.zeros((3, 2)), np.zeros(3))
    assert (use.active_units, use.components_in_use, use.components) == (0, 0, 0)


def test_shapes_are_checked():
    with pytest.raises(ValueError, match=r"got \(3, 2\) and \(2,\)"):
        latent_use(np.zeros((3, 2)), np.zeros(2))
    with pytest.raises(ValueError, match=r"responsibilities \(3, components\)"):
        latent_use(np.zeros((3, 2)), np.zeros(3), np.zeros((2, 4)))


def test_agreement_by_hand():
    perfect = cluster_agreement([2, 2, 0, 0], ["a", "a", "b", "b"])
    assert (perfect.consistency, perfect.nmi, perfect.ari) == pytest.approx((1.0, 1.0, 1.0))
    # a: 2 of 3 in component 0; b: 1 of 1 in component 1; together 3 of 4
    partly = cluster_agreement([0, 0, 1, 1], ["a", "a", "a", "b"])
    assert partly.consistency == pytest.approx(0.75)
    # one component for all: consistent, and saying nothing
    silent = cluster_agreement([0, 0, 0, 0], ["a", "a", "b", "b"])
    assert (silent.consistency, silent.nmi, silent.ari) == pytest.approx((1.0, 0.0, 0.0))
