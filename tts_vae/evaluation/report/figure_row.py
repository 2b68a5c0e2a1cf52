"""One measured figure as a line of a table: value, interval, what stands beside it, how many."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

MINUS, UNDEFINED = "\u2212", "undefined"

_SCALES: Mapping[str, tuple[float, int]] = MappingProxyType(
    {"%": (100.0, 2), "st": (1.0, 2), "dB": (1.0, 2), "nats": (1.0, 1), "x": (1.0, 3)}
)
"""Unit -> factor from the stored number to the shown one, and digits after the point."""


@dataclass(frozen=True)
class Row:
    """One figure.

    Attributes:
        key: names it within its section, the same for every voice.
        label: what it is.
        value: the figure; None where it is undefined.
        unit: "%" (stored as a share), "st", "dB", "nats", "x", "of 10", or "".
        low: lower end of its 95 % interval.
        high: upper end.
        p95: 95th percentile over the items.
        n: how many items it is measured on.
        items: what those are: "texts", "recordings", "pairs".
        natural: the same of natural speech.
        copy: the same of copy-synthesis.
        better: whether a lower or a higher figure is better; "" where neither is.
        paired: item -> (numerator, denominator), for the difference of two voices.
        statistic: how the figure follows from ``paired``: sum over sum, or median of ratios.
    """

    key: str
    label: str
    value: float | None
    unit: str = ""
    low: float | None = None
    high: float | None = None
    p95: float | None = None
    n: int | None = None
    items: str = ""
    natural: float | None = None
    copy: float | None = None
    better: Literal["lower", "higher", ""] = ""
    paired: Mapping[str, tuple[float, float]] | None = None
    statistic: Literal["ratio", "median"] = "median"

    @property
    def shown(self) -> str:
        """The figure with its unit."""
        return show(self.value, self.unit)

    @property
    def interval(self) -> str:
        """Its 95 % interval, without unit; empty where there is none."""
        if self.low is None or self.high is None:
            return ""
        return f"{number(self.low, self.unit)} … {number(self.high, self.unit)}"

    @property
    def counted(self) -> str:
        """On how many items."""
        return "" if self.n is None else f"{self.n} {self.items}".strip()


def show(value: float | None, unit: str) -> str:
    """A figure with its unit, a true minus sign, and as many digits as it deserves."""
    if value is None:
        return UNDEFINED
    return f"{number(value, unit)} {unit}".strip()


def number(value: float, unit: str, sign: bool = False) -> str:
    """The digits of a figure as its unit has them.

    Args:
        value: as it is stored; an int has no digits after the point.
        unit: of the row.
        sign: write + before what is not negative.
    """
    factor, digits = _SCALES.get(unit, (1.0, 3))
    scaled = factor * value
    whole = unit.startswith("of ") or isinstance(value, int)
    text = (
        f"{scaled:+.{0 if whole else digits}f}" if sign else f"{scaled:.{0 if whole else digits}f}"
    )
    return text.replace("-", MINUS)
