"""Length of synthetic utterances beside the natural recording's."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tts_vae.evaluation.measures.summary import Summary, require_pairs, summarise


@dataclass(frozen=True)
class LengthRatio:
    """Synthesis length / reference length over utterances.

    Attributes:
        ratio: summary of the ratios themselves.
        median_deviation: |median ratio - 1|.
        p95_deviation: 95th percentile of |ratio - 1|, each utterance's own.
    """

    ratio: Summary
    median_deviation: float
    p95_deviation: float


def length_ratio(synthesis: Sequence[float], reference: Sequence[float]) -> LengthRatio:
    """Compare lengths, both in the same unit (frames, samples or seconds).

    A reference of length 0 gives NaN, counted as undefined.

    Raises:
        ValueError: the lists differ in length.
    """
    require_pairs(synthesis, reference, "lengths")
    ours, theirs = np.asarray(synthesis, np.float64), np.asarray(reference, np.float64)
    ratios = np.divide(ours, theirs, out=np.full(ours.shape, np.nan), where=theirs > 0)
    summary = summarise(ratios)
    return LengthRatio(
        ratio=summary,
        median_deviation=abs(summary.median - 1),
        p95_deviation=summarise(np.abs(ratios - 1)).p95,
    )
