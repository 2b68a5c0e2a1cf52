import math

import numpy as np
import pytest

from tts_vae.evaluation.cards.dimension_lda import dimension_lda


def test_fisher_ratio_by_hand():
    # dimension 0: means 1 and 5, overall 3, between 4; within: (0-1)^2, (2-1)^2, 0, 0 -> 0.5
    # dimension 1: both means 1, so between 0; within: 1, 1, 4, 4 -> 2.5
    codes = [[0.0, 0.0], [2.0, 2.0], [5.0, 3.0], [5.0, -1.0]]
    found = dimension_lda(codes, ["clean", "clean", "noisy", "noisy"], folds=2)
    assert found.labels == ("clean", "noisy")
    assert found.fisher.tolist() == [8.0, 0.0]
    assert found.means.tolist() == [[1.0, 1.0], [5.0, 1.0]]
    assert found.best == 0 and found.baseline == 0.5
    # each fold holds one of each class: 0 and 5 told by means 2 and 5, then 2 and 5 by 0 and 5
    assert found.accuracy[0] == 1.0


def test_unequal_classes_by_hand():
    # three of a at 0, 0, 3 and one of b at 6, 6: means 1 and 6, shares 0.6 and 0.4, overall 3;
    # between 0.6 * 4 + 0.4 * 9 = 6; within (1 + 1 + 4) / 5 = 1.2
    found = dimension_lda([[0.0], [0.0], [3.0], [6.0], [6.0]], list("aaabb"))
    assert found.shares.tolist() == pytest.approx([0.6, 0.4])
    assert found.fisher == pytest.approx([5.0]) and found.baseline == pytest.approx(0.6)


def test_accuracy_counts_recordings_that_were_left_out():
    # told by its neighbours every recording is right but the 4.0 of a, which lies among b
    codes = np.array([[0.0], [0.1], [0.2], [4.0], [4.0], [4.1], [4.2], [4.3]])
    found = dimension_lda(codes, list("aaaabbbb"), folds=4)
    assert found.accuracy == pytest.approx([7 / 8])


def test_the_prior_of_a_class_moves_the_threshold():
    # within one class the spread is large: the rare class never wins, as it should not
    codes = np.concatenate([np.tile([-3.0, -3.0, 3.0, 3.0], 9), [0.5, 0.5, 1.5, 1.5]])[:, None]
    found = dimension_lda(codes, ["often"] * 36 + ["rare"] * 4, folds=2)
    assert found.accuracy == pytest.approx([0.9]) and found.baseline == pytest.approx(0.9)


def test_the_planted_dimension_is_found():
    generator = np.random.default_rng(0)
    codes = generator.normal(size=(400, 6))
    noisy = generator.random(400) < 0.3
    codes[:, 4] += 2 * noisy
    found = dimension_lda(codes, noisy.tolist())
    assert found.best == 4
    # distance 2, shares 0.3 and 0.7: between 0.21 * 4 over within 1
    assert found.fisher[4] == pytest.approx(0.84, abs=0.2)
    assert np.delete(found.fisher, 4).max() < 0.05
    # the best threshold is 1 + log(7 / 3) / 2 = 1.42: 0.7 * P(z < 1.42) + 0.3 * P(z > -0.58)
    assert found.accuracy[4] == pytest.approx(0.862, abs=0.04)


def test_dimensions_that_never_vary_and_labels_that_are_not_known():
    codes = [[1.0, 0.0], [1.0, 0.0], [1.0, 2.0], [1.0, 2.0], [9.0, 9.0]]
    found = dimension_lda(codes, ["f", "f", "m", "m", None], folds=2)
    assert math.isnan(found.fisher[0]) and math.isinf(found.fisher[1]) and found.best == 1
    assert found.accuracy.tolist() == [0.5, 1.0]


def test_what_cannot_be_analysed_is_named():
    with pytest.raises(ValueError, match=r"got \(3, 2\) and 2 labels"):
        dimension_lda(np.zeros((3, 2)), ["a", "b"])
    with pytest.raises(ValueError, match="got 'a' 3; choose another label"):
        dimension_lda(np.zeros((3, 2)), ["a"] * 3)
    with pytest.raises(ValueError, match="got 'a' 3, 'b' 1"):
        dimension_lda(np.zeros((4, 2)), ["a", "a", "a", "b"])
    with pytest.raises(ValueError, match="got none"):
        dimension_lda(np.zeros((1, 2)), [None])
    with pytest.raises(ValueError, match="folds must be 2 or more, got 1"):
        dimension_lda(np.zeros((4, 2)), list("aabb"), folds=1)
