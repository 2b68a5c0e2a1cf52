"""SSML's say-as: what a piece of writing is, from its form to words that any front end reads.

``interpret-as`` of the W3C's note "SSML 1.0 say-as attribute values" (characters, cardinal,
ordinal, date, time, telephone) and two more in wide use (digits, spell-out for characters).
"""

from __future__ import annotations

import re

from .numbers import number_words

_LETTERS = dict(
    zip(
        "abcdefghijklmnopqrstuvwxyz",
        "eigh bee see dee ee ef jee aitch eye jay kay ell em en oh pee cue ar ess tee you vee "
        "double-you ex why zee".split(),
        strict=True,
    )
)
_SIGNS = {
    ".": "dot", ",": "comma", "-": "dash", "_": "underscore", "@": "at", "#": "hash",
    "/": "slash", "\\": "backslash", ":": "colon", ";": "semicolon", "&": "and", "+": "plus",
    "*": "star", "%": "percent", "$": "dollar", "=": "equals", "?": "question mark",
    "!": "exclamation mark", "(": "open bracket", ")": "close bracket", "'": "apostrophe",
    '"': "quote", "<": "less", ">": "greater", "~": "tilde",
}  # fmt: skip
_ORDINALS = {
    "one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth",
    "nine": "ninth", "twelve": "twelfth",
}  # fmt: skip
_MONTHS = (
    "January February March April May June July August September October November December"
).split()
_DATE_FORMATS = ("mdy", "dmy", "ymd", "md", "dm", "ym", "my", "d", "m", "y")
_CARDINAL = re.compile(r"([+-]?)(\d[\d,]*)(?:\.(\d+))?")
_CLOCK = re.compile(r"(\d{1,2})(?:[:.](\d{2}))?(?:[:.](\d{2}))?\s*([ap]\.?m?\.?)?", re.IGNORECASE)


def say_as(text: str, interpret_as: str, form: str = "") -> str | None:
    """The words for a piece of writing.

    Args:
        text: what is written.
        interpret_as: what it is: characters (or spell-out), cardinal (or number), ordinal, digits,
            date, time, telephone.
        form: format of a date (an order of m, d and y; mdy if empty) or of a time (hms12 or hms24).

    Returns:
        Words, or None where ``interpret_as`` is none of those.

    Raises:
        ValueError: the text has not the form of what it is said to be.
    """
    written = " ".join(text.split())
    if not written:
        raise ValueError(f"say-as {interpret_as} holds no text; write what to say")
    match interpret_as.strip().lower():
        case "characters" | "spell-out" | "verbatim":
            return _characters(written)
        case "digits":
            return _digits(written)
        case "cardinal" | "number":
            return _cardinal(written)
        case "ordinal":
            return _ordinal(written)
        case "date":
            return _date(written, form.strip().lower() or "mdy")
        case "time":
            return _time(written, form.strip().lower())
        case "telephone":
            return _telephone(written)
    return None


def _characters(written: str) -> str:
    """Each character by its name; a comma where there was a space."""
    groups = [" ".join(map(_character, group)) for group in written.split()]
    return ", ".join(groups)


def _character(character: str) -> str:
    if character.lower() in _LETTERS:
        return _LETTERS[character.lower()]
    if "0" <= character <= "9":
        return number_words(int(character))
    return _SIGNS.get(character, character)


def _digits(written: str) -> str:
    if not re.fullmatch(r"[\d ,.-]*\d[\d ,.-]*", written, re.ASCII):
        raise _misfit("digits", written, "digits such as 4711")
    return " ".join(number_words(int(d)) for d in written if d.isdigit())


def _cardinal(written: str) -> str:
    match = _CARDINAL.fullmatch(written.replace(" ", ""))
    if match is None or not written.isascii():
        raise _misfit("a cardinal", written, "a number such as 1,234.5")
    sign, whole, fraction = match.groups()
    words = number_words(int(whole.replace(",", "")[:20]))
    if fraction:
        words += " point " + " ".join(number_words(int(digit)) for digit in fraction)
    return ("minus " if sign == "-" else "") + words


def _ordinal(written: str) -> str:
    match = re.fullmatch(r"(\d[\d,]{0,20})(?:st|nd|rd|th|\.)?", written.lower(), re.ASCII)
    if match is None:
        raise _misfit("an ordinal", written, "a whole number such as 3 or 3rd")
    return _ordinal_words(int(match.group(1).replace(",", "")))


def _ordinal_words(number: int) -> str:
    head, _, last = number_words(number).rpartition(" ")
    if last in _ORDINALS:
        last = _ORDINALS[last]
    else:
        last = last[:-1] + "ieth" if last.endswith("y") else last + "th"
    return f"{head} {last}".strip()


