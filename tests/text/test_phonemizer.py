import pytest

from tts_vae.text.phonemizer import EspeakPhonemizer, GraphemePhonemizer, make_phonemizer
from tts_vae.text.symbols import PUNCTUATION, START, TERMINAL

HARD = [
    "Hello, “world”! (Really?) It's 42 — or 1,000.5; Dr. Smith's café... ok?!",
    "loch croissant genre Bach naïve",
    "$5 & 20% of A/B at 10:30 p.m. on the U.S. ship",
    "Привет and 你好",
    "'Tis the dogs' day; J. R. R. Tolkien said",
    "no",
    "3",
    "re-enter twenty-one well-known e-mails",
]


@pytest.fixture(scope="module")
def espeak():
    pytest.importorskip("espeakng_loader", reason="needs the optional extra: tts_vae[espeak]")
    return EspeakPhonemizer()


def check(phonemizer, text):
    tokens = phonemizer(text)
    phonemizer.table.encode(tokens)
    assert tokens[0] == START and START not in tokens[1:]
    assert tokens[-1] in TERMINAL
    pauses = [token in PUNCTUATION for token in tokens]
    assert not any(a and b for a, b in zip(pauses, pauses[1:], strict=False))
    assert sum(pauses) < len(tokens) - 1
    return tokens


@pytest.mark.parametrize("text", HARD)
def test_espeak_reads_hard_texts(espeak, text):
    check(espeak, text)


def test_espeak_attaches_stress_to_the_vowel(espeak):
    assert espeak("Hello, butter?") == "^ h ə l ˈoʊ , b ˈʌ ɾ ɚ ?".split()


def test_espeak_is_the_same_in_every_variant(espeak):
    text = HARD[0]
    assert all(EspeakPhonemizer(f"en-us+{v}")(text) == espeak(text) for v in ("f2", "m3", "klatt"))


def test_other_languages_are_refused():
    with pytest.raises(ValueError, match="got 'de'"):
        EspeakPhonemizer("de")


@pytest.mark.parametrize("name", ["espeak", "grapheme"])
def test_real_english_text(name, request, ljspeech_root):
    if name == "espeak":
        request.getfixturevalue("espeak")
    phonemizer = make_phonemizer(name)
    lines = (ljspeech_root / "metadata.csv").read_text(encoding="utf-8").splitlines()
    texts = [line.split("|")[1] for line in lines[:300]]
    lengths = [len(check(phonemizer, text)) for text in texts]
    assert sum(lengths) / len(lengths) > 40


def test_graphemes_spell_numbers_and_mark_words_by_capitals():
    graphemes = GraphemePhonemizer()
    assert "".join(graphemes("Café no. 21, isn't it?")) == "^CafeNoTwentyOne,Isn'tIt?"
    assert "".join(graphemes("The U.S. law")) == "^TheUSLaw."


def test_graphemes_refuse_what_has_no_latin_letter():
    with pytest.raises(ValueError, match="Latin letters"):
        GraphemePhonemizer()("Привет")


@pytest.mark.parametrize("text", ["", "!?", "…"])
def test_nothing_to_say_is_refused_by_both(espeak, text):
    for phonemizer in (espeak, GraphemePhonemizer()):
        with pytest.raises(ValueError, match="at least one letter or digit"):
            phonemizer(text)


def test_make_phonemizer_names_the_choices():
    assert make_phonemizer("grapheme").name == "grapheme"
    with pytest.raises(ValueError, match="espeak, grapheme; got 'ipa'"):
        make_phonemizer("ipa")
