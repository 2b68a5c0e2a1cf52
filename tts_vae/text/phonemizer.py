"""Text to tokens, by espeak-ng's rules or by letters: two front ends behind one protocol.

Laws: `tokens[0] == START`, the last token is one of `. ? !`, every token is in `table`.
`EspeakPhonemizer()(text)` is the very sequence that `corpora/espeak.py` logs for that text in
every voice, because both read the same events.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Protocol

from .espeak_library import synthesize, version
from .espeak_tokens import tokenise
from .normalisation import normalise
from .numbers import spell_numbers
from .symbols import PUNCTUATION, START, TERMINAL, SymbolTable, default_table, grapheme_table

FRONT_ENDS = ("espeak", "grapheme")
_ACRONYM = re.compile(r"\b(?:[A-Za-z]\.){2,}")
_UNDECOMPOSED = str.maketrans({"æ": "ae", "ø": "o", "ß": "ss", "đ": "d", "ł": "l", "œ": "oe"})
_SPOKEN_SIGNS = {"&": " and ", "%": " percent ", "$": " dollars ", "£": " pounds ", "+": " plus "}


class Phonemizer(Protocol):
    """A front end.

    Attributes:
        name: what `make_phonemizer` calls it; stored in a voice.
        table: the alphabet of its tokens.
    """

    name: str
    table: SymbolTable

    def __call__(self, text: str) -> list[str]:
        """The tokens of one text.

        Raises:
            ValueError: nothing in the text can be pronounced.
        """
        ...


class EspeakPhonemizer:
    """American English phones from espeak-ng, in process.

    Args:
        voice: "en-us", or "en-us+VARIANT"; variants sound different and pronounce the same.

    Raises:
        ImportError: the optional extra is not installed.
        ValueError: another language (the table is that of en-us).
    """

    name = "espeak"

    def __init__(self, voice: str = "en-us") -> None:
        if voice.split("+")[0] != "en-us":
            raise ValueError(f"expected the voice 'en-us' or 'en-us+VARIANT'; got {voice!r}")
        self.voice = voice
        self.table = default_table()
        version()  # starts espeak-ng: a missing extra is told here, not at the first text

    def __call__(self, text: str) -> list[str]:
        """Tokens: `START`, phones with stress, punctuation, a terminal mark.

        Raises:
            ValueError: nothing in the text can be pronounced.
        """
        written = normalise(text)
        # spoken fast: the tokens do not depend on the rate, and fast is less to synthesise
        return list(tokenise(written, synthesize(written, self.voice, rate=400)).tokens)


class GraphemePhonemizer:
    """Letters as tokens; needs nothing installed.

    There are no word-boundary tokens: the first letter of a word is a capital, as stress is a part
    of its vowel. Accents are dropped, digits and common signs are spelled out.
    """

    name = "grapheme"

    def __init__(self) -> None:
        self.table = grapheme_table()

    def __call__(self, text: str) -> list[str]:
        """Tokens: `START`, letters, punctuation, a terminal mark.

        Raises:
            ValueError: nothing in the text can be pronounced with Latin letters.
        """
        written = _ACRONYM.sub(lambda match: " ".join(match.group(0).split(".")), normalise(text))
        for sign, spoken in _SPOKEN_SIGNS.items():
            written = written.replace(sign, spoken)
        written = unicodedata.normalize("NFKD", spell_numbers(written).lower())
        written = written.translate(_UNDECOMPOSED)
        written = "".join(c for c in written if not unicodedata.combining(c))
        tokens = [START]
        for word, mark in re.findall(r"([a-z][a-z']*)|([,.;:?!—])", written):
            if word:
                tokens += [word[0].upper(), *word[1:]]
            elif tokens[-1] not in (START, *PUNCTUATION):
                tokens.append(mark)
        if tokens[-1] in PUNCTUATION and tokens[-1] not in TERMINAL:
            tokens.pop()
        if tokens[-1] not in TERMINAL:
            tokens.append(TERMINAL[0])
        if len(tokens) == 2:
            raise ValueError(
                f"expected text with Latin letters or digits; got {text[:40]!r}: "
                "use the espeak front end for other scripts"
            )
        return tokens


def make_phonemizer(name: str) -> Phonemizer:
    """The front end of that name.

    Raises:
        ValueError: not one of `FRONT_ENDS`.
        ImportError: "espeak" without its optional extra.
    """
    if name == "espeak":
        return EspeakPhonemizer()
    if name == "grapheme":
        return GraphemePhonemizer()
    raise ValueError(f"expected a front end of {', '.join(FRONT_ENDS)}; got {name!r}")
