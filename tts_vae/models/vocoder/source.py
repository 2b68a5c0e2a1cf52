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

from tts_vae.models.vocoder.convolution import convolve
from tts_vae.models.vocoder.overlap import OverlapAdd

_BINS = 96
_LOWEST_HZ, _HIGHEST_HZ = 45.0, 720.0  # four octaves, half a semitone a bin
_ROWS = 256  # frames of noise


class PitchReader(nn.Module):
    """Log-mels -> fundamental frequency and voicing of every frame, and what tells them.

    Args:
        n_mels: mel bands.
        width: channels.
    """

    def __init__(self, n_mels: int, width: int = 96) -> None:
        super().__init__()
        self.first = nn.Conv1d(n_mels, width, 7, padding=3)
        self.second = nn.Conv1d(width, width, 5, padding=2)
        self.third = nn.Conv1d(width, width, 5, padding=2)
        self.output = nn.Linear(width, _BINS + 1)

    def listen(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """Mels (batch, frames, n_mels) -> (batch, frames, width)."""
        # the shape of a frame tells its pitch, not its level
        x = x - x.mean(-1, keepdim=True)
        for conv in (self.first, self.second, self.third):
            x = functional.gelu(convolve(conv, x, mask))
        return x

    def scores(self, heard: Tensor) -> Tensor:
        """Log-odds of being voiced first, then of every pitch: (batch, frames, 1 + bins)."""
        scores: Tensor = self.output(heard).float()
        return scores

    def read(self, scores: Tensor) -> tuple[Tensor, Tensor]:
        """Scores -> F0 in Hz, in unvoiced frames too, and probability of voice, (batch, frames)."""
        share = scores[..., 1:].softmax(-1)
        best = share.argmax(-1, keepdim=True)
        near = (torch.arange(_BINS, device=scores.device) - best).abs() <= 2
        share = share * near
        log_f0 = (share * _centres(scores.device)).sum(-1) / share.sum(-1)
        return log_f0.exp(), scores[..., 0].sigmoid()

    def loss(self, scores: Tensor, f0_hz: Tensor) -> Tensor:
        """Nats per frame of saying voiced or not, and per voiced frame of saying the pitch.

        Args:
            scores: (batch, frames, 1 + bins).
            f0_hz: (batch, frames), 0 where unvoiced.
        """
        voiced = (f0_hz > 0).float()
        log_f0 = f0_hz.clamp(min=_LOWEST_HZ, max=_HIGHEST_HZ).log()
        centres = _centres(f0_hz.device)
        step = centres[1] - centres[0]
        # shared by the two bins on either side, so that their mean is the pitch itself
        wanted = (1 - (log_f0.unsqueeze(-1) - centres).abs() / step).clamp(min=0)
        missed = -(wanted * scores[..., 1:].log_softmax(-1)).sum(-1)
        said = functional.binary_cross_entropy_with_logits(scores[..., 0], voiced)
        return said + (missed * voiced).sum() / voiced.sum().clamp(min=1)


def _centres(device: torch.device) -> Tensor:
    """Logarithms of the pitches that are told apart; no buffer, which layers' precision rounds."""
    return torch.linspace(math.log(_LOWEST_HZ), math.log(_HIGHEST_HZ), _BINS, device=device)


class Excitation(nn.Module):
    """Pulses and noise of power 1 where they sound.

    Args:
        frames: the transforms that they are for.
    """

    bank: Tensor

    def __init__(self, frames: OverlapAdd) -> None:
        super().__init__()
        self.hop_length, self.margin = frames.hop_length, frames.margin
        # always the same noise: a waveform repeats itself, in any batch. It begins again after some
        # seconds, so its spectrum is made once
        generator = torch.Generator().manual_seed(0)
        bank = torch.randn(1, _ROWS * self.hop_length, generator=generator)
        around = torch.cat([bank, bank[:, : frames.n_fft - self.hop_length]], dim=1)
        spectrum = torch.view_as_real(frames.spectrum(around)[0])
        self.register_buffer("bank", spectrum, persistent=False)

    def noise(self, batch: int, frames: int) -> Tensor:
        """Spectra of noise, (batch, frames, bins) complex; in training another part each time."""
        rows = torch.arange(frames, device=self.bank.device).expand(batch, -1)
        if self.training:  # else the network would learn this noise by heart
            rows = rows + torch.randint(_ROWS, (batch, 1), device=rows.device)
        return torch.view_as_complex(self.bank[rows % _ROWS])

    def pulses(self, cycles: Tensor, voiced: Tensor) -> Tensor:
        """Make pulses.

        Args:
            cycles: (batch, frames), F0 in cycles per sample.
            voiced: (batch, frames), 0 to 1.

        Returns:
            (batch, margin + frames * hop_length + margin).
        """
        hop = self.hop_length
        # stretches from the centre of a frame to that of the next, and whole ones beyond both ends
        beyond = -(-(self.margin - hop // 2) // hop) + 1
        steps, amounts = _extend(cycles, beyond), _extend(voiced, beyond)
        first, rise = steps[:, :-1], steps.diff()
        # the sum of a straight line: first * n + rise * n^2 / 2. In double: thousands of cycles are
        # summed, and small parts of one are heard
        within = (first + rise / 2) * hop
        total = within.double().cumsum(1)
        before = total - within
        before = (before - before.round()).float().unsqueeze(-1)
        count = torch.arange(hop, device=cycles.device).float()
        place = torch.addcmul(before, first.unsqueeze(-1), count)
        place = torch.addcmul(place, rise.unsqueeze(-1), count.square() / (2 * hop))
        # all harmonics below half the sample rate, as the Dirichlet kernel sums them
        harmonics = (0.49 / torch.maximum(first, steps[:, 1:])).floor().unsqueeze(-1)
        half = math.pi * (place - place.round())
        half = torch.where(half.abs() < 1e-4, 1e-4, half)
        kernel = ((2 * harmonics + 1) * half).sin() / half.sin() - 1
        louder = amounts.unsqueeze(-1)
        amount = torch.lerp(louder[:, :-1], louder[:, 1:], count / hop) / (2 * harmonics).sqrt()
        start = beyond * hop - hop // 2 - self.margin
        samples = cycles.shape[1] * hop + 2 * self.margin
        return (kernel * amount).flatten(1)[:, start : start + samples]


def _extend(x: Tensor, frames: int) -> Tensor:
    """The first and the last value (batch, frames) go on for so many frames."""
    return torch.cat([x[:, :1].expand(-1, frames), x, x[:, -1:].expand(-1, frames)], dim=1)
