"""Critics of waveforms: they see what a spectral distance averages away.

Multi-period: HiFi-GAN (Kong et al. 2020, arXiv 2010.05646, sec. 2.3), the waveform folded to rows
of one period and filtered along the columns. Multi-resolution: UnivNet (Jang et al. 2021,
arXiv 2106.07889, sec. 2.2), magnitudes at several resolutions filtered as pictures.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrizations import weight_norm

_SLOPE = 0.1  # of the leaky rectifiers, in both papers


@dataclass
class Judgement:
    """What the critics think of a batch.

    Attributes:
        scores: one tensor (batch, ...) a critic; higher is more real.
        features: the hidden layers of every critic.
    """

    scores: list[Tensor]
    features: list[list[Tensor]]


class PeriodCritic(nn.Module):
    """Judges samples that lie one period apart.

    Args:
        period: samples; prime ones overlap least.
        channels: of each layer; all but the last shorten time threefold.
    """

    def __init__(self, period: int, channels: Sequence[int]) -> None:
        super().__init__()
        self.period = period
        sizes = [1, *channels]
        self.layers = nn.ModuleList(
            weight_norm(
                nn.Conv2d(a, b, (5, 1), (3 if n + 1 < len(channels) else 1, 1), padding=(2, 0))
            )
            for n, (a, b) in enumerate(zip(sizes[:-1], sizes[1:], strict=True))
        )
        self.score = weight_norm(nn.Conv2d(sizes[-1], 1, (3, 1), padding=(1, 0)))

    def forward(self, audio: Tensor) -> tuple[Tensor, list[Tensor]]:
        """(batch, samples) -> scores (batch, ...) and hidden layers."""
        missing = -audio.shape[1] % self.period
        padded = functional.pad(audio.unsqueeze(1), (0, missing), mode="reflect")
        return _climb(self.layers, self.score, padded.unflatten(2, (-1, self.period)))


class ResolutionCritic(nn.Module):
    """Judges a magnitude spectrogram.

    Args:
        n_fft: samples of a frame, and of its Hann window.
        hop_length: samples between frames.
        channels: of every layer.
    """

    window: Tensor

    def __init__(self, n_fft: int, hop_length: int, channels: int) -> None:
        super().__init__()
        self.n_fft, self.hop_length = n_fft, hop_length
        self.register_buffer("window", torch.hann_window(n_fft), persistent=False)
        shapes = [((3, 9), (1, 1)), *[((3, 9), (1, 2))] * 3, ((3, 3), (1, 1))]
        self.layers = nn.ModuleList(
            weight_norm(
                nn.Conv2d(1 if n == 0 else channels, channels, k, s, (k[0] // 2, k[1] // 2))
            )
            for n, (k, s) in enumerate(shapes)
        )
        self.score = weight_norm(nn.Conv2d(channels, 1, 3, padding=1))

    def forward(self, audio: Tensor) -> tuple[Tensor, list[Tensor]]:
        """(batch, samples) -> scores (batch, ...) and hidden layers."""
        spectrum = torch.stft(
            audio, self.n_fft, self.hop_length, window=self.window, return_complex=True
        )
        magnitudes = (torch.view_as_real(spectrum).square().sum(-1) + 1e-9).sqrt()
        return _climb(self.layers, self.score, magnitudes.transpose(1, 2).unsqueeze(1))


class Critics(nn.Module):
    """All critics of one training.

    Args:
        periods: one :class:`PeriodCritic` each, in samples.
        period_channels: of their layers.
        resolutions: one :class:`ResolutionCritic` each, (n_fft, hop_length).
        resolution_channels: of their layers.

    Raises:
        ValueError: if there is no critic, or one has no layer.
    """

    def __init__(
        self,
        periods: Sequence[int] = (2, 3, 5, 7, 11),
        period_channels: Sequence[int] = (32, 128, 512, 1024, 1024),
        resolutions: Sequence[Sequence[int]] = ((1024, 120), (2048, 240), (512, 50)),
        resolution_channels: int = 32,
    ) -> None:
        super().__init__()
        if not [*periods, *resolutions] or not period_channels or resolution_channels < 1:
            raise ValueError(
                f"expected at least one period or resolution and layers with channels, got "
                f"{list(periods)}, {list(resolutions)}, {list(period_channels)} and "
                f"{resolution_channels}; leave the critics out with adversarial.start_step=null"
            )
        self.critics = nn.ModuleList(
            [
                *(PeriodCritic(period, period_channels) for period in periods),
                *(ResolutionCritic(n, hop, resolution_channels) for n, hop in resolutions),
            ]
        )

    def forward(self, audio: Tensor) -> Judgement:
        """Waveforms (batch, samples) -> scores and hidden layers of every critic."""
        judged = [critic(audio) for critic in self.critics]
        return Judgement([score for score, _ in judged], [layers for _, layers in judged])


def _climb(layers: nn.ModuleList, score: nn.Module, x: Tensor) -> tuple[Tensor, list[Tensor]]:
    """Run the layers, keeping what each one found."""
    found = []
    for layer in layers:
        x = functional.leaky_relu(layer(x), _SLOPE)
        found.append(x)
    return score(x).flatten(1).float(), found
