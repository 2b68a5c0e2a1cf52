"""Levels of speakers under borrowed prosody, computed by hand."""

import math

import pytest

from tts_vae.evaluation.voices.speaker_swap import compare_levels


def test_perfect_swap_has_no_error():
    swap = compare_levels({"a": 110.0, "b": 220.0}, {"a": [110.0, 110.0], "b": [220.0, 220.0]})
    assert swap.error_st == pytest.approx(0)
    assert swap.pairs_in_order == 1


def test_level_that_stays_with_the_prosody_is_seen():
    swap = compare_levels({"a": 110.0, "b": 220.0}, {"a": [110.0, 220.0], "b": [110.0, 220.0]})
    assert swap.error_st == pytest.approx(6)  # an octave off in half of them
    assert swap.pairs_in_order == 0


def test_only_speakers_a_semitone_apart_are_ordered():
    close = {"a": 110.0, "b": 112.0}
    assert math.isnan(compare_levels(close, {"a": [112.0], "b": [110.0]}).pairs_in_order)
    three = close | {"c": 165.0}
    swap = compare_levels(three, {"a": [112.0], "b": [170.0], "c": [165.0]})
    assert swap.pairs_in_order == 0.5  # c above a, but not above b


def test_an_undefined_level_is_left_out():
    swap = compare_levels({"a": 110.0, "b": 220.0}, {"a": [math.nan, 110.0], "b": [220.0, 220.0]})
    assert swap.error_st == pytest.approx(0)
    assert swap.pairs_in_order == 1
