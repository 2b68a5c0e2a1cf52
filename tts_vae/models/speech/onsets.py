"""Where phones begin, from mels alone: what tells a reference encoder the speaking rate.

An average over a reference says little about its rate until the encoder knows what a phone is;
trained only through the likelihood of durations, reference encoders were still at chance after
hundreds of steps. So the rate is recognised explicitly: a small detector learns the onsets of the
aligned phones, and their expected number over the length of the reference is a feature.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tts_vae.models.speech.layers import MaskedConv


class OnsetDetector(nn.Module):
    """Log-odds that a phone begins, for every frame.

    Args:
        n_mels: mel bands of the (standardised) input.
        width: channels.
        layers: convolutions before the output.
        dropout: of their outputs; it keeps the rate as uncertain in training as on new speech.
    """

    def __init__(
        self, n_mels: int, width: int = 96, layers: int = 5, dropout: float = 0.05
    ) -> None:
        super().__init__()
        widths = (n_mels, *(width for _ in range(layers)))
        self.convs = nn.ModuleList(
            MaskedConv(i, o, 5) for i, o in zip(widths[:-1], widths[1:], strict=True)
        )
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(layers))
        self.output = nn.Linear(width, 1)
        self.dropout = nn.Dropout(dropout)

    def forward(self, mels: Tensor, mask: Tensor) -> Tensor:
        """(batch, frames, n_mels), mask (batch, frames) -> log-odds (batch, frames), float32."""
        x = mels
        for conv, norm in zip(self.convs, self.norms, strict=True):
            x = self.dropout(F.relu(norm(conv(x, mask))))
        return self.output(x).squeeze(-1).float()


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


def log_rate(log_odds: Tensor, mask: Tensor) -> Tensor:
    """Log of the expected phones per frame, (batch,)."""
    count = (torch.sigmoid(log_odds) * mask).sum(1)
    return torch.log(count.clamp(min=0.5) / mask.sum(1).clamp(min=1))
