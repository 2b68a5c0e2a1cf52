"""Log-mel spectrograms, and every constant of the analysis in one dataclass.

The convention is that of the public HiFi-GAN and Tacotron 2 checkpoints (Kong et al. 2020,
arXiv 2010.05646, meldataset.py), so that outside vocoders plug in: reflect padding of
(n_fft - hop) / 2 on both sides without centring, a periodic Hann window, magnitudes (not powers),
the Slaney mel scale with area normalisation, and the natural logarithm clamped at ``floor``.
Frame i is centred on sample (i + 1/2) hop; n samples give n // hop frames.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional
from torchaudio.functional import melscale_fbanks


@dataclass(frozen=True)
class MelConfig:
    """Every constant of the analysis: sizes in samples, frequencies in Hz, floor in magnitude."""

    sample_rate: int = 22050
    n_fft: int = 1024
    hop_length: int = 256
    win_length: int = 1024
    n_mels: int = 80
    fmin: float = 0.0
    fmax: float = 8000.0
    floor: float = 1e-5

    def __post_init__(self) -> None:
        """Rejects sizes for which frames are not centred or not invertible."""
        if self.win_length > self.n_fft:
            raise ValueError(
                f"expected win_length <= n_fft ({self.n_fft}), got {self.win_length}; raise n_fft"
            )
        if not 0 < self.hop_length <= self.win_length or (self.n_fft - self.hop_length) % 2:
            raise ValueError(
                f"expected 0 < hop_length <= win_length and n_fft - hop_length even, got "
                f"n_fft {self.n_fft}, hop_length {self.hop_length}; use e.g. 1024 and 256"
            )
        if not 0 <= self.fmin < self.fmax <= self.sample_rate / 2:
            raise ValueError(
                f"expected 0 <= fmin < fmax <= {self.sample_rate / 2} Hz, got {self.fmin} and "
                f"{self.fmax}; fmax is at most half the sample rate"
            )

    @property
    def padding(self) -> int:
        """Samples of reflection on either side, which make frames = samples // hop_length."""
        return (self.n_fft - self.hop_length) // 2

    @property
    def frame_rate_hz(self) -> float:
        """Frames per second."""
        return self.sample_rate / self.hop_length


def mel_basis(config: MelConfig) -> Tensor:
    """The mel filters: (n_mels, n_fft // 2 + 1), Slaney scale and area normalisation."""
    basis = melscale_fbanks(
        n_freqs=config.n_fft // 2 + 1,
        f_min=config.fmin,
        f_max=config.fmax,
        n_mels=config.n_mels,
        sample_rate=config.sample_rate,
        norm="slaney",
        mel_scale="slaney",
    )
    return basis.T.contiguous()


class MelSpectrogram(nn.Module):
    """Waveform (..., samples) in [-1, 1] -> mels (..., samples // hop, n_mels), natural log."""

    window: Tensor
    basis: Tensor

    def __init__(self, config: MelConfig | None = None) -> None:
        """Builds window and filters once; they move with the module."""
        super().__init__()
        self.config = config or MelConfig()
        window = torch.hann_window(self.config.win_length, periodic=True)
        self.register_buffer("window", window, persistent=False)
        self.register_buffer("basis", mel_basis(self.config), persistent=False)

    def magnitudes(self, waveform: Tensor) -> Tensor:
        """Linear magnitudes: (..., samples) -> (..., frames, n_fft // 2 + 1).

        Raises:
            ValueError: If the waveform is too short for one frame.
        """
        config = self.config
        samples = waveform.shape[-1]
        if samples <= config.padding:
            raise ValueError(
                f"expected more than {config.padding} samples (the reflection at the edges), "
                f"got {samples}; pad or drop the recording"
            )
        leading = waveform.shape[:-1]
        flat = waveform.reshape(-1, 1, samples).float()
        padded = functional.pad(flat, (config.padding, config.padding), mode="reflect").squeeze(1)
        spectrum = torch.stft(
            padded,
            config.n_fft,
            hop_length=config.hop_length,
            win_length=config.win_length,
            window=self.window,
            center=False,
            return_complex=True,
        )
        # HiFi-GAN's 1e-9 under the root keeps the gradient finite in digital silence.
        magnitudes = torch.view_as_real(spectrum).square().sum(-1).add(1e-9).sqrt()
        frames = magnitudes.shape[-1]
        return magnitudes.transpose(1, 2).reshape(*leading, frames, -1)

    def forward(self, waveform: Tensor) -> Tensor:
        """Waveform (..., samples) -> mels (..., samples // hop_length, n_mels), natural log."""
        mels = self.magnitudes(waveform) @ self.basis.T
        return mels.clamp(min=self.config.floor).log()
