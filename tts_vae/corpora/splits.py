"""Held-out texts: drawn by hash, whole texts at a time, so that no test text is in training.

Speakers of VCTK read some of the same sentences; a sentence held out is held out for all of them.
The order depends on the text and the seed alone, so adding recordings moves as few as possible.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable


def text_key(text: str) -> str:
    """The text as far as it matters for being the same sentence: letters and digits, lower case."""
    return " ".join("".join(c if c.isalnum() else " " for c in text.lower()).split())


def split_by_text(
    items: Iterable[tuple[str, str, str]], *, test: int, valid: int, seed: int = 0
) -> dict[str, str]:
    """Assigns every item to train, valid or test.

    Texts are visited in the order of their hash. A text goes to test while somebody who reads it
    has fewer than ``test`` test items, then likewise to valid; with it go all its readings. No
    speaker is asked for more than a fifth (valid: a tenth) of their items, so small excerpts train.

    Args:
        items: (id, speaker, text).
        test: Test items wanted per speaker.
        valid: Validation items wanted per speaker.
        seed: Another seed draws other texts.

    Returns:
        {id: "train" | "valid" | "test"}.
    """
    readings: dict[str, list[tuple[str, str]]] = defaultdict(list)
    totals: Counter[str] = Counter()
    for identifier, speaker, text in items:
        readings[text_key(text)].append((identifier, speaker))
        totals[speaker] += 1
    order = sorted(readings, key=lambda key: hashlib.sha256(f"{seed}:{key}".encode()).digest())
    split_of: dict[str, str] = {}
    for split, wanted, share in (("test", test, 5), ("valid", valid, 10)):
        quota = {name: min(wanted, -(-count // share)) for name, count in totals.items()}
        quota = {name: many if totals[name] > 2 else 0 for name, many in quota.items()}
        have: Counter[str] = Counter()
        for key in order:
            speakers = [speaker for _, speaker in readings[key]]
            if key in split_of or not any(have[name] < quota[name] for name in speakers):
                continue
            if any(have[name] >= max(2 * quota[name], 1) for name in speakers):
                continue  # this text would cost a speaker who has given enough
            split_of[key] = split
            have.update(speakers)
    return {
        identifier: split_of.get(key, "train")
        for key, members in readings.items()
        for identifier, _ in members
    }
