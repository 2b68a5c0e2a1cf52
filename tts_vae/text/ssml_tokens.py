"""Which tokens of a sentence belong to which of the texts it is made of.

A sentence is phonemized whole, so that sounds across the borders of spans are what they are in
running speech ("the apple" keeps its "thi", "out of" its flap). espeak-ng tells of every phone
where its word begins; where it says several words as one, or where a border lies within a word, the
part before the border is phonemized alone to know how many phones it has.

Law: texts change neither tokens nor their order: the tokens are those of the joined text.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from itertools import accumulate, pairwise

from .espeak_library import synthesize
from .espeak_tokens import settle
from .normalisation import normalise, speakable
from .phonemizer import EspeakPhonemizer, Phonemizer
from .symbols import PUNCTUATION, START

_READ_SIGNS = frozenset("&%$£€+@#=")


def place_tokens(
    phonemizer: Phonemizer, texts: Sequence[str]
) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """Phonemize a sentence and tell the text of every token.

    Args:
        phonemizer: of the voice.
        texts: the parts of one sentence in order, spaces included.

    Returns:
        The tokens, and for each the index of its text. `START` goes with the first phone, a pause
        with the phone before it. A text without sounds has no token.

    Raises:
        ValueError: nothing in the sentence can be pronounced.
    """
    sentence = "".join(texts)
    tokens = tuple(phonemizer(sentence))
    phones = [i for i, token in enumerate(tokens) if token not in (START, *PUNCTUATION)]
    written = normalise(sentence)
    ends = _ends(texts, written)
    owners = [0] * len(tokens)
    starts = _starts(phonemizer, written, len(phones))
    groups = sorted(set(starts))
    for start, stop in pairwise([*groups, len(written)]):
        inside = [phone for phone, begun in zip(phones, starts, strict=True) if begun == start]
        for phone, owner in zip(
            inside, _shared(phonemizer, written, start, stop, ends, len(inside)), strict=True
        ):
            owners[phone] = owner
    owners[0] = owners[phones[0]]
    for index in range(1, len(tokens)):
        if tokens[index] in PUNCTUATION:
            owners[index] = owners[index - 1]
    return tokens, tuple(owners)


def _starts(phonemizer: Phonemizer, written: str, phones: int) -> list[int]:
    """Where in the written sentence the word of each phone begins, as far as it is known."""
    if not isinstance(phonemizer, EspeakPhonemizer):
        return [0] * phones
    speech = synthesize(written, phonemizer.voice, rate=400)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a dropped phone was told when it was phonemized
        places = [
            event.text_position
            for event in speech.events
            if event.kind == "phone" and settle(event.phone) is not None
        ]
    return list(accumulate(places, max))


def _ends(texts: Sequence[str], written: str) -> list[int]:
    """Position in the written sentence after the last read character of each text."""
    places = [i for i, character in enumerate(written) if _is_read(character)]
    ends = []
    for before in accumulate(texts):
        count = _count_read(before)
        ends.append(places[min(count, len(places)) - 1] + 1 if count else 0)
    ends[-1] = len(written)
    return ends


def _count_read(text: str) -> int:
    """Characters that are read, once the text is written as the front ends see it."""
    if speakable(text):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of pictograms, told once for the whole sentence
            text = normalise(text)
    return sum(map(_is_read, text))


def _is_read(character: str) -> bool:
    return character.isalnum() or character in _READ_SIGNS


def _shared(
    phonemizer: Phonemizer, written: str, start: int, stop: int, ends: Sequence[int], phones: int
) -> list[int]:
    """The text of each of the phones that stand for ``written[start:stop]``."""
    read = [i for i in range(start, stop) if _is_read(written[i])] or [start]
    first = _text_at(read[0], ends)
    last = _text_at(read[-1], ends)
    owners: list[int] = []
    for text in range(first, last):
        before = written[start : ends[text]]
        owners += [text] * (min(_count_phones(phonemizer, before), phones) - len(owners))
    return owners + [last] * (phones - len(owners))


def _text_at(position: int, ends: Sequence[int]) -> int:
    return next(i for i, end in enumerate(ends) if end > position)


def _count_phones(phonemizer: Phonemizer, text: str) -> int:
    if not speakable(text):
        return 0
    return sum(token not in (START, *PUNCTUATION) for token in phonemizer(text))
