"""Points of the latent map: real utterances where they are known, else draws from the prior.

Utterances are kept under ``points`` of a voice's styles.json, so that the map needs no corpus.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from tts_vae.synthesis.voice import Voice

KEY = "points"
DRAWS = 300
_DIGITS = 4  # of a stored latent value: far finer than a pixel of the map
_FIELDS = ("ids", "splits", "labels", "values", "z")

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Points:
    """Places in the prosody's latent space; item i the same in every field.

    Attributes:
        source: what they are, in words for the page.
        z: (items, width).
        ids: name of each.
        held_out: (items,) bool, utterances that the voice was not trained on.
        labels: name of a label -> one word for each item (speaker, component).
        values: name of an attribute with its unit -> (items,) numbers, NaN where unknown.
        utterances: whether they are real recordings.
    """

    source: str
    z: Floats
    ids: tuple[str, ...]
    held_out: NDArray[np.bool_]
    labels: dict[str, tuple[str, ...]] = field(default_factory=dict)
    values: dict[str, Floats] = field(default_factory=dict)
    utterances: bool = False

    @property
    def attributes(self) -> tuple[str, ...]:
        """What they can be coloured by."""
        return (*self.values, *self.labels)


def points_of(voice: Voice) -> Points | None:
    """The points of a voice: those it stores, else draws from its prior; None without prosody.

    Raises:
        ValueError: if what it stores does not fit the voice.
    """
    site = voice.prosody_site
    if site is None:
        return None
    stored = voice.bundle.styles.get(KEY, {}).get(site)
    if stored is not None:
        return _stored(voice, site, stored)
    return _drawn(voice)


def nearest_components(voice: Voice, z: Floats) -> tuple[str, ...]:
    """The component whose value is nearest to each place (items, width); () without components."""
    if not voice.components or voice.prosody_site is None:
        return ()
    latent = voice.bundle.model.sites[voice.prosody_site]
    means = torch.stack([latent.component(k) for k in range(voice.components)]).double().numpy()
    nearest = ((z[:, None] - means) ** 2).sum(-1).argmin(1)
    return tuple(f"component {index}" for index in nearest)


def measure_points(voice: Voice, corpus: str | Path, limit: int = 300) -> Points:
    """Utterances of a prepared corpus as points: two thirds from training, one third held out.

    Args:
        voice: whose encoder places them.
        corpus: folder of the corpus.
        limit: utterances in all, evenly spread.

    Raises:
        ValueError: if the voice has no prosody, or the folder no utterances.
    """
    from tts_vae.corpora.manifests import read_cuts
    from tts_vae.evaluation.measures.attributes import measure_attributes

    site = voice.prosody_site
    if site is None:
        raise ValueError("this voice has no prosody to map; leave the corpus out")
    rows: list[tuple[str, bool, str, Any, Any]] = []
    for split, count in (("train", limit - limit // 3), ("test", limit // 3)):
        cuts = list(read_cuts(Path(corpus), split))
        spread = np.linspace(0, len(cuts) - 1, min(count, len(cuts))).round().astype(int)
        for cut in (cuts[index] for index in spread):
            (said,) = cut.supervisions
            samples = cut.load_audio()[0]
            place = voice.style(reference=(samples, cut.sampling_rate)).values[site]
            tokens = [item.symbol for item in (said.alignment or {}).get("phone", [])]
            heard = measure_attributes(samples, cut.sampling_rate, tokens)
            rows.append((cut.id, split == "test", said.speaker or "", place.numpy(), heard))
    if not rows:
        raise ValueError(f"{corpus} has no utterances; prepare the corpus again")
    ids, held_out, speakers, places, measured = zip(*rows, strict=True)
    z = np.stack(places).astype(np.float64)
    values = {
        "pitch level (st)": [heard.pitch_st for heard in measured],
        "pitch SD (st)": [heard.pitch_sd_st for heard in measured],
        "rate (phones/s)": [heard.rate for heard in measured],
        "energy (dB)": [heard.energy_db for heard in measured],
        "tilt (dB/octave)": [heard.tilt_db for heard in measured],
    }
    return Points(
        source=_utterance_words(held_out),
        z=z,
        ids=tuple(ids),
        held_out=np.array(held_out),
        labels=_labels(voice, z, speakers),
        values={n: np.array(v) for n, v in values.items() if np.isfinite(v).any()},
        utterances=True,
    )


def store_points(folder: str | Path, site: str, points: Points) -> Path:
    """Keep points with a voice; numbers are written in rows, which keeps styles.json small.

    Raises:
        ValueError: if the voice's styles.json cannot be replaced.
    """
    from tts_vae.synthesis.voice_styles import update_styles

    def plain(numbers: Floats) -> str:
        return " ".join(f"{round(float(x), _DIGITS):g}" for x in numbers)

    kept = {
        "ids": list(points.ids),
        "splits": ["test" if held else "train" for held in points.held_out],
        "labels": {name: list(words) for name, words in points.labels.items()},
        "values": {name: plain(numbers) for name, numbers in points.values.items()},
        "z": [plain(row) for row in points.z],
    }
    return update_styles(folder, KEY, {site: kept})


def _stored(voice: Voice, site: str, stored: Any) -> Points:
    width = voice.bundle.model.sites[site].width
    missing = [name for name in _FIELDS if not isinstance(stored, Mapping) or name not in stored]
    if missing:
        raise ValueError(f"points of styles.json lack {', '.join(missing)}; measure them again")
    try:
        z = np.array([_numbers(row) for row in stored["z"]])
        values = {str(name): np.array(_numbers(row)) for name, row in stored["values"].items()}
    except (TypeError, ValueError, AttributeError) as error:
        raise ValueError(
            f"points of styles.json are not numbers ({error}); measure them again"
        ) from error
    columns = [stored["ids"], stored["splits"], *stored["labels"].values(), *values.values()]
    if z.ndim != 2 or z.shape[1] != width or any(len(column) != len(z) for column in columns):
        raise ValueError(
            f"points of styles.json must be rows of {width} numbers, and every column as long; "
            f"got shape {z.shape}; measure them again"
        )
    held_out = np.array([split == "test" for split in stored["splits"]])
    return Points(
        source=_utterance_words(held_out),
        z=z,
        ids=tuple(map(str, stored["ids"])),
        held_out=held_out,
        labels={str(name): tuple(map(str, words)) for name, words in stored["labels"].items()},
        values=values,
        utterances=True,
    )


def _numbers(row: str) -> list[float]:
    return [float(number) for number in row.split()]


def _drawn(voice: Voice) -> Points | None:
    """Draws from the prior; the components alone where a plain code has none."""
    site = voice.prosody_site
    assert site is not None
    try:
        draws = [voice.style(prior=seed).values[site] for seed in range(DRAWS)]
    except ValueError:  # a plain code: nothing to draw from
        return None
    z = torch.stack(draws).double().numpy()
    return Points(
        source=f"{len(z)} draws from the prior: this voice stores no utterances",
        z=z,
        ids=tuple(f"prior={seed}" for seed in range(len(z))),
        held_out=np.zeros(len(z), dtype=bool),
        labels=_labels(voice, z, ()),
    )


def _labels(voice: Voice, z: Floats, speakers: Sequence[str]) -> dict[str, tuple[str, ...]]:
    labels = {"speaker": tuple(speakers), "component": nearest_components(voice, z)}
    return {name: words for name, words in labels.items() if len(set(words)) > 1}


def _utterance_words(held_out: Any) -> str:
    held = int(np.sum(held_out))
    return f"{len(held_out) - held} training utterances (dots) and {held} held-out ones (rings)"
