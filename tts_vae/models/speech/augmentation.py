"""Augmentation of mels for recognisers: masks (SpecAugment, Park et al. 2019) and tempo."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Augmentation:
    """How much to disturb the mels of a training batch; zeros disturb nothing.

    Attributes:
        tempo: largest relative change of length, e.g. 0.15; each utterance is stretched by its
            own factor, drawn uniformly from 1 - tempo to 1 + tempo.
        frequency_masks: bands of neighbouring mels masked in each utterance.
        frequency_mask_width: widest of them, in mel bands.
        time_masks: stretches of frames masked in each utterance.
        time_mask_share: longest of them, as a share of the utterance's frames.
    """

    tempo: float = 0.0
    frequency_masks: int = 0
    frequency_mask_width: int = 12
    time_masks: int = 0
    time_mask_share: float = 0.05

    def __call__(
        self, mels: Tensor, mel_mask: Tensor, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Disturb a batch.

        Args:
            mels: (batch, frames, n_mels) natural-log magnitude.
            mel_mask: (batch, frames) bool, real frames first.
            generator: of the draws, on the CPU.

        Returns:
            Mels and mask, the number of frames changed by the tempo. Masked values become the
            utterance's mean of the band.
        """
        if self.tempo:
            mels, mel_mask = self._stretch(mels, mel_mask, generator)
        if not self.frequency_masks and not self.time_masks:
            return mels, mel_mask
        batch, frames, n_mels = mels.shape
        lengths = mel_mask.sum(1).cpu()
        hidden = torch.zeros(batch, frames, n_mels, dtype=torch.bool)
        for _ in range(self.frequency_masks):
            widest = torch.full((batch,), float(self.frequency_mask_width))
            limits = torch.full((batch,), n_mels)
            hidden |= _spans(widest, limits, n_mels, generator)[:, None, :]
        for _ in range(self.time_masks):
            widest = self.time_mask_share * lengths
            hidden |= _spans(widest, lengths, frames, generator)[:, :, None]
        weight = mel_mask.unsqueeze(-1).to(mels.dtype)
        mean = (mels * weight).sum(1, keepdim=True) / weight.sum(1, keepdim=True)
        return torch.where(hidden.to(mels.device), mean, mels), mel_mask

    def _stretch(
        self, mels: Tensor, mel_mask: Tensor, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        batch = mels.shape[0]
        draws = torch.rand(batch, generator=generator).to(mels.device)
        factors = 1 + self.tempo * (2 * draws - 1)
        lengths = mel_mask.sum(1)
        stretched = (lengths * factors).round().long().clamp(min=1)
        steps = torch.arange(int(stretched.max()), device=mels.device)
        mask = steps < stretched.unsqueeze(1)
        last = (lengths - 1).unsqueeze(1).to(mels.dtype)
        position = steps * last / (stretched - 1).clamp(min=1).unsqueeze(1)
        position = torch.minimum(position, last)
        below = position.floor().long()
        above = torch.minimum(below + 1, last.long())
        part = (position - below).unsqueeze(-1)
        width = (-1, -1, mels.shape[-1])
        low = mels.gather(1, below.unsqueeze(-1).expand(width))
        high = mels.gather(1, above.unsqueeze(-1).expand(width))
        return torch.lerp(low, high, part) * mask.unsqueeze(-1), mask


def _spans(widest: Tensor, limits: Tensor, size: int, generator: torch.Generator) -> Tensor:
    """One span a row: (batch, size) bool, width uniform in 0..widest, inside 0..limits."""
    batch = len(limits)
    width = (torch.rand(batch, generator=generator) * (widest + 1)).floor()
    start = (torch.rand(batch, generator=generator) * (limits - width + 1).clamp(min=1)).floor()
    position = torch.arange(size)
    return (position >= start.unsqueeze(1)) & (position < (start + width).unsqueeze(1))
