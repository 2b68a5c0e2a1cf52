"""A sentence of pieces to the tokens of a voice: IPA in its place, breaks at pause tokens.

A break lies on the pause token that stands at its place, or on one put there; at the ends of a
sentence on the silence that begins it or on its final mark.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .phonemizer import Phonemizer
from .ssml_document import Break, Piece, Sentence
from .ssml_ipa import ipa_tokens
from .ssml_tokens import place_tokens
from .symbols import BREAK, PUNCTUATION, START, STRESS, SymbolTable

_VOWEL_WORD, _CONSONANT_WORD = "Odd", "Dodd"
"""Stand for a word given in IPA while its sentence is phonemized: "the" and "a" look at what
follows them, and no rule of espeak-ng draws these together with a neighbour."""

_VOWELS = "aeiouæɐɑɔəɚɛɜɪʊʌᵻ"


@dataclass(frozen=True)
class SpokenSentence:
    """A sentence as tokens.

    Attributes:
        phones: the tokens, `START` to the final mark.
        owners: index of the piece of each.
        pauses: token -> seconds that it is to last.
        inserted: tokens that only a break put there, increasing.
    """

    phones: tuple[str, ...]
    owners: tuple[int, ...]
    pauses: Mapping[int, float]
    inserted: tuple[int, ...] = ()

    def without_inserted(self) -> SpokenSentence:
        """The same sentence where no break put a token."""
        kept = [i for i in range(len(self.phones)) if i not in self.inserted]
        phones = tuple(self.phones[i] for i in kept)
        return SpokenSentence(phones, tuple(self.owners[i] for i in kept), {})


def spoken_sentence(
    sentence: Sentence, phonemizer: Phonemizer, table: SymbolTable
) -> SpokenSentence:
    """The tokens of a sentence.

    Args:
        sentence: as ``parse_ssml`` gives it.
        phonemizer: of the voice.
        table: the alphabet of the voice.

    Raises:
        ValueError: nothing in it can be pronounced, or a sound in IPA or text is none of the voice.
    """
    pieces = sentence.pieces
    given = [_given(piece, table) for piece in pieces]
    texts = [
        piece.text if phones is None else _stand_in(phones)
        for piece, phones in zip(pieces, given, strict=True)
    ]
    tokens, owners = place_tokens(phonemizer, texts)
    phones, owned = _with_ipa(tokens, owners, given)
    table.encode(phones)  # tells which of them the voice lacks
    pauses: dict[int, float] = {}
    inserted: list[int] = []
    passed = 0
    for item in sentence.items:
        if isinstance(item, Piece):
            passed += 1
        else:
            _place_break(item, passed, phones, owned, pauses, inserted)
    return SpokenSentence(tuple(phones), tuple(owned), pauses, tuple(inserted))


def _given(piece: Piece, table: SymbolTable) -> tuple[str, ...] | None:
    if piece.ipa is None:
        return None
    try:
        return ipa_tokens(piece.ipa, table)
    except ValueError as error:
        raise piece.place.error(f"<phoneme>: {error}") from None


def _stand_in(phones: tuple[str, ...]) -> str:
    return _VOWEL_WORD if phones[0].lstrip(STRESS)[0] in _VOWELS else _CONSONANT_WORD


def _with_ipa(
    tokens: tuple[str, ...], owners: tuple[int, ...], given: list[tuple[str, ...] | None]
) -> tuple[list[str], list[int]]:
    """The tokens with those of the stand-ins replaced by what was given."""
    phones: list[str] = []
    owned: list[int] = []
    done: set[int] = set()
    for token, owner in zip(tokens, owners, strict=True):
        replacing = given[owner]
        if replacing is None or token == START or token in PUNCTUATION:
            phones.append(token)
            owned.append(owner)
        elif owner not in done:
            done.add(owner)
            phones += replacing
            owned += [owner] * len(replacing)
    return phones, owned


def _place_break(
    wanted: Break,
    passed: int,
    phones: list[str],
    owned: list[int],
    pauses: dict[int, float],
    inserted: list[int],
) -> None:
    """Put a break behind the first ``passed`` pieces; changes all four collections."""
    spoken = [i for i, phone in enumerate(phones) if phone != START and phone not in PUNCTUATION]
    later = [i for i in spoken if owned[i] >= passed]
    if not later or later[0] == spoken[0]:
        edge = 0 if later else len(phones) - 1
        pauses[edge] = pauses.get(edge, 0.0) + wanted.seconds
        return
    place = later[0]
    if phones[place - 1] in PUNCTUATION:
        if wanted.seconds:
            pauses[place - 1] = pauses.get(place - 1, 0.0) + wanted.seconds
        elif place - 1 not in pauses:
            del phones[place - 1], owned[place - 1]  # no later token has a pause yet
    elif wanted.seconds:
        phones.insert(place, BREAK)
        owned.insert(place, owned[place - 1])
        pauses[place] = wanted.seconds
        inserted.append(place)
