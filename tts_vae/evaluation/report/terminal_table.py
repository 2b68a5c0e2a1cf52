"""The figures of an evaluation as a table on the terminal."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich import box
from rich.markup import escape
from rich.table import Table

from tts_vae.evaluation.report.figure_row import Row, show
from tts_vae.evaluation.report.rows import report_rows
from tts_vae.evaluation.report.sections import SECTIONS

HEADER = ("measure", "value", "95 % interval", "P95", "natural", "copy-synthesis", "n")
"""Columns of every table of one voice."""


def metrics_table(metrics: Mapping[str, Any]) -> Table:
    """All rows, section by section, with what could not be measured and why.

    Args:
        metrics: contents of metrics.json.
    """
    rows = report_rows(metrics["sections"])
    reasons = [
        f"{section.title} not measured: {reason}"
        for name, section in SECTIONS.items()
        if (reason := metrics["unavailable"].get(name) or metrics["failed"].get(name))
    ]
    table = Table(
        box=box.SIMPLE_HEAD,
        title=metrics["voice"]["name"],
        title_justify="left",
        caption=escape("\n".join(reasons)) or None,
        caption_justify="left",
    )
    table.add_column(HEADER[0], overflow="fold")
    for name in HEADER[1:]:
        table.add_column(name.removesuffix("-synthesis"), justify="right", no_wrap=True)
    for name, lines in rows.items():
        table.add_row(f"[bold]{SECTIONS[name].title}[/bold]")
        for row in lines:
            table.add_row(*map(escape, cells(row)))
    return table


def cells(row: Row) -> Sequence[str]:
    """The cells of a row: label, value, interval, P95, natural, copy-synthesis, count."""

    def beside(value: float | None) -> str:
        return "" if value is None else show(value, row.unit)

    return (
        row.label,
        row.shown,
        row.interval,
        beside(row.p95),
        beside(row.natural),
        beside(row.copy),
        row.counted,
    )
