"""A page of cards: what every component and dimension of a voice does, to see and to hear.

One file that stands alone: the bars are drawn in it and the sounds lie in it (FLAC, which every
browser plays); it reads well in light and dark, on a phone and with a keyboard.
"""

import math
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from tts_vae.evaluation.cards.card_words import QUALITIES, audible_steps, shown_change
from tts_vae.evaluation.cards.style_card import USUAL, Card, Cards, Place
from tts_vae.evaluation.cards.style_cards import STEPS_SD
from tts_vae.evaluation.pages.page import COLOURS, flac_uri, page_html
from tts_vae.synthesis.speech import Speech
from tts_vae.whole_file import write_text

_STYLE = (
    COLOURS
    + """
:root { --bar: #3b8ea0; --weak: #b9c4ca; }
@media (prefers-color-scheme: dark) { :root { --bar: #57b4c6; --weak: #4b555d; } }
body { margin: 0 auto; padding: 2.5rem clamp(1rem, 4vw, 3rem) 5rem; max-width: 78rem;
  font: 1rem/1.55 system-ui, sans-serif; color: var(--ink); background: var(--page); }
h1 { font-size: clamp(1.7rem, 4vw, 2.4rem); line-height: 1.15; margin: 0 0 .75rem; }
h2 { font-size: 1.35rem; margin: 0 0 .35rem; }
p { margin: 0 0 1rem; max-width: 46rem; }
.note { color: var(--soft); font-size: .86rem; }
section { margin-top: 2.5rem; padding-top: 1.5rem; border-top: 1px solid var(--line); }
.cards { display: grid; gap: 1rem;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, 20rem), 1fr)); }
.card { padding: .9rem; background: var(--card); border: 1px solid var(--line);
  border-radius: .7rem; display: flex; flex-direction: column; gap: .45rem; min-width: 0; }
.card h3 { margin: 0; font-size: 1rem; display: flex; justify-content: space-between;
  gap: .75rem; }
.card h3 span { color: var(--soft); font-weight: 500; white-space: nowrap; }
.card p { margin: 0; }
.word { font-size: 1.08rem; }
.none { color: var(--soft); font-style: italic; }
.players { margin-top: auto; display: grid; gap: .3rem; }
.players label { display: grid; grid-template-columns: 3.6rem 1fr; align-items: center;
  color: var(--soft); font-size: .84rem; }
audio { width: 100%; height: 2.2rem; }
svg { width: 100%; height: auto; display: block; }
svg text { font: 11px system-ui, sans-serif; fill: var(--ink); }
svg .axis { stroke: var(--line); }
svg .heard { fill: var(--bar); }
svg .faint { fill: var(--weak); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .35rem 1.4rem .35rem 0; border-bottom: 1px solid var(--line); }
thead th { color: var(--soft); font-size: .84rem; font-weight: 500; }
"""
)

_SCRIPT = """
addEventListener("play", event => {
  for (const other of document.querySelectorAll("audio")) if (other !== event.target) other.pause();
}, true);
"""

_LABEL, _WIDTH, _ROW, _NUMBER = 52, 300, 17, 84


