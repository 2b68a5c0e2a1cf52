"""Unaligned stretches and deleted words of clips whose alignment is known."""

import math

import pytest
import torch

from tts_vae.evaluation.listeners.intelligibility import Judge
from tts_vae.evaluation.measures.unaligned import (
    count_deleted,
    hear,
    matches,
    unaligned_seconds,
    unaligned_speech,
    word_deletion_rate,
    word_of_each,
)


def test_only_stretches_longer_than_a_second_count():
    spans = [(0.5, 0.6), (1.6, 1.7), (4.2, 4.3)]
    # before 0.5, then 1.0 (not longer), then 2.5, then 1.7 to the end
    assert unaligned_seconds(spans, 6.0) == pytest.approx(2.5 + 1.7)
    assert unaligned_seconds(spans, 5.0) == pytest.approx(2.5)
    assert unaligned_seconds([], 3.0) == 3.0
    assert unaligned_seconds([], 0.8) == 0
    assert unaligned_seconds(spans, 6.0, longest_s=2.0) == pytest.approx(2.5)


def test_matches_of_equal_dropped_and_added():
    assert matches("abc", "abc") == [(0, 0), (1, 1), (2, 2)]
    assert matches("abc", "ac") == [(0, 0), (2, 1)]
    assert matches("ac", "abc") == [(0, 0), (1, 2)]
    assert matches("abc", "axc") == [(0, 0), (2, 2)]
    assert matches("", "ab") == [] and matches("ab", "") == []


def test_babble_does_not_scatter_the_last_word():
    # equally few errors could take a sound from the babble; one gap is better than two
    assert matches("abc", "abcxcxb") == [(0, 0), (1, 1), (2, 2)]
    assert matches("abc", "xaxbabc") == [(0, 4), (1, 5), (2, 6)]


def test_word_deletions_by_hand():
    assert count_deleted([0, 0, 1, 1, 2], {0, 4}) == 1
    assert count_deleted([0, 0, 1, 1, 2], set()) == 3
    assert count_deleted([], set()) == 0
    assert word_deletion_rate(["the red fox", "one two"], ["the fox", "one two three"]) == 1 / 5
    assert math.isnan(word_deletion_rate([""], ["word"]))


def test_words_are_found_where_a_sentence_reduces_them():
    # "and you" said alone: a n d / j u; in the sentence the a is reduced and the d is lost
    assert word_of_each(["and", "ju"], "@nju") == [0, 0, 1, 1]
    assert word_of_each(["ab", "ab"], "abab") == [0, 0, 1, 1]


class Letters:
    """Hears what its mels spell: one label a step, so that every span is known."""

    labels = ("<blank>", "_", "a", "b", "c")

    class mel:  # noqa: N801
        hop_length, sample_rate = 100, 1000

    def mels(self, waveform, sample_rate):
        return torch.tensor(waveform).repeat_interleave(2)[:, None]

    def recogniser(self, mels, mask):
        steps = mels[:, ::2, 0].long()
        return type("Output", (), {"log_probs": torch.nn.functional.one_hot(steps, 5).float()})

    hear = hear


def test_a_clip_spelt_in_labels():
    # steps of 0.2 s: a a _ b and twelve blanks (2.4 s)
    letters = Letters()
    clip = [2, 2, 1, 3] + [0] * 12
    heard = hear(letters, clip, 5)
    assert heard.phones == ("a", "b")
    assert heard.spans == (pytest.approx((0, 0.4)), pytest.approx((0.6, 0.8)))
    assert heard.seconds == pytest.approx(3.2)
    found = unaligned_speech(
        letters, list, ["a b", "c"], [["a", "b", "."], ["c"]], [clip, [0] * 4], 5
    )
    assert found.unaligned_s == (pytest.approx(2.4), 0)
    assert found.udr == pytest.approx(2.4 / (3.2 + 0.8))
    assert found.deleted_words == (0, 1) and found.words == 3
    assert found.wdr == pytest.approx(1 / 3)
    assert found.summary()["clips_with_unaligned"] == 1


def test_the_shipped_judge_hears_nothing_in_noise_and_counts_it():
    judge = Judge.load("espeak")
    clip = 1e-3 * torch.randn(2 * 22050).numpy()
    found = unaligned_speech(judge, lambda word: ["f"], ["if"], [["f"]], [clip], 22050)
    assert found.seconds == pytest.approx(2) and found.words == 1
    assert 0 <= found.udr <= 1 and found.wdr in (0, 1)


def test_lists_must_pair():
    with pytest.raises(ValueError, match="as many clips on both sides"):
        unaligned_speech(Letters(), list, ["a"], [["a"]], [], 5)
