"""Frames of a spectrum to a waveform and back, with exact lengths and padding that is not heard.

Frame i is centred on sample (i + 1/2) hop, as in the analysis of the mels, so ``frames`` frames are
``frames * hop`` samples. The waveform is kept with both margins of (n_fft - hop) / 2 samples until
the end: analysing it then needs no reflection.
"""

import torch
from torch import Tensor, nn

from tts_vae.models.vocoder import spectra


class OverlapAdd(nn.Module):
    """Inverse short-time Fourier transform and its analysis, for one window.

    Args:
        n_fft: samples of a frame; the window is a periodic Hann window of that length.
        hop_length: samples between frames; divides ``n_fft``, and n_fft - hop_length is even.

    Raises:
        ValueError: if the hop does not fit.
    """

    window: Tensor

    def __init__(self, n_fft: int, hop_length: int) -> None:
        super().__init__()
        if not 0 < hop_length < n_fft or n_fft % hop_length or (n_fft - hop_length) % 2:
            raise ValueError(
                f"expected a hop_length that divides n_fft, with n_fft - hop_length even, got "
                f"{hop_length} and {n_fft}; use e.g. 256 and 1024"
            )
        self.n_fft, self.hop_length = n_fft, hop_length
        self.margin = (n_fft - hop_length) // 2
        window = torch.hann_window(n_fft, periodic=True)
        self.register_buffer("window", window, persistent=False)

    def weight(self, frames: int, mask: Tensor | None) -> Tensor:
        """What the summed windows must be divided by: (1 or batch, (frames - 1) hop + n_fft)."""
        squares = self.window.square().expand(1, frames, -1)
        if mask is not None:
            squares = squares * mask.unsqueeze(-1)
        return self.add(squares).clamp(min=1e-2)

    def worth(self, weights: Tensor, least: float) -> Tensor:
        """Sums of squared windows where frames count differently.

        Args:
            weights: (batch, frames).
            least: squared window that every sample of a frame has at least.

        Returns:
            (batch, (frames - 1) hop + n_fft).
        """
        shifts = self.n_fft // self.hop_length
        squares = self.window.square().clamp(min=least).unflatten(0, (shifts, -1)).flip(0)
        around = nn.functional.pad(weights, (shifts - 1, shifts - 1)).unfold(1, shifts, 1)
        return (around @ squares).flatten(1)

    def signal(self, spectrum: Tensor, weight: Tensor, mask: Tensor | None = None) -> Tensor:
        """Spectrum (batch, frames, bins) complex -> (batch, (frames - 1) hop + n_fft) samples."""
        pieces = torch.fft.irfft(spectrum, n=self.n_fft) * self.window
        if mask is not None:
            pieces = pieces * mask.unsqueeze(-1)
        return self.add(pieces) / weight

    def spectrum(self, signal: Tensor) -> Tensor:
        """(batch, (frames - 1) hop + n_fft) samples -> (batch, frames, bins) complex."""
        return spectra.spectrum(signal.unfold(1, self.n_fft, self.hop_length) * self.window)

    def cut(self, signal: Tensor, frames: int) -> Tensor:
        """Without the margins: (batch, frames * hop_length)."""
        return signal[:, self.margin : self.margin + frames * self.hop_length]

    def add(self, pieces: Tensor) -> Tensor:
        """(batch, frames, n_fft) -> (batch, (frames - 1) hop + n_fft), by shifted addition."""
        hop, shifts = self.hop_length, self.n_fft // self.hop_length
        rows = pieces.unflatten(-1, (shifts, hop))
        padded = [
            nn.functional.pad(rows[:, :, shift], (0, 0, shift, shifts - 1 - shift))
            for shift in range(shifts)
        ]
        total = padded[0]
        for part in padded[1:]:
            total = total + part
        return total.flatten(1)
