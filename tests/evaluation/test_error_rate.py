import math

import pytest

from tts_vae.evaluation.measures.error_rate import (
    ErrorCounts,
    character_error_rate,
    corpus_error_rate,
    count_errors,
    normalise_text,
    word_error_rate,
)


@pytest.mark.parametrize(
    ("reference", "hypothesis", "expected"),
    [
        ("abc", "abc", (0, 0, 0, 3)),
        ("abc", "", (0, 3, 0, 3)),
        ("", "ab", (0, 0, 2, 0)),
        # kitten -> sitting: k/s, e/i, and a g at the end
        ("kitten", "sitting", (2, 0, 1, 6)),
        # one substitution rather than a deletion and an insertion
        ("abc", "axc", (1, 0, 0, 3)),
        # two substitutions cost as much as dropping b and adding d, and are what is counted
        ("abc", "acd", (2, 0, 0, 3)),
    ],
)
def test_counts_by_hand(reference, hypothesis, expected):
    counts = count_errors(reference, hypothesis)
    got = (counts.substitutions, counts.deletions, counts.insertions, counts.reference_length)
    assert got == expected


def test_rate_can_exceed_one_and_is_undefined_without_reference():
    assert count_errors("a", "bcd").rate == 3.0
    assert math.isnan(ErrorCounts().rate)


def test_corpus_rate_is_a_ratio_of_sums():
    # 1 error of 1 and 1 error of 9: 2 / 10, where the mean of rates would be 0.56
    rate = corpus_error_rate(["a", "abcdefghi"], ["b", "abcdefgh"])
    assert rate.rate == pytest.approx(0.2)
    assert rate.total == ErrorCounts(1, 1, 0, 10)
    assert [counts.errors for counts in rate.utterances] == [1, 1]
    # resamples of two utterances: {1/1, 2/10, 1/9}
    assert rate.low == pytest.approx(1 / 9)
    assert rate.high == pytest.approx(1.0)


def test_lists_must_pair_up():
    with pytest.raises(ValueError, match="got 2 and 1"):
        corpus_error_rate(["a", "b"], ["a"])


def test_normalisation():
    assert normalise_text("\u201cIt\u2019s well-known,\u201d he said -- 'twas!") == (
        "it's well known he said twas"
    )
    assert normalise_text("?!") == ""


def test_words_and_characters():
    references, hypotheses = ["The cat sat.", "A dog!"], ["the cat sad", "dog"]
    # words: sat/sad substituted, "a" deleted, of 5
    assert word_error_rate(references, hypotheses).rate == pytest.approx(2 / 5)
    # characters: t/d; "a " deleted; of 11 + 5
    assert character_error_rate(references, hypotheses).rate == pytest.approx(3 / 16)
