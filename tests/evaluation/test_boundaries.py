import pytest
import torch

from tts_vae.evaluation.measures.boundaries import boundary_errors


def test_errors_are_distances_of_inner_boundaries():
    true = {"a": torch.tensor([2, 3, 5]), "b": torch.tensor([1, 1]), "c": torch.tensor([4])}
    found = {"a": torch.tensor([3, 3, 4]), "b": torch.tensor([1, 1])}
    errors = boundary_errors(found, true, frame_s=0.015)
    assert errors.error_ms.n == 3  # two of a, one of b
    assert errors.error_ms.median == pytest.approx(15)
    assert errors.within_20_ms == 1.0
    assert errors.missing == 1


def test_other_phones_are_an_error():
    with pytest.raises(ValueError, match="a: 1 durations found for 2 phones"):
        boundary_errors({"a": torch.tensor([3])}, {"a": torch.tensor([1, 2])}, 0.01)
    with pytest.raises(ValueError, match="no utterance"):
        boundary_errors({}, {"a": torch.tensor([1, 2])}, 0.01)
