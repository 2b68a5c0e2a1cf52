"""One card: what was measured of a dimension or a component, summed up and named."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tts_vae.evaluation.cards.card_words import judge_changes
from tts_vae.synthesis.speech import Speech

Floats = NDArray[np.float64]

Place = tuple[str, str, int, float]
"""(site, kind, index, step): one change of style; kind is "usual", "dimension" or "component"."""

USUAL: Place = ("", "usual", 0, 0.0)


@dataclass(frozen=True)
class Card:
    """What one dimension or component changes.

    Attributes:
        site: of the latent.
        index: of the dimension or component.
        changes: attribute of ``QUALITIES`` -> its slope per prior standard deviation, or its
            difference from the usual style; NaN where undefined.
        errors: standard error of each.
        main: the attribute that changes most, in audible steps; "" if none can be heard.
        leakage: share of the audible steps that are of other attributes; NaN without a main one.
        name: in words; "" if nothing can be heard.
        share: of the training recordings (a component), or spread of their posterior means over
            that of the prior (a dimension); NaN if the voice does not store it.
        sd: prior standard deviation of a dimension, in the latent's own unit; NaN for a component.
    """

    site: str
    index: int
    changes: Mapping[str, float]
    errors: Mapping[str, float]
    main: str
    leakage: float
    name: str
    share: float
    sd: float


@dataclass(frozen=True)
class Cards:
    """All cards of a voice.

    Attributes:
        dimensions: of every site, those of the prosody first.
        components: of the prosody site; none where it has none.
        usual: mean attributes of the usual style; ``rate_percent`` is 100 ln(phones / s).
        method: what was spoken.
        examples: the first sentence by the first speaker; dimensions at both ends.
    """

    dimensions: tuple[Card, ...]
    components: tuple[Card, ...]
    usual: Mapping[str, float]
    method: Mapping[str, Any]
    examples: Mapping[Place, Speech]


def make_card(
    place: tuple[str, int],
    names: Sequence[str],
    found: Floats,
    extent: float,
    share: float,
    sd: float,
) -> Card:
    """Sum up what was found in groups, each a speaker and a sentence.

    Args:
        place: site, and index of the dimension or component.
        names: attributes of ``QUALITIES``.
        found: (groups, attributes) differences, or slopes per standard deviation; the rate in
            100 ln(phones / s).
        extent: how far it is heard: standard deviations from end to end of a dimension, 1 for a
            component.
        share: see :class:`Card`.
        sd: see :class:`Card`.
    """
    mean, error = mean_and_error(found)
    heard = named(names, mean * extent)
    verdict = judge_changes(heard, named(names, error * extent), graded=extent == 1.0)
    rate = names.index("rate_percent")  # from logarithms to what a factor of that size is called
    factor = np.exp(mean[rate] / 100)
    mean[rate], error[rate] = 100 * (factor - 1), error[rate] * factor
    return Card(
        site=place[0],
        index=place[1],
        changes=named(names, mean),
        errors=named(names, error),
        main=verdict.main,
        leakage=verdict.leakage,
        name=verdict.words,
        share=share,
        sd=sd,
    )


def slopes(steps: Sequence[float], values: Floats) -> Floats:
    """Least-squares slope over the steps, (steps, ...) -> (...).

    Steps whose value is undefined are left out; with fewer than three the slope is NaN.
    """
    x = np.asarray(steps, dtype=np.float64).reshape(-1, *[1] * (values.ndim - 1))
    known = ~np.isnan(values)
    count = known.sum(0)
    with np.errstate(divide="ignore", invalid="ignore"):
        centred = np.where(known, x - np.where(known, x, 0.0).sum(0) / count, 0.0)
        slope = (centred * np.nan_to_num(values)).sum(0) / (centred**2).sum(0)
    return np.where(count >= 3, slope, np.nan)


def mean_and_error(rows: Floats) -> tuple[Floats, Floats]:
    """Mean over the rows that are defined and its standard error, (groups, ...) -> (...) each.

    NaN for a mean of no row and for an error of fewer than two.
    """
    count = (~np.isnan(rows)).sum(0)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = np.where(count > 0, np.nansum(rows, 0) / count, np.nan)
        variance = np.nansum((rows - mean) ** 2, 0) / (count - 1)
        return mean, np.where(count > 1, np.sqrt(variance / count), np.nan)


def named(names: Sequence[str], values: Floats) -> dict[str, float]:
    """Values (attributes,) by their names."""
    return {name: float(value) for name, value in zip(names, values, strict=True)}
