"""SSML documents as plain data: what they say, how they nest, and what is refused."""

import time
import warnings

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tts_vae.text.sentences import split_sentences
from tts_vae.text.ssml import MOST_SILENCE_S, is_ssml, parse_ssml
from tts_vae.text.ssml_document import SILENT_DB, Break, Piece
from tts_vae.text.ssml_xml import DEEPEST, LONGEST, MOST_ELEMENTS


def pieces(inner):
    return [
        piece for sentence in parse_ssml(f"<speak>{inner}</speak>") for piece in sentence.pieces
    ]


def texts(inner):
    sentences = parse_ssml(f"<speak>{inner}</speak>")
    return ["".join(piece.text for piece in sentence.pieces).strip() for sentence in sentences]


def test_a_document_is_sentences_of_pieces_and_breaks():
    (first, second) = parse_ssml(
        "<?xml version='1.0'?>\n<speak version='1.1' xml:lang='en-US'>One <emphasis>two</emphasis>"
        " three.<break time='1s'/> Four</speak>"
    )
    assert [item.text for item in first.pieces] == ["One ", "two", " three."]
    assert first.items[-1] == Break(1.0) and second.items[0].text == " Four"
    assert first.pieces[0].prosody == second.pieces[0].prosody == Piece("").prosody
    assert first.pieces[1].prosody.rate == 0.92


def test_spans_do_not_change_where_sentences_end():
    inner = "Dr. <prosody rate='fast'>Who said so. And then</prosody> he left? <sub alias='Yes'/>!"
    assert texts(inner) == ["Dr. Who said so.", "And then he left?", "Yes!"]
    rates = [piece.prosody.rate for piece in pieces(inner)]
    assert rates == [1, 1.3, 1.3, 1, 1, 1]


def test_paragraphs_and_sentences_end_sentences_and_s_keeps_one():
    assert texts("One <p>two three</p> four") == ["One", "two three", "four"]
    assert texts("<s>Really? Yes. No</s><s>Two</s>") == ["Really? Yes. No", "Two"]
    long = "word " * 200
    assert len(texts(f"<s>{long}</s>")) == len(split_sentences(long)) > 1


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from("A bc. d? E! Mr. 3.5 — f, (G) 'h' i".split()), min_size=1))
def test_words_are_kept_and_plain_text_is_cut_as_ever(words):
    if not any(c.isalnum() for word in words for c in word):
        return
    plain = " ".join(words)
    assert texts(plain) == split_sentences(plain)
    marked = " ".join(
        f"<prosody rate='fast'>{word}</prosody>" if n % 3 == 1 else word
        for n, word in enumerate(words)
    )
    assert texts(marked) == split_sentences(plain)


def test_breaks_between_sentences_belong_to_the_one_before_and_add_up():
    first, second = parse_ssml(
        "<speak><break/><s>One.</s> <break time='250ms'/><break strength='strong'/><s>Two.</s>"
        "<break strength='x-strong'/></speak>"
    )
    assert first.items[0] == Break(0.4) and first.items[-1] == Break(pytest.approx(0.95))
    assert second.items[-1] == Break(1.2) and len(second.items) == 2


def test_prosody_nests():
    inner = (
        "<prosody pitch='+2st' rate='50%' volume='-6dB' range='+50%'>a <prosody pitch='+3st' "
        "rate='+20%' volume='-2dB' range='-50%'>b</prosody> <prosody pitch='high' rate='150%' "
        "volume='loud' range='medium'>c</prosody></prosody>"
    )
    a, b, c = (piece.prosody for piece in pieces(inner))
    assert a.pitch.shift_st(100) == pytest.approx(2) and a.rate == 0.5 and a.volume_db == -6
    assert b.pitch.shift_st(100) == pytest.approx(5) and b.rate == pytest.approx(0.6)
    assert b.volume_db == -8 and b.pitch_range.ratio(6, 100) == pytest.approx(0.75)
    assert c.pitch.shift_st(100) == pytest.approx(3) and c.rate == 1.5 and c.volume_db == 4
    assert c.pitch_range.ratio(6, 100) == 1


def test_emphases_replace_each_other_and_come_on_top_of_prosody():
    inner = (
        "<emphasis level='strong'>a <prosody pitch='-1st'>b</prosody> "
        "<emphasis level='reduced'>c</emphasis> <emphasis level='none'>d</emphasis></emphasis>"
    )
    shifts = [piece.prosody.pitch.shift_st(100) for piece in pieces(inner)]
    assert shifts == pytest.approx([3, 2, -1.5, 0])


def test_duration_goes_before_rate_and_an_inner_rate_before_it():
    outer, inner = pieces(
        "<prosody duration='3s' rate='200%'>a <prosody rate='80%'>b</prosody></prosody>"
    )
    assert outer.prosody.duration.seconds == 3 and outer.prosody.rate == 1
    assert inner.prosody.duration is None and inner.prosody.rate == 0.8


def test_speakers_styles_and_ipa():
    a, b, c = pieces(
        "<voice name='x  m1' gender='Female'>a <style component='3'>b</style></voice>"
        "<style reference='r.wav'><phoneme alphabet='ipa' ph='ˈeɪ'>c</phoneme></style>"
    )
    assert a.speaker.names == ("x", "m1") and a.speaker.gender == "female" and a.style is None
    assert b.speaker == a.speaker and (b.style.way, b.style.value) == ("component", 3)
    assert c.speaker is None and (c.style.way, c.style.value) == ("reference", "r.wav")
    assert c.ipa == "ˈeɪ" and c.text == "c"


def test_say_as_and_sub_are_words():
    inner = "<say-as interpret-as='ordinal'>3</say-as> <sub alias='World Wide Web'>WWW</sub>"
    assert texts(inner) == ["third World Wide Web"]


def test_the_five_entities_and_characters_are_read():
    assert texts("a &amp; b &#x2014; c &lt;d&gt; &quot;e&apos;") == ["a & b — c <d> \"e'"]
    assert texts("<![CDATA[x <y>]]> <!-- unheard -->z") == ["x <y> z"]


@pytest.mark.parametrize(
    ("inner", "message", "spoken"),
    [
        ("a <mstts:fancy>b</mstts:fancy>", "<mstts:fancy> is not known", "a b"),
        ("a <audio src='x.wav'>b<desc>c</desc></audio>", "<desc> is left out", "a b"),
        ("a <metadata><x>y</x></metadata>", "<metadata> is left out", "a"),
        ("<prosody contour='(0%,+20Hz)'>a</prosody>", "contour> is not followed", "a"),
        ("<say-as interpret-as='address'>1 A St</say-as>", "'address' is not known", "1 A St"),
        ("<voice name='f1' age='6'>a</voice>", "<voice age> is not followed", "a"),
    ],
)
def test_what_is_not_followed_warns_and_is_spoken(inner, message, spoken):
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        assert texts(inner) == [spoken]
    assert any(message in str(warning.message) for warning in told)
    assert all("SSML line 1, column" in str(warning.message) for warning in told)


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ("<speak>a", "line 1, column 9: malformed XML: no element found"),
        ("<speak>\n <p>a</s></speak>", "line 2, column 8: malformed XML: mismatched tag"),
        ("\n\n<speak>a & b</speak>", "line 3, column 11: malformed XML"),
        ("<speak>&nbsp;</speak>", "malformed XML: undefined entity"),
        ("<speak a='1' a='2'>a</speak>", "malformed XML: duplicate attribute"),
        ("hello", "malformed XML"),
        ("", "malformed XML: no element found"),
        ("<p>a</p>", "expected <speak> around everything, got <p>"),
        ("<speak> <break/> , </speak>", "nothing to speak"),
        ("<speak>\n<prosody rate='fas'>a</prosody></speak>", "line 2, column 1: <prosody>: rate"),
        ("<speak><emphasis level='very'>a</emphasis></speak>", "level must be one of strong"),
        ("<speak><break time='2'/>a</speak>", "time must be a time such as 500ms"),
        ("<speak><break strength='big'/>a</speak>", "strength must be one of none"),
        ("<speak><say-as>a</say-as></speak>", "interpret-as is missing"),
        ("<speak><say-as interpret-as='time'>soon</say-as></speak>", "'soon' is not a time"),
        ("<speak><sub>a</sub></speak>", "<sub>: alias is missing"),
        ("<speak><phoneme>a</phoneme></speak>", "<phoneme>: ph is missing"),
        ("<speak><phoneme alphabet='x-sampa' ph='a'>a</phoneme></speak>", "alphabet must be ipa"),
        ("<speak><voice gender='x'>a</voice></speak>", "gender must be one of male"),
        ("<speak><style>a</style></speak>", "give one of name, component, reference; got nothing"),
        ("<speak><style name='a' component='1'>a</style></speak>", "got name and component"),
        ("<speak><style component='-1'>a</style></speak>", "component must be a whole number"),
        ("<speak><style name=' '>a</style></speak>", "name is empty"),
        ("<speak>\ud800</speak>", "U\\+D800, half of a character"),
        (
            "<speak>" + "<break time='60s'/>" * int(MOST_SILENCE_S / 60 + 1) + "a</speak>",
            "all breaks together",
        ),
        ("<speak>" + "<p>" * DEEPEST + "a" + "</p>" * DEEPEST + "</speak>", "nested deeper"),
        ("<speak>" + "<p/>" * MOST_ELEMENTS + "a</speak>", "elements; speak it in parts"),
        ("<speak>" + "a" * LONGEST + "</speak>", "at most 200000 characters"),
        (b"<speak>a</speak>", "must be a string, got bytes"),
    ],
)
def test_bad_documents_are_one_line(document, message):
    with pytest.raises(ValueError, match=message) as caught:
        parse_ssml(document)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 300


BOMB = "<!DOCTYPE b [<!ENTITY a 'ha'>{}]><speak>&z;</speak>".format(
    "".join(f"<!ENTITY {chr(98 + n)} '{f'&{chr(97 + n)};' * 10}'>" for n in range(25))
)


@pytest.mark.parametrize(
    "document",
    [
        BOMB,
        "<!DOCTYPE s [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><speak>&x;</speak>",
        "<!DOCTYPE s SYSTEM 'http://127.0.0.1:1/x.dtd'><speak>a</speak>",
        "<!DOCTYPE s [<!ENTITY % p SYSTEM 'http://127.0.0.1:1/x'> %p;]><speak>a</speak>",
        "<?xml version='1.0'?>\n<!DOCTYPE speak><speak>a</speak>",
    ],
    ids=["bomb", "file", "dtd", "parameter", "plain"],
)
def test_document_types_are_refused_at_once(document):
    begun = time.perf_counter()
    with pytest.raises(ValueError, match="document type .* is refused"):
        parse_ssml(document)
    assert time.perf_counter() - begun < 0.1


def test_deep_documents_of_warnings_do_not_recurse_away():
    with pytest.raises(ValueError, match="nested deeper"):
        parse_ssml("<speak>" + "<x>" * 60_000)


def test_what_is_ssml():
    for text in (
        "<speak>a</speak>",
        " \n<speak version='1.1'>",
        "<?xml version='1.0'?>",
        "<speak/>",
    ):
        assert is_ssml(text)
    assert is_ssml("<!DOCTYPE x><speak>")  # to be refused, not read aloud
    for text in ("speak", "<speaker>", "a <speak>", "", "<p>"):
        assert not is_ssml(text)


def test_silent_is_minus_infinity_and_stays_under_relative_volume():
    (piece,) = pieces("<prosody volume='silent'><prosody volume='+6dB'>a</prosody></prosody>")
    assert piece.prosody.volume_db == SILENT_DB
