"""A prepared corpus as batches for training and validation."""

from pathlib import Path

import lightning
from torch.utils.data import DataLoader

from tts_vae.audio.mel import MelConfig
from tts_vae.corpora.manifests import speaker_genders
from tts_vae.data.batch import SpeechBatch, collate
from tts_vae.data.dataset import UtteranceDataset
from tts_vae.data.features import extract
from tts_vae.data.sampler import padded_batches
from tts_vae.data.store import FeatureStore
from tts_vae.latents.processes import rank_and_size
from tts_vae.text.phonemizer import make_phonemizer
from tts_vae.text.symbols import SymbolTable


class SpeechData(lightning.LightningDataModule):
    """Features of a corpus, computed once and cached beside it.

    Args:
        corpus_dir: prepared corpus (corpus.json and manifests).
        mel: analysis constants.
        front_end: "espeak" or "grapheme"; where the corpus has no alignment it makes the tokens.
        f0_tracker: "praat" or "pyin".
        durations: name of a file under ``corpus_dir/durations`` made by an aligner, for corpora
            whose durations are not known.
        batch_size: utterances in a batch (per process).
        seed: draws the order of batches.

    Raises:
        ValueError: if the corpus is not prepared, or its durations are not known.
    """

    def __init__(
        self,
        corpus_dir: Path,
        mel: MelConfig,
        front_end: str = "espeak",
        f0_tracker: str = "praat",
        durations: str | None = None,
        batch_size: int = 32,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.mel = mel
        self.front_end = front_end
        self.batch_size = batch_size
        self.seed = seed
        phonemizer = make_phonemizer(front_end)  # type: ignore[arg-type]
        self.table: SymbolTable = phonemizer.table
        path = corpus_dir / "durations" / f"{durations}.safetensors" if durations else None
        if path is not None and not path.is_file():
            raise ValueError(
                f"{path} does not exist; make it with `python recipes/align.py corpus=...`"
            )

        def store(split: str) -> FeatureStore:
            return extract(
                corpus_dir,
                split,
                mel=mel,
                phonemizer=phonemizer,
                f0_tracker=f0_tracker,
                durations=path,
            )

        self.train_store, self.valid_store = store("train"), store("valid")
        if not len(self.train_store):
            raise ValueError(f"{corpus_dir} has no training recordings; prepare more utterances")
        self.speakers = tuple(self.train_store.speakers)
        self.genders = speaker_genders(corpus_dir)
        self.train_set = UtteranceDataset(self.train_store)
        self.valid_set = UtteranceDataset(self.valid_store)

    def sample_batches(self, count: int = 20) -> list[SpeechBatch]:
        """A few batches spread over the training split, for statistics."""
        dataset = self.train_set
        step = max(1, len(dataset) // (count * self.batch_size))
        picked = [dataset[i] for i in range(0, len(dataset), step)]
        return [
            collate(picked[i : i + self.batch_size]) for i in range(0, len(picked), self.batch_size)
        ][:count]

    def train_dataloader(self) -> DataLoader:
        """Shuffled batches of similar length, the same for the same seed and epoch."""
        return self._loader(self.train_set, shuffle=True)

    def val_dataloader(self) -> DataLoader:
        """Validation batches in order of length."""
        return self._loader(self.valid_set, shuffle=False)

    def _loader(self, dataset: UtteranceDataset, shuffle: bool) -> DataLoader:
        rank, world_size = rank_and_size()
        return padded_batches(
            dataset,
            batch_size=self.batch_size,
            seed=self.seed,
            shuffle=shuffle,
            rank=rank,
            world_size=world_size,
        )
