"""Long text to sentences of a speakable length.

Law: no word is lost, added or moved: the words of the pieces, in order, are the words of the text.
"""

from __future__ import annotations

import re

from .normalisation import ABBREVIATIONS, speakable

_END = re.compile(r"""(?<=[.?!…])["'”’)\]]*\s+""")
_ABBREVIATED = re.compile(r"(?:^|[\s(\"“])(?:(\w+)|(\w(?:\.\w)+))\.$")
_WEAKER = (r"(?<=[;:.?!])\s+", r"(?<=[,—])\s+|(?<=--)\s*|\s+(?=—|–\s|-\s)", r"\s+")


def split_sentences(text: str, max_chars: int = 250) -> list[str]:
    """Cut a text where a speaker would stop.

    Sentences end at `. ? !` (not after abbreviations, initials, or before a small letter) and at
    blank lines. What is longer than `max_chars` is cut at semicolons, colons and stops, then at
    commas and dashes, then between words; a single longer word stays whole.

    Args:
        text: one sentence or a book.
        max_chars: the longest piece wanted, at least 1.

    Returns:
        At least one piece; each holds something speakable.

    Raises:
        ValueError: nothing in the text can be pronounced, or `max_chars` is not positive.
    """
    if max_chars < 1:
        raise ValueError(f"expected max_chars of at least 1; got {max_chars}")
    if not speakable(text):
        raise ValueError(
            f"expected text with at least one letter or digit; got {text.strip()[:40]!r}: "
            "give a word to pronounce"
        )
    pieces: list[str] = []
    for paragraph in re.split(r"\n\s*\n", text):
        for sentence in _sentences(" ".join(paragraph.split())):
            pieces += _shorten(sentence, max_chars, _WEAKER)
    return _join_unspeakable(pieces)


def _sentences(paragraph: str) -> list[str]:
    found: list[str] = []
    start = 0
    for match in _END.finditer(paragraph):
        before = paragraph[start : match.start()]
        if match.end() < len(paragraph) and not _runs_on(before, paragraph[match.end()]):
            found.append(paragraph[start : match.end()].strip())
            start = match.end()
    found.append(paragraph[start:].strip())
    return [sentence for sentence in found if sentence]


def _runs_on(before: str, following: str) -> bool:
    """Whether the sentence goes on after the mark that ends `before`: an abbreviation, a quote."""
    if following.islower():
        return True
    match = _ABBREVIATED.search(before)
    if match is None:
        return False
    word, dotted = match.groups()
    if dotted:
        return not following.isupper()
    return word.lower() in ABBREVIATIONS or (len(word) == 1 and word.isupper() and word != "I")


def _shorten(sentence: str, max_chars: int, boundaries: tuple[str, ...]) -> list[str]:
    """Cut at the strongest boundary there is, filling each piece as far as it goes."""
    if len(sentence) <= max_chars or not boundaries:
        return [sentence]
    pieces: list[str] = []
    for part in re.split(boundaries[0], sentence):
        if pieces and len(pieces[-1]) + 1 + len(part) <= max_chars:
            pieces[-1] += " " + part
        elif part:
            pieces.append(part)
    return [short for piece in pieces for short in _shorten(piece, max_chars, boundaries[1:])]


def _join_unspeakable(pieces: list[str]) -> list[str]:
    """A piece of marks alone joins the piece before it, or the one after."""
    joined: list[str] = []
    waiting = ""
    for piece in pieces:
        if speakable(piece):
            joined.append(f"{waiting} {piece}".strip())
            waiting = ""
        elif joined:
            joined[-1] += f" {piece}"
        else:
            waiting = f"{waiting} {piece}".strip()
    return joined
