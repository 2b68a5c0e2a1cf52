"""Two splits of an image corpus as batches for training and validation."""

import lightning

from tts_vae.corpora.image_corpus import ImageCorpus
from tts_vae.data.images import Binarisation, ImageBatch, ImageLoader
from tts_vae.latents.processes import rank_and_size


class ImageData(lightning.LightningDataModule):
    """Images in memory.

    Validation scores the test split in its own order: it is looked at, and decides nothing.

    Args:
        train: images to learn from.
        test: images that no gradient sees.
        batch_size: images in a batch (per process).
        seed: draws order and noise.
        binarisation: "none", "fixed" or "dynamic"; the test split is binarised once.
        dequantisation: add uniform noise of one grey level.
    """

    def __init__(
        self,
        train: ImageCorpus,
        test: ImageCorpus,
        batch_size: int = 100,
        seed: int = 0,
        binarisation: Binarisation = "none",
        dequantisation: bool = False,
    ) -> None:
        super().__init__()
        self.train, self.test = train, test
        self.batch_size = batch_size
        self.seed = seed
        self.binarisation = binarisation
        self.dequantisation = dequantisation

    def sample_batches(self) -> list[ImageBatch]:
        """One epoch of the training split, for statistics."""
        return list(self._loader(self.train, shuffle=False, binarisation=self.binarisation))

    def train_dataloader(self) -> ImageLoader:
        """Shuffled batches, the same for the same seed and epoch."""
        return self._loader(self.train, shuffle=True, binarisation=self.binarisation)

    def val_dataloader(self) -> ImageLoader:
        """The test split; binary images are drawn once."""
        fixed: Binarisation = "none" if self.binarisation == "none" else "fixed"
        return self._loader(self.test, shuffle=False, binarisation=fixed)

    def _loader(
        self, corpus: ImageCorpus, shuffle: bool, binarisation: Binarisation
    ) -> ImageLoader:
        rank, world_size = rank_and_size()
        return ImageLoader(
            corpus,
            self.batch_size,
            seed=self.seed,
            shuffle=shuffle,
            binarisation=binarisation,
            dequantisation=self.dequantisation,
            rank=rank,
            world_size=world_size,
        )
