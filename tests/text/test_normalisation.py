import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts_vae.text.normalisation import normalise, speakable


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("Hello", "Hello."),
        ("Hello,", "Hello."),
        ("“Yes,” he said", "Yes, he said."),
        ("it’s the dogs’ day", "it's the dogs day."),
        ("wait -- no", "wait — no."),
        ("wait - no – yes", "wait — no — yes."),
        ("well-known facts", "well-known facts."),
        ("a cat (the big one) ran.", "a cat, the big one, ran."),
        ("He came (late).", "He came, late."),
        ("Mr. Smith met Dr. Jones.", "Mr Smith met Dr Jones."),
        ("D. H. Lawrence", "D H Lawrence."),
        ("e.g. this", "for example this."),
        ("what?! no!!", "what? no!"),
        ("so... it goes...", "so — it goes."),
        ("3.5 and 1,000 at 10:30", "3.5 and 1,000 at 10:30."),
        ("1914–18", "1914 to 18."),
        ("a\nb\t c", "a b c."),
        (", ; and then", "and then."),
    ],
)
def test_writing_becomes_the_small_punctuation(written, spoken):
    assert normalise(written) == spoken


@given(st.text(alphabet=st.sampled_from("aZ5é '\"-–—.,;:?!()[]…\n&"), max_size=30))
def test_normalise_is_idempotent_and_ends_in_a_terminal(text):
    if not speakable(text):
        with pytest.raises(ValueError, match="at least one letter or digit"):
            normalise(text)
        return
    once = normalise(text)
    assert normalise(once) == once
    assert once[-1] in ".?!"
    assert not re.search(r"[\"()\[\]…\n]|\s\s", once)


@pytest.mark.parametrize("text", ["", "   ", "?!...", "😀", "😀 🎉!", "—", "()"])
def test_nothing_to_pronounce_is_one_clear_line(text):
    with pytest.raises(ValueError, match="expected text with at least one letter or digit") as info:
        # emoji alone is an error, not a warning
        import warnings

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            normalise(text)
    assert "\n" not in str(info.value)


def test_emoji_inside_text_are_dropped_with_a_warning():
    with pytest.warns(UserWarning, match=r"U\+1F600"):
        assert normalise("I 😀 you") == "I you."
