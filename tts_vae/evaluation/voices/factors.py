"""Do the latents of a voice separate the factors its corpus truly varied? The embedded corpus only.

Codes are posterior means of natural recordings; trees and discriminants learn from recordings of
the training split and are judged on the test split, whose texts and combinations are new.
"""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tts_vae.corpora.manifests import read_corpus
from tts_vae.evaluation.measures.disentanglement import disentanglement
from tts_vae.evaluation.voices.held_out import HeldOutRecording, held_out_recordings
from tts_vae.evaluation.voices.posteriors import infer_posteriors
from tts_vae.synthesis.style import SPEAKER
from tts_vae.synthesis.voice import Voice

LIMIT = 1000


def voice_disentanglement(
    voice: Voice, corpus_dir: str | Path, limit: int = LIMIT, seed: int = 0
) -> dict[str, Any]:
    """MIG, DCI, SAP and modularity of every site, and of all sites side by side.

    Factors are what the corpus drew for a recording: pitch in semitones about the speaker's own,
    its spread, the logarithm of the rate, the volume, noise where there was any, and the speaker.
    A site other than the speaker's is judged on the style factors where the voice has a speaker
    site to take the speaker; how much of the speaker it carries all the same is told beside it.

    Args:
        voice: with latent sites.
        corpus_dir: the prepared embedded corpus.
        limit: recordings, a fifth of them held out; with fewer, mutual information is biased up.
        seed: of the boosted trees.

    Returns:
        "items", "held_out", "method", "sites": site -> :meth:`Disentanglement.summary` with
        "dimensions"; "all": the same for the sites side by side (None for one site), and
        "speaker_known": site -> accuracy of the speaker told from it by boosted trees. For a
        corpus whose factors are not known only {"undefined": why}.
    """
    corpus = Path(corpus_dir)
    rate = voice.sample_rate
    test = held_out_recordings(corpus, rate, max(limit // 5, 1))
    training = held_out_recordings(corpus, rate, max(limit - len(test), 1), "train")
    recordings = [*training, *test]
    centres = {row["name"]: row.get("pitch_hz") for row in read_corpus(corpus)["speakers"]}
    try:
        factors = true_factors(recordings, centres)
    except ValueError as error:
        return {"undefined": str(error)}
    held_out = np.arange(len(recordings)) >= len(training)
    codes = {site: found.means for site, found in infer_posteriors(voice, recordings).items()}
    style = {name: values for name, values in factors.items() if name != SPEAKER}
    sites, known = {}, {}
    for site, means in codes.items():
        asked = style if SPEAKER in codes and site != SPEAKER else factors
        found = disentanglement(means, asked, held_out, seed)
        sites[site] = found.summary() | {"dimensions": means.shape[1]}
        known[site] = found.informativeness.get(SPEAKER)
        if known[site] is None and len(set(factors[SPEAKER])) > 1:
            alone = disentanglement(means, {SPEAKER: factors[SPEAKER]}, held_out, seed)
            known[site] = alone.informativeness[SPEAKER]
    together = None
    if len(codes) > 1:
        side_by_side = np.concatenate(list(codes.values()), axis=1)
        together = disentanglement(side_by_side, factors, held_out, seed).summary()
    return {
        "items": len(recordings),
        "held_out": len(test),
        "method": "MIG of 20 bins; DCI by impurity importances of gradient-boosted trees",
        "sites": sites,
        "all": together,
        "speaker_known": known,
    }


def true_factors(
    recordings: Sequence[HeldOutRecording], own_pitch_hz: Mapping[str, float | None]
) -> dict[str, NDArray[Any]]:
    """What the embedded corpus drew for each recording: name -> (recordings,).

    Args:
        recordings: of the embedded corpus.
        own_pitch_hz: speaker -> middle pitch.

    Raises:
        ValueError: a recording does not tell; another corpus cannot.
    """
    rows = [recording.factors for recording in recordings]
    wanted = (
        "pitch_hz_requested",
        "pitch_spread_st_requested",
        "rate_requested",
        "volume_db_requested",
    )
    for recording in recordings:
        missing = [name for name in wanted if recording.factors.get(name) is None]
        if missing or own_pitch_hz.get(recording.speaker) is None:
            raise ValueError(
                f"expected the factors of the embedded corpus, got none of {missing} for "
                f"{recording.id}; only that corpus knows them"
            )
    factors: dict[str, NDArray[Any]] = {
        "pitch_st": np.array(
            [
                12 * math.log2(row["pitch_hz_requested"] / float(own_pitch_hz[r.speaker] or 1))
                for row, r in zip(rows, recordings, strict=True)
            ]
        ),
        "spread_st": np.array([float(row["pitch_spread_st_requested"]) for row in rows]),
        "log_rate": np.array([math.log(row["rate_requested"]) for row in rows]),
        "volume_db": np.array([float(row["volume_db_requested"]) for row in rows]),
        SPEAKER: np.array([recording.speaker for recording in recordings]),
    }
    noisy = np.array([row.get("snr_db") is not None for row in rows])
    if noisy.any() and not noisy.all():
        factors["noisy"] = noisy
    return factors