def write_cards_page(
    path: Path,
    voice: str,
    cards: Cards,
    names: Mapping[int, str] | None = None,
    saved: Mapping[str, str] | None = None,
    lda: Mapping[str, Sequence[Mapping[str, Any]]] | None = None,
) -> Path:
    """Write the page, whole or not at all.

    Args:
        path: of the HTML file.
        voice: its name, for the title.
        cards: what was measured, with example sounds.
        names: number -> name of the components that have one.
        saved: name -> recipe of the saved styles.
        lda: as :func:`tts_vae.evaluation.cards.corpus_lda.lda_table` gives it.
    """
    extent = max(STEPS_SD) - min(STEPS_SD)
    sections = [_section("The usual style", _usual(cards))]
    if cards.components:
        scale = _scale(cards.components, 1.0)
        body = "".join(_component(card, cards, scale, names or {}) for card in cards.components)
        text = (
            "What each component changes against the usual style. The bars count audible steps, "
            "about the least that a listener notices; pale ones cannot be heard or are not certain."
        )
        sections.append(_section("Components", f"<p>{text}</p><div class='cards'>{body}</div>"))
    for site in dict.fromkeys(card.site for card in cards.dimensions):
        group = [card for card in cards.dimensions if card.site == site]
        scale = _scale(group, extent)
        body = "".join(_dimension(card, cards, scale, extent) for card in group)
        text = (
            f"What each dimension of the {site} latent changes for one standard deviation (sd) of "
            f"its prior. The bars show the whole way from {min(STEPS_SD):+g} to "
            f"{max(STEPS_SD):+g} sd; leakage is the share of it that is not of the main attribute, "
            "and used is the spread of the training recordings in units of that of the prior."
        )
        title = f"Dimensions: {site}"
        sections.append(_section(title, f"<p>{escape(text)}</p><div class='cards'>{body}</div>"))
    if lda:
        sections.append(_section("What single dimensions tell", _lda(lda)))
    if saved:
        rows = [[f"--style {name}", recipe] for name, recipe in saved.items()]
        sections.append(_section("Saved styles", _table(["style", "recipe"], rows)))
    title = f"Style cards of {voice}"
    head = f"<h1>{escape(title)}</h1>\n<p>{escape(_method(cards))}</p>\n"
    return write_text(path, page_html(title, _STYLE, head + "".join(sections), _SCRIPT))


def _method(cards: Cards) -> str:
    texts, speakers = cards.method["texts"], cards.method["speakers"]
    who = f" by {len(speakers)} speakers ({', '.join(speakers)})" if speakers else ""
    return (
        f"{len(texts)} sentences spoken{who} in every style, each compared with itself in the "
        f"usual style. Sounds: {speakers[0] + ', ' if speakers else ''}“{texts[0]}”"
    )


def _section(title: str, body: str) -> str:
    return f"<section><h2>{escape(title)}</h2>{body}</section>\n"


def _usual(cards: Cards) -> str:
    facts = {
        "pitch_st": lambda v: f"F0 {55 * 2 ** (v / 12):.0f} Hz",
        "pitch_range_st": lambda v: f"range {v:.1f} st",
        "rate_percent": lambda v: f"{math.exp(v / 100):.1f} phones/s",
        "energy_db": lambda v: f"level {v:.1f} dB",
        "tilt_db": lambda v: f"tilt {v:.1f} dB/oct",
        "snr_db": lambda v: f"SNR {v:.0f} dB",
    }
    known = [facts[name](value) for name, value in cards.usual.items() if not math.isnan(value)]
    return (
        f'<p class="note">Mean of all: {", ".join(known)}.</p>'
        f'<div class="cards"><div class="card">{_players({"usual": USUAL}, cards)}</div></div>'
    )


def _component(card: Card, cards: Cards, scale: float, names: Mapping[int, str]) -> str:
    share = "" if math.isnan(card.share) else f"{100 * card.share:.0f} % of recordings"
    title = f"component {card.index}"
    if card.index in names:
        title, share = names[card.index], f"{title}, {share.removesuffix(' of recordings')}"
    place: Place = (card.site, "component", card.index, 0.0)
    word = card.name or "as the usual style"
    return _card(title, share, word, card, 1.0, scale, _players({"play": place}, cards), "")


def _dimension(card: Card, cards: Cards, scale: float, extent: float) -> str:
    ends: dict[str, Place] = {
        f"{step:+g} sd": (card.site, "dimension", card.index, step)
        for step in (min(STEPS_SD), max(STEPS_SD))
    }
    word, note = card.name or "no audible change", ""
    if card.main:
        leak = f"leakage {100 * card.leakage:.0f} %"
        note = f"{shown_change(card.main, card.changes[card.main], 'sd')} {_title(card)}, {leak}"
    spread = "" if math.isnan(card.share) else f"used {100 * card.share:.0f} %"
    title = f"dimension {card.index}"
    return _card(title, spread, word, card, extent, scale, _players(ends, cards), note)


