"""Measured voices side by side: every figure of each, and its difference from the first voice's.

Voices measured on the same recordings are compared pairwise: the interval of a difference is that
of a bootstrap which draws the recordings they share. A figure without its items has a difference
and no interval.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich import box
from rich.markup import escape
from rich.table import Table

from tts_vae.corpora.manifests import write_json
from tts_vae.evaluation.measures.summary import bootstrap_interval
from tts_vae.evaluation.report.figure_row import Row, number
from tts_vae.evaluation.report.page import plain_table, report_html
from tts_vae.evaluation.report.rows import report_rows
from tts_vae.evaluation.report.sections import SECTIONS
from tts_vae.evaluation.report.voice_report import (
    METRICS,
    check_folder,
    check_sections,
    evaluate_voice,
    voice_name,
)
from tts_vae.synthesis.voice_folders import find_voice
from tts_vae.whole_file import write_text

_NEEDED = {"voice", "corpus", "settings", "program", "sections", "unavailable", "failed"}
PAGE, NUMBERS = "compare.html", "compare.json"
CLEAR = "*"
"""Marks a difference whose 95 % interval leaves out zero."""


@dataclass(frozen=True)
class Difference:
    """A voice's figure minus the first voice's, with the 95 % interval where items are shared.

    Attributes:
        value: the difference.
        low: lower end of its interval, None without one.
        high: upper end.
        n: items that both have.
    """

    value: float
    low: float | None = None
    high: float | None = None
    n: int | None = None

    @property
    def clear(self) -> bool:
        """Whether the interval leaves out zero."""
        return self.low is not None and self.high is not None and (self.low > 0 or self.high < 0)


@dataclass(frozen=True)
class Comparison:
    """Where the page is, and the same for the terminal."""

    page: Path
    table: Table


def compare_voices(names: Sequence[str | Path], out_dir: str | Path, **settings: Any) -> Comparison:
    """Put voices side by side; those without figures yet are measured first, into ``out_dir``.

    Args:
        names: two or more: shipped voices, folders of voices, or folders with a metrics.json.
        out_dir: where ``compare.html`` and ``compare.json`` go.
        settings: of :func:`tts_vae.evaluation.report.voice_report.evaluate_voice`, for
            those that have to be measured.

    Raises:
        ValueError: there are fewer than two, one is neither a voice nor measured, or two cannot be
            told apart.
    """
    if len(names) < 2:
        raise ValueError(f"expected two voices or more to compare, got {len(names)}; name another")
    out = check_folder(out_dir)
    wanted = check_sections(settings.get("only"))
    found = [measured(name, place, **settings) for name, place in _places(names, out)]
    labels = _labels(names, found)
    out.mkdir(parents=True, exist_ok=True)
    lines = comparison_rows(found, wanted)
    notes = footing(labels, found)
    write_json(out / NUMBERS, _plain(labels, found, lines))
    return Comparison(_write_page(out, labels, lines, notes), _table(labels, lines, notes))


def measured(name: str | Path, place: Path, **settings: Any) -> dict[str, Any]:
    """The metrics of a folder that holds them, or of a voice, measured now.

    Args:
        name: a folder with a metrics.json, or a voice.
        place: folder for the metrics of a voice.
        settings: of its evaluation.

    Raises:
        ValueError: the folder's metrics.json is not of this program, or there is no such voice.
    """
    path = Path(name) / METRICS
    if not path.is_file():
        return evaluate_voice(name, place, **settings)
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        complete = isinstance(found, dict) and {"sections", "voice", "settings", "program"} <= set(
            found
        )
    except ValueError:
        complete = False
    if not complete:
        raise ValueError(
            f"{path} is not what `tts-vae evaluate` writes; measure the voice again with --voice"
        )
    return found


def comparison_rows(
    found: Sequence[Mapping[str, Any]], wanted: Sequence[str]
) -> dict[str, list[tuple[list[Row | None], list[Difference | None]]]]:
    """Section -> lines: the row of each voice (None where it has none), and its difference.

    Args:
        found: metrics of each voice, the one that others are compared with first.
        wanted: sections to show.
    """
    tables = [report_rows(metrics["sections"]) for metrics in found]
    lines: dict[str, list[tuple[list[Row | None], list[Difference | None]]]] = {}
    for section in wanted:
        by_key = [{row.key: row for row in table.get(section, ())} for table in tables]
        keys = dict.fromkeys(key for rows in by_key for key in rows)
        for key in keys:
            rows = [each.get(key) for each in by_key]
            against = [None if i == 0 else difference(rows[0], rows[i]) for i in range(len(rows))]
            lines.setdefault(section, []).append((rows, against))
    return lines


def difference(first: Row | None, second: Row | None) -> Difference | None:
    """Second minus first; with an interval where both tell their items and share some."""
    if first is None or second is None or first.value is None or second.value is None:
        return None
    value = second.value - first.value
    shared = sorted(set(first.paired or ()) & set(second.paired or ()))
    if not shared or first.paired is None or second.paired is None:
        return Difference(value)
    pairs = np.array([[*first.paired[item], *second.paired[item]] for item in shared])
    statistic = _ratios if first.statistic == "ratio" else _medians
    low, high = bootstrap_interval(pairs, statistic)
    return Difference(statistic(pairs), low, high, len(shared))


def footing(labels: Sequence[str], found: Sequence[Mapping[str, Any]]) -> list[str]:
    """What is not the same for all voices, in sentences."""
    notes = []
    for what, of in (
        ("corpus", lambda metrics: metrics["corpus"]["name"]),
        ("limit", lambda metrics: metrics["settings"]["limit"]),
        ("seed", lambda metrics: metrics["settings"]["seed"]),
        ("program", lambda metrics: metrics["program"]),
    ):
        told = [str(of(metrics)) for metrics in found]
        if len(set(told)) > 1:
            each = ", ".join(f"{label} {value}" for label, value in zip(labels, told, strict=True))
            notes.append(f"Not on one footing: {what} differs ({each}).")
    for label, metrics in zip(labels, found, strict=True):
        for section, reason in (metrics["unavailable"] | metrics["failed"]).items():
            notes.append(f"{label} has no {section}: {reason}")
    return notes


def _places(names: Sequence[str | Path], out: Path) -> list[tuple[str | Path, Path]]:
    """Each name with a folder of its own in ``out``, the same in every run."""
    folders = [voice_name(find_voice(name)) for name in names]
    return [
        (name, out / (folder if folders.count(folder) == 1 else f"{folder}-{number}"))
        for number, (name, folder) in enumerate(zip(names, folders, strict=True), start=1)
    ]


def _ratios(rows: NDArray[np.float64]) -> float:
    top, under, other_top, other_under = rows.sum(0)
    return float(other_top / other_under - top / under)


def _medians(rows: NDArray[np.float64]) -> float:
    return float(np.median(rows[:, 2] / rows[:, 3]) - np.median(rows[:, 0] / rows[:, 1]))


def _labels(names: Sequence[str | Path], found: Sequence[Mapping[str, Any]]) -> list[str]:
    """Short names of the voices; whole paths where those are the same."""
    labels = [str(metrics["voice"]["name"]) for metrics in found]
    if len(set(labels)) < len(labels):
        labels = [str(name) for name in names]
    if len(set(labels)) < len(labels):
        raise ValueError(f"expected different voices, got {', '.join(labels)}; name each once")
    return labels


def _cells(rows: Sequence[Row | None], against: Sequence[Difference | None]) -> list[str]:
    """Label, then for each voice its figure with interval and what sets it apart."""
    named = next(row for row in rows if row is not None)
    cells = [named.label]
    for row, apart in zip(rows, against, strict=True):
        if row is None:
            cells.append("\u2013")
            continue
        text = row.shown + (f" ({row.interval})" if row.interval else "")
        if apart is not None:
            text += f"\n\u0394 {number(apart.value, row.unit, sign=True)}"
            if apart.low is not None and apart.high is not None:
                low, high = (number(end, row.unit, sign=True) for end in (apart.low, apart.high))
                text += f" ({low} … {high}){CLEAR if apart.clear else ''}"
        cells.append(text)
    counts = dict.fromkeys(row.counted for row in rows if row is not None and row.counted)
    return [*cells, " / ".join(counts)]


def _narrow(cells: Sequence[str]) -> list[str]:
    """The same with intervals on lines of their own: more voices fit beside each other."""
    label, *figures = cells
    return [label, *(figure.replace(" (", "\n(") for figure in figures)]


def _table(labels: Sequence[str], lines: Mapping[str, Any], notes: Sequence[str]) -> Table:
    caption = "\n".join([_LEGEND.format(first=labels[0]), *notes])
    table = Table(box=box.SIMPLE_HEAD, caption=escape(caption), caption_justify="left")
    for name in ("measure", *labels, "n"):
        table.add_column(name, overflow="fold", justify="left")
    for section, rows in lines.items():
        table.add_row(f"[bold]{SECTIONS[section].title}[/bold]")
        for row in rows:
            table.add_row(*(escape(cell) for cell in _cells(*row)))
    return table


_LEGEND = (
    "Figure (95 % interval); Δ is the difference from {first}, its interval by a bootstrap over "
    "the items both share; * marks one that leaves out zero."
)


def _write_page(
    out: Path, labels: Sequence[str], lines: Mapping[str, Any], notes: Sequence[str]
) -> Path:
    parts = [
        (
            section,
            SECTIONS[section].title,
            SECTIONS[section].about,
            plain_table(["measure", *labels, "n"], [_narrow(_cells(*row)) for row in rows], False),
        )
        for section, rows in lines.items()
    ]
    lead = " ".join([_LEGEND.format(first=labels[0]), *notes])
    title = "Voices side by side: " + ", ".join(labels)
    return write_text(out / PAGE, report_html(title, lead, parts, "tts-vae evaluate --compare"))


def _plain(
    labels: Sequence[str], found: Sequence[Mapping[str, Any]], lines: Mapping[str, Any]
) -> dict[str, Any]:
    """What the tables say, as JSON."""
    sections = {
        section: {
            next(row for row in rows if row is not None).key: {
                label: {
                    "value": row.value,
                    "low": row.low,
                    "high": row.high,
                    "n": row.n,
                    "difference": None if apart is None else vars(apart),
                }
                for label, row, apart in zip(labels, rows, against, strict=True)
                if row is not None
            }
            for rows, against in rows_of
        }
        for section, rows_of in lines.items()
    }
    told = {
        label: {key: metrics[key] for key in ("voice", "corpus", "settings", "program")}
        for label, metrics in zip(labels, found, strict=True)
    }
    return {"voices": told, "sections": sections}
