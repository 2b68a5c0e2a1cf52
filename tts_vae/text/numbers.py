"""Digits to English words, for the grapheme front end (espeak-ng reads its own)."""

from __future__ import annotations

import re

_SMALL = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
    "fifteen sixteen seventeen eighteen nineteen"
).split()
_TENS = "_ _ twenty thirty forty fifty sixty seventy eighty ninety".split()
_SCALES = ((10**9, "billion"), (10**6, "million"), (1000, "thousand"), (100, "hundred"))
_LARGEST = 10**12
_NUMBER = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?")


def number_words(number: int) -> str:
    """A whole number in words: 1342 -> "one thousand three hundred forty two".

    Raises:
        ValueError: negative, or a million millions and more.
    """
    if not 0 <= number < _LARGEST:
        raise ValueError(f"expected a number from 0 to {_LARGEST - 1}; got {number}")
    if number < 20:
        return _SMALL[number]
    if number < 100:
        tens, ones = divmod(number, 10)
        return _TENS[tens] + (f" {_SMALL[ones]}" if ones else "")
    size, name = next(scale for scale in _SCALES if number >= scale[0])
    count, rest = divmod(number, size)
    return f"{number_words(count)} {name}" + (f" {number_words(rest)}" if rest else "")


def spell_numbers(text: str) -> str:
    """The text with every run of digits in words; "3.5" is "three point five".

    Numbers too long to have a name, and numbers with a leading zero, are read digit by digit.
    """
    return _NUMBER.sub(lambda match: f" {_words(match.group(0))} ", text)


def _words(written: str) -> str:
    whole, _, fraction = written.replace(",", "").partition(".")
    if len(whole) > 1 and whole[0] == "0" or int(whole) >= _LARGEST:
        spoken = " ".join(_SMALL[int(digit)] for digit in whole)
    else:
        spoken = number_words(int(whole))
    if fraction:
        spoken += " point " + " ".join(_SMALL[int(digit)] for digit in fraction)
    return spoken
