"""The styles of a voice as tables for a terminal."""

from collections.abc import Mapping, Sequence
from typing import Any

from tts_vae.evaluation.cards.card_words import QUALITIES


def style_tables(
    cards: Mapping[str, Any], names: Mapping[int, str], saved: Mapping[str, str]
) -> str:
    """Components, dimensions, what single dimensions tell, and saved styles.

    Args:
        cards: the entry of styles.json, as
            :func:`tts_vae.evaluation.cards.card_store.cards_entry` gives it; parts may be missing.
        names: number -> name of the components that have one.
        saved: name -> recipe.
    """
    parts = []
    if cards.get("components"):
        parts.append(_components(cards["components"], names))
    if cards.get("dimensions"):
        parts.append(_dimensions(cards["dimensions"]))
    if cards.get("lda"):
        parts.append(_lda(cards["lda"]))
    if saved:
        rows = [[name, recipe] for name, recipe in saved.items()]
        parts.append(_table(["saved style", "recipe"], rows))
    return "\n\n".join(parts) or "no components and no saved styles"


def _components(rows: Sequence[Mapping[str, Any]], names: Mapping[int, str]) -> str:
    measured = _measured(rows, "differences")
    header = ["component", "used", *(f"{QUALITIES[m].title} {QUALITIES[m].unit}" for m in measured)]
    if measured:
        header += ["leakage", "against the usual style"]
    table = []
    for row in rows:
        number = row["component"]
        label = f"{number} {names[number]}" if number in names else str(number)
        cells = [label, _percent(row.get("usage"))]
        if measured:
            cells += _numbers(row, "differences", measured)
            cells += [_percent(row.get("leakage")), row.get("name") or "as usual"]
        table.append(cells)
    return _table(header, table)


def _dimensions(rows: Sequence[Mapping[str, Any]]) -> str:
    measured = _measured(rows, "slopes")
    header = ["dimension", "used", *(f"{QUALITIES[m].title} {QUALITIES[m].unit}" for m in measured)]
    header += ["leakage", "per prior sd upwards"]
    table = [
        [
            f"{row['site']} {row['dimension']}",
            _percent(row.get("used")),
            *_numbers(row, "slopes", measured, digits=2),
            _percent(row.get("leakage")),
            row.get("name") or "no audible change",
        ]
        for row in rows
    ]
    return _table(header, table)


def _lda(lda: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    header = ["label", "told by", "Fisher", "accuracy", "most frequent"]
    rows = [
        [
            label,
            f"{best['site']} {best['dimension']}",
            f"{best['fisher']:.2f}",
            _percent(best["accuracy"]),
            _percent(best["baseline"]),
        ]
        for label, sites in lda.items()
        for best in sites[:1]
    ]
    return _table(header, rows)


def _measured(rows: Sequence[Mapping[str, Any]], key: str) -> list[str]:
    return [name for name in QUALITIES if any(name in row.get(key, {}) for row in rows)]


def _numbers(
    row: Mapping[str, Any], key: str, measured: Sequence[str], digits: int = 1
) -> list[str]:
    """Signed numbers; what rounds to zero is +0, what is undefined a dash."""
    values = [row.get(key, {}).get(name) for name in measured]
    return [
        "-" if value is None else f"{round(value, digits) + 0.0:+.{digits}f}" for value in values
    ]


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.0f} %"


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns as wide as they must be; numbers to the right, the first and last column to the left.

    Args:
        header: one title for each column.
        rows: cells.
    """
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    last = len(header) - 1
    lines = []
    for row in (header, *rows):
        cells = [
            cell.ljust(width) if place in (0, last) else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)
