"""Written text to the small punctuation that the tokens know; words are left to espeak-ng.

What comes out holds only `, . ? ! ; : —` as marks that can pause, single spaces, straight
apostrophes, and ends in one of `. ? !`. Quotation marks are dropped, brackets become commas,
ellipses and spaced dashes become `—`, dots of abbreviations and initials are removed.

Law: `normalise(normalise(text)) == normalise(text)`.
"""

from __future__ import annotations

import re
import unicodedata
import warnings

from .symbols import TERMINAL

ABBREVIATIONS = frozenset(
    "mr mrs ms dr st prof rev hon gen col capt lieut lt sgt jr sr messrs mme mlle vs no vol fig "
    "etc esq co ltd inc dept gov pres sen rep maj cf".split()
)
"""Abbreviations whose dot ends no sentence; espeak-ng pronounces them without it."""

_MOST_PASSES = 20
_DOTTED = re.compile(r"\b(\w+)\.(?=\s*\S)")
_INITIAL = re.compile(r"\b([A-Z])\.(?=\s+[A-Z])")
_LATIN = {"e.g.": "for example", "i.e.": "that is", "viz.": "namely", "&c.": "et cetera"}
_QUOTES = {ord(c): "'" for c in "‘’‛ʼ`´"} | {ord(c): '"' for c in "“”„‟«»‹›″"}
_DASHES = {ord(c): "—" for c in "―⸺⸻"} | {ord(c): "-" for c in "‐‑‒−"}


def speakable(text: str) -> bool:
    """Whether anything in `text` can be pronounced: a letter or a digit."""
    return any(character.isalnum() for character in text)


def normalise(text: str) -> str:
    """The text as the front ends read it.

    Args:
        text: any writing: quotes, brackets, dashes, digits, accents.

    Returns:
        One line, single-spaced, with the marks `, . ? ! ; : —` only, ending in `. ? !`.

    Raises:
        ValueError: nothing in it can be pronounced.

    Warns:
        UserWarning: emoji and pictograms were dropped.
    """
    original = text
    text = _drop_pictograms(unicodedata.normalize("NFKC", text))
    if not speakable(text):
        raise ValueError(
            f"expected text with at least one letter or digit; got {original[:40]!r}: "
            "give a word to pronounce"
        )
    text = text.translate(_QUOTES).translate(_DASHES)
    for _ in range(_MOST_PASSES):  # one rule can uncover work for another: `5)-'5`
        before, text = text, _one_pass(text)
        if text == before:
            break
    return text


def _one_pass(text: str) -> str:
    for short, long in _LATIN.items():
        text = re.sub(rf"(?<!\w){re.escape(short)}", long, text, flags=re.IGNORECASE)
    text = _INITIAL.sub(r"\1", text)
    text = _DOTTED.sub(_without_abbreviation_dot, text)
    text = re.sub(r"\s*\.(?:\s*\.)+\s*(?=[\"')\]]*$)", ".", text)  # ellipsis at the end
    text = re.sub(r"\.(?:\s*\.)+", " — ", text)
    text = re.sub(r"(?<=\d)\s*–\s*(?=\d)", " to ", text)
    text = re.sub(r"(?:-{2,}|–|—|(?<=\s)-(?=\s))", " — ", text)
    text = re.sub(r"[(\[{]", ", ", text)
    text = re.sub(r"[)\]}]", ", ", text)
    text = re.sub(r"(?<![^\W_])'|'(?![^\W_])|[\"*_~^|\\<>]", " ", text)  # only inner apostrophes
    return _tidy_marks(text)


def _drop_pictograms(text: str) -> str:
    """Remove emoji, pictograms, joiners and unassigned characters; warn of those one could see."""
    kept, dropped = [], []
    for character in text:
        category = unicodedata.category(character)
        if category in {"So", "Sk"} and ord(character) >= 0x2190 or category in {"Co", "Cn", "Cs"}:
            dropped.append(character)
            kept.append(" ")
        elif category == "Cc":
            kept.append(" ")
        elif category == "Cf" or 0xFE00 <= ord(character) <= 0xFE0F or character == "\u20e3":
            continue
        else:
            kept.append(character)
    if dropped:
        signs = " ".join(f"U+{ord(c):04X}" for c in dict.fromkeys(dropped))
        warnings.warn(f"dropped what has no pronunciation: {signs}", UserWarning, stacklevel=4)
    return "".join(kept)


def _without_abbreviation_dot(match: re.Match[str]) -> str:
    word = match.group(1)
    return word if word.lower() in ABBREVIATIONS else match.group(0)


def _tidy_marks(text: str) -> str:
    """One mark where several meet, no mark before the first word, a terminal at the end."""
    text = re.sub(r"\s+", " ", text)
    # "?!" "!!" ", ." ". ," : the strongest of a run of marks stands for it
    text = re.sub(
        r"(?:\s*[,;:—?!]|\s*\.(?!\d))(?:\s*[,;:—?!]|\s*\.(?!\d))+",
        lambda match: _strongest(match.group(0)) + " ",
        text,
    )
    text = re.sub(r"\s+([,.;:?!])(?=\s|$)", r"\1", text)
    text = re.sub(r"^[\s,.;:—?!]+(?!\d)", "", text)
    text = re.sub(r"[\s,;:—]+$", "", text)
    text = re.sub(r"\s*—\s*", " — ", text)
    text = re.sub(r"\s+", " ", text).strip()
    return text if text.endswith(TERMINAL) else text + "."


def _strongest(run: str) -> str:
    return next((f" {mark}" if mark == "—" else mark) for mark in "?!.;:—," if mark in run)