def _title(card: Card) -> str:
    return QUALITIES[card.main].title


def _card(
    title: str,
    aside: str,
    word: str,
    card: Card,
    extent: float,
    scale: float,
    players: str,
    note: str,
) -> str:
    kind = "word" if card.name else "word none"
    noted = f'<p class="note">{escape(note)}</p>' if note else ""
    return (
        f'<div class="card"><h3>{escape(title)}<span>{escape(aside)}</span></h3>'
        f'<p class="{kind}">{escape(word)}</p>{noted}{_bars(card, extent, scale)}{players}</div>'
    )


def _bars(card: Card, extent: float, scale: float) -> str:
    """One bar for each attribute, in audible steps; numbers in the attribute's unit."""
    middle = _LABEL + (_WIDTH - _LABEL - _NUMBER) / 2
    half = (_WIDTH - _LABEL - _NUMBER) / 2
    sizes = audible_steps({name: extent * value for name, value in card.changes.items()})
    rows = []
    for row, (name, change) in enumerate(card.changes.items()):
        size = sizes.get(name, 0.0)
        length = min(abs(size) / scale, 1.0) * half
        left = middle if size > 0 else middle - length
        certain = not abs(change) < 2 * card.errors[name]
        kind = "heard" if abs(size) >= 1 and certain else "faint"
        top = row * _ROW
        rows.append(
            f'<text x="0" y="{top + 12}">{QUALITIES[name].title}</text>'
            f'<rect class="{kind}" x="{left:.1f}" y="{top + 3}" width="{length:.1f}" height="11"/>'
            f'<text x="{_WIDTH}" y="{top + 12}" text-anchor="end">'
            f"{escape(shown_change(name, change))}</text>"
        )
    height = len(rows) * _ROW
    spoken = ", ".join(
        f"{QUALITIES[name].title} {shown_change(name, v)}" for name, v in card.changes.items()
    )
    return (
        f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{escape(spoken)}">'
        f'<line class="axis" x1="{middle}" y1="0" x2="{middle}" y2="{height}"/>'
        f"{''.join(rows)}</svg>"
    )


def _scale(cards: Sequence[Card], extent: float) -> float:
    """Audible steps at the end of the longest bar of a section."""
    sizes = [
        abs(size)
        for card in cards
        for size in audible_steps({k: extent * v for k, v in card.changes.items()}).values()
    ]
    return max([1.0, *sizes])


def _players(places: Mapping[str, Place], cards: Cards) -> str:
    labels = "".join(
        f"<label>{escape(label)}<audio controls preload='metadata' "
        f"src='{_sound(cards.examples[place])}'></audio></label>"
        for label, place in places.items()
        if place in cards.examples
    )
    return f'<div class="players">{labels}</div>'


def _sound(speech: Speech) -> str:
    return flac_uri(speech.waveform.clip(-1.0, 1.0), speech.sample_rate)


def _lda(lda: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    text = (
        "The best single dimension for each thing the corpus knows of its held-out recordings: "
        "Fisher's ratio, and the share that a linear discriminant of that dimension alone tells "
        "right, beside always saying the most frequent."
    )
    rows = [
        [
            name,
            f"{row['site']} {row['dimension']}",
            f"{row['fisher']:.2f}",
            f"{100 * row['accuracy']:.0f} %",
            f"{100 * row['baseline']:.0f} %",
        ]
        for name, sites in lda.items()
        for row in sites
    ]
    head = ["label", "dimension", "Fisher ratio", "accuracy", "most frequent"]
    return f"<p>{text}</p>{_table(head, rows)}"


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in header)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    return (
        f'<div class="scroll" tabindex="0"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )
