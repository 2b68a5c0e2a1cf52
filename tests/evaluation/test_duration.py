import pytest

from tts_vae.evaluation.measures.duration import length_ratio


def test_ratio_by_hand():
    # ratios 0.9, 1.0, 1.1, 1.3
    result = length_ratio([90, 100, 110, 130], [100, 100, 100, 100])
    assert result.ratio.median == pytest.approx(1.05)
    assert result.median_deviation == pytest.approx(0.05)
    # deviations sorted 0, 0.1, 0.1, 0.3; index 0.95 * 3 = 2.85
    assert result.p95_deviation == pytest.approx(0.1 + 0.85 * 0.2)


def test_empty_reference_is_undefined():
    result = length_ratio([1.0, 2.0], [0.0, 2.0])
    assert (result.ratio.n, result.ratio.undefined, result.ratio.median) == (1, 1, 1.0)


def test_lists_must_pair_up():
    with pytest.raises(ValueError, match="got 1 and 2"):
        length_ratio([1], [1, 2])
