"""Does a text sound different each time? Spread over prior samples beside natural spread."""

import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tts_vae.evaluation.measures.attributes import measure_speeches
from tts_vae.evaluation.voices.held_out import steps
from tts_vae.evaluation.voices.own_level import STYLE_ATTRIBUTES, NaturalSpeech
from tts_vae.synthesis.style import SPEAKER, Style
from tts_vae.synthesis.voice import Voice

SAMPLES = 12
FEWEST = 10
"""Prior samples of one text: a standard deviation of fewer says little."""


def spread(values: ArrayLike) -> NDArray[np.float64]:
    """Standard deviation (n - 1 below) of each column, undefined values left out.

    Args:
        values: (samples, attributes). A column with fewer than two values gives NaN.
    """
    table = np.asarray(values, dtype=np.float64)
    return np.array(
        [
            np.std(c, ddof=1) if len(c := column[~np.isnan(column)]) > 1 else math.nan
            for column in table.T
        ]
    )


def voice_diversity(
    voice: Voice,
    corpus_dir: str | Path,
    limit: int = 8,
    seed: int = 0,
    samples: int = SAMPLES,
    natural: NaturalSpeech | None = None,
) -> dict[str, Any]:
    """Speak a few held-out texts in many styles drawn from the prior, and measure the spread.

    The speaker is held within a text and changes from text to text. Beside the prior stand natural
    speech (within speakers, over different texts) and the same texts spoken in the styles of
    held-out recordings, which is how much of the natural spread the voice can follow.

    Args:
        voice: with latent sites.
        corpus_dir: its prepared corpus.
        limit: texts.
        seed: of the first draw; the others follow it.
        samples: draws for each text, ``FEWEST`` or more.
        natural: recordings measured before; read and measured if None.

    Returns:
        "texts", "samples", "natural": attribute -> SD, and for "prior" and "references": attribute
        -> "sd" (mean over texts), "of_natural" (sd / natural) and "sd_of_text" (texts,). Where the
        voice has no prior to draw from, "prior" is {"undefined": why}.

    Raises:
        ValueError: fewer than ``FEWEST`` samples are asked for.
    """
    if samples < FEWEST:
        raise ValueError(f"expected {FEWEST} samples or more of a text, got {samples}; draw more")
    natural = natural or NaturalSpeech.of(voice, Path(corpus_dir))
    recordings = natural.recordings
    places = np.linspace(0, len(recordings) - 1, min(limit, len(recordings)))
    chosen: list[int] = places.round().astype(int).tolist()
    named = SPEAKER in voice.bundle.model.sites and bool(voice.speakers)
    result: dict[str, Any] = {"texts": len(chosen), "samples": samples}
    result["natural"] = dict(zip(STYLE_ATTRIBUTES, natural.spread.tolist(), strict=True))

    def styles(way: str, text: int) -> list[Style]:
        speaker = voice.speakers[text % len(voice.speakers)] if named else None
        if way == "prior":
            first = seed + text * samples
            return [voice.style(speaker=speaker, prior=first + i) for i in range(samples)]
        # evenly over the recordings, other ones for each text
        picked = (np.arange(samples) * len(recordings) // samples + text) % len(recordings)
        return [voice.style(speaker=speaker, reference=recordings[int(i)].path) for i in picked]

    for way in ("prior", "references"):
        rows = []
        try:
            plan = [styles(way, text) for text in range(len(chosen))]
        except ValueError as error:  # a voice whose latent has no prior says so
            result[way] = {"undefined": str(error)}
            continue
        for index, kinds in zip(chosen, steps(plan, f"speaking {way}"), strict=True):
            speeches = voice.speak_many([recordings[index].text] * samples, kinds, seed=seed)
            measured = measure_speeches(speeches, natural.judge)
            table = [[getattr(row, name) for name in STYLE_ATTRIBUTES] for row in measured]
            rows.append(spread(table))
        result[way] = _figures(np.array(rows), natural.spread)
    return result


def _figures(rows: NDArray[np.float64], natural: NDArray[np.float64]) -> dict[str, Any]:
    figures = {}
    for column, name in enumerate(STYLE_ATTRIBUTES):
        defined = rows[~np.isnan(rows[:, column]), column]
        mean = float(defined.mean()) if len(defined) else math.nan
        usual = float(natural[column])
        figures[name] = {
            "sd": mean,
            "of_natural": mean / usual if usual > 0 else math.nan,
            "sd_of_text": rows[:, column].tolist(),
        }
    return figures
