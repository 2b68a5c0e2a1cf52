"""What a vocoder is trained with: spectra compared at several resolutions, and critics.

Multi-resolution STFT loss: Yamamoto et al. 2020 (arXiv 1910.11480), spectral convergence (eq. 6)
and log magnitude (eq. 7). Hinge losses: Lim & Ye 2017; feature matching: Larsen et al. 2016, as in
HiFi-GAN (Kong et al. 2020, eq. 5). All are means, so that sizes of batch and segment do not matter.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

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
        if not self.resolutions or any(not 0 < w <= n for n, _, w in self.resolutions):
            raise ValueError(
                "expected at least one resolution (n_fft, hop_length, win_length) with win_length "
                f"<= n_fft, got {self.resolutions}; use e.g. (1024, 256, 1024)"
            )
        self.floor = floor
        for number, (_, _, window) in enumerate(self.resolutions):
            self.register_buffer(f"window{number}", torch.hann_window(window), persistent=False)

    def forward(self, fake: Tensor, real: Tensor) -> Tensor:
        """Mean over the resolutions of spectral convergence plus log-magnitude distance.

        Raises:
            ValueError: if the shapes differ.
        """
        if fake.shape != real.shape or fake.ndim != 2:
            raise ValueError(
                f"expected two waveforms (batch, samples) of one shape, got {tuple(fake.shape)} "
                f"and {tuple(real.shape)}; cut them to the same length"
            )
        losses = []
        for number, (n_fft, hop, window) in enumerate(self.resolutions):
            shape = getattr(self, f"window{number}")
            both = torch.stft(
                torch.cat([fake, real]), n_fft, hop, window, shape, return_complex=True
            )
            power = torch.view_as_real(both).square().sum(-1)
            ours, theirs = (power + self.floor**2).sqrt().chunk(2)
            converged = _norm(theirs - ours) / _norm(theirs)
            losses.append(converged + (theirs.log() - ours.log()).abs().mean())
        return torch.stack(losses).mean()


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


def _norm(x: Tensor) -> Tensor:
    """Frobenius norm whose gradient at 0 is 0."""
    return (x.square().sum() + 1e-12).sqrt() - 1e-6
