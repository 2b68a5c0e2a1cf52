"""Captions of digits, as characters: what a text-to-image model is told.

Every caption names one digit in words, with one of a few phrasings, so that a model must read it.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
PHRASINGS = ("{}", "a {}", "the digit {}", "{} by hand", "draw a {}", "this is {}")
PADDING = "\0"
CHARACTERS = PADDING + " abcdefghijklmnopqrstuvwxyz"
LONGEST = max(len(phrasing.format(name)) for phrasing in PHRASINGS for name in NAMES)


def caption(digit: int, phrasing: int = 0) -> str:
    """A caption of a digit.

    Raises:
        ValueError: If there is no such digit or phrasing.
    """
    if not 0 <= digit < len(NAMES) or not 0 <= phrasing < len(PHRASINGS):
        raise ValueError(
            f"expected a digit from 0 to {len(NAMES) - 1} and a phrasing from 0 to "
            f"{len(PHRASINGS) - 1}, got {digit} and {phrasing}"
        )
    return PHRASINGS[phrasing].format(NAMES[digit])


def encode(captions: Sequence[str]) -> Tensor:
    """Captions as tokens (n, LONGEST) int64, -1 on padding.

    Raises:
        ValueError: If a caption is empty, too long, or has another character.
    """
    tokens = torch.full((len(captions), LONGEST), -1)
    for row, text in enumerate(captions):
        unknown = sorted(set(text) - set(CHARACTERS[1:]))
        if unknown or not 1 <= len(text) <= LONGEST:
            raise ValueError(
                f"expected 1 to {LONGEST} of the characters {CHARACTERS[1:]!r}, got {text!r}; "
                "write numbers as words, in lower case"
            )
        tokens[row, : len(text)] = torch.tensor([CHARACTERS.index(c) for c in text])
    return tokens


def draw(labels: Tensor, seed: int = 0) -> Tensor:
    """A caption of every label (n,), its phrasing drawn from the seed; tokens (n, LONGEST)."""
    generator = torch.Generator().manual_seed(seed)
    phrasings = torch.randint(len(PHRASINGS), labels.shape, generator=generator)
    pairs = zip(labels.tolist(), phrasings.tolist(), strict=True)
    return encode([caption(digit, phrasing) for digit, phrasing in pairs])
