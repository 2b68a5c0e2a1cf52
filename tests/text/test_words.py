import pytest

from tts_vae.text.phonemizer import GraphemePhonemizer, make_phonemizer
from tts_vae.text.words import Word, words_of


def test_graphemes_by_hand():
    tokens = GraphemePhonemizer()("Hi, it's 2.")
    assert tokens == list("^Hi,It'sTwo.")
    found = words_of("grapheme", "Hi, it's 2.", tokens)
    assert found == (Word("hi", 1, 3), Word("it's", 4, 8), Word("two", 8, 11))


@pytest.fixture(scope="module")
def espeak():
    pytest.importorskip("espeakng_loader")
    return make_phonemizer("espeak")


def spoken(espeak, sentence):
    tokens = espeak(sentence)
    words = words_of("espeak", sentence, tokens)
    return {word.text: " ".join(tokens[word.start : word.stop]) for word in words}, words, tokens


def test_espeak_words(espeak):
    found, words, tokens = spoken(espeak, "Dr. Smith, aged 42, can't come.")
    assert list(found) == ["Dr", "Smith", "aged", "42", "can't", "come"]
    assert found["Smith"] == "s m ˈɪ θ" and found["come"] == "k ˈʌ m"
    assert found["42"].startswith("f ˈɔːɹ") and found["42"].endswith("ˈuː")
    pauses = [i for i, token in enumerate(tokens) if token in (",", ".", "^")]
    assert len(pauses) == 4
    for pause in pauses:
        assert not any(word.start <= pause < word.stop for word in words)


@pytest.mark.parametrize(
    "sentence",
    [
        "The café is naïve — don't wait; it's time!",
        'She said "no" (twice) because I asked.',
        "I am in the U.S.A. at 9:30, for $5.",
        "On a thing of it and where the end was",
    ],
)
def test_words_are_in_order_and_have_every_phone(espeak, sentence):
    _, words, tokens = spoken(espeak, sentence)
    phones = [i for i, token in enumerate(tokens) if token not in "^,.?!;:—|"]
    covered = [i for word in words for i in range(word.start, word.stop)]
    assert covered == sorted(set(covered))
    assert set(phones) <= set(covered)


def test_tokens_of_another_sentence_have_no_words(espeak):
    assert words_of("espeak", "One day.", espeak("Two days.")) == ()
