"""One page to listen to: players, spectrograms with F0, latent maps, tables of what was measured.

The page stands alone: sounds and pictures lie beside it, nothing is fetched, and it reads well in
light and dark, on a phone, with a keyboard and with a screen reader.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from matplotlib.figure import Figure

from tts_vae.audio.files import write_wav
from tts_vae.evaluation.measures.acoustics import Acoustics
from tts_vae.evaluation.pages.listening import Clip, Section
from tts_vae.evaluation.pages.listening_figures import f0_scale, mel_picture, save_png
from tts_vae.evaluation.pages.page import (
    COLOURS,
    body_html,
    page_html,
    section_html,
)
from tts_vae.whole_file import write_text

STYLE = (
    COLOURS
    + """
body { margin: 0 auto; padding: 2.5rem clamp(1rem, 4vw, 3rem) 5rem; max-width: 78rem;
  font: 1rem/1.55 system-ui, sans-serif; color: var(--ink); background: var(--page); }
h1 { font-size: clamp(1.7rem, 4vw, 2.5rem); line-height: 1.15; margin: 0 0 .75rem; }
h2 { font-size: 1.35rem; margin: 0 0 .35rem; }
p { margin: 0 0 1rem; max-width: 46rem; }
blockquote { margin: 0 0 1.5rem; padding-left: 1rem; border-left: 3px solid var(--accent);
  font-size: 1.15rem; font-style: italic; max-width: 46rem; }
a { color: var(--accent); }
nav ul { list-style: none; display: flex; flex-wrap: wrap; gap: .4rem 1.25rem; padding: 0; }
section { margin-top: 3rem; padding-top: 1.5rem; border-top: 1px solid var(--line); }
.clips { display: grid; gap: 1rem;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, 21rem), 1fr)); }
.clip { margin: 0; padding: .9rem; background: var(--card); border: 1px solid var(--line);
  border-radius: .7rem; display: flex; flex-direction: column; gap: .5rem; min-width: 0; }
.clip strong { display: block; }
.clip .note, .facts { color: var(--soft); font-size: .84rem; overflow-wrap: anywhere; }
.facts { margin: auto 0 0; font-variant-numeric: tabular-nums; }
.mel { position: relative; display: block; border-radius: .35rem; overflow: hidden;
  background: #000; }
.mel img { display: block; width: 100%; height: 7.2rem; }
.mel span { position: absolute; left: .3rem; transform: translateY(50%); color: #fff;
  font-size: .62rem; line-height: 1; text-shadow: 0 0 3px #000, 0 0 3px #000; }
.mel i { position: absolute; inset: 0 auto 0 0; width: 2px; background: #fff; opacity: 0;
  left: calc(var(--at, 0) * 100%); }
.playing .mel i { opacity: .9; }
audio { width: 100%; height: 2.4rem; }
.maps { display: grid; gap: 1rem;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, 19rem), 1fr)); }
.maps img { width: 100%; padding: .6rem; background: var(--card); border: 1px solid var(--line);
  border-radius: .7rem; }
.tables { display: flex; flex-wrap: wrap; gap: 1.5rem 3.5rem; }
.tables > div { max-width: 100%; flex: 0 1 auto; }
.tables p { color: var(--soft); font-size: .84rem; contain: inline-size; max-width: none; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; margin: 0 0 .75rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; font-weight: 600; padding-bottom: .4rem; }
th, td { text-align: left; padding: .4rem 1.4rem .4rem 0; border-bottom: 1px solid var(--line);
  vertical-align: top; }
th[scope=row] { font-weight: 500; }
thead th { color: var(--soft); font-size: .84rem; font-weight: 500; }
pre { overflow-x: auto; padding: 1rem; background: var(--card); border: 1px solid var(--line);
  border-radius: .7rem; font-size: .88rem; }
