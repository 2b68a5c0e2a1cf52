"""Which dimension of a voice carries each thing that a corpus knows of its recordings?

Labels are the speaker, the gender, whether there is noise, and every number that the recordings
carry, split at its median; each is analysed dimension by dimension.
"""

from collections.abc import Mapping, Sequence
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np

from tts_vae.corpora.manifests import read_corpus
from tts_vae.evaluation.cards.dimension_lda import DimensionLda, dimension_lda
from tts_vae.evaluation.voices.held_out import HeldOutRecording, held_out_recordings
from tts_vae.evaluation.voices.posteriors import infer_posteriors
from tts_vae.synthesis.voice import Voice

LIMIT = 210
"""Recordings that are analysed where nothing else is asked for."""

Labels = list[str | None]


def corpus_lda(
    voice: Voice, corpus: str | Path, limit: int = LIMIT
) -> dict[str, dict[str, DimensionLda]]:
    """Analyse the held-out recordings of a corpus.

    Args:
        voice: whose encoders read them.
        corpus: folder of a prepared corpus.
        limit: recordings, evenly spread over the test split.

    Returns:
        label -> site -> what each dimension tells of it.

    Raises:
        ValueError: if the corpus is not prepared or has no held-out recordings.
    """
    recordings = held_out_recordings(Path(corpus), voice.sample_rate, limit)
    labels = known_labels(recordings, read_corpus(Path(corpus)).get("speakers", []))
    means = {site: found.means for site, found in infer_posteriors(voice, recordings).items()}
    return {
        name: {site: dimension_lda(codes, values) for site, codes in means.items()}
        for name, values in labels.items()
    }


def known_labels(
    recordings: Sequence[HeldOutRecording], speakers: Sequence[Mapping[str, Any]] = ()
) -> dict[str, Labels]:
    """Label -> its value for each recording, None where unknown; only labels that can be analysed.

    Args:
        recordings: with what their corpus knows of them.
        speakers: the corpus's table of speakers.
    """
    genders = {str(row["name"]): row.get("gender") for row in speakers}
    labels: dict[str, Labels] = {
        "speaker": [recording.speaker for recording in recordings],
        "gender": [genders.get(recording.speaker) for recording in recordings],
    }
    if any("snr_db" in recording.factors for recording in recordings):
        labels["noise"] = [
            "clean" if recording.factors.get("snr_db") is None else "noisy"
            for recording in recordings
        ]
    for name in sorted({name for recording in recordings for name in recording.factors}):
        labels[name] = _halves([recording.factors.get(name) for recording in recordings])
    return {name: values for name, values in labels.items() if _analysable(values)}


def lda_table(found: Mapping[str, Mapping[str, DimensionLda]]) -> dict[str, list[dict[str, Any]]]:
    """The best dimension for each label, over all sites, the best first; plain numbers.

    Returns:
        label -> [{"site", "dimension", "fisher", "accuracy", "baseline"}], one for each site.
    """
    table: dict[str, list[dict[str, Any]]] = {}
    for name, sites in found.items():
        rows = [
            {
                "site": site,
                "dimension": lda.best,
                "fisher": round(float(np.nan_to_num(lda.fisher[lda.best], posinf=1e9)), 3),
                "accuracy": round(float(lda.accuracy[lda.best]), 4),
                "baseline": round(lda.baseline, 4),
            }
            for site, lda in sites.items()
        ]
        table[name] = sorted(rows, key=lambda row: -row["fisher"])
    return table


def _halves(values: Sequence[Any]) -> Labels:
    """Numbers as "low" and "high"; what is no number is unknown."""
    numbers = [
        float(v) if isinstance(v, Real) and not isinstance(v, bool) else np.nan for v in values
    ]
    if len({number for number in numbers if np.isfinite(number)}) < 2:
        return [None] * len(numbers)
    middle = float(np.nanmedian(numbers))
    if not any(number > middle for number in numbers):
        return [None] * len(numbers)
    return [
        None if not np.isfinite(number) else ("high" if number > middle else "low")
        for number in numbers
    ]


def _analysable(values: Labels) -> bool:
    counts = {value: values.count(value) for value in set(values) if value is not None}
    return len(counts) > 1 and min(counts.values()) > 1
