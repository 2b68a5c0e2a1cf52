"""The token alphabet: what one token is, and the tables that number tokens.

A token is one string: a phone of espeak-ng's en-us voice with its stress on the vowel (`"ˈæ"`,
`"ˌoʊ"`, `"k"`), a punctuation mark that owns the pause it stands for, or `START`, which owns the
leading silence. `PAD` fills batches and is index 0 of every table.

Law: `table.decode(table.encode(tokens)) == tokens` for every sequence of known tokens.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache

PAD = "<pad>"
START = "^"
BREAK = "|"
"""A pause that the text does not write: espeak-ng breathes before "because", "and", "where"."""

TERMINAL: tuple[str, ...] = (".", "?", "!")
PUNCTUATION: tuple[str, ...] = (",", *TERMINAL, ";", ":", "—", BREAK)
PAUSE_LABEL = "_"
BLANK_LABEL = "<blank>"
STRESS = "ˈˌ"

_CONSONANTS = "b d dʒ f h j k l m n n̩ p s t tʃ v w x z ð ŋ ɡ ɹ ɾ ʃ ʒ ʔ θ".split()
_REDUCED = "i ə əl ɐ ɚ ᵻ".split()
_VOWELS = "aɪ aɪə aɪɚ aʊ eɪ iə iː oʊ uː æ ɑː ɑːɹ ɔ ɔɪ ɔː ɔːɹ ɛ ɛɹ ɜː ɪ ɪɹ ʊ ʊɹ ʌ".split()

ENGLISH_PHONES: tuple[str, ...] = (
    *_CONSONANTS,
    *_REDUCED,
    *(stress + vowel for vowel in _VOWELS for stress in ("", "ˈ", "ˌ")),
)
"""Every phone that espeak-ng 1.52 produces for English words, with its stress (measured over the
42,000 words of a third of CMUdict; the few foreign phones are settled by `espeak_tokens`)."""


@dataclass(frozen=True)
class SymbolTable:
    """Numbers for tokens.

    Attributes:
        symbols: every token in order; `PAD` first, no duplicates.
        index: token -> number.

    Raises:
        ValueError: `symbols` does not begin with `PAD` or holds a token twice.
    """

    symbols: tuple[str, ...]
    index: dict[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Check the symbols and build the index."""
        object.__setattr__(self, "symbols", tuple(self.symbols))
        if not self.symbols or self.symbols[0] != PAD:
            got = self.symbols[0] if self.symbols else "nothing"
            raise ValueError(f"a symbol table begins with {PAD!r}; got {got!r}: put it first")
        index = {symbol: number for number, symbol in enumerate(self.symbols)}
        if len(index) != len(self.symbols):
            twice = sorted({s for s in self.symbols if self.symbols.count(s) > 1})
            raise ValueError(f"symbols must be distinct; got {twice} more than once: remove them")
        object.__setattr__(self, "index", index)

    def __len__(self) -> int:
        """Number of symbols, `PAD` included."""
        return len(self.symbols)

    def encode(self, tokens: Iterable[str]) -> list[int]:
        """Tokens -> numbers, one each.

        Raises:
            ValueError: a token is not in the table (every such token is listed).
        """
        tokens = list(tokens)
        unknown = sorted({token for token in tokens if token not in self.index})
        if unknown:
            raise ValueError(
                f"expected tokens of this table ({len(self)} symbols); got unknown {unknown}: "
                "use the phonemizer that the table was made for"
            )
        return [self.index[token] for token in tokens]

    def decode(self, ids: Iterable[int]) -> list[str]:
        """Numbers -> tokens, one each.

        Raises:
            ValueError: a number is outside `[0, len(self))`.
        """
        ids = [int(number) for number in ids]
        outside = sorted({number for number in ids if not 0 <= number < len(self)})
        if outside:
            raise ValueError(
                f"expected numbers from 0 to {len(self) - 1}; got {outside}: "
                "decode with the table that encoded them"
            )
        return [self.symbols[number] for number in ids]


@cache
def default_table() -> SymbolTable:
    """The table of espeak-ng's en-us voice: padding, start, punctuation, phones with stress."""
    return SymbolTable((PAD, START, *PUNCTUATION, *ENGLISH_PHONES))


@cache
def grapheme_table() -> SymbolTable:
    """The table of letters; a capital is the first letter of a word (see `GraphemePhonemizer`)."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    return SymbolTable((PAD, START, *PUNCTUATION, "'", *letters, *letters.upper()))


def plain_phone(token: str) -> str:
    """A token without stress (and without a grapheme's word-initial capital).

    Punctuation and `START` are all silence: they become the one pause label `"_"`.
    """
    if token == START or token in PUNCTUATION:
        return PAUSE_LABEL
    return token.lstrip(STRESS).lower()


def ctc_labels(table: SymbolTable) -> tuple[str, ...]:
    """Labels of a phone recogniser for this table: blank, pause, then phones without stress.

    The order is fixed by the table: `("<blank>", "_", ...)` and first appearance after that.
    """
    plain: Sequence[str] = [plain_phone(token) for token in table.symbols if token != PAD]
    phones = [phone for phone in dict.fromkeys(plain) if phone != PAUSE_LABEL]
    return (BLANK_LABEL, PAUSE_LABEL, *phones)
