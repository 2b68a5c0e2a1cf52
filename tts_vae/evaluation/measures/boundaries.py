"""Errors of an alignment where the true one is known: the embedded corpus."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from tts_vae.evaluation.measures.summary import Summary, summarise


@dataclass(frozen=True)
class BoundaryErrors:
    """Distance of found phone boundaries from the true ones.

    Attributes:
        error_ms: summary of |found - true| over inner boundaries, milliseconds.
        within_20_ms: share of boundaries at most 20 ms off.
        missing: utterances without an alignment.
    """

    error_ms: Summary
    within_20_ms: float
    missing: int


def boundary_errors(
    found: Mapping[str, Tensor], true: Mapping[str, Tensor], frame_s: float
) -> BoundaryErrors:
    """Compare durations by utterance id.

    Args:
        found: id -> (phones,) frames.
        true: id -> (phones,) frames.
        frame_s: seconds per frame.

    Raises:
        ValueError: if an utterance has another number of phones, or none is in both.
    """
    distances = []
    for name, frames in true.items():
        if name not in found:
            continue
        if len(found[name]) != len(frames):
            raise ValueError(
                f"{name}: {len(found[name])} durations found for {len(frames)} phones; "
                "align with the tokens of the corpus"
            )
        ends = torch.cumsum(frames, 0)[:-1] - torch.cumsum(found[name], 0)[:-1]
        distances.append(ends.abs().double() * (1000 * frame_s))
    if not distances:
        raise ValueError("no utterance has both a found and a true alignment")
    errors = torch.cat(distances)
    return BoundaryErrors(
        error_ms=summarise(errors.numpy()),
        within_20_ms=float((errors <= 20).double().mean()),
        missing=len(set(true) - set(found)),
    )
