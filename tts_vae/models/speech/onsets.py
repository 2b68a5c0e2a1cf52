"""Where phones begin and how long such phones usually last: what tells the speaking rate from mels.

An average over a reference says little about its rate until the encoder knows what a phone is;
trained only through the likelihood of durations, reference encoders were still at chance after
hundreds of steps. So the rate is recognised explicitly: a small detector learns the onsets of the
aligned phones, and at each of them the usual duration of the phone that begins. The number of
phones over the length of a reference is one rate, their usual duration over its length another:
the second does not take a text of long vowels for slow speech.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tts_vae.models.speech.layers import FrameNetwork

USUAL_SCALE = 1.0
"""Laplace scale of a usual duration, in frames."""


class OnsetDetector(FrameNetwork):
    """Log-odds that a phone begins, and the usual duration of that phone, for every frame.

    Args:
        n_mels: mel bands of the (standardised) input.
        n_symbols: size of the symbol table, for the usual duration of each symbol.
        width: channels.
        layers: convolutions before the outputs.
        dropout: of their outputs; it keeps the rate as uncertain in training as on new speech.
    """

    usual_frames: Tensor

    def __init__(
        self,
        n_mels: int,
        n_symbols: int,
        width: int = 96,
        layers: int = 5,
        dropout: float = 0.05,
    ) -> None:
        super().__init__(n_mels, width, layers)
        self.onset = nn.Linear(width, 1)
        self.usual = nn.Linear(width, 1)
        self.dropout = nn.Dropout(dropout)
        self.register_buffer("usual_frames", torch.ones(n_symbols))

    def forward(self, mels: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Find phones.

        Args:
            mels: (batch, frames, n_mels).
            mask: (batch, frames) bool.

        Returns:
            Log-odds that a phone begins, and usual frames of a phone that begins there, positive;
            both (batch, frames) float32.
        """
        x = self.frames(mels, mask, self.dropout)
        usual = self.usual_frames.mean() * F.softplus(self.usual(x).squeeze(-1).float())
        return self.onset(x).squeeze(-1).float(), usual

    @torch.no_grad()
    def fit_usual_frames(self, tokens: Tensor, durations: Tensor) -> None:
        """Mean duration of every symbol; unseen ones get the mean of all.

        Args:
            tokens: (phones,) int64.
            durations: (phones,) int64 frames.
        """
        count = torch.bincount(tokens, minlength=len(self.usual_frames))
        total = torch.bincount(tokens, durations.double(), minlength=len(self.usual_frames))
        mean = durations.double().mean()
        self.usual_frames.copy_(torch.where(count > 0, total / count.clamp(min=1), mean))

    def log_likelihood(
        self, mels: Tensor, mask: Tensor, tokens: Tensor, durations: Tensor
    ) -> dict[str, Tensor]:
        """Log-likelihood of known phones, each (batch,) nats: onsets, and usual durations at them.

        Args:
            mels: (batch, frames, n_mels).
            mask: (batch, frames) bool.
            tokens: (batch, phones) int64.
            durations: (batch, phones) int64 frames, 0 on padding.
        """
        log_odds, usual = self(mels, mask)
        targets = onset_targets(durations, mels.shape[1])
        missed = F.binary_cross_entropy_with_logits(log_odds, targets, reduction="none")
        starts = (torch.cumsum(durations, 1) - durations).clamp(max=mels.shape[1] - 1)
        off = (torch.gather(usual, 1, starts) - self.usual_frames[tokens]).abs() / USUAL_SCALE
        known = (durations > 0).float()
        return {
            "onsets": -(missed * mask).sum(1),
            "usual_durations": -((off + math.log(2 * USUAL_SCALE)) * known).sum(1),
        }


def onset_targets(durations: Tensor, frames: int) -> Tensor:
    """1 on the first frame of every phone, 0 elsewhere, (batch, frames) float32.

    Args:
        durations: (batch, phones) int64 frames; phones of no frames have no onset.
        frames: frames of the result.
    """
    starts = torch.cumsum(durations, 1) - durations
    real = durations > 0
    targets = torch.zeros(len(durations), frames + 1, device=durations.device)
    targets.scatter_(1, torch.where(real, starts, frames), 1.0)
    return targets[:, :frames]


def log_rates(log_odds: Tensor, usual: Tensor, mask: Tensor) -> Tensor:
    """Logs of the expected phones per frame and of their usual frames per frame, (batch, 2)."""
    expected = torch.sigmoid(log_odds) * mask
    sums = torch.stack([expected.sum(1), (expected * usual).sum(1)], 1).clamp(min=0.5)
    return torch.log(sums / mask.sum(1, keepdim=True).clamp(min=1))
