"""Between far styles of a voice: do pitch, rate and energy move evenly and in one direction?"""

import math
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tts_vae.evaluation.measures.attributes import measure_speeches
from tts_vae.evaluation.measures.smoothness import farthest_pairs, smoothness
from tts_vae.evaluation.measures.summary import summarise
from tts_vae.evaluation.voices.held_out import steps as progress
from tts_vae.evaluation.voices.own_level import STYLE_ATTRIBUTES, NaturalSpeech
from tts_vae.synthesis.interpolation import interpolate
from tts_vae.synthesis.style import SPEAKER
from tts_vae.synthesis.voice import Voice

STEPS = 9


def voice_interpolation(
    voice: Voice,
    corpus_dir: str | Path,
    limit: int = 12,
    seed: int = 0,
    steps: int = STEPS,
    natural: NaturalSpeech | None = None,
) -> dict[str, Any]:
    """Speak ``steps`` points on the line between styles that are far apart, and measure them.

    The styles are those of held-out recordings that lie farthest apart in F0 level (about their
    own speaker's), rate and energy, in natural standard deviations. The speaker is held, a
    different one from pair to pair; the text is a third recording's. An attribute counts as moved
    where its ends lie ``NaturalSpeech.least_move`` or more apart.

    Args:
        voice: with latent sites.
        corpus_dir: its prepared corpus.
        limit: pairs of styles.
        seed: of the waveforms.
        steps: points on the line, both ends included.
        natural: recordings measured before; read and measured if None.

    Returns:
        "steps", "pairs" (how many), "least_move": attribute -> what counts, "moved": attribute ->
        "n", "spearman" and "largest_jump" (summaries; rank correlation signed so that 1 is from
        start to end), "spearman_mean", "share_in_bounds" (rho >= 0.95 and jump <= 2.5); "items":
        for each pair "text", "speaker", "start", "end" (ids), and attribute -> "values" (steps,),
        "spearman", "largest_jump", "moved".
    """
    natural = natural or NaturalSpeech.of(voice, Path(corpus_dir))
    least = natural.least_move
    told = ~np.isnan(natural.relative).all(axis=0)  # recordings of one level tell no energy
    chosen = farthest_pairs((natural.relative / least)[:, told], limit)
    items = []
    for number, (first, last) in enumerate(progress(chosen, "interpolating styles")):
        start, end = natural.recordings[first], natural.recordings[last]
        # a name holds the speaker site still; without that site there is nothing to hold
        named = SPEAKER in voice.bundle.model.sites and bool(voice.speakers)
        speaker = voice.speakers[number % len(voice.speakers)] if named else None
        others = [r for r in natural.recordings if r.id not in (start.id, end.id)]
        text = (others or [start])[number % max(len(others), 1)].text
        first_style = voice.style(reference=start.path, speaker=speaker)
        last_style = voice.style(reference=end.path, speaker=speaker)
        line = interpolate(voice, text, first_style, last_style, steps=steps, seed=seed)
        measured = measure_speeches([step.speech for step in line], natural.judge)
        entry: dict[str, Any] = {
            "text": text,
            "speaker": speaker,
            "start": start.id,
            "end": end.id,
        }
        for column, name in enumerate(STYLE_ATTRIBUTES):
            values = np.array([getattr(row, name) for row in measured])
            found = smoothness(values)
            entry[name] = {
                "values": values.tolist(),
                "spearman": found.spearman * float(np.sign(found.change) or 1),
                "largest_jump": found.largest_jump,
                "moved": bool(abs(found.change) >= least[column]),
            }
        items.append(entry)
    return {
        "steps": steps,
        "pairs": len(items),
        "least_move": dict(zip(STYLE_ATTRIBUTES, least.tolist(), strict=True)),
        "moved": {name: _moved(items, name) for name in STYLE_ATTRIBUTES},
        "items": items,
    }


def _moved(items: Sequence[dict[str, Any]], name: str) -> dict[str, Any]:
    rows = [item[name] for item in items if item[name]["moved"]]
    rho: NDArray[np.float64] = np.array([row["spearman"] for row in rows], dtype=np.float64)
    jump: NDArray[np.float64] = np.array([row["largest_jump"] for row in rows], dtype=np.float64)
    return {
        "n": len(rows),
        "spearman": asdict(summarise(rho)),
        "spearman_mean": float(np.nanmean(rho)) if len(rows) else math.nan,
        "largest_jump": asdict(summarise(jump)),
        "share_in_bounds": float(np.mean((rho >= 0.95) & (jump <= 2.5))) if rows else math.nan,
    }
