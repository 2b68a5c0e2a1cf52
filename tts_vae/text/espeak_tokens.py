"""espeak-ng's events to tokens that tile the recording.

Every stretch of the signal belongs to exactly one token: `START` owns the leading silence, a
punctuation token the pause it stands for, the final mark the trailing silence, a phone all up to
the next onset.

Laws: tokens depend on the text alone, not on voice, rate, pitch or volume; onsets begin at 0 and
increase strictly, so every duration is positive and durations sum to the recording's length.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from .espeak_library import EspeakEvent, EspeakSpeech
from .symbols import BREAK, ENGLISH_PHONES, PUNCTUATION, START, STRESS, TERMINAL

LEADING_SILENCE = 882
"""Samples of silence put before espeak-ng's own: 40 ms."""
TRAILING_SILENCE = 1103
"""Samples of silence put after espeak-ng's own: 50 ms."""

_KNOWN = frozenset(ENGLISH_PHONES)
# phones of borrowed words, too rare to learn, and the English phone that stands for each
_BORROWED = {"r": "ɹ", "ɬ": "l", "ɑ̃": "ɑː", "ɔ̃": "ɔː", "a": "æ", "e": "ɛ", "o": "oʊ", "u": "uː"}
_WRITTEN = {mark: mark for mark in PUNCTUATION if mark != BREAK}


@dataclass(frozen=True)
class TokenisedSpeech:
    """A recording and the tokens in it.

    Attributes:
        samples: (samples,) int16 at 22,050 Hz, with short silence at both ends.
        tokens: (tokens,) `START`, phones and pauses, ending in a terminal mark.
        onsets: (tokens,) sample where each token begins; `onsets[0] == 0`.
    """

    samples: NDArray[np.int16]
    tokens: tuple[str, ...]
    onsets: tuple[int, ...]

    @property
    def durations(self) -> tuple[int, ...]:
        """(tokens,) samples of each token; they sum to `len(samples)`."""
        return tuple(end - start for start, end in pairwise((*self.onsets, len(self.samples))))


def tokenise(text: str, speech: EspeakSpeech) -> TokenisedSpeech:
    """The tokens of `text` (already normalised) and their onsets in `speech`.

    Raises:
        ValueError: espeak-ng pronounced nothing.
    """
    tokens: list[str] = [START]
    onsets: list[int] = [0]
    pause: list[EspeakEvent] = []
    for event in speech.events:
        if event.kind != "phone":
            if len(tokens) > 1:
                pause.append(event)
            continue
        phone = settle(event.phone)
        if phone is None:
            continue
        mark = _mark(text, pause)
        if mark is not None:
            tokens.append(mark)
            onsets.append(pause[0].sample + LEADING_SILENCE)
        pause = []
        tokens.append(phone)
        onsets.append(event.sample + LEADING_SILENCE)
    if len(tokens) == 1:
        raise ValueError(f"espeak-ng pronounced nothing of {text[:40]!r}: give words to say")
    final = next((c for c in reversed(text) if c in TERMINAL), TERMINAL[0])
    tokens.append(final)
    onsets.append((pause[0].sample if pause else len(speech.samples)) + LEADING_SILENCE)
    samples = np.pad(speech.samples, (LEADING_SILENCE, TRAILING_SILENCE))
    for number in range(1, len(onsets)):  # a phone that espeak-ng gave no time still gets a sample
        onsets[number] = max(onsets[number], onsets[number - 1] + 1)
    return TokenisedSpeech(samples, tuple(tokens), tuple(onsets))


def settle(phone: str) -> str | None:
    """The token for a phone of espeak-ng: itself, or for a borrowed sound the nearest English one.

    Returns None, with a warning, where there is none; the token before then keeps its time.
    """
    if phone in _KNOWN:
        return phone
    stress = phone[0] if phone[0] in STRESS else ""
    plain = phone.lstrip(STRESS)
    plain = _BORROWED.get(plain, plain)
    for candidate in (stress + plain, plain, plain.rstrip("ː"), plain + "ː", plain[:1]):
        if candidate in _KNOWN:
            return candidate
    if plain != "ʲ":  # palatalisation, written as a phone of its own
        warnings.warn(f"dropped the phone {phone!r}: English has none like it", stacklevel=3)
    return None


def _mark(text: str, pause: Sequence[EspeakEvent]) -> str | None:
    """The punctuation token that a pause stands for: the mark before the clause's end.

    A pause inside a clause has two events and is a breath (about 110 ms); one event alone is the
    hiatus between two vowels (0-46 ms), which stays with the phone before it.
    """
    for event in pause:
        if event.kind == "clause":
            before = text[: event.text_position].rstrip()
            return _WRITTEN.get(before[-1:], ",")
    return BREAK if len(pause) > 1 else None
