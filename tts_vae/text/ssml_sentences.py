"""Marked-up text to sentences: cut where plain text would be, whatever the spans.

Law: the words of the pieces, in order, are the words of the document, and the sentences of a
document without spans are those of :func:`tts_vae.text.sentences.split_sentences`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from .normalisation import speakable
from .sentences import split_sentences
from .ssml_document import Break, Piece, Sentence

LONGEST_SENTENCE = 250
"""Characters above which even what ``<s>`` calls one sentence is cut, as plain text is."""

STAND_IN = "Xx"
"""Stands for a word given in IPA while sentences are cut: capital, so that it can begin one."""

Items = list[Piece | Break]


@dataclass
class Block:
    """Pieces and breaks between two ends of paragraphs or sentences; ``whole`` for ``<s>``."""

    items: Items = field(default_factory=list)
    whole: bool = False


def cut_sentences(blocks: Sequence[Block]) -> tuple[Sentence, ...]:
    """The sentences of a document.

    A break between two sentences goes to the end of the first; one before all text to its
    beginning. Breaks at one place are added.
    """
    sentences: list[Items] = []
    early: Items = []
    for block in blocks:
        for items in _cut(block):
            if any(isinstance(item, Piece) for item in items):
                sentences.append(_tidy(early + items))
                early = []
            elif sentences:
                sentences[-1] = _tidy(sentences[-1] + items)
            else:
                early += items
    return tuple(Sentence(tuple(items)) for items in sentences)


def _cut(block: Block) -> Iterator[Items]:
    text = "".join(_shown(item) for item in block.items if isinstance(item, Piece))
    if not speakable(text):
        yield [item for item in block.items if isinstance(item, Break)]
        return
    whole = block.whole and len(text) <= LONGEST_SENTENCE
    lengths = [len(text)] if whole else [_ink(part) for part in split_sentences(text)]
    items: Items = []
    left = lengths.pop(0)
    for item in block.items:
        rest = item if isinstance(item, Piece) else None
        if rest is None:
            items.append(item)
        while rest is not None:
            ink = _ink(_shown(rest))
            if left <= 0 and ink and lengths:
                yield items
                items, left = [], left + lengths.pop(0)
            head, rest = _part(rest, max(left, 0) if lengths else ink)
            items.append(head)
            left -= _ink(_shown(head))
    yield items


def _shown(piece: Piece) -> str:
    return piece.text if piece.ipa is None else STAND_IN


def _ink(text: str) -> int:
    """Characters that are not space."""
    return sum(not character.isspace() for character in text)


def _part(piece: Piece, ink: int) -> tuple[Piece, Piece | None]:
    """A piece cut after so many characters that are not space; None where nothing is left."""
    if piece.ipa is not None or _ink(piece.text) <= ink:
        return piece, None
    position = 0
    while ink:
        ink -= not piece.text[position].isspace()
        position += 1
    return replace(piece, text=piece.text[:position]), replace(piece, text=piece.text[position:])


def _tidy(items: Items) -> Items:
    """Space alone joins the piece before it, and breaks at one place are added."""
    tidy: Items = []
    for item in items:
        last = tidy[-1] if tidy else None
        if isinstance(item, Break) and isinstance(last, Break):
            both = last.seconds + item.seconds
            tidy[-1] = Break(both)
        elif isinstance(item, Piece) and item.ipa is None and not item.text.strip():
            for number in range(len(tidy) - 1, -1, -1):
                before = tidy[number]
                if isinstance(before, Piece) and before.ipa is None:
                    tidy[number] = replace(before, text=before.text.rstrip() + " ")
                    break
                if isinstance(before, Piece):
                    tidy.insert(number + 1, replace(item, text=" "))
                    break
        else:
            tidy.append(item)
    return tidy
