"""Reading cached features: a store is a list of utterances whose arrays are views of a few tensors.

Shards are memory-mapped, so a corpus larger than memory works, and one that fits is read once.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from safetensors.torch import load_file
from torch import Tensor

from tts_vae.corpora.manifests import read_corpus

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class FeatureRecord:
    """The features of one utterance.

    Attributes:
        tokens: (phones,) int64.
        durations: (phones,) int64 frames that sum to frames; None when unknown.
        mels: (frames, n_mels) float16, natural-log magnitude.
        f0_hz: (frames,) float32, 0 where unvoiced.
        energy_db: (frames,) float32.
        speaker: Index into the corpus's table of speakers.
    """

    id: str
    text: str
    tokens: Tensor
    durations: Tensor | None
    mels: Tensor
    f0_hz: Tensor
    energy_db: Tensor
    speaker: int
    held_out: str = "none"
    factors: dict[str, Any] = field(default_factory=dict)


class FeatureStore(Sequence[FeatureRecord]):
    """The features of one split.

    Attributes:
        speakers: Names, in the order of the speaker index.
        symbols: The tokens, in the order of their numbers.
        front_end: "alignment", or the name of the phonemizer.
        skipped: [{"id", "reason"}] that have no features.
    """

    def __init__(
        self,
        folder: Path,
        split: str,
        *,
        corpus_dir: Path | None = None,
        durations: Path | None = None,
    ) -> None:
        """Opens what extract() wrote.

        Args:
            folder: DIR/features/<fingerprint>.
            split: train, valid or test.
            corpus_dir: DIR; two folders up unless told.
            durations: A safetensors file {utterance id: int64 (phones,)} made by an aligner, used
                instead of the corpus's own. Utterances that it lacks are left out, with a warning.

        Raises:
            ValueError: If the split is not extracted, or the durations do not fit it.
        """
        self.folder, self.split = Path(folder), split
        index = self.folder / f"{split}.json"
        if not index.is_file():
            raise ValueError(f"expected features of {split}, got none in {folder}; run extract()")
        corpus = read_corpus(Path(corpus_dir) if corpus_dir else self.folder.parent.parent)
        self.speakers: list[str] = [speaker["name"] for speaker in corpus["speakers"]]
        settings = json.loads((self.folder / "settings.json").read_text(encoding="utf-8"))
        self.symbols: tuple[str, ...] = tuple(settings["symbols"])
        self.front_end: str = settings["front_end"]
        self.mel: dict[str, Any] = settings["mel"]
        self.skipped: list[dict[str, str]] = []
        self._records: list[FeatureRecord] = []
        overlay = None if durations is None else load_durations(durations)
        missing: list[str] = []
        numbers = {name: number for number, name in enumerate(self.speakers)}
        for name in json.loads(index.read_text(encoding="utf-8"))["shards"]:
            self._read_shard(name, numbers, overlay, missing)
        if missing and not self._records:
            raise ValueError(
                f"expected durations of {split}, got none for its {len(missing)} utterances in "
                f"{durations}; align this split"
            )
        if missing:
            logger.warning(
                "%s: left out %d utterances without durations, e.g. %s",
                split,
                len(missing),
                ", ".join(missing[:3]),
            )

    def _read_shard(
        self,
        name: str,
        speakers: dict[str, int],
        overlay: dict[str, Tensor] | None,
        missing: list[str],
    ) -> None:
        contents = json.loads((self.folder / f"{name}.json").read_text(encoding="utf-8"))
        self.skipped += contents["skipped"]
        if not contents["utterances"]:
            return
        tensors = load_file(self.folder / f"{name}.safetensors")
        phone = frame = timed = 0
        for entry in contents["utterances"]:
            phones = slice(phone, phone + entry["phones"])
            frames = slice(frame, frame + entry["frames"])
            durations = None
            if entry["has_durations"]:
                durations = tensors["durations"][timed : timed + entry["phones"]]
                timed += entry["phones"]
            phone, frame = phones.stop, frames.stop
            if overlay is not None:
                if entry["id"] not in overlay:
                    missing.append(entry["id"])
                    continue
                durations = _checked(overlay[entry["id"]], entry)
            self._records.append(
                FeatureRecord(
                    id=entry["id"],
                    text=entry["text"],
                    tokens=tensors["tokens"][phones],
                    durations=durations,
                    mels=tensors["mels"][frames],
                    f0_hz=tensors["f0_hz"][frames],
                    energy_db=tensors["energy_db"][frames],
                    speaker=speakers[entry["speaker"]],
                    held_out=entry["held_out"],
                    factors=entry["factors"],
                )
            )

    def __len__(self) -> int:
        """Number of utterances."""
        return len(self._records)

    def __getitem__(self, index: Any) -> Any:
        """One record, or a list of them for a slice."""
        return self._records[index]

    @property
    def frames(self) -> list[int]:
        """Frames of every utterance."""
        return [len(record.mels) for record in self._records]

    @property
    def has_durations(self) -> bool:
        """Whether every utterance has durations."""
        return all(record.durations is not None for record in self._records)


def load_durations(path: Path) -> dict[str, Tensor]:
    """{utterance id: (phones,) int64 frames} from a safetensors file.

    Raises:
        ValueError: If there is no such file.
    """
    if not Path(path).is_file():
        raise ValueError(f"expected a file of durations, got {path}; run the aligner first")
    return {key: value.long() for key, value in load_file(path).items()}


def _checked(durations: Tensor, entry: dict[str, Any]) -> Tensor:
    if len(durations) != entry["phones"] or int(durations.sum()) != entry["frames"]:
        raise ValueError(
            f"{entry['id']}: expected {entry['phones']} durations that sum to {entry['frames']} "
            f"frames, got {len(durations)} that sum to {int(durations.sum())}; "
            "align again with these features"
        )
    return durations
