"""A source for the vocoder: pitch read from the mels, and pulses and noise that follow it.

Mels do not say where a pulse lies, and a network that sees some frames cannot count periods over
many: phases that agree from frame to frame are hard to learn. Summing the frequency gives them for
nothing (Wang et al. 2019, neural source-filter models, arXiv 1904.12088; Li et al. 2023, HiFTNet,
arXiv 2309.09493).
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

_BINS = 96
_LOWEST_HZ, _HIGHEST_HZ = 45.0, 720.0  # four octaves, half a semitone a bin
_BANK = 1 << 16


class PitchReader(nn.Module):
    """Log-mels (batch, frames, n_mels) -> fundamental frequency and voicing of every frame.

    Args:
        n_mels: mel bands.
        width: channels.
    """

    centres: Tensor

    def __init__(self, n_mels: int, width: int = 96) -> None:
        super().__init__()
        self.first = nn.Conv1d(n_mels, width, 7, padding=3)
        self.second = nn.Conv1d(width, width, 5, padding=2)
        self.third = nn.Conv1d(width, width, 5, padding=2)
        self.output = nn.Linear(width, _BINS + 1)
        low, high = math.log(_LOWEST_HZ), math.log(_HIGHEST_HZ)
        self.register_buffer("centres", torch.linspace(low, high, _BINS), persistent=False)

    def scores(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """Log-odds of being voiced first, then of every pitch: (batch, frames, 1 + bins)."""
        # the shape of a frame tells its pitch, not its level
        x = (x - x.mean(-1, keepdim=True)).transpose(1, 2)
        rows = None if mask is None else mask.transpose(1, 2)
        for conv in (self.first, self.second, self.third):
            x = functional.gelu(conv(x if rows is None else x * rows))
        scores: Tensor = self.output(x.transpose(1, 2)).float()
        return scores

    def read(self, scores: Tensor) -> tuple[Tensor, Tensor]:
        """Scores -> F0 in Hz, in unvoiced frames too, and probability of voice, (batch, frames)."""
        share = scores[..., 1:].softmax(-1)
        best = share.argmax(-1, keepdim=True)
        near = (torch.arange(_BINS, device=scores.device) - best).abs() <= 2
        share = share * near
        log_f0 = (share * self.centres).sum(-1) / share.sum(-1)
        return log_f0.exp(), scores[..., 0].sigmoid()

    def loss(self, scores: Tensor, f0_hz: Tensor) -> Tensor:
        """Nats per frame of saying voiced or not, and per voiced frame of saying the pitch.

        Args:
            scores: (batch, frames, 1 + bins).
            f0_hz: (batch, frames), 0 where unvoiced.
        """
        voiced = (f0_hz > 0).float()
        log_f0 = f0_hz.clamp(min=_LOWEST_HZ, max=_HIGHEST_HZ).log()
        step = self.centres[1] - self.centres[0]
        # shared by the two bins on either side, so that their mean is the pitch itself
        wanted = (1 - (log_f0.unsqueeze(-1) - self.centres).abs() / step).clamp(min=0)
        missed = -(wanted * scores[..., 1:].log_softmax(-1)).sum(-1)
        said = functional.binary_cross_entropy_with_logits(scores[..., 0], voiced)
        return said + (missed * voiced).sum() / voiced.sum().clamp(min=1)


class Excitation(nn.Module):
    """Pulses and noise, (batch, samples) each, of power 1 where they sound.

    Args:
        hop_length: samples between frames; frame i is centred on sample (i + 1/2) hop.
        margin: samples before the first frame's own and after the last one's.
    """

    bank: Tensor

    def __init__(self, hop_length: int, margin: int) -> None:
        super().__init__()
        self.hop_length, self.margin = hop_length, margin
        # always the same noise: a waveform repeats itself, in any batch
        generator = torch.Generator().manual_seed(0)
        self.register_buffer("bank", torch.randn(_BANK, generator=generator), persistent=False)

    def forward(self, cycles: Tensor, voiced: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Make both.

        Args:
            cycles: (batch, frames), F0 in cycles per sample.
            voiced: (batch, frames), 0 to 1.

        Returns:
            Pulses and noise, (batch, margin + frames * hop_length + margin), and the position in
            the cycle at the centre of every frame, (batch, frames) in cycles.
        """
        step, amount = self._spread(cycles), self._spread(voiced)
        # double: thousands of cycles are summed, and small parts of one are heard
        position = step.double().cumsum(1)
        within = (position - position.round()).float()
        # all harmonics below half the sample rate, as the Dirichlet kernel sums them
        harmonics = (0.49 / step).floor()
        half = math.pi * within
        bottom = half.sin()
        at_top = bottom.abs() < 1e-4
        kernel = ((2 * harmonics + 1) * half).sin() / torch.where(at_top, 1.0, bottom)
        kernel = torch.where(at_top, 2 * harmonics + 1, kernel) - 1
        pulses = amount * kernel / (2 * harmonics).sqrt()
        samples = pulses.shape[1]
        noise = self.bank.repeat(samples // _BANK + 1)[:samples]
        if self.training:  # else the network would learn this noise by heart
            shifts = torch.randint(_BANK, (len(pulses), 1), device=pulses.device)
            noise = noise[(torch.arange(samples, device=pulses.device) + shifts) % samples]
        else:
            noise = noise.expand(len(pulses), -1)
        own = within[:, self.margin : -self.margin].reshape(*cycles.shape, self.hop_length)
        return pulses, noise, own[:, :, self.hop_length // 2]

    def _spread(self, x: Tensor) -> Tensor:
        """Frames to samples, straight lines between the centres of frames."""
        hop = self.hop_length
        ends = torch.cat([x[:, :1], x, x[:, -1:]], dim=1).unsqueeze(-1)
        ramp = (torch.arange(hop, device=x.device) + 0.5) / hop
        lines = (ends[:, :-1] + (ends[:, 1:] - ends[:, :-1]) * ramp).flatten(1)
        # they begin half a hop before the first frame's own samples
        beyond = self.margin - hop // 2
        return torch.cat(
            [lines[:, :1].expand(-1, beyond), lines, lines[:, -1:].expand(-1, beyond)], dim=1
        )
