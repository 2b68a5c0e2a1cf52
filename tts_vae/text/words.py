"""Which tokens are which written word: what a words tier and a span of text need.

espeak-ng says of every phone where in the text it comes from; the grapheme front end begins every
word with a capital.

Law: words are in order and do not overlap; `tokens[word.start:word.stop]` are its phones, and no
pause is part of one unless espeak-ng breathes inside a written word (a long number).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from .espeak_library import synthesize
from .espeak_tokens import settle, tokenise
from .normalisation import normalise
from .symbols import PUNCTUATION, START

_EDGES = re.compile(r"^[^\w]+|[^\w]+$")


@dataclass(frozen=True)
class Word:
    """A written word and its tokens, `start` to `stop` (exclusive)."""

    text: str
    start: int
    stop: int


def words_of(front_end: str, sentence: str, tokens: Sequence[str]) -> tuple[Word, ...]:
    """The words of a sentence and their tokens.

    Args:
        front_end: "espeak" or "grapheme", the phonemizer that made the tokens.
        sentence: what was phonemized.
        tokens: what came out.

    Returns:
        The words, none where the tokens are not those of the sentence.
    """
    return _espeak(sentence, tokens) if front_end == "espeak" else _grapheme(tokens)


def _espeak(sentence: str, tokens: Sequence[str]) -> tuple[Word, ...]:
    written = normalise(sentence)
    speech = synthesize(written, rate=400)
    if tokenise(written, speech).tokens != tuple(tokens):
        return ()
    spoken = [
        event.text_position
        for event in speech.events
        if event.kind == "phone" and settle(event.phone) is not None
    ]
    phones = [i for i, token in enumerate(tokens) if token not in (START, *PUNCTUATION)]
    bounds = [(match.start(), match.group()) for match in re.finditer(r"\S+", written)]
    words: list[Word] = []
    begun = -1  # where in the text the last word begins
    for index, position in zip(phones, spoken, strict=True):
        start, text = max((b for b in bounds if b[0] <= position), default=bounds[0])
        if start == begun:
            words[-1] = Word(words[-1].text, words[-1].start, index + 1)
        else:
            words.append(Word(_EDGES.sub("", text) or text, index, index + 1))
            begun = start
    return tuple(words)


def _grapheme(tokens: Sequence[str]) -> tuple[Word, ...]:
    """Numbers and signs are spelled out before they become letters: the words are the spoken ones.

    They are in small letters: whether the text had a capital is not known.
    """
    words: list[Word] = []
    for index, token in enumerate(tokens):
        if token in (START, *PUNCTUATION):
            continue
        if token.isupper() or not words or words[-1].stop != index:
            words.append(Word(token.lower(), index, index + 1))
        else:
            words[-1] = Word(words[-1].text + token, words[-1].start, index + 1)
    return tuple(words)