def _date(written: str, form: str) -> str:
    """Month, day and year in the order of speech: "May third, nineteen ninety nine"."""
    if form not in _DATE_FORMATS:
        raise ValueError(
            f"format of a date must be one of {', '.join(_DATE_FORMATS)}; got {form!r}"
        )
    fields = [field for field in re.split(r"[-/., ]+", written) if field]
    if len(fields) == 1 and len(form) > 1 and re.fullmatch(r"\d{4}|\d{6}|\d{8}", fields[0]):
        fields = _cut(fields[0], form)
    if len(fields) != len(form):
        raise _misfit(f"a date of format {form}", written, f"{len(form)} fields such as 12/31/1999")
    values = dict(zip(form, fields, strict=True))
    month = _month(values["m"], written) if "m" in values else ""
    day = f"the {_ordinal_words(_within(values['d'], 1, 31, written))}" if "d" in values else ""
    year = _year(_within(values["y"], 0, 9999, written), values["y"]) if "y" in values else ""
    if month and day:
        day = day.removeprefix("the ")
    spoken = " ".join(part for part in (month, day) if part)
    return f"{spoken}, {year}" if year and day else f"{spoken} {year}".strip()


def _cut(digits: str, form: str) -> list[str]:
    """Fields of a date without separators; the year takes what two digits each leave."""
    year = len(digits) - 2 * (len(form) - 1) if "y" in form else 2
    fields, start = [], 0
    for letter in form:
        stop = start + (year if letter == "y" else 2)
        fields.append(digits[start:stop])
        start = stop
    return fields if start == len(digits) else [digits]


def _month(field: str, written: str) -> str:
    for month in _MONTHS:
        if len(field) >= 3 and month.lower().startswith(field.lower()):
            return month
    return _MONTHS[_within(field, 1, 12, written) - 1]


def _within(field: str, low: int, high: int, written: str) -> int:
    if not re.fullmatch(r"\d{1,4}", field, re.ASCII) or not low <= int(field) <= high:
        raise ValueError(
            f"{field!r} in the date {written[:40]!r} must be a number from {low} to {high}; "
            "check the date and its format"
        )
    return int(field)


def _year(year: int, written: str) -> str:
    """A year as it is read aloud: 1905 nineteen oh five, 2000 two thousand, '99 ninety nine."""
    if len(written) == 2:
        return number_words(year) if year > 9 else f"oh {number_words(year)}"
    century, rest = divmod(year, 100)
    if year < 100 or century % 10 == 0 and rest < 10:
        return number_words(year)
    if rest == 0:
        return f"{number_words(century)} hundred"
    return f"{number_words(century)} {'oh ' if rest < 10 else ''}{number_words(rest)}"


def _time(written: str, form: str) -> str:
    if form not in ("", "hms12", "hms24"):
        raise ValueError(f"format of a time must be hms12 or hms24; got {form[:20]!r}")
    match = _CLOCK.fullmatch(written)
    if match is None or not written.isascii():
        raise _misfit("a time", written, "hours and minutes such as 14:30 or 2:30pm")
    hour, minute, second = (int(part or 0) for part in match.groups()[:3])
    half = (match.group(4) or "")[:1].lower()
    twelve = form == "hms12" or bool(half)
    if not (1 <= hour <= 12 if twelve else hour <= 24) or minute > 59 or second > 59:
        raise _misfit(f"a time{' of format ' + form if form else ''}", written, "14:30 or 2:30pm")
    words = number_words(hour)
    if minute:
        words += f" {'oh ' if minute < 10 else ''}{number_words(minute)}"
    elif not half:
        words += " o'clock" if 1 <= hour <= 12 else " hundred hours"
    if second:
        words += f" and {number_words(second)} second{'s' if second > 1 else ''}"
    return words + (f" {_LETTERS[half]} em" if half else "")


def _telephone(written: str) -> str:
    """Digits one by one; a short pause between the groups that are written."""
    groups = re.findall(r"\+|\d+", written)
    if not any(group.isdigit() for group in groups) or re.search(r"[^\d\s+()./-]", written):
        raise _misfit("a telephone number", written, "digits such as +1 (650) 555-0100")
    spoken = ["plus" if group == "+" else _digits(group) for group in groups]
    return ", ".join(spoken).replace("plus, ", "plus ")


def _misfit(kind: str, written: str, example: str) -> ValueError:
    return ValueError(f"{written[:40]!r} is not {kind}; write {example}")
