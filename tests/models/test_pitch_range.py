"""A pitch range about its middle, and durations stretched in part: by hand-computed numbers."""

import pytest
import torch

from tts_vae.models.speech.pitch_range import middle_of, with_range
from tts_vae.models.speech.upsampling import stretched

PITCH = torch.tensor([[10.0, 40.0, 12.0, 20.0, 14.0]])
FRAMES = torch.tensor([[4, 50, 6, 2, 3]])
HEARD = torch.tensor([[True, False, True, True, True]])


def test_the_middle_is_the_median_over_time_of_the_phones_that_count():
    """15 frames count; sorted by pitch 10 (4), 12 (10 with it), 14, 20: the eighth is at 12."""
    assert middle_of(PITCH, FRAMES, HEARD).tolist() == [[12.0]]
    assert middle_of(PITCH, FRAMES, torch.ones_like(HEARD)).tolist() == [[40.0]]
    # exactly half the time at or below 10
    assert middle_of(PITCH, torch.tensor([[11, 0, 6, 2, 3]]), HEARD).tolist() == [[10.0]]


def test_deviations_grow_by_the_factor_and_the_middle_stays():
    wide = with_range(PITCH, 2.0, FRAMES, HEARD)
    assert wide.tolist() == [[8.0, 68.0, 12.0, 28.0, 16.0]]
    assert middle_of(wide, FRAMES, HEARD).tolist() == [[12.0]]
    each = with_range(PITCH, torch.tensor([[1.0, 1.0, 1.0, 0.5, 3.0]]), FRAMES, HEARD)
    assert each.tolist() == [[10.0, 40.0, 12.0, 16.0, 18.0]]


def test_a_factor_of_one_changes_no_bit():
    pitch = torch.randn(3, 17) * 5 + 20.1
    frames, heard = torch.randint(1, 9, (3, 17)), torch.ones(3, 17).bool()
    for factor in (1.0, torch.ones(3, 17)):
        assert torch.equal(with_range(pitch, factor, frames, heard), pitch)
        assert torch.equal(stretched(frames, factor), frames)


def test_padding_and_neighbours_do_not_move_the_middle():
    pitch = torch.tensor([[10.0, 12.0, 14.0, 99.0], [1.0, 2.0, 3.0, 4.0]])
    frames = torch.tensor([[5, 5, 5, 0], [9, 1, 1, 1]])
    real = torch.tensor([[True, True, True, False], [True] * 4])
    assert middle_of(pitch, frames, real).tolist() == [[12.0], [1.0]]
    silent = torch.zeros_like(real)
    assert with_range(pitch, 2.0, frames, silent).isfinite().all()


@pytest.mark.parametrize(("factor", "expected"), [(3.0, 12), (0.5, 2), (0.01, 1), (1.0, 4)])
def test_stretching_leaves_the_other_phones_their_frames(factor, expected):
    frames = torch.tensor([[7, 4, 1, 0]])
    longer = stretched(frames, torch.tensor([[1.0, factor, 1.0, factor]]))
    assert longer.tolist() == [[7, expected, 1, 0]] and longer.dtype == torch.int64
