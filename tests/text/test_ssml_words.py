"""say-as, IPA, and which tokens belong to which text of a sentence."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tts_vae.text.phonemizer import EspeakPhonemizer, GraphemePhonemizer
from tts_vae.text.ssml import parse_ssml
from tts_vae.text.ssml_ipa import ipa_tokens
from tts_vae.text.ssml_phones import spoken_sentence
from tts_vae.text.ssml_say_as import say_as
from tts_vae.text.ssml_tokens import place_tokens
from tts_vae.text.symbols import BREAK, default_table, grapheme_table


@pytest.fixture(scope="module")
def espeak():
    pytest.importorskip("espeakng_loader", reason="needs the optional extra: tts_vae[espeak]")
    return EspeakPhonemizer()


@pytest.mark.parametrize(
    ("text", "kind", "form", "words"),
    [
        ("VAE 2.0", "characters", "", "vee eigh ee, two dot zero"),
        ("a@b", "spell-out", "", "eigh at bee"),
        ("1,234.05", "cardinal", "", "one thousand two hundred thirty four point zero five"),
        ("-12", "number", "", "minus twelve"),
        ("3rd", "ordinal", "", "third"),
        ("1,220", "ordinal", "", "one thousand two hundred twentieth"),
        ("112", "ordinal", "", "one hundred twelfth"),
        ("12/31/1999", "date", "", "December thirty first, nineteen ninety nine"),
        ("31.12.1905", "date", "dmy", "December thirty first, nineteen oh five"),
        ("2005-04-03", "date", "ymd", "April third, two thousand five"),
        ("19991231", "date", "ymd", "December thirty first, nineteen ninety nine"),
        ("May 3", "date", "md", "May third"),
        ("5/1900", "date", "my", "May nineteen hundred"),
        ("'99".strip("'"), "date", "y", "ninety nine"),
        ("21", "date", "d", "the twenty first"),
        ("10:30", "time", "", "ten thirty"),
        ("2:05 p.m.", "time", "hms12", "two oh five pee em"),
        ("9:00", "time", "hms24", "nine o'clock"),
        ("14:00:01", "time", "", "fourteen hundred hours and one second"),
        ("+1 (650) 555-01", "telephone", "", "plus one, six five zero, five five five, zero one"),
        ("4711", "digits", "", "four seven one one"),
        ("1990", "address", "", None),
    ],
)
def test_say_as(text, kind, form, words):
    assert say_as(text, kind, form) == words


@pytest.mark.parametrize(
    ("text", "kind", "form", "message"),
    [
        ("", "digits", "", "holds no text"),
        ("12a", "cardinal", "", "is not a cardinal"),
        ("9" * 20, "cardinal", "", "expected a number from 0"),
        ("1.5", "ordinal", "", "is not an ordinal"),
        (
            "13/31/1999",
            "date",
            "mdy",
            "'13' in the date '13/31/1999' must be a number from 1 to 12",
        ),
        ("12/31", "date", "mdy", "is not a date of format mdy"),
        ("12/31", "date", "xy", "format of a date must be one of mdy"),
        ("25:00", "time", "", "is not a time"),
        ("14:00", "time", "hms12", "is not a time of format hms12"),
        ("10:30", "time", "h", "must be hms12 or hms24"),
        ("call me", "telephone", "", "is not a telephone number"),
        ("٣", "ordinal", "", "is not an ordinal"),
    ],
)
def test_say_as_refuses_what_is_none(text, kind, form, message):
    with pytest.raises(ValueError, match=message):
        say_as(text, kind, form)


def test_spelled_letters_sound_as_espeak_names_them(espeak):
    letters = "abcdefghijklmnopqrstuvxyz"  # the name of w is read with another stress alone
    for letter in letters:
        spelled, named = espeak(say_as(letter, "characters")), espeak(letter.upper() + ".")
        assert [t.lstrip("ˈˌ") for t in spelled] == [t.lstrip("ˈˌ") for t in named], letter


@pytest.mark.parametrize(
    ("ipa", "tokens"),
    [
        ("təˈmeɪtoʊ", "t ə m ˈeɪ t oʊ"),
        ("ˌɪn.tɚˈnæʃ(ə)n".replace("(ə)", "ə"), "ˌɪ n t ɚ n ˈæ ʃ ə n"),
        ("t͡ʃiːz", "tʃ iː z"),
        ("'red", "ɹ ˈɛ d"),
        ("ˈstrɛŋθs", "s t ɹ ˈɛ ŋ θ s"),
        ("gɑrdən", "ɡ ɑːɹ d ə n"),
        ("gəʊ", "ɡ oʊ"),
    ],
)
def test_ipa(ipa, tokens):
    assert ipa_tokens(ipa, default_table()) == tuple(tokens.split())


@pytest.mark.parametrize(
    ("ipa", "message"),
    [
        ("tyː", "the sound 'y' \\(U\\+0079\\) in ph='tyː' is none of this voice; it has "),
        (" . ", "holds no sound"),
        ("ˈst", "stress 'ˈ' in ph='ˈst' is followed by no vowel"),
        ("tˈ", "followed by no vowel"),
        ("<pad>", "the sound '<'"),
    ],
)
def test_other_sounds_are_named(ipa, message):
    with pytest.raises(ValueError, match=message):
        ipa_tokens(ipa, default_table())


def test_a_voice_of_letters_takes_no_ipa():
    with pytest.raises(ValueError, match="reads letters, not phones"):
        ipa_tokens("a", grapheme_table())


def parts(phonemizer, texts):
    tokens, owners = place_tokens(phonemizer, texts)
    assert list(tokens) == phonemizer("".join(texts))
    return [
        " ".join(t for t, o in zip(tokens, owners, strict=True) if o == k)
        for k in range(len(texts))
    ]


def test_espeak_tokens_are_placed_across_words_said_as_one(espeak):
    assert parts(espeak, ["out ", "of", " the house"]) == ["^ ˌaʊ ɾ", "ə v", "ð ə h ˈaʊ s ."]
    assert parts(espeak, ["un", "believ", "able!"]) == ["^ ʌ n", "b ᵻ l ˈiː v", "ə b əl !"]
    assert parts(espeak, ["“Dr.” Wu's ", "café", " & ", "$5.50", "."])[1::2] == [
        "k æ f ˈeɪ",
        "d ˈɑː l ɚ f ˈaɪ v p ɔɪ n t f ˈaɪ v z ˈiə ɹ oʊ .",
    ]


def test_letters_are_placed():
    reader = GraphemePhonemizer()
    assert parts(reader, ["It is ", "10", " e.g. ", "now", ", well"]) == [
        "^ I t I s",
        "T e n",
        "F o r E x a m p l e",
        "N o w ,",
        "W e l l .",
    ]


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            ["the ", "out ", "of ", "a", ", ", "7", "e.g. ", " — ", "Café", "'s ", "!"]
        ),
        min_size=1,
        max_size=8,
    )
)
def test_tokens_stay_and_owners_rise(espeak, texts):
    if not any(c.isalnum() for text in texts for c in text):
        return
    for phonemizer in (espeak, GraphemePhonemizer()):
        tokens, owners = place_tokens(phonemizer, texts)
        assert list(tokens) == phonemizer("".join(texts))
        assert len(owners) == len(tokens) and list(owners) == sorted(owners)
        assert owners[-1] < len(texts)


def spoken(espeak, inner):
    (sentence,) = parse_ssml(f"<speak>{inner}</speak>")
    return spoken_sentence(sentence, espeak, espeak.table)


def test_ipa_stands_in_its_sentence(espeak):
    said = spoken(espeak, "the <phoneme ph='ˈæpəl'>x</phoneme>, the <phoneme ph='təˈmeɪtoʊ'/>")
    assert " ".join(said.phones) == "^ ð ɪ ˈæ p əl , ð ə t ə m ˈeɪ t oʊ ."
    assert said.owners.count(1) == 3 + 1 and said.owners.count(3) == 6 + 1  # and their pauses


def test_unknown_sounds_tell_their_place(espeak):
    with pytest.raises(ValueError, match="line 1, column 8: <phoneme>: the sound 'ø'"):
        spoken(espeak, "<phoneme ph='ø'>a</phoneme>")


def test_breaks_take_the_pause_there_is_or_make_one(espeak):
    said = spoken(espeak, "One,<break time='1s'/> two <break time='2s'/> three")
    comma, made = said.phones.index(","), said.phones.index(BREAK)
    assert said.pauses == {comma: 1.0, made: 2.0} and said.inserted == (made,)
    assert said.without_inserted().phones == tuple(espeak("One, two three"))


def test_breaks_at_the_ends_and_none(espeak):
    said = spoken(espeak, "<break time='1s'/>One, <break strength='none'/>two<break time='2s'/>")
    assert said.phones == tuple(t for t in espeak("One, two") if t != ",")
    assert said.pauses == {0: 1.0, len(said.phones) - 1: 2.0} and said.inserted == ()
