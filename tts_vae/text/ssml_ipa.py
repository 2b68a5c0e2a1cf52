"""IPA to the tokens of a voice: longest match, stress moved from its syllable to the vowel.

SSML writes the stress mark before the syllable ("təˈmeɪtoʊ"), the tokens carry it on the vowel
("ˈeɪ"). Other ways to write an English sound (r for ɹ, tie bars, ɝ, the British əʊ) are taken for
the token that stands for it; a sound that English does not have is an error that names it.
"""

from __future__ import annotations

import unicodedata

from .symbols import PAD, PAUSE_LABEL, STRESS, SymbolTable, plain_phone

_IGNORED = set(" \t\n.‿|͜͡")  # syllables, linking, word gaps, tie bars
_LETTERS = str.maketrans({":": "ː", "'": "ˈ", "g": "ɡ", "r": "ɹ", "ɻ": "ɹ"})
_SPELLINGS = {
    "ɫ": "l", "ɝː": "ɜː", "ɝ": "ɜː", "ɜ": "ɜː", "əʊ": "oʊ",
    "ʧ": "tʃ", "ʤ": "dʒ", "ɒ": "ɑː", "ɑ": "ɑː", "a": "æ", "e": "ɛ", "o": "oʊ", "oː": "oʊ",
    "u": "uː", "ɘ": "ə", "ɨ": "ᵻ", "l̩": "əl", "əɹ": "ɚ", "əːɹ": "ɜː", "m̩": "ə m", "ɦ": "h",
    "ʍ": "w", "ç": "h j", "ɜːɹ": "ɜː", "ɝɹ": "ɜː", "ɜɹ": "ɜː", "ɚɹ": "ɚ ɹ",
    "ɑɹ": "ɑːɹ", "ɔɹ": "ɔːɹ", "eə": "ɛɹ", "ɪə": "ɪɹ", "ʊə": "ʊɹ",
}  # fmt: skip


def ipa_tokens(ipa: str, table: SymbolTable) -> tuple[str, ...]:
    """The tokens of a word written in IPA.

    Args:
        ipa: such as "təˈmeɪtoʊ"; spaces and syllable dots are not needed.
        table: the alphabet of the voice.

    Raises:
        ValueError: it holds no sound, a sound the alphabet lacks, or a stress without a vowel; or
            the alphabet has letters, not phones.
    """
    if "θ" not in table.index:
        raise ValueError(
            "this voice reads letters, not phones, and cannot take IPA; use <sub alias=...>, or a "
            "voice with the espeak front end"
        )
    stressed = {token[1:] for token in table.symbols if token.startswith(tuple(STRESS))}
    known = {plain_phone(token) for token in table.symbols} - {PAD, PAUSE_LABEL}
    text = unicodedata.normalize("NFC", ipa).translate(_LETTERS)
    text = "".join(c for c in text if c not in _IGNORED)
    tokens: list[str] = []
    waiting = ""
    start = 0
    while start < len(text):
        if text[start] in STRESS:
            waiting, start = text[start], start + 1
            continue
        length, phones = _longest(text, start, known)
        if not phones:
            raise ValueError(
                f"the sound {text[start]!r} (U+{ord(text[start]):04X}) in ph={ipa[:40]!r} is none "
                f"of this voice; it has {' '.join(sorted(known))}"
            )
        for phone in phones:
            takes = bool(waiting) and phone in stressed
            tokens.append(waiting + phone if takes else phone)
            waiting = "" if takes else waiting
        start += length
    if not tokens:
        raise ValueError(f"ph={ipa[:40]!r} holds no sound; write IPA such as təˈmeɪtoʊ")
    if waiting:
        raise ValueError(
            f"the stress {waiting!r} in ph={ipa[:40]!r} is followed by no vowel that can carry it; "
            "put it before its syllable"
        )
    return tuple(tokens)


def _longest(text: str, start: int, known: set[str]) -> tuple[int, list[str]]:
    """Characters and phones of the longest sound at a position; none where there is none."""
    for length in (4, 3, 2, 1):
        written = text[start : start + length]
        if len(written) < length:
            continue
        if written in known:
            return length, [written]
        if written in _SPELLINGS:
            return length, _SPELLINGS[written].split()
    return 1, []
