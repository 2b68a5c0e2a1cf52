"""What a vocoder is trained with: spectra compared at several resolutions, and critics.

Multi-resolution STFT loss: Yamamoto et al. 2020 (arXiv 1910.11480), spectral convergence (eq. 6)
and log magnitude (eq. 7). Hinge losses: Lim & Ye 2017; feature matching: Larsen et al. 2016, as in
HiFi-GAN (Kong et al. 2020, eq. 5). All are means, so that sizes of batch and segment do not matter.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from tts_vae.models.vocoder.spectra import power

Resolution = Sequence[int]
"""(n_fft, hop_length, win_length) in samples."""

RESOLUTIONS = ((2048, 512, 2048), (1024, 256, 1024), (512, 128, 512), (256, 64, 256))


class StftLoss(nn.Module):
    """Distance of two waveforms (batch, samples) over several resolutions; 0 if they are equal.

    Args:
        resolutions: (n_fft, hop_length, win_length) of each.
        floor: magnitudes below are equal; a window of 1,024 samples of speech reaches about 100.

    Raises:
        ValueError: if there is no resolution or its window does not fit.
    """

    def __init__(
        self, resolutions: Sequence[Resolution] = RESOLUTIONS, floor: float = 1e-3
    ) -> None:
        super().__init__()
        self.resolutions = [(int(n), int(hop), int(window)) for n, hop, window in resolutions]
        if not self.resolutions or any(
            not 0 < window <= n or hop < 1 or n % 2 for n, hop, window in self.resolutions
        ):
            raise ValueError(
                "expected at least one resolution (n_fft, hop_length, win_length) with win_length "
                f"<= n_fft and n_fft even, got {self.resolutions}; use e.g. (1024, 256, 1024)"
            )
        self.floor = floor
        for number, (n_fft, _, window) in enumerate(self.resolutions):
            self.register_buffer(f"window{number}", _hann(n_fft, window), persistent=False)

    def forward(self, fake: Tensor, real: Tensor) -> Tensor:
        """Mean over the resolutions of spectral convergence plus log-magnitude distance.

        Raises:
            ValueError: if the shapes differ.
        """
        _check_pair(fake, real)
        losses = []
        for number, (n_fft, hop, _) in enumerate(self.resolutions):
            window = getattr(self, f"window{number}")
            ours = _power(fake, window, hop, n_fft // 2) + self.floor**2
            with torch.no_grad():
                theirs = _power(real, window, hop, n_fft // 2) + self.floor**2
            missed = _norm(theirs.sqrt() - ours.sqrt()) / _norm(theirs.sqrt())
            losses.append(missed + 0.5 * (theirs.log() - ours.log()).abs().mean())
        return torch.stack(losses).mean()


class MelLoss(nn.Module):
    """Mean absolute difference of the natural-log mels of two waveforms (batch, samples).

    Args:
        basis: (n_mels, n_fft // 2 + 1), the filters of the analysis.
        hop_length: samples between frames; frame i is centred on sample (i + 1/2) hop.
        win_length: samples of the Hann window.
        floor: smallest mel magnitude.
    """

    basis: Tensor
    window: Tensor

    def __init__(self, basis: Tensor, hop_length: int, win_length: int, floor: float) -> None:
        super().__init__()
        n_fft = 2 * (basis.shape[1] - 1)
        self.hop_length, self.floor = hop_length, floor
        self.padding = (n_fft - hop_length) // 2
        self.register_buffer("basis", basis, persistent=False)
        self.register_buffer("window", _hann(n_fft, win_length), persistent=False)

    def mels(self, audio: Tensor) -> Tensor:
        """(batch, samples) -> (batch, samples // hop_length, n_mels), natural log."""
        magnitudes = (_power(audio, self.window, self.hop_length, self.padding) + 1e-9).sqrt()
        return (magnitudes @ self.basis.T).clamp(min=self.floor).log()

    def forward(self, fake: Tensor, real: Tensor) -> Tensor:
        """The distance, in nepers.

        Raises:
            ValueError: if the shapes differ.
        """
        _check_pair(fake, real)
        with torch.no_grad():
            wanted = self.mels(real)
        return (self.mels(fake) - wanted).abs().mean()


def critic_loss(real_scores: Sequence[Tensor], fake_scores: Sequence[Tensor]) -> Tensor:
    """Hinge loss of the critics, mean over them: real above 1, fake below -1."""
    pairs = zip(real_scores, fake_scores, strict=True)
    losses = [torch.relu(1 - real).mean() + torch.relu(1 + fake).mean() for real, fake in pairs]
    return torch.stack(losses).mean()


def generator_loss(fake_scores: Sequence[Tensor]) -> Tensor:
    """What the generator pays for not being believed, mean over the critics.

    The hinge max(0, 1 - D) as in SoundStream (Zeghidour et al. 2021, eq. 5) and Vocos: nothing is
    to be won beyond being taken for real.
    """
    return torch.stack([torch.relu(1 - score).mean() for score in fake_scores]).mean()


def feature_matching(
    real_features: Sequence[Sequence[Tensor]], fake_features: Sequence[Sequence[Tensor]]
) -> Tensor:
    """Mean absolute difference of the critics' hidden layers; real ones give no gradient."""
    losses = [
        (real.detach() - fake).abs().mean()
        for theirs, ours in zip(real_features, fake_features, strict=True)
        for real, fake in zip(theirs, ours, strict=True)
    ]
    return torch.stack(losses).mean()


def _hann(n_fft: int, win_length: int) -> Tensor:
    """A periodic Hann window in the middle of ``n_fft`` samples."""
    before = (n_fft - win_length) // 2
    return functional.pad(torch.hann_window(win_length), (before, n_fft - win_length - before))


def _power(audio: Tensor, window: Tensor, hop: int, padding: int) -> Tensor:
    """Squared magnitudes (batch, frames, bins) of (batch, samples), reflected at both ends."""
    padded = functional.pad(audio.unsqueeze(1), (padding, padding), mode="reflect").squeeze(1)
    return power(padded.unfold(1, len(window), hop) * window)


def _check_pair(fake: Tensor, real: Tensor) -> None:
    if fake.shape != real.shape or fake.ndim != 2:
        raise ValueError(
            f"expected two waveforms (batch, samples) of one shape, got {tuple(fake.shape)} and "
            f"{tuple(real.shape)}; cut them to the same length"
        )


def _norm(x: Tensor) -> Tensor:
    """Frobenius norm whose gradient at 0 is 0."""
    return (x.square().sum() + 1e-12).sqrt() - 1e-6
