"""Batches of utterances of similar length: little padding, seeded, resumable, shared over ranks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from torch.utils.data import DataLoader, Sampler

from tts_vae.data.batch import collate
from tts_vae.data.dataset import UtteranceDataset
from tts_vae.data.epochs import ResumableEpochs

BATCHES_PER_POOL = 32
"""Utterances are shuffled, cut into pools of so many batches, and sorted by length within one:
more gives less padding, fewer gives more varied batches."""


class PaddedBatchSampler(ResumableEpochs, Sampler[list[int]]):
    """Lists of indices of utterances of similar length.

    Every epoch is a function of (seed, epoch) alone. After the last batch the epoch advances by
    itself; `state_dict` and `load_state_dict` continue a run in the middle of an epoch.
    """

    def __init__(
        self,
        lengths: Sequence[int],
        *,
        batch_size: int | None = None,
        max_frames: int | None = None,
        seed: int = 0,
        shuffle: bool = True,
        drop_last: bool = False,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        """Give batch_size, max_frames or both.

        Args:
            lengths: Frames of every utterance.
            batch_size: Utterances in a batch, at most.
            max_frames: Frames of a batch, padding included, at most; a longer utterance is alone.
            seed: Draws the order.
            shuffle: Without it: in order of length, the same every epoch.
            drop_last: Leave out a batch of fewer than batch_size.
            rank: This process, of world_size; each gets every world_size-th batch, all equally
                many (batches that do not divide evenly are repeated from the start).
            world_size: Processes that share the epoch.

        Raises:
            ValueError: If no limit is given or one is not positive.
        """
        limits = [limit for limit in (batch_size, max_frames) if limit is not None]
        if not limits or min(limits) < 1:
            raise ValueError(
                f"expected a positive batch_size or max_frames, got {batch_size} and {max_frames}"
            )
        if not 0 <= rank < world_size:
            raise ValueError(f"expected 0 <= rank < world_size, got {rank} and {world_size}")
        self.lengths = np.asarray(lengths, dtype=np.int64)
        self.batch_size, self.max_frames = batch_size, max_frames
        self.seed, self.shuffle, self.drop_last = seed, shuffle, drop_last
        self.rank, self.world_size = rank, world_size
        self._planned: tuple[int, list[list[int]]] | None = None

    def __iter__(self) -> Iterator[list[int]]:
        """Yields the batches of this epoch and rank."""
        batches = self._batches()
        for number in self._numbers(len(batches)):
            yield batches[number]

    def __len__(self) -> int:
        """Batches of this epoch and rank."""
        return len(self._batches())

    def _batches(self) -> list[list[int]]:
        if self._planned is None or self._planned[0] != self.epoch:
            self._planned = (self.epoch, self._plan())
        return self._planned[1]

    def _plan(self) -> list[list[int]]:
        total = len(self.lengths)
        if not self.shuffle:
            batches = self._cut(np.argsort(self.lengths, kind="stable"))
        else:
            generator = np.random.default_rng([self.seed, self.epoch])
            order = generator.permutation(total)
            usual = self.batch_size or max(1, round(self.max_frames / self._mean_length()))  # type: ignore[operator]
            pool = BATCHES_PER_POOL * usual
            batches = []
            for start in range(0, total, pool):
                members = order[start : start + pool]
                members = members[np.argsort(self.lengths[members], kind="stable")]
                batches += self._cut(members)
            batches = [batches[number] for number in generator.permutation(len(batches))]
        if self.world_size > 1 and batches:
            missing = -len(batches) % self.world_size
            batches += [batches[number % len(batches)] for number in range(missing)]
            batches = batches[self.rank :: self.world_size]
        return batches

    def _mean_length(self) -> float:
        return float(self.lengths.mean()) if len(self.lengths) else 1.0

    def _cut(self, members: np.ndarray) -> list[list[int]]:
        """Cuts utterances sorted by length into batches within both limits."""
        batches: list[list[int]] = []
        current: list[int] = []
        for index in members.tolist():
            full = self.batch_size is not None and len(current) >= self.batch_size
            if self.max_frames is not None:
                full |= (len(current) + 1) * int(self.lengths[index]) > self.max_frames
            if full and current:
                batches.append(current)
                current = []
            current.append(index)
        if current:
            batches.append(current)
        if self.drop_last and self.batch_size is not None and self.max_frames is None:
            batches = [batch for batch in batches if len(batch) == self.batch_size]
        return batches


def padded_batches(
    dataset: UtteranceDataset,
    *,
    batch_size: int | None = None,
    max_frames: int | None = None,
    seed: int = 0,
    shuffle: bool = True,
    drop_last: bool = False,
    rank: int = 0,
    world_size: int = 1,
    pin_memory: bool = False,
) -> DataLoader:
    """A DataLoader of SpeechBatch (arguments as in PaddedBatchSampler).

    It works in this process: collating 32 cached utterances takes a few milliseconds. The sampler
    is ``.batch_sampler``.
    """
    sampler = PaddedBatchSampler(
        dataset.frames,
        batch_size=batch_size,
        max_frames=max_frames,
        seed=seed,
        shuffle=shuffle,
        drop_last=drop_last,
        rank=rank,
        world_size=world_size,
    )
    return DataLoader(dataset, batch_sampler=sampler, collate_fn=collate, pin_memory=pin_memory)
