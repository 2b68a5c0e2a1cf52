"""The page of a walk through styles: players, F0 of all stops on one axis, mels, what was measured.

The page holds its pictures in itself; the sounds lie beside it. It reads well in light and dark.
"""

import math
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from tts_vae.evaluation.pages.page import body_html, page_html, section_html
from tts_vae.evaluation.pages.walk_figures import (
    as_data_uri,
    attribute_squares,
    attribute_tracks,
    f0_overlay,
    walk_colours,
)
from tts_vae.evaluation.pages.walk_hearing import SHOWN, Heard, evenness
from tts_vae.evaluation.pages.walk_page_style import SCRIPT, STYLE
from tts_vae.synthesis.walks import Walk
from tts_vae.whole_file import write_text

PAGE = "index.html"


def write_interpolation_page(
    folder: Path,
    walk: Walk,
    heard: Sequence[Heard],
    *,
    text: str,
    lead: str,
    hop_s: float,
    command: str = "",
    recipes: Sequence[Mapping[str, Any]] = (),
) -> Path:
    """Write ``index.html`` beside the sounds of the walk.

    Args:
        folder: where NAME.wav and NAME.TextGrid of every stop are.
        walk: what was walked.
        heard: every stop of it, in order.
        text: the sentence spoken.
        lead: from where to where, in a sentence.
        hop_s: seconds per frame of the F0 tracks.
        command: repeats it.
        recipes: of the stops, as :func:`tts_vae.synthesis.walk_files.write_stop` makes them.

    Returns:
        The page.

    Raises:
        ValueError: if there are not as many sounds as stops, or the page cannot be written.
    """
    if [item.stop for item in heard] != list(walk.stops):
        raise ValueError(
            f"expected all {len(walk.stops)} stops of the walk in order, got {len(heard)}; measure "
            "each of them"
        )
    colours = walk_colours(len(heard))
    titles = [item.stop.title for item in heard]
    overlay = as_data_uri(f0_overlay([item.f0_hz for item in heard], hop_s, colours, titles))
    parts = [
        section_html(
            "f0", "F0 of every stop", _picture(overlay, "F0 contours of all stops overlaid")
        )
    ]
    measured = _measured(walk, heard, colours)
    if measured:
        parts.append(section_html("measured", "What was measured", measured))
    parts.append(section_html("stops", "Listen", _cards(walk, heard, colours, recipes)))
    if command:
        code = f'<pre tabindex="0"><code>{escape(command)}</code></pre>'
        parts.append(section_html("again", "Make it again", code))
    title = walk.title[:1].upper() + walk.title[1:]
    footer = f'{len(heard)} sounds. Numbers and recipes: <a href="steps.json">steps.json</a>.'
    body = body_html(title, lead, "".join(parts), footer, text)
    return write_text(folder / PAGE, page_html(title, STYLE, body, SCRIPT))


def _measured(walk: Walk, heard: Sequence[Heard], colours: Sequence[str]) -> str:
    """Pictures and table of the attributes; a glide changes within its sound and has none."""
    if walk.kind == "within":
        return ""
    tracks = {
        name: np.array([getattr(item.attributes, name) for item in heard])
        for name in ("pitch_st", "rate", "energy_db")
    }
    if all(item.log_prior is not None for item in heard):
        tracks["log_prior"] = np.array([item.log_prior for item in heard], dtype=np.float64)
    if walk.kind == "grid":
        figure = attribute_squares(walk.columns, tracks)
        return _picture(as_data_uri(figure), "Attributes over the grid")
    x_label = "standard deviations" if walk.kind == "traversal" else "step"
    figure = attribute_tracks([item.stop.at[0] for item in heard], tracks, colours, x_label)
    return _picture(as_data_uri(figure), "Attributes over the stops") + _evenness_table(heard)


def _evenness_table(heard: Sequence[Heard]) -> str:
    rows = []
    for name, found in evenness(heard).items():
        title, unit = SHOWN[name]
        cells = [f"{found['change']:+.2f} {unit}".replace("-", "\u2212")]
        if found["moved"]:
            cells += [f"{found['spearman']:.2f}", f"{found['largest_jump']:.2f}"]
        else:
            cells += ["does not move", ""]
        rows.append(
            f'<tr><th scope="row">{title}</th>' + "".join(f"<td>{c}</td>" for c in cells) + "</tr>"
        )
    if not rows:
        return ""
    heads = ("", "first to last", "Spearman with the step", "largest / mean jump")
    head = "".join(f'<th scope="col">{name}</th>' for name in heads)
    return (
        '<div class="scroll" tabindex="0"><table><thead><tr>'
        f"{head}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


def _cards(
    walk: Walk,
    heard: Sequence[Heard],
    colours: Sequence[str],
    recipes: Sequence[Mapping[str, Any]],
) -> str:
    longest = max(item.attributes.seconds for item in heard)
    told = list(recipes) or [{}] * len(heard)
    cards = "".join(
        _card(item, colour, item.attributes.seconds / longest, recipe)
        for item, colour, recipe in zip(heard, colours, told, strict=True)
    )
    columns = f' style="--columns:{walk.columns}"' if walk.kind == "grid" else ""
    kind = " square" if walk.kind == "grid" else ""
    return (
        '<p><button id="all" type="button">&#9654; Play all</button></p>'
        f'<div class="scroll"><div class="stops{kind}"{columns}>{cards}</div></div>'
    )


def _card(item: Heard, colour: str, width: float, recipe: Mapping[str, Any]) -> str:
    name, title = item.stop.name, escape(item.stop.title)
    words = recipe.get("recipe") or recipe.get("style") or str(item.stop.style)
    return (
        f'<figure class="stop" style="--colour:{colour}"><figcaption>{title}</figcaption>'
        f'<span class="track"><span class="mel" style="width:{100 * width:.1f}%">'
        f'<img src="{item.mel_uri}" alt="Mel spectrogram with F0 contour at {title}"><i></i>'
        "</span></span>"
        f'<audio controls preload="metadata" src="{name}.wav" aria-label="{title}"></audio>'
        f'<p class="facts">{_facts(item)}</p>'
        f"<details><summary>recipe</summary><code>{escape(words)}</code></details>"
        f'<p class="facts"><a href="{name}.wav" download>wav</a> '
        f'<a href="{name}.TextGrid" download>TextGrid</a></p></figure>'
    )


def _facts(item: Heard) -> str:
    parts = [f"{item.attributes.seconds:.2f} s"]
    for name in ("pitch_st", "rate", "energy_db"):
        number, unit = getattr(item.attributes, name), SHOWN[name][1]
        parts.append(f"{SHOWN[name][0]} {number:.1f} {unit}" if math.isfinite(number) else "")
    return " · ".join(part for part in parts if part).replace("-", "\u2212")


def _picture(uri: str, alt: str) -> str:
    return f'<div class="scroll"><img class="wide" src="{uri}" alt="{alt}"></div>'
