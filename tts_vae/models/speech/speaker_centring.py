"""Features without what is usual for their speaker: a style that can be lent to another voice.

Where a model has a site for the speaker, its prosody should say +3 semitones and not 200 Hz. Left
to the likelihood alone some of the speaker stays in prosody, because a mixture prior that starts
from clusters of speakers makes it free. So the speaker is recognised, and the mean of the features
of that speaker subtracted: no linear map of them, and so no posterior mean, can tell speakers by
their means. What is said of a reference is then relative to its own speaker's usual.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tts_vae.latents.moving_means import move_means
from tts_vae.latents.processes import sum_over_processes
from tts_vae.models.speech.layers import FrameNetwork


class SpeakerCentring(FrameNetwork):
    """Features less the usual features of the speaker who is recognised.

    The usual features are moving averages over training batches, as the code vectors of a VQ-VAE
    are (van den Oord et al. 2017, equations 6 to 8). Somebody unknown is taken for a mixture of
    those who sound alike.

    Args:
        n_mels: mel bands of the (standardised) input.
        n_speakers: who may be recognised.
        feature_width: width of the features.
        width: channels of the recogniser.
        layers: its convolutions.
        dropout: of what the speaker is told by.
        decay: of the moving averages, per batch.
    """

    usual: Tensor
    counts: Tensor

    def __init__(
        self,
        n_mels: int,
        n_speakers: int,
        feature_width: int,
        width: int = 96,
        layers: int = 3,
        dropout: float = 0.1,
        decay: float = 0.99,
    ) -> None:
        if not 0 <= decay < 1:
            raise ValueError(f"decay must be at least 0 and below 1, got {decay}; usual is 0.99")
        super().__init__(n_mels, width, layers)
        self.decay = decay
        self.dropout = nn.Dropout(dropout)
        self.speaker = nn.Linear(2 * width, n_speakers)
        self.register_buffer("usual", torch.zeros(n_speakers, feature_width))
        self.register_buffer("counts", torch.zeros(n_speakers))

    def forward(self, features: Tensor, mels: Tensor, mask: Tensor) -> Tensor:
        """Centre features; in training, learn what is usual from them afterwards.

        Args:
            features: (batch, feature_width).
            mels: (batch, frames, n_mels), standardised.
            mask: (batch, frames) bool.

        Returns:
            (batch, feature_width) float32.
        """
        features = features.float()
        with torch.no_grad():
            share = self.scores(mels, mask).softmax(-1)
            usual = share @ self.usual
            if self.training:
                self._learn(features, share)
        return features - usual

    def scores(self, mels: Tensor, mask: Tensor) -> Tensor:
        """Log-odds of every speaker, (batch, n_speakers) float32, from means and deviations."""
        x = self.frames(mels, mask).float()
        real = mask.unsqueeze(-1)
        count = real.sum(1).clamp(min=1)
        mean = (x * real).sum(1) / count
        variance = ((x - mean.unsqueeze(1)).square() * real).sum(1) / count
        told_by = self.dropout(torch.cat([mean, torch.sqrt(variance + 1e-4)], -1))
        return self.speaker(told_by).float()

    def log_likelihood(self, mels: Tensor, mask: Tensor, speaker: Tensor) -> dict[str, Tensor]:
        """Log-probability of the known speakers (batch,) int64, in nats; mels standardised."""
        missed = F.cross_entropy(self.scores(mels, mask), speaker, reduction="none")
        return {"speaker_recognised": -missed}

    def _learn(self, features: Tensor, share: Tensor) -> None:
        """Move the usual features of all speakers towards those of this batch."""
        both = sum_over_processes(
            torch.cat([share.T @ features, share.sum(0).unsqueeze(-1)], -1).contiguous()
        )
        sums, seen = both[:, :-1], both[:, -1]
        move_means(self.usual, self.counts, sums, seen, self.decay)
