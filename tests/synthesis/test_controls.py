"""What a control may be, and what it means to phones."""

import math

import numpy as np
import pytest
import torch

from tts_vae.synthesis.controls import (
    CONTROLS,
    batched,
    checked_control,
    is_pause,
    joined,
    mixed,
    same,
    sounding,
    stretch_of_phones,
)

PHONES = ("^", "h", "ˈaɪ", ",", "j", "uː", "|", "n", "oʊ", ".")


@pytest.mark.parametrize("name", CONTROLS)
def test_limits_are_allowed_and_what_lies_beyond_is_refused(name):
    scale = CONTROLS[name]
    for limit, beyond in ((scale.low, scale.low - 1e-3), (scale.high, scale.high + 1e-3)):
        assert checked_control(name, limit) == limit
        each = checked_control(name, torch.tensor([scale.usual, limit]))
        assert each[1] == torch.tensor(limit)
        for value in (beyond, torch.tensor([scale.usual, beyond]), math.nan, [math.nan, 1.0]):
            with pytest.raises(ValueError, match=f"^{name} must be (within|between) .*, got "):
                checked_control(name, value)


def test_numbers_come_in_many_kinds():
    assert checked_control("rate", 2) == 2.0 and isinstance(checked_control("rate", 2), float)
    assert checked_control("rate", np.float64(1.5)) == checked_control("rate", torch.tensor(1.5))
    assert isinstance(checked_control("rate", torch.tensor(1.5)), float)
    assert checked_control("pitch_st", [1, -2]).tolist() == [1.0, -2.0]
    for value, message in (
        (torch.zeros(2, 2), r"or one for each phone of shape \(phones,\), got shape \(2, 2\)"),
        (torch.zeros(0), r"got shape \(0,\)"),
        ("fast", "must be a number, or one for each phone, got 'fast'"),
        (None, "got None"),
    ):
        with pytest.raises(ValueError, match=message):
            checked_control("pitch_st", value)


def test_a_control_is_a_copy():
    mine = torch.zeros(3)
    kept = checked_control("pitch_st", mine)
    mine += 1
    assert kept.tolist() == [0.0, 0.0, 0.0]


def test_shifts_mix_and_add_while_factors_do_so_in_octaves():
    assert mixed("pitch_st", -2.0, 6.0, 0.25) == 0.0
    assert mixed("pitch_range", 0.5, 2.0, 0.5) == pytest.approx(1.0)
    assert mixed("pause", torch.tensor([1.0, 4.0]), 1.0, 0.5).tolist() == [1.0, 2.0]
    assert joined("energy_db", 3.0, -1.0) == 2.0 and joined("rate", 3.0, 0.5) == 1.5


def test_equal_means_the_same_numbers_of_the_same_shape():
    assert same(1.0, 1.0) and not same(1.0, 2.0)
    assert same(torch.ones(2), torch.ones(2)) and not same(torch.ones(2), torch.ones(3))
    assert not same(torch.ones(2), 1.0)


def test_pauses_alone_are_stretched():
    assert [is_pause(token) for token in PHONES] == [
        *(True, False, False, True, False, False, True, False, False, True)
    ]
    assert sounding(PHONES).sum() == 6
    assert stretch_of_phones(PHONES, 3.0).tolist() == [3, 1, 1, 3, 1, 1, 3, 1, 1, 3]
    each = stretch_of_phones(PHONES, torch.arange(1.0, 11.0))
    assert each.tolist() == [1, 1, 1, 4, 1, 1, 7, 1, 1, 10]


def test_controls_of_sentences_share_a_number_or_stand_side_by_side():
    mask = torch.tensor([[True, True, True], [True, True, False]])
    assert batched("rate", [1.5, 1.5], mask) == 1.5
    assert batched("rate", [1.5, 2.0], mask).tolist() == [[1.5, 1.5, 1.5], [2.0, 2.0, 1.0]]
    each = batched("energy_db", [torch.tensor([1.0, 2.0, 3.0]), -6.0], mask)
    assert each.tolist() == [[1.0, 2.0, 3.0], [-6.0, -6.0, 0.0]]
