"""Where recordings lie in the latent space, beside what is truly known about each of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from tts_vae.data.dataset import UtteranceDataset
from tts_vae.data.sampler import padded_batches
from tts_vae.data.store import FeatureRecord
from tts_vae.evaluation.measures.clustering import LatentUse, latent_use
from tts_vae.synthesis.voice import Voice

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class LatentMap:
    """Posteriors of recordings, item i the same in every array.

    Attributes:
        ids: of the recordings.
        speakers: (items,) names.
        factors: factor -> (items,) numbers, NaN where unknown; only factors known at all.
        codes: site -> (items, width) posterior means.
        use: site -> how much of it is used over these recordings.
    """

    ids: tuple[str, ...]
    speakers: NDArray[np.str_]
    factors: dict[str, Floats]
    codes: dict[str, Floats]
    use: dict[str, LatentUse]


def spread_evenly(records: Sequence[FeatureRecord], limit: int) -> list[FeatureRecord]:
    """At most ``limit`` records, evenly spaced."""
    chosen = np.linspace(0, len(records) - 1, min(limit, len(records))).round().astype(int)
    return [records[index] for index in chosen]


@torch.inference_mode()
def latent_map(
    voice: Voice,
    records: Sequence[FeatureRecord],
    factors: Sequence[str] = ("f0_median_hz", "phones_per_s", "rms_db"),
    batch_size: int = 32,
) -> LatentMap:
    """Infer every site of every recording.

    Args:
        voice: whose encoders.
        records: features of its corpus.
        factors: names in ``record.factors`` to keep.
        batch_size: recordings at once.

    Raises:
        ValueError: there is no recording.
    """
    if not records:
        raise ValueError("expected at least one recording to map, got none; give another split")
    model = voice.bundle.model
    ids: list[str] = []
    codes: dict[str, list[torch.Tensor]] = {site: [] for site in model.sites}
    nats: dict[str, list[torch.Tensor]] = {site: [] for site in model.sites}
    shares: dict[str, list[torch.Tensor]] = {site: [] for site in model.sites}
    batches = padded_batches(UtteranceDataset(records), batch_size=batch_size, shuffle=False)
    for batch in batches:
        ids += batch.ids
        conditions = {site: getattr(batch, name) for site, name in model.conditions.items()}
        outputs = model.infer(batch.mels, batch.mel_mask, conditions, mode="mean")
        for site, output in outputs.items():
            codes[site].append(output.z)
            nats[site].append(output.kl)
            if "responsibilities" in output.statistics:
                shares[site].append(output.statistics["responsibilities"])
    by_id = {record.id: record for record in records}
    ordered = [by_id[name] for name in ids]
    known = {
        name: np.array([_number(record.factors.get(name)) for record in ordered])
        for name in factors
    }
    return LatentMap(
        ids=tuple(ids),
        speakers=np.array([voice.speakers[record.speaker] for record in ordered]),
        factors={name: values for name, values in known.items() if np.isfinite(values).any()},
        codes={site: torch.cat(parts).double().numpy() for site, parts in codes.items()},
        use={
            site: latent_use(
                torch.cat(codes[site]).numpy(),
                torch.cat(nats[site]).numpy(),
                torch.cat(shares[site]).numpy() if shares[site] else None,
            )
            for site in codes
        },
    )


def _number(value: float | None) -> float:
    return float("nan") if value is None else float(value)
