"""The attributes of SSML's prosody, emphasis and break, from their written forms to numbers.

Every form of SSML 1.1, section 3.2: labels, percentages, semitones, Hz, dB, and the multipliers and
0 to 100 volumes of SSML 1.0. What SSML leaves to the processor (how much "fast" is) is told by the
tables here.

Nesting, as SSML says: a label, a plain number and a plain percentage are absolute, so the inner one
wins; what has a sign is relative to what surrounds it, so factors multiply and dB, st and Hz add.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import TypeVar

from .ssml_document import SILENT_DB, Duration, Pitch, PitchRange, Prosody

LEVELS_ST = {"x-low": -6.0, "low": -3.0, "medium": 0.0, "high": 3.0, "x-high": 6.0, "default": 0.0}
"""Pitch labels: semitones from the usual level."""
RANGES = {"x-low": 0.5, "low": 0.7, "medium": 1.0, "high": 1.4, "x-high": 2.0, "default": 1.0}
"""Range labels: factor of the usual range."""
RATES = {"x-slow": 0.5, "slow": 0.75, "medium": 1.0, "fast": 1.3, "x-fast": 1.7, "default": 1.0}
"""Rate labels: factor of the usual rate."""
VOLUMES_DB = {
    "silent": SILENT_DB,
    "x-soft": -10.0,
    "soft": -5.0,
    "medium": 0.0,
    "loud": 4.0,
    "x-loud": 8.0,
    "default": 0.0,
}
"""Volume labels: dB; less up than down, because what clips is turned down with its neighbours."""
EMPHASES = {
    "strong": (3.0, 0.85, 4.0),
    "moderate": (1.5, 0.92, 2.0),
    "none": (0.0, 1.0, 0.0),
    "reduced": (-1.5, 1.1, -3.0),
}
"""Emphasis: semitones, factor of the rate, dB."""
BREAKS_S = {
    "none": 0.0,
    "x-weak": 0.1,
    "weak": 0.2,
    "medium": 0.4,
    "strong": 0.7,
    "x-strong": 1.2,
}
"""Break strengths: seconds of pause."""
LONGEST_BREAK_S = 60.0
"""A longer pause is taken for a mistake."""

T = TypeVar("T")
_NUMBER = r"(?:\d{1,9}(?:\.\d{0,9})?|\.\d{1,9})"
_VALUE = re.compile(rf"([+-]?)({_NUMBER})\s*(%|st|Hz|dB|ms|s|)", re.IGNORECASE)


def with_prosody(around: Prosody, attributes: dict[str, str], span: int) -> Prosody:
    """The prosody inside ``<prosody attributes>``.

    ``duration`` sets the time of the span and goes before ``rate``, as SSML says.

    Args:
        around: the prosody outside.
        attributes: of the element, without ``contour``.
        span: number of the element, for ``duration``.

    Raises:
        ValueError: a value has none of the forms of its attribute (they are listed).
    """
    prosody = around
    if "pitch" in attributes:
        prosody = replace(prosody, pitch=read_pitch(attributes["pitch"], around.pitch))
    if "range" in attributes:
        prosody = replace(prosody, pitch_range=read_range(attributes["range"], around.pitch_range))
    if "rate" in attributes:
        prosody = read_rate(attributes["rate"], prosody)
    if "volume" in attributes:
        volume_db = read_volume(attributes["volume"], around.volume_db)
        prosody = replace(prosody, volume_db=volume_db)
    if "duration" in attributes:
        seconds = read_time(attributes["duration"], "duration")
        if seconds == 0:
            raise ValueError("duration must be longer than 0 s; use volume='silent' for silence")
        prosody = replace(prosody, rate=1.0, duration=Duration(seconds, span))
    return prosody


def read_pitch(value: str, around: Pitch = Pitch()) -> Pitch:  # noqa: B008 (a frozen value)
    """A pitch: a label, "180Hz" (absolute), "+10Hz", "+2st" or "+15%" (relative)."""
    if (shift := _label(value, LEVELS_ST)) is not None:
        return Pitch(2 ** (shift / 12))
    sign, number, unit = _parts(value)
    if unit == "hz":
        if not sign and number > 0:
            return Pitch(0.0, number)
        if sign:
            return replace(around, offset_hz=around.offset_hz + number)
    factor = _factor(sign, number, unit)
    if factor is None:
        raise _unreadable("pitch", value, LEVELS_ST, "180Hz, +10Hz, -2st or +15%")
    return Pitch(around.factor * factor, around.offset_hz * factor)


def read_range(
    value: str,
    around: PitchRange = PitchRange(),  # noqa: B008 (a frozen value)
) -> PitchRange:
    """A pitch range: a label, "40Hz" (absolute), "+10Hz", "+2st" (wider by) or "-20%"."""
    if (factor := _label(value, RANGES)) is not None:
        return PitchRange(factor)
    sign, number, unit = _parts(value)
    if unit == "hz":
        if not sign:
            return PitchRange(0.0, 0.0, number)
        return replace(around, offset_hz=around.offset_hz + number)
    if unit == "st" and sign:
        return replace(around, offset_st=around.offset_st + number)
    factor = _factor(sign, number, unit)
    if factor is None:
        raise _unreadable("range", value, RANGES, "40Hz, +10Hz, +2st or -20%")
    return PitchRange(around.factor * factor, around.offset_st * factor, around.offset_hz * factor)


def read_rate(value: str, around: Prosody = Prosody()) -> Prosody:  # noqa: B008 (a frozen value)
    """The prosody at a rate: a label, "80%" or "0.8" of the usual, "+10%" of what surrounds it."""
    factor = _label(value, RATES)
    if factor is None:
        sign, number, unit = _parts(value)
        if sign and unit == "%" and number > -100:
            return replace(around, rate=around.rate * (1 + number / 100))
        if not sign and number > 0 and unit in ("%", ""):
            factor = number / 100 if unit else number
    if factor is None:
        raise _unreadable("rate", value, RATES, "80%, 0.8 or +10%")
    return replace(around, rate=factor, duration=None)


def read_volume(value: str, around_db: float = 0.0) -> float:
    """A volume in dB: a label, "+6dB" or "-20%" (relative), or 0 to 100 of full amplitude."""
    if (level := _label(value, VOLUMES_DB)) is not None:
        return level
    sign, number, unit = _parts(value)
    if sign and unit == "db":
        return around_db + number
    if sign and unit == "%" and number >= -100:
        return around_db + _amplitude_db(1 + number / 100)
    if not sign and unit == "" and 0 <= number <= 100:
        return _amplitude_db(number / 100)
    raise _unreadable("volume", value, VOLUMES_DB, "+6dB, -20% or 0 to 100")


def read_time(value: str, name: str = "time") -> float:
    """Seconds: "500ms" or "0.5s".

    Raises:
        ValueError: another form, or more than ``LONGEST_BREAK_S``.
    """
    sign, number, unit = _parts(value)
    if sign == "-" or unit not in ("ms", "s"):
        raise ValueError(f"{name} must be a time such as 500ms or 0.5s; got {value[:40]!r}")
    seconds = number / 1000 if unit == "ms" else number
    if seconds > LONGEST_BREAK_S:
        raise ValueError(f"{name} must be at most {LONGEST_BREAK_S:g}s; got {value[:40]!r}")
    return seconds


def read_break(attributes: dict[str, str]) -> float:
    """Seconds of a break: its time, else its strength, else "medium".

    Raises:
        ValueError: a time or strength that is none.
    """
    if "time" in attributes:
        return read_time(attributes["time"])
    return _one_of("strength", attributes.get("strength", "medium"), BREAKS_S)


def emphasised(around: Prosody, level: str) -> Prosody:
    """The prosody with one level of emphasis; it moves what surrounds it.

    Raises:
        ValueError: no level of SSML.
    """
    return around.changed(*_one_of("level", level, EMPHASES))


def _one_of(name: str, value: str, table: Mapping[str, T]) -> T:
    found = table.get(value.strip().lower())
    if found is None:
        raise ValueError(f"{name} must be one of {', '.join(table)}; got {value[:40]!r}")
    return found


def _label(value: str, table: dict[str, float]) -> float | None:
    return table.get(value.strip().lower())


def _parts(value: str) -> tuple[str, float, str]:
    """Sign as written, number with its sign, unit in small letters; unit "?" for no such thing."""
    match = _VALUE.fullmatch(value.strip())
    if match is None:
        return "", 0.0, "?"
    sign, digits, unit = match.groups()
    return sign, float(digits) * (-1 if sign == "-" else 1), unit.lower()


def _factor(sign: str, number: float, unit: str) -> float | None:
    """Factor of a frequency that a relative change in st or % makes."""
    if sign and unit == "st" and abs(number) <= 120:
        return float(2 ** (number / 12))
    if sign and unit == "%" and number > -100:
        return 1 + number / 100
    return None


def _amplitude_db(amplitude: float) -> float:
    return 20 * math.log10(amplitude) if amplitude > 0 else SILENT_DB


def _unreadable(name: str, value: str, table: dict[str, float], forms: str) -> ValueError:
    return ValueError(
        f"{name} must be one of {', '.join(table)}, or such as {forms}; got {value[:40]!r}"
    )
