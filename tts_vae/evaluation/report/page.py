"""An evaluation as one page that stands alone: tables, pictures and players in a single file."""

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from tts_vae.audio.files import read_audio
from tts_vae.evaluation.pages.listening_page import SCRIPT, STYLE
from tts_vae.evaluation.pages.page import (
    body_html,
    flac_uri,
    page_html,
    png_uri,
    section_html,
)
from tts_vae.evaluation.report.figure_row import Row
from tts_vae.evaluation.report.figures import Picture, section_pictures
from tts_vae.evaluation.report.rows import report_rows
from tts_vae.evaluation.report.sections import SECTIONS
from tts_vae.evaluation.report.terminal_table import HEADER, cells
from tts_vae.whole_file import write_text

PAGE = "report.html"

REPORT_STYLE = """
.figures td, .figures thead th:not(:first-child) { text-align: right; white-space: pre; }
.figures td.open { color: var(--soft); }
.figures th[scope=row] { font-weight: 400; min-width: 17rem; max-width: 30rem; }
.figures td.main { font-weight: 600; }
.pictures { display: grid; gap: 1rem; margin: 1rem 0;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, 18rem), 1fr)); }
.pictures figure { margin: 0; padding: .6rem; background: var(--card); min-width: 0;
  border: 1px solid var(--line); border-radius: .7rem; }
.pictures figure.wide { grid-column: 1 / -1; }
.pictures img { display: block; width: 100%; height: auto; }
.pictures figcaption { color: var(--soft); font-size: .84rem; margin-top: .4rem; }
.missing { color: var(--soft); border-left: 3px solid var(--line); padding-left: .8rem; }
.clips { margin-top: 1rem; grid-template-columns: repeat(var(--row), minmax(0, 1fr)); }
@media (max-width: 48rem) { .clips { grid-template-columns: repeat(auto-fill,
  minmax(min(100%, 13rem), 1fr)); } }
"""


def write_report(out: Path, metrics: Mapping[str, Any]) -> Path:
    """Write ``report.html`` from what metrics.json holds.

    Args:
        out: folder of the report; its example sounds are read from there.
        metrics: contents of metrics.json.

    Returns:
        The page.

    Raises:
        ValueError: an example sound is missing, or the page cannot be written.
    """
    rows = report_rows(metrics["sections"])
    parts = []
    for name, section in SECTIONS.items():
        reason = metrics["unavailable"].get(name) or metrics["failed"].get(name)
        if name in rows:
            found = metrics["sections"][name]
            content = figures_table(HEADER, rows[name])
            content += pictures_html(section_pictures(name, found))
            content += _clips(out, found.get("clips", ()), section.clips_in_a_row)
            content += _undefined(metrics["undefined"].get(name, 0))
        elif reason is not None:
            content = f'<p class="missing">Not measured: {escape(reason)}</p>'
        else:
            continue
        parts.append((name, section.title, section.about, content))
    voice, corpus = metrics["voice"], metrics["corpus"]
    lead = (
        f"Measured on {metrics['settings']['limit']} of {corpus['held_out']} held-out recordings "
        f"of the corpus {corpus['name']}. Intervals are bootstrap 95 %; P95 is the 95th percentile "
        "over the items; n says how many items a figure has."
    )
    told = {key: voice.get(key) for key in ("experiment", "steps", "git")}
    notes = [f"{key} {value}" for key, value in told.items() if value is not None]
    notes += [f"seed {metrics['settings']['seed']}", f"tts_vae {metrics['program']}"]
    text = report_html(f"Voice {voice['name']}, measured", lead, parts, ", ".join(notes))
    return write_text(out / PAGE, text)


def report_html(
    title: str, lead: str, parts: Sequence[tuple[str, str, str, str]], footer: str
) -> str:
    """A whole page.

    Args:
        title: of the page.
        lead: what this is, in a sentence or two.
        parts: (anchor, heading, text under it, HTML) of every section.
        footer: how the page was made.
    """
    main = "".join(
        section_html(name, head, f"<p>{escape(about)}</p>{content}")
        for name, head, about, content in parts
    )
    links = [(name, head) for name, head, _, _ in parts]
    body = body_html(title, lead, main, escape(footer), links=links)
    return page_html(title, STYLE + REPORT_STYLE, body, SCRIPT)


def figures_table(header: Sequence[str], rows: Sequence[Row]) -> str:
    """Rows as an HTML table; columns that no row fills are left out."""
    table = [cells(row) for row in rows]
    used = [i for i in range(len(header)) if i < 2 or any(line[i] for line in table)]
    return plain_table([header[i] for i in used], [[line[i] for i in used] for line in table])


def plain_table(header: Sequence[str], rows: Sequence[Sequence[str]], main: bool = True) -> str:
    """Cells as an HTML table whose first column names the rows.

    Args:
        header: names of the columns.
        rows: as many cells as the header.
        main: whether the second column is what matters most.
    """
    first = ' class="main"' if main else ""
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in header)
    body = "".join(
        f'<tr><th scope="row">{escape(line[0])}</th><td{first}>{escape(line[1])}</td>'
        + "".join(f"<td>{escape(cell)}</td>" for cell in line[2:])
        + "</tr>"
        for line in rows
    )
    return (
        '<div class="scroll" tabindex="0"><table class="figures">'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def pictures_html(pictures: Sequence[Picture]) -> str:
    """Pictures with captions, their bytes inside the page."""
    if not pictures:
        return ""
    shown = "".join(
        f"<figure{' class=wide' if picture.wide else ''}>"
        f'<img src="{png_uri(picture.figure, transparent=True)}" alt="{escape(picture.caption)}">'
        f"<figcaption>{escape(picture.caption)}</figcaption></figure>"
        for picture in pictures
    )
    return f'<div class="pictures">{shown}</div>'


def _clips(out: Path, clips: Sequence[Mapping[str, Any]], in_a_row: int) -> str:
    """Players whose sound, FLAC at a third of its WAV, is inside the page."""
    cards = "".join(
        f'<figure class="clip"><figcaption><strong>{escape(clip["title"])}</strong>'
        f'<span class="note">{escape(clip["note"])}</span></figcaption>'
        f'<audio controls preload="metadata" src="{flac_uri(*read_audio(out / clip["file"]))}" '
        f'aria-label="{escape(clip["title"])}"></audio></figure>'
        for clip in clips
    )
    return f'<div class="clips" style="--row:{in_a_row}">{cards}</div>' if cards else ""


def _undefined(count: int) -> str:
    if not count:
        return ""
    return f'<p class="missing">{count} numbers of this section are undefined (null).</p>'