footer { margin-top: 3rem; color: var(--soft); font-size: .84rem; }
"""
)

SCRIPT = """
for (const player of document.querySelectorAll("audio")) {
  const clip = player.closest(".clip");
  const follow = () => {
    clip.style.setProperty("--at", player.currentTime / player.duration || 0);
    if (!player.paused) requestAnimationFrame(follow);
  };
  player.addEventListener("play", () => {
    for (const other of document.querySelectorAll("audio")) if (other !== player) other.pause();
    clip.classList.add("playing");
    follow();
  });
  player.addEventListener("pause", () => clip.classList.remove("playing"));
}
"""


@dataclass(frozen=True)
class Table:
    """Measured numbers as text.

    Attributes:
        title: of the table.
        header: names of the columns, the first that of the rows.
        rows: as many cells as the header.
        note: one line under it.
    """

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""


def write_page(
    folder: Path,
    *,
    title: str,
    lead: str,
    text: str,
    sections: Sequence[Section],
    tables: Sequence[Table] = (),
    maps: Mapping[str, Figure] | None = None,
    map_text: str = "",
    commands: Sequence[str] = (),
    footer: str = "",
) -> Path:
    """Write ``index.html`` with ``audio/*.wav`` and ``figures/*.png`` beside it.

    Args:
        folder: where; created as needed. Files of the same names are replaced.
        title: of the page.
        lead: what this is, in a sentence or two.
        text: the sentence spoken.
        sections: clips in order; names are unique over all of them.
        tables: of what was measured.
        maps: file stem -> picture of the latent space.
        map_text: how to read the maps.
        commands: what to try next, one command a line.
        footer: how the page was made.

    Returns:
        The page.

    Raises:
        ValueError: two clips have the same name, or a file cannot be written.
    """
    names = [clip.name for section in sections for clip in section.clips]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"expected clips of different names, got {twice} twice; rename one")
    for section in sections:
        for clip in section.clips:
            write_wav(folder / "audio" / f"{clip.name}.wav", clip.waveform, clip.sample_rate)
            hop_s = clip.acoustics.seconds / max(len(clip.mels), 1)
            picture = mel_picture(clip.mels, clip.f0_hz, hop_s)
            save_png(picture, folder / "figures" / f"{clip.name}.png")
    for name, figure in (maps or {}).items():
        save_png(figure, folder / "figures" / f"{name}.png")
    parts = [("measured", "What was measured", _tables(tables))] if tables else []
    parts += [(s.name, s.title, _clips(s)) for s in sections]
    if maps:
        parts.append(("map", "Map of the latent space", _maps(maps, map_text)))
    if commands:
        lines = escape("\n".join(commands))
        parts.append(("next", "What to try next", f'<pre tabindex="0"><code>{lines}</code></pre>'))
    body = body_html(
        title,
        lead,
        "".join(section_html(*part) for part in parts),
        escape(footer),
        text,
        [(name, head) for name, head, _ in parts],
    )
    return write_text(folder / "index.html", page_html(title, STYLE, body, SCRIPT))


def facts(heard: Acoustics) -> str:
    """What was measured on a clip, in one line."""
    f0 = "unvoiced" if math.isnan(heard.f0_median_hz) else f"F0 {heard.f0_median_hz:.0f} Hz"
    return (
        f"{heard.seconds:.2f} s · {f0} · {heard.phones_per_s:.1f} phones/s · "
        f"{heard.level_db:.1f} dB"
    ).replace("-", "\u2212")


def _clips(section: Section) -> str:
    longest = max(clip.acoustics.seconds for clip in section.clips)
    cards = "".join(_clip(clip, clip.acoustics.seconds / longest) for clip in section.clips)
    return f'<p>{escape(section.text)}</p><div class="clips">{cards}</div>'


def _clip(clip: Clip, width: float) -> str:
    title, spoken = escape(clip.title), facts(clip.acoustics)
    scale = "".join(
        f'<span aria-hidden="true" style="bottom:{100 * at:.0f}%">{label}</span>'
        for label, at in f0_scale().items()
    )
    return (
        f'<figure class="clip"><figcaption><strong>{title}</strong>'
        f'<span class="note">{escape(clip.note)}</span></figcaption>'
        f'<span class="mel" style="width:{100 * width:.1f}%">'
        f'<img src="figures/{clip.name}.png" loading="lazy" '
        f'alt="Mel spectrogram with F0 contour of {title}: {spoken}">{scale}<i></i></span>'
        f'<audio controls preload="metadata" src="audio/{clip.name}.wav" '
        f'aria-label="{title}"></audio>'
        f'<p class="facts">{spoken}</p></figure>'
    )


def _maps(maps: Mapping[str, Figure], text: str) -> str:
    images = "".join(
        f'<img src="figures/{name}.png" loading="lazy" '
        f'alt="Latent map: {escape(figure.axes[0].get_title())}">'
        for name, figure in maps.items()
    )
    return f'<p>{escape(text)}</p><div class="maps">{images}</div>'


def _tables(tables: Sequence[Table]) -> str:
    return f'<div class="tables">{"".join(map(_table, tables))}</div>'


def _table(table: Table) -> str:
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in table.header)
    rows = "".join(
        f'<tr><th scope="row">{escape(row[0])}</th>'
        + "".join(f"<td>{escape(cell)}</td>" for cell in row[1:])
        + "</tr>"
        for row in table.rows
    )
    note = f"<p>{escape(table.note)}</p>" if table.note else ""
    return (
        f'<div><div class="scroll" tabindex="0"><table><caption>{escape(table.title)}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>{note}</div>"
    )
