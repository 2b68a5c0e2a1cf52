"""Are the latents of a voice alive, what do components stand for, and how much do they carry?"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tts_vae.evaluation.measures.clustering import cluster_agreement, latent_use
from tts_vae.evaluation.measures.summary import bootstrap_interval, summarise
from tts_vae.evaluation.voices.held_out import HeldOutRecording
from tts_vae.evaluation.voices.posteriors import Posteriors


def clusters(
    posteriors: Mapping[str, Posteriors],
    recordings: Sequence[HeldOutRecording],
    genders: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Active units, components in use, and components against speakers and genders.

    Args:
        posteriors: site -> what it says of the recordings.
        recordings: the same, in order.
        genders: speaker -> gender, where known.

    Returns:
        "recordings", and "sites": site -> use of the latent, "certainty" (mean largest
        responsibility), "agreement": label ("speaker", "gender") -> consistency, NMI, ARI, and
        "counts": label -> its value -> recordings in each component.
    """
    labels = {"speaker": [recording.speaker for recording in recordings]}
    if genders:
        labels["gender"] = [genders.get(speaker, "unknown") for speaker in labels["speaker"]]
    sites = {}
    for site, found in posteriors.items():
        # codes are responsibilities of 0 and 1
        shares = found.responsibilities
        if shares is None and found.codes is not None:
            shares = np.eye(found.components)[found.codes]
        use = asdict(latent_use(found.means, found.kl_nats, shares))
        agreement, counts, assigned = {}, {}, found.assignments
        if assigned is not None:
            counts = {
                label: _counts(names, assigned, found.components) for label, names in labels.items()
            }
            agreement = {
                label: asdict(cluster_agreement(assigned.tolist(), names))
                for label, names in labels.items()
                if len(set(names)) > 1
            }
        certainty = float(shares.max(1).mean()) if shares is not None else None
        sites[site] = use | {
            "certainty": certainty,
            "agreement": agreement,
            "counts": counts,
        }
    return {"recordings": len(recordings), "sites": sites}


def capacity(
    posteriors: Mapping[str, Posteriors], requested: Mapping[str, float] | None = None
) -> dict[str, Any]:
    """Mean KL of every site in nats, beside what was asked of it in training.

    Args:
        posteriors: site -> what it says of recordings.
        requested: site -> nats that training held it at, as far as the voice tells.

    Returns:
        site -> "mean_nats" with its bootstrap interval "low" and "high", "median_nats",
        "p95_nats", "nats" of each recording, "recordings" (how many) and "requested_nats" (None
        where nothing was asked).
    """
    result = {}
    for site, found in posteriors.items():
        summary = summarise(found.kl_nats)
        low, high = bootstrap_interval(found.kl_nats, lambda rows: float(rows.mean()))
        result[site] = {
            "mean_nats": float(found.kl_nats.mean()),
            "low": low,
            "high": high,
            "median_nats": summary.median,
            "p95_nats": summary.p95,
            "nats": [round(nats, 3) for nats in found.kl_nats.tolist()],
            "recordings": len(found.kl_nats),
            "requested_nats": (requested or {}).get(site),
        }
    return {"sites": result}


def _counts(
    names: Sequence[str], assigned: NDArray[np.int64], components: int
) -> dict[str, list[int]]:
    """Name -> how many of its recordings are in each component."""
    return {
        name: np.bincount(
            assigned[[other == name for other in names]], minlength=components
        ).tolist()
        for name in sorted(set(names))
    }
