"""Codes of a trained latent and what they are conditioned on, in memory, as resumable batches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from tts_vae.data.sampler import PaddedBatchSampler


@dataclass
class CodeBatch:
    """A batch of codes.

    Attributes:
        codes: (batch, *steps) int64, -1 on padding.
        conditions: name of an argument of the prior's ``log_prob`` -> (batch, ...).
    """

    codes: Tensor
    conditions: dict[str, Tensor]

    def __len__(self) -> int:
        """Number of items."""
        return len(self.codes)

    @property
    def code_count(self) -> Tensor:
        """Real codes in the batch, () int64."""
        return (self.codes >= 0).sum()

    def to(self, device: torch.device | str, non_blocking: bool = False) -> CodeBatch:
        """The same batch on a device."""
        return CodeBatch(
            self.codes.to(device, non_blocking=non_blocking),
            {name: x.to(device, non_blocking=non_blocking) for name, x in self.conditions.items()},
        )


class CodeDataset(Dataset[CodeBatch]):
    """Codes and conditions of a corpus.

    Args:
        codes: (items, *steps) int64, -1 on padding.
        conditions: name of an argument of the prior's ``log_prob`` -> (items, ...); one tensor
            alone is its ``condition``; None for an unconditional prior.

    Raises:
        ValueError: if there are no codes, an item has none, or a condition is of other items.
    """

    def __init__(
        self, codes: Tensor, conditions: Mapping[str, Tensor] | Tensor | None = None
    ) -> None:
        if isinstance(conditions, Tensor):
            conditions = {"condition": conditions}
        if codes.ndim < 2 or not len(codes) or codes.dtype != torch.int64:
            raise ValueError(
                f"codes must be (items, *steps) int64 with at least one item, got {codes.dtype} "
                f"{tuple(codes.shape)}; collect LatentOutput.codes over the training split"
            )
        self.lengths = (codes >= 0).flatten(1).sum(1)
        if not self.lengths.all():
            first = int((self.lengths == 0).nonzero()[0])
            raise ValueError(f"item {first} is all padding; leave out items without a real code")
        for name, values in (conditions or {}).items():
            if len(values) != len(codes):
                raise ValueError(
                    f"{name} must be of the same {len(codes)} items as the codes, got "
                    f"{len(values)}; collect both in one pass"
                )
        self.codes = codes
        self.conditions = dict(conditions or {})

    def __len__(self) -> int:
        """Number of items."""
        return len(self.codes)

    def __getitems__(self, indices: Sequence[int]) -> CodeBatch:
        """One batch at once: torch's loader asks for this where there is one."""
        rows = torch.as_tensor(indices)
        return CodeBatch(self.codes[rows], {k: v[rows] for k, v in self.conditions.items()})

    def __getitem__(self, index: int) -> CodeBatch:
        """A batch of one item."""
        return self.__getitems__([index])


def code_batches(
    dataset: CodeDataset,
    batch_size: int,
    *,
    seed: int = 0,
    shuffle: bool = True,
    rank: int = 0,
    world_size: int = 1,
) -> DataLoader:
    """A DataLoader of :class:`CodeBatch`, items of similar length together.

    Its order is a function of (seed, epoch); ``.batch_sampler`` continues within an epoch (see
    :class:`PaddedBatchSampler`, which also explains the arguments).
    """
    sampler = PaddedBatchSampler(
        dataset.lengths.tolist(),
        batch_size=batch_size,
        seed=seed,
        shuffle=shuffle,
        rank=rank,
        world_size=world_size,
    )
    return DataLoader(dataset, batch_sampler=sampler, collate_fn=_as_it_is)


def _as_it_is(batch: Any) -> Any:
    return batch
