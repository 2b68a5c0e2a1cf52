"""Styles in words: what the command line writes, ``voice.style(...)`` takes and a style prints.

Law: ``voice.style(**parse_style(str(style)))`` is ``style`` again, for every style that
``voice.style`` made from values that can be written (no arrays, no numbers per phone).
"""

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tts_vae.synthesis.controls import CONTROLS

STYLE_WORDS = (
    "name",
    "speaker",
    "reference",
    "component",
    "vector",
    "prior",
    "temperature",
    *CONTROLS,
    "route",
    "calibrated",
)

ROUTES = ("explicit", "latent")
"""How a control is reached: by shifting predicted contours, or by moving the prosody's z."""

_ALIASES = {"pitch": "pitch_st", "range": "pitch_range", "energy": "energy_db"}
KNOWN_WORDS = frozenset({*STYLE_WORDS, *_ALIASES, "default"})
"""Every word that can be written, which no saved style may have for a name."""

_USUAL: Mapping[str, Any] = {
    "temperature": 1.0,
    **{name: scale.usual for name, scale in CONTROLS.items()},
    "route": "explicit",
    "calibrated": True,
}
_YES_NO = {"yes": True, "no": False}


def parse_style(text: str) -> dict[str, Any]:
    """Read a style.

    Args:
        text: "component=3,pitch_st=+2,speaker=f1", with the words of ``voice.style``; a vector's
            numbers are separated by commas too; "" or "default" chooses nothing.

    Returns:
        Keyword arguments of ``voice.style``.

    Raises:
        ValueError: if a word is unknown or repeated, or a number malformed.
    """
    if text.strip() in ("", "default"):
        return {}
    pairs: list[list[str]] = []
    for item in text.split(","):
        word, equals, value = item.partition("=")
        if equals:
            pairs.append([_ALIASES.get(word.strip(), word.strip()), value.strip()])
        elif pairs:
            pairs[-1][1] += "," + item  # a further number of a vector, or a comma in a path
        else:
            raise ValueError(_expected_word(item))
    arguments: dict[str, Any] = {}
    for word, value in pairs:
        if word not in STYLE_WORDS:
            raise ValueError(_expected_word(word))
        if word in arguments:
            raise ValueError(f"style {text!r} gives {word} twice; give it once")
        arguments[word] = parse_value(word, value)
    return arguments


def parse_value(word: str, value: str) -> Any:
    """Read the value of one style word, with or without its unit ("+2st", "-3 dB", "1.2").

    Raises:
        ValueError: if it is not a whole number (component, prior), a list of numbers (vector), a
            number (temperature and controls), one of the words that can stand there (route,
            calibrated) or a name.
    """
    if word in ("name", "speaker", "reference"):
        if not value:
            raise ValueError(f"{word} is empty; write {word}=NAME")
        return value
    if word == "vector":
        kind = "numbers separated by commas, such as 0.1,-0.5,0"
        return tuple(_number(word, item, kind, value) for item in value.split(","))
    if word in ("component", "prior"):
        if not re.fullmatch(r"\s*[+-]?[0-9]{1,18}\s*", value):
            raise ValueError(f"{word} must be a whole number, got {value!r}")
        return int(value)
    if word == "route":
        return _one_of(word, ROUTES, value)
    if word == "calibrated":
        return _YES_NO[_one_of(word, tuple(_YES_NO), value)]
    unit = CONTROLS[word].unit if word in CONTROLS else None
    kind = f"a number such as 1.5 or 1.5{unit}" if unit else "a number such as 0.7"
    bare = value.strip()
    if unit and bare.lower().endswith(unit.lower()):
        bare = bare[: -len(unit)]
    return _number(word, bare, kind, value)


def is_usual(word: str, value: Any) -> bool:
    """Whether a word with this value chooses nothing."""
    if value is None:
        return True
    return word in _USUAL and isinstance(value, int | float | str) and value == _USUAL[word]


def recipe(words: Mapping[str, Any]) -> str:
    """The arguments of ``voice.style`` that change something, as :func:`parse_style` reads them."""
    parts = []
    for word, value in words.items():
        if is_usual(word, value):
            continue
        if word == "vector":
            shown = _vector_words(value)
        elif word == "reference":
            shown = str(value) if isinstance(value, str | Path) else "(array)"
        elif word == "calibrated":
            shown = "yes" if value else "no"
        elif word in CONTROLS and not isinstance(value, int | float):
            shown = "(one for each phone)"
        elif word in CONTROLS and not CONTROLS[word].factor:
            shown = f"{value:+.12g}"
        else:
            shown = f"{value:.12g}" if isinstance(value, float) else str(value)
        parts.append(f"{word}={shown}")
    return ",".join(parts) or "default"


def _vector_words(vector: Any) -> str:
    numbers = vector.tolist() if hasattr(vector, "tolist") else list(vector)
    if numbers and isinstance(numbers[0], list | tuple):
        return "(one for each phone)"
    return ",".join(f"{float(number):.9g}" for number in numbers)


def _number(word: str, text: str, kind: str, shown: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"{word} must be {kind}; got {shown!r}")
    return number


def _one_of(word: str, choices: tuple[str, ...], value: str) -> str:
    if value.strip() not in choices:
        raise ValueError(f"{word} must be {' or '.join(choices)}, got {value!r}")
    return value.strip()


def _expected_word(word: str) -> str:
    return (
        f"{word.strip()!r} is not a way to choose a style; write WORD=VALUE,... with the words "
        f"{', '.join(STYLE_WORDS)}"
    )
