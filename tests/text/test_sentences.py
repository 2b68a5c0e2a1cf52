import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts_vae.text.normalisation import speakable
from tts_vae.text.sentences import split_sentences


def test_sentences_end_where_a_speaker_stops():
    text = 'Mr. J. Smith left. "Really?" she asked. Yes! He paid 3.5 dollars... and ran.\n\nNew one'
    assert split_sentences(text) == [
        "Mr. J. Smith left.",
        '"Really?" she asked.',
        "Yes!",
        "He paid 3.5 dollars... and ran.",
        "New one",
    ]


def test_long_sentences_are_cut_at_the_strongest_mark_that_helps():
    text = "one two three; four five six, seven eight nine ten"
    assert split_sentences(text, 36) == ["one two three;", "four five six, seven eight nine ten"]
    assert split_sentences(text, 22) == ["one two three;", "four five six,", "seven eight nine ten"]
    assert split_sentences(text, 10)[:2] == ["one two", "three;"]


@given(st.text(alphabet=st.sampled_from("abC1 .,;:?!—'\"\n-"), max_size=200), st.integers(1, 60))
def test_no_word_is_lost_and_every_piece_can_be_spoken(text, max_chars):
    if not speakable(text):
        with pytest.raises(ValueError, match="at least one letter or digit"):
            split_sentences(text, max_chars)
        return
    pieces = split_sentences(text, max_chars)
    assert pieces and all(speakable(piece) for piece in pieces)
    assert "".join("".join(pieces).split()) == "".join(text.split())


def test_pieces_are_short():
    text = "word " * 400
    assert max(len(piece) for piece in split_sentences(text, 80)) <= 80


def test_bad_length_is_refused():
    with pytest.raises(ValueError, match="at least 1; got 0"):
        split_sentences("hello", 0)
