import pytest

from tts_vae.text.numbers import number_words, spell_numbers


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (0, "zero"),
        (13, "thirteen"),
        (20, "twenty"),
        (99, "ninety nine"),
        (100, "one hundred"),
        (1342, "one thousand three hundred forty two"),
        (2_000_017, "two million seventeen"),
    ],
)
def test_numbers_in_words(number, words):
    assert number_words(number) == words


def test_every_number_below_ten_thousand_has_its_own_words():
    assert len({number_words(number) for number in range(10_000)}) == 10_000


@pytest.mark.parametrize("number", [-1, 10**12])
def test_numbers_without_words_are_refused(number):
    with pytest.raises(ValueError, match=f"got {number}"):
        number_words(number)


def test_decimals_thousands_and_leading_zeros():
    spelled = " ".join(spell_numbers("3.5 of 1,000 and 007").split())
    assert spelled == "three point five of one thousand and zero zero seven"
