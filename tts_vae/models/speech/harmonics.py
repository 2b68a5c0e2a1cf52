"""Where the harmonics of a pitch fall among the mel bands: F0 as a decoder can see it.

A decoder told its pitch as one number must learn the comb of harmonics for every pitch anew; told
the phase of each low band within the harmonic series, cos(2 pi f / F0), it only has to draw the
comb it is shown, and a shifted pitch moves the harmonics exactly.
"""

import math

import torch
import torchaudio.functional
from torch import Tensor, nn

REFERENCE_HZ = 55.0
"""F0 in Hz is 55 * 2^(semitones / 12)."""


class HarmonicComb(nn.Module):
    """Linear map of the harmonic phases of the low mel bands.

    Args:
        n_mels: mel bands.
        width: channels of the result.
        sample_rate: Hz.
        fmin: lower edge of the bands in Hz.
        fmax: upper edge of the bands in Hz.
        highest_hz: bands above it do not resolve harmonics and are left out.

    Shape:
        pitch (batch, frames) semitones re 55 Hz -> (batch, frames, width).
    """

    centres_hz: Tensor

    def __init__(
        self,
        n_mels: int,
        width: int,
        sample_rate: int,
        fmin: float,
        fmax: float,
        highest_hz: float = 2000.0,
    ) -> None:
        super().__init__()
        resolution = 16384
        filters = torchaudio.functional.melscale_fbanks(
            resolution + 1, fmin, fmax, n_mels, sample_rate, norm=None, mel_scale="slaney"
        )
        centres = filters.argmax(0) * (sample_rate / 2 / resolution)
        self.register_buffer("centres_hz", centres[centres <= highest_hz], persistent=False)
        self.output = nn.Linear(2 * len(self.centres_hz), width)

    def forward(self, pitch_st: Tensor) -> Tensor:
        """Channels of each frame, from cosine and sine of the phases."""
        f0_hz = REFERENCE_HZ * torch.exp2(pitch_st.float().clamp(-12, 48) / 12)
        phase = 2 * math.pi * self.centres_hz / f0_hz.unsqueeze(-1)
        return self.output(torch.cat([torch.cos(phase), torch.sin(phase)], dim=-1))
