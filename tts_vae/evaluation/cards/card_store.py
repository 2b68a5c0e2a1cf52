"""Cards as they are kept with a voice (``cards`` of styles.json) and beside a page.

Small: numbers of three digits, nothing that can be heard. Undefined numbers are null.
"""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tts_vae.evaluation.cards.style_card import USUAL, Card, Cards, Place
from tts_vae.synthesis.voice_styles import update_styles
from tts_vae.whole_file import whole_file

CARDS = "cards"
"""Entry of styles.json."""

Lda = Mapping[str, Sequence[Mapping[str, Any]]]


def cards_entry(cards: Cards, lda: Lda | None = None) -> dict[str, Any]:
    """The entry of styles.json.

    Returns:
        "dimensions": [{"site", "dimension", "prior_sd", "used", "name", "main", "leakage",
        "slopes", "errors"}] per prior standard deviation; "components": [{"site", "component",
        "usage", "name", "main", "leakage", "differences", "errors"}] from the usual style;
        "usual": its mean attributes (``rate_percent`` is 100 ln of phones per second); "method";
        and "lda" where it is given.
    """
    entry: dict[str, Any] = {
        "dimensions": [
            {
                "site": card.site,
                "dimension": card.index,
                "prior_sd": _rounded(card.sd),
                "used": _rounded(card.share),
                **_common(card),
                "slopes": _numbers(card.changes),
                "errors": _numbers(card.errors),
            }
            for card in cards.dimensions
        ],
        "components": [
            {
                "site": card.site,
                "component": card.index,
                "usage": _rounded(card.share),
                **_common(card),
                "differences": _numbers(card.changes),
                "errors": _numbers(card.errors),
            }
            for card in cards.components
        ],
        "usual": {name: _rounded(value, 5) for name, value in cards.usual.items()},
        "method": dict(cards.method),
    }
    if lda:
        entry["lda"] = {label: [dict(row) for row in rows] for label, rows in lda.items()}
    return entry


def store_cards(folder: str | Path, cards: Cards, lda: Lda | None = None) -> dict[str, Any]:
    """Keep the cards with the voice, in place of those it has; returns the entry.

    Raises:
        ValueError: if the folder is no voice or cannot be written.
    """
    entry = cards_entry(cards, lda)
    update_styles(folder, CARDS, entry)
    return entry


def write_examples(out: Path, cards: Cards, entry: Mapping[str, Any]) -> list[Path]:
    """Write ``cards.json`` and the example sounds, ``audio/prosody-03-plus2sd.wav`` and so on.

    Returns:
        The files written.
    """
    audio = out / "audio"
    audio.mkdir(parents=True, exist_ok=True)
    files = [
        speech.write(audio / f"{example_name(place)}.wav")
        for place, speech in cards.examples.items()
    ]
    path = out / "cards.json"
    with whole_file(path) as partial:
        partial.write_text(json.dumps(entry, indent=1, ensure_ascii=False), encoding="utf-8")
    return [*files, path]


def example_name(place: Place) -> str:
    """File name of an example, without its ending."""
    if place == USUAL:
        return "usual"
    site, kind, index, step = place
    if kind == "component":
        return f"component-{index:02d}"
    return f"{site}-{index:02d}-{'plus' if step > 0 else 'minus'}{abs(step):g}sd"


def _common(card: Card) -> dict[str, Any]:
    return {"name": card.name, "main": card.main, "leakage": _rounded(card.leakage)}


def _numbers(values: Mapping[str, float]) -> dict[str, float | None]:
    return {name: _rounded(value) for name, value in values.items()}


def _rounded(value: float, digits: int = 3) -> float | None:
    return float(f"{value:.{digits}g}") if math.isfinite(value) else None
