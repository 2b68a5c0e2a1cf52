import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts_vae.text.symbols import (
    ENGLISH_PHONES,
    PAD,
    PUNCTUATION,
    START,
    SymbolTable,
    ctc_labels,
    default_table,
    grapheme_table,
    plain_phone,
)


@given(st.lists(st.sampled_from(default_table().symbols)))
def test_decode_undoes_encode(tokens):
    table = default_table()
    assert table.decode(table.encode(tokens)) == tokens


def test_padding_is_zero_and_start_is_one():
    for table in (default_table(), grapheme_table()):
        assert table.encode([PAD, START]) == [0, 1]
        assert len(table) == len(set(table.symbols)) == len(table.index)


def test_unknown_tokens_are_all_named():
    with pytest.raises(ValueError, match=r"unknown \['Q', 'ø'\]"):
        default_table().encode(["k", "ø", "Q"])


def test_numbers_outside_the_table_are_named():
    table = SymbolTable((PAD, "a"))
    with pytest.raises(ValueError, match=r"from 0 to 1; got \[-1, 2\]"):
        table.decode([0, 2, -1])


@pytest.mark.parametrize("symbols", [(), ("a", PAD), (PAD, "a", "a")])
def test_bad_tables_are_refused(symbols):
    with pytest.raises(ValueError, match="first|more than once"):
        SymbolTable(symbols)


def test_plain_phone_drops_stress_and_joins_all_silence():
    assert [plain_phone(t) for t in ("ˈæ", "ˌoʊ", "k", "ɑːɹ")] == ["æ", "oʊ", "k", "ɑːɹ"]
    assert {plain_phone(t) for t in (START, *PUNCTUATION)} == {"_"}
    assert plain_phone("T") == plain_phone("t") == "t"


def test_ctc_labels_hold_every_plain_phone_once():
    labels = ctc_labels(default_table())
    assert labels[:2] == ("<blank>", "_")
    assert len(labels) == len(set(labels))
    assert set(labels[2:]) == {plain_phone(phone) for phone in ENGLISH_PHONES}
    assert ctc_labels(grapheme_table())[2:] == ("'", *"abcdefghijklmnopqrstuvwxyz")
