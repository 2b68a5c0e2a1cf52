"""How high, how lively and how loud a reference is, read from its mels.

An average over a reference says little about its pitch: trained only through the likelihood,
reference encoders found half of it. So the pitch is recognised explicitly, as phone onsets are
(:mod:`tts_vae.models.speech.onsets`): a small network learns which frames are voiced and how high
they are from the known pitch of aligned phones. The mean of what it reads is the level, the
deviation the range. How loud a reference is needs no learning: its mels say so.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tts_vae.models.speech.gain import DECIBEL_NEPERS
from tts_vae.models.speech.layers import FrameNetwork
from tts_vae.models.speech.upsampling import frame_to_phone

READINGS = 3
"""Level, range, loudness."""

PITCH_SCALE_ST = 1.0
"""Laplace scale of the pitch of a frame, in semitones."""

_ONE_FRAME_ST2 = 1.0  # semitones squared of the frame that is always counted


class ProsodyReader(FrameNetwork):
    """Log-odds that a frame is voiced, and its pitch.

    Args:
        n_mels: mel bands of the (standardised) input.
        width: channels.
        layers: convolutions before the outputs.
        dropout: of their outputs; it keeps readings as uncertain in training as on new speech.
    """

    pitch_st_mean: Tensor
    pitch_st_std: Tensor

    def __init__(
        self, n_mels: int, width: int = 96, layers: int = 3, dropout: float = 0.05
    ) -> None:
        super().__init__(n_mels, width, layers)
        self.voiced = nn.Linear(width, 1)
        self.pitch = nn.Linear(width, 1)
        self.dropout = nn.Dropout(dropout)
        self.register_buffer("pitch_st_mean", torch.zeros(()))
        self.register_buffer("pitch_st_std", torch.ones(()))

    def forward(self, mels: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Read every frame.

        Args:
            mels: (batch, frames, n_mels), standardised.
            mask: (batch, frames) bool.

        Returns:
            Log-odds of voice, and semitones re 55 Hz that mean something where there is voice;
            both (batch, frames) float32.
        """
        x = self.frames(mels, mask, self.dropout)
        pitch_st = self.pitch_st_mean + self.pitch_st_std * self.pitch(x).squeeze(-1).float()
        return self.voiced(x).squeeze(-1).float(), pitch_st

    @torch.no_grad()
    def fit_pitch(self, pitch_st: Tensor) -> None:
        """Set the unit of the pitch from voiced phones, (phones,) semitones."""
        if len(pitch_st) > 1:
            self.pitch_st_mean.copy_(pitch_st.mean())
            self.pitch_st_std.copy_(pitch_st.std().clamp(min=1.0))

    def readings(self, share: Tensor, pitch_st: Tensor, mels: Tensor, mask: Tensor) -> Tensor:
        """What frames say of the whole, (batch, ``READINGS``).

        One frame of the corpus's usual pitch is always counted, so that a reference without voice
        has a level too: the usual one.

        Args:
            share: (batch, frames), how voiced each frame is, 0 to 1.
            pitch_st: (batch, frames) semitones.
            mels: (batch, frames, n_mels) natural-log magnitude.
            mask: (batch, frames) bool.

        Returns:
            Mean pitch in semitones, log of its standard deviation in semitones, and dB.
        """
        weight = share * mask
        count = weight.sum(1) + 1.0
        level = ((weight * pitch_st).sum(1) + self.pitch_st_mean) / count
        square = (pitch_st - level.unsqueeze(1)).square()
        variance = ((weight * square).sum(1) + _ONE_FRAME_ST2) / count
        power = mels.float().mul(2.0).exp().mean(-1) * mask
        nepers = 0.5 * torch.log((power.sum(1) / mask.sum(1).clamp(min=1)).clamp(min=1e-10))
        return torch.stack([level, 0.5 * torch.log(variance), nepers / DECIBEL_NEPERS], 1)

    def log_likelihood(
        self,
        mels: Tensor,
        mask: Tensor,
        durations: Tensor,
        pitch_st: Tensor,
        voiced: Tensor,
    ) -> dict[str, Tensor]:
        """Log-likelihood of the known pitch of phones in each of their frames, (batch,) nats.

        Args:
            mels: (batch, frames, n_mels), standardised.
            mask: (batch, frames) bool.
            durations: (batch, phones) int64 frames, 0 on padding.
            pitch_st: (batch, phones) semitones.
            voiced: (batch, phones) share of voiced frames.
        """
        log_odds, read_st = self(mels, mask)
        share, known_st = frame_pitch(durations, pitch_st, voiced, mels.shape[1])
        missed = F.binary_cross_entropy_with_logits(log_odds, share, reduction="none")
        # Laplace; its normaliser depends on nothing that learns
        off = (read_st - known_st).abs() / PITCH_SCALE_ST * (share > 0.5)
        return {"voicing_read": -(missed * mask).sum(1), "pitch_read": -(off * mask).sum(1)}


def frame_pitch(
    durations: Tensor, pitch_st: Tensor, voiced: Tensor, frames: int
) -> tuple[Tensor, Tensor]:
    """Voicing and pitch of phones (batch, phones) in each of their frames, (batch, frames)."""
    index = frame_to_phone(durations, frames)
    return torch.gather(voiced, 1, index), torch.gather(pitch_st, 1, index)
