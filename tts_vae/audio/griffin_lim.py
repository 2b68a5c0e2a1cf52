"""From log-mels to a waveform without a trained vocoder.

Fast Griffin-Lim (Perraudin, Balazs & Sondergaard 2013) finds a phase; the linear magnitudes start
as the non-negative solution of least Kullback-Leibler divergence to the mels (Lee & Seung 2001).
What a mel leaves open, how the energy of a band falls on its bins, need not be guessed: after the
first iterations the magnitudes follow the signal's own spectrum, scaled band by band to the wanted
mels. Measured on LJSpeech clips: mean |log-mel| error of the re-analysed audio 0.035 with this
projection and 0.098 without, at 60 iterations; random, zero and peak-locked first phases give the
same result, so the phase is random, from a seed.
"""

from __future__ import annotations

import math
from typing import Protocol

import torch
from torch import Tensor, nn

from tts_vae.audio.mel import MelConfig, mel_basis

_INVERSION_STEPS = 10  # more than ten multiplicative steps change nothing audible or measurable
_PROJECT_EVERY = 2
_TINY = 1e-7


class Vocoder(Protocol):
    """Anything that turns log-mels into sound."""

    def __call__(self, mels: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Mels (batch, frames, n_mels), lengths (batch,) in frames -> (batch, frames * hop)."""
        ...


class GriffinLim(nn.Module):
    """Log-mels (batch, frames, n_mels) -> waveform (batch, frames * hop_length).

    An utterance sounds the same alone and in a batch. Sample (i + 1/2) hop is the centre of frame
    i, so that analysing the waveform gives the frames back at their places.
    """

    window: Tensor
    basis: Tensor
    inverse: Tensor

    def __init__(
        self,
        config: MelConfig | None = None,
        iterations: int = 60,
        momentum: float = 0.99,
        seed: int = 0,
    ) -> None:
        """Sets up window and filters.

        Args:
            config: The analysis that made the mels.
            iterations: More is better and slower: error 0.050 at 32, 0.035 at 60, 0.026 at 100.
            momentum: 0 is plain Griffin-Lim; above 1 it gets worse on speech.
            seed: Draws the first phase.

        Raises:
            ValueError: If iterations or momentum are negative or the hop does not divide n_fft.
        """
        super().__init__()
        self.config = config or MelConfig()
        if iterations < 0 or momentum < 0:
            raise ValueError(
                f"expected iterations and momentum >= 0, got {iterations} and {momentum}"
            )
        if self.config.n_fft % self.config.hop_length:
            raise ValueError(
                f"expected a hop that divides n_fft ({self.config.n_fft}), got "
                f"{self.config.hop_length}; use another vocoder or analysis"
            )
        self.iterations, self.momentum, self.seed = iterations, momentum, seed
        window = torch.hann_window(self.config.win_length, periodic=True)
        side = (self.config.n_fft - self.config.win_length) // 2
        rest = self.config.n_fft - self.config.win_length - side
        window = nn.functional.pad(window, (side, rest))
        basis = mel_basis(self.config)
        self.register_buffer("window", window, persistent=False)
        self.register_buffer("basis", basis, persistent=False)
        self.register_buffer("inverse", torch.linalg.pinv(basis), persistent=False)

    @torch.no_grad()
    def forward(self, mels: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Synthesises a batch.

        Args:
            mels: (batch, frames, n_mels), natural-log magnitude.
            lengths: (batch,) frames of each item; None takes all.

        Returns:
            (batch, frames * hop_length) float32, zero after each item's end.

        Raises:
            ValueError: If the shape is not as expected.
        """
        config = self.config
        if mels.ndim != 3 or mels.shape[2] != config.n_mels or not mels.shape[1]:
            raise ValueError(
                f"expected mels (batch, frames, {config.n_mels}) with at least one frame, got "
                f"{tuple(mels.shape)}; add a batch axis, or use the analysis that made them"
            )
        batch, frames, _ = mels.shape
        if lengths is None:
            lengths = torch.full((batch,), frames)
        steps = torch.arange(frames, device=mels.device)
        mask = (steps < lengths.to(mels.device)[:, None]).float()[:, :, None]
        target = mels.float().exp()
        energy = self._overlap_add((mask * self.window.square()).expand(batch, -1, -1))
        weight = 1 / energy.clamp(min=1e-2)

        def signal(spectrum: Tensor) -> Tensor:
            pieces = torch.fft.irfft(spectrum, n=config.n_fft) * (self.window * mask)
            return self._overlap_add(pieces) * weight

        magnitudes = self._invert(target)
        phase = self._first_phase(frames).to(mels.device)
        previous: Tensor | None = None
        for iteration in range(self.iterations):
            spectrum = self._analyse(signal(magnitudes * phase))
            late = iteration - self.iterations // 6
            if late >= 0 and late % _PROJECT_EVERY == 0:
                magnitudes = self._project(spectrum.abs(), target)
            ahead = spectrum
            if previous is not None and self.momentum:
                ahead = torch.lerp(previous, spectrum, 1 + self.momentum)
            previous = spectrum
            phase = ahead / ahead.abs().clamp(min=1e-12)
        samples = signal(magnitudes * phase)[:, config.padding :][:, : frames * config.hop_length]
        return samples * mask[:, :, 0].repeat_interleave(config.hop_length, dim=1)

    def _first_phase(self, frames: int) -> Tensor:
        """(frames, bins), the same for a seed on every device and in every batch."""
        generator = torch.Generator().manual_seed(self.seed)
        angle = torch.rand(frames, self.basis.shape[1], generator=generator) * (2 * math.pi)
        return torch.polar(torch.ones_like(angle), angle)

    def _invert(self, target: Tensor) -> Tensor:
        """Mel magnitudes (..., n_mels) -> linear magnitudes (..., bins) >= 0."""
        magnitudes = (target @ self.inverse.T).clamp(min=1e-4)
        scale = 1 / self.basis.sum(0).clamp(min=_TINY)
        for _ in range(_INVERSION_STEPS):
            ratio = target / (magnitudes @ self.basis.T).clamp(min=_TINY)
            magnitudes = magnitudes * (ratio @ self.basis) * scale
        return magnitudes

    def _project(self, magnitudes: Tensor, target: Tensor) -> Tensor:
        """Scales a spectrum band by band to the wanted mels; bins of no band (> fmax) fade out."""
        ratio = (target / (magnitudes @ self.basis.T).clamp(min=_TINY)).clamp(0.1, 10.0)
        return magnitudes * (ratio @ self.basis) / self.basis.sum(0).clamp(min=_TINY)

    def _analyse(self, samples: Tensor) -> Tensor:
        """(batch, samples) -> (batch, frames, bins) complex."""
        pieces = samples.unfold(1, self.config.n_fft, self.config.hop_length)
        return torch.fft.rfft(pieces * self.window)

    def _overlap_add(self, pieces: Tensor) -> Tensor:
        """(batch, frames, n_fft) -> (batch, (frames - 1) * hop + n_fft)."""
        batch, frames, _ = pieces.shape
        hop = self.config.hop_length
        shifts = self.config.n_fft // hop
        out = pieces.new_zeros(batch, frames + shifts - 1, hop)
        for shift in range(shifts):
            out[:, shift : shift + frames] += pieces[:, :, shift * hop : (shift + 1) * hop]
        return out.flatten(1)
