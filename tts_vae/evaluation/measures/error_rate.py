"""Corpus-level phone, character and word error rates from one alignment of symbols.

An error rate is sum(S + D + I) / sum(N) over the corpus, not a mean of rates; it can exceed 1.
"""

import re
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from tts_vae.evaluation.measures.summary import bootstrap_interval, require_pairs


@dataclass(frozen=True)
class ErrorCounts:
    """Errors of a recogniser against references.

    Attributes:
        substitutions: symbols recognised as another.
        deletions: reference symbols without a counterpart.
        insertions: recognised symbols without a counterpart.
        reference_length: reference symbols N.
    """

    substitutions: int = 0
    deletions: int = 0
    insertions: int = 0
    reference_length: int = 0

    @property
    def errors(self) -> int:
        """S + D + I, the Levenshtein distance."""
        return self.substitutions + self.deletions + self.insertions

    @property
    def rate(self) -> float:
        """(S + D + I) / N; NaN where N = 0."""
        return self.errors / self.reference_length if self.reference_length else float("nan")

    def __add__(self, other: "ErrorCounts") -> "ErrorCounts":
        """Sum of two counts."""
        return ErrorCounts(
            self.substitutions + other.substitutions,
            self.deletions + other.deletions,
            self.insertions + other.insertions,
            self.reference_length + other.reference_length,
        )


@dataclass(frozen=True)
class ErrorRate:
    """A corpus-level error rate.

    Attributes:
        rate: sum(S + D + I) / sum(N), 1.0 = 100 %.
        low: lower end of the bootstrap 95 % interval over utterances.
        high: upper end.
        total: the summed counts.
        utterances: counts of each utterance, in order.
    """

    rate: float
    low: float
    high: float
    total: ErrorCounts
    utterances: tuple[ErrorCounts, ...]

    def summary(self) -> dict[str, float]:
        """Plain numbers for a metrics file."""
        return {
            "rate": self.rate,
            "low": self.low,
            "high": self.high,
            "utterances": len(self.utterances),
            "substitutions": self.total.substitutions,
            "deletions": self.total.deletions,
            "insertions": self.total.insertions,
            "reference_length": self.total.reference_length,
        }


def count_errors(reference: Sequence[Hashable], hypothesis: Sequence[Hashable]) -> ErrorCounts:
    """Fewest substitutions, deletions and insertions that turn one sequence into the other.

    Levenshtein alignment; among equally short ones the one with most substitutions.
    """
    # best[j] = (errors, -substitutions) of aligning reference[:i] with hypothesis[:j]
    n, m = len(reference), len(hypothesis)
    best = [(j, 0) for j in range(m + 1)]
    for i in range(1, n + 1):
        diagonal, best[0] = best[0], (i, 0)
        for j in range(1, m + 1):
            wrong = int(reference[i - 1] != hypothesis[j - 1])
            swap = (diagonal[0] + wrong, diagonal[1] - wrong)
            drop = (best[j][0] + 1, best[j][1])
            extra = (best[j - 1][0] + 1, best[j - 1][1])
            diagonal, best[j] = best[j], min(swap, drop, extra)
    errors, negative_substitutions = best[m]
    substitutions = -negative_substitutions
    # insertions - deletions = m - n, and together they make the rest of the errors
    insertions = (errors - substitutions + m - n) // 2
    return ErrorCounts(substitutions, errors - substitutions - insertions, insertions, n)


def corpus_error_rate(
    references: Sequence[Sequence[Hashable]],
    hypotheses: Sequence[Sequence[Hashable]],
    seed: int = 0,
) -> ErrorRate:
    """Error rate over a corpus, with a bootstrap interval over utterances.

    Args:
        references: one symbol sequence (phones, words, or a string of characters) an utterance.
        hypotheses: what was recognised, in the same order.
        seed: of the bootstrap.

    Raises:
        ValueError: the lists differ in length or are empty.
    """
    require_pairs(references, hypotheses, "utterances")
    counts = tuple(count_errors(r, h) for r, h in zip(references, hypotheses, strict=True))
    pairs = np.array([(c.errors, c.reference_length) for c in counts], dtype=np.float64)
    low, high = bootstrap_interval(pairs, _ratio_of_sums, seed=seed)
    total = sum(counts, ErrorCounts())
    return ErrorRate(total.rate, low, high, total, counts)


def normalise_text(text: str) -> str:
    """Lower-case words of a-z and inner apostrophes, one space between; the rest is dropped.

    Hyphens and dashes separate words. Digits are dropped too: give texts with numbers spelt out.
    """
    lowered = text.lower().replace("\u2019", "'")
    words = re.findall(r"[a-z]+(?:'[a-z]+)*", lowered)
    return " ".join(words)


def word_error_rate(references: Sequence[str], hypotheses: Sequence[str]) -> ErrorRate:
    """Corpus-level WER of texts, both normalised by :func:`normalise_text`."""
    return corpus_error_rate(
        [normalise_text(text).split() for text in references],
        [normalise_text(text).split() for text in hypotheses],
    )


def character_error_rate(references: Sequence[str], hypotheses: Sequence[str]) -> ErrorRate:
    """Corpus-level CER of normalised texts; the space between words is a character."""
    return corpus_error_rate(
        [normalise_text(text) for text in references],
        [normalise_text(text) for text in hypotheses],
    )


def _ratio_of_sums(pairs: np.ndarray) -> float:
    errors, lengths = pairs.sum(0)
    return float(errors / lengths) if lengths else float("nan")
