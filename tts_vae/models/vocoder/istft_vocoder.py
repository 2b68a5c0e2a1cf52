"""Log-mels to a waveform in one pass: a convolutional trunk and an inverse Fourier transform.

Vocos (Siuzdak 2023, arXiv 2306.00814): every frame's spectrum is predicted at the rate of the
mels, so nothing is upsampled and the transform makes the samples. Two options go beyond it:

- amplitude start (Lv et al. 2024, FreeV, arXiv 2406.08196): log magnitudes are those of the
  pseudo-inverted mels plus a learned correction, so that mainly phase is left to learn;
- refinement (Masuyama et al. 2019, deep Griffin-Lim iteration): the waveform is analysed, its
  magnitudes are scaled band by band to the wanted mels, and it is made again, inside the network.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from tts_vae.models.vocoder.overlap import OverlapAdd

_CEILING = math.log(1e3)
"""Natural-log magnitude that nothing in [-1, 1] exceeds with a window of 1,024 samples."""


class TrunkBlock(nn.Module):
    """Residual block: a convolution over time, layer norm, and two layers per frame.

    ``depthwise`` is ConvNeXt's: each channel is filtered alone, then the layers mix them. A dense
    convolution mixes while it filters and needs less widening for the same parameters.
    """

    def __init__(
        self, width: int, kernel_size: int, expansion: float, depthwise: bool, scale: float
    ) -> None:
        super().__init__()
        inner = round(width * expansion)
        self.depthwise = depthwise
        self.norm = nn.LayerNorm(width)
        if depthwise:
            self.conv = nn.Conv1d(
                width, width, kernel_size, padding=kernel_size // 2, groups=width
            )
            self.widen: nn.Module = nn.Linear(width, inner)
        else:
            self.conv = nn.Conv1d(width, inner, kernel_size, padding=kernel_size // 2)
            self.widen = nn.Identity()
        self.project = nn.Linear(inner, width)
        self.scale = nn.Parameter(torch.full((width,), scale))

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """(batch, frames, width) -> the same shape; ``mask`` (batch, frames, 1) or None."""
        if self.depthwise:
            h = self.widen(self.norm(_convolve(self.conv, x, mask)))
        else:
            h = _convolve(self.conv, self.norm(x), mask)
        return x + self.scale * self.project(functional.gelu(h))


class IstftVocoder(nn.Module):
    """Log-mels (batch, frames, n_mels) -> waveform (batch, frames * hop_length).

    The mels are natural-log magnitudes whose frame i is centred on sample (i + 1/2) hop. An
    utterance sounds the same alone and in a batch.

    Args:
        n_mels: mel bands.
        n_fft: samples of a frame.
        hop_length: samples between frames.
        floor: smallest mel magnitude of the analysis; padding counts as such silence.
        width: channels of the trunk.
        layers: blocks of the trunk.
        kernel_size: frames a block sees; odd.
        expansion: width between a block's two layers, as a multiple of ``width``.
        depthwise: filter each channel alone (ConvNeXt), or with all others.
        amplitude_start: start from the pseudo-inverted mels; needs :meth:`use_mel_basis`.
        refinements: how often the waveform is fitted to the mels; needs it too.

    Raises:
        ValueError: if a size is not positive or the kernel is even.
    """

    basis: Tensor
    inverse: Tensor

    def __init__(
        self,
        n_mels: int = 80,
        n_fft: int = 1024,
        hop_length: int = 256,
        floor: float = 1e-5,
        width: int = 256,
        layers: int = 5,
        kernel_size: int = 5,
        expansion: float = 1.0,
        depthwise: bool = False,
        amplitude_start: bool = True,
        refinements: int = 1,
    ) -> None:
        super().__init__()
        if min(n_mels, width, layers) < 1 or refinements < 0 or kernel_size % 2 == 0:
            raise ValueError(
                f"expected n_mels, width, layers >= 1, refinements >= 0 and an odd kernel_size, "
                f"got {n_mels}, {width}, {layers}, {refinements} and {kernel_size}"
            )
        self.n_mels, self.n_fft, self.hop_length = n_mels, n_fft, hop_length
        self.floor = floor
        self.amplitude_start, self.refinements = amplitude_start, refinements
        bins = n_fft // 2 + 1
        self.frames = OverlapAdd(n_fft, hop_length)
        self.embed = nn.Conv1d(n_mels, width, 7, padding=3)
        self.embed_norm = nn.LayerNorm(width)
        self.blocks = nn.ModuleList(
            TrunkBlock(width, kernel_size, expansion, depthwise, 1 / layers) for _ in range(layers)
        )
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, 2 * bins)
        for module in self.modules():
            if isinstance(module, nn.Conv1d | nn.Linear):
                nn.init.trunc_normal_(module.weight, std=0.02)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        # phases counted from the middle of the frame: 0 everywhere is a pulse under the window's
        # top, not at its edge
        signs = 1.0 - 2.0 * (torch.arange(bins) % 2)
        self.register_buffer("signs", signs, persistent=False)
        self.register_buffer("basis", torch.zeros(n_mels, bins), persistent=False)
        self.register_buffer("inverse", torch.zeros(bins, n_mels), persistent=False)
        self.knows_basis = False

    @property
    def needs_basis(self) -> bool:
        """Whether :meth:`use_mel_basis` must be called before the first mels."""
        return self.amplitude_start or self.refinements > 0

    def use_mel_basis(self, basis: Tensor) -> None:
        """Tell the network the filters that made the mels.

        They are a constant of the analysis, not a weight, so no state_dict holds them.

        Args:
            basis: (n_mels, n_fft // 2 + 1), magnitude to mel.

        Raises:
            ValueError: if the shape is not as expected.
        """
        if basis.shape != self.basis.shape:
            raise ValueError(
                f"expected a mel basis {tuple(self.basis.shape)}, got {tuple(basis.shape)}; "
                "build the vocoder with the n_mels and n_fft of the analysis"
            )
        self.basis.copy_(basis)
        self.inverse.copy_(torch.linalg.pinv(basis.double()))
        self.knows_basis = True

    def forward(self, mels: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Synthesise a batch.

        Args:
            mels: (batch, frames, n_mels), natural-log magnitude.
            lengths: (batch,) frames of each item; None takes all.

        Returns:
            (batch, frames * hop_length) float32, zero after each item's end.

        Raises:
            ValueError: if the shape is not as expected, or the mel basis is needed and not known.
        """
        if mels.ndim != 3 or mels.shape[2] != self.n_mels or not mels.shape[1]:
            raise ValueError(
                f"expected mels (batch, frames, {self.n_mels}) with at least one frame, got "
                f"{tuple(mels.shape)}; add a batch axis, or use the analysis that made them"
            )
        if self.needs_basis and not self.knows_basis:
            raise ValueError(
                "expected the mel basis for amplitude_start or refinements, got none; call "
                "use_mel_basis(basis) first"
            )
        frames = mels.shape[1]
        mask = None
        if lengths is not None:
            steps = torch.arange(frames, device=mels.device)
            mask = steps < lengths.to(mels.device).unsqueeze(1)
        log_magnitude, phase = self._predict(mels, mask)
        with torch.autocast(mels.device.type, enabled=False):
            target = mels.float().exp()
            if self.amplitude_start:
                start = functional.linear(target, self.inverse).clamp(min=self.floor)
                log_magnitude = log_magnitude + start.log()
            magnitude = log_magnitude.clamp(max=_CEILING).exp() * self.signs
            spectrum = torch.complex(magnitude * phase.cos(), magnitude * phase.sin())
            weight = self.frames.weight(frames, mask)
            signal = self.frames.signal(spectrum, weight, mask)
            for _ in range(self.refinements):
                spectrum = self._fit(self.frames.spectrum(signal), target)
                signal = self.frames.signal(spectrum, weight, mask)
            samples = self.frames.cut(signal, frames)
            if mask is not None:
                samples = samples * mask.repeat_interleave(self.hop_length, dim=1)
        return samples

    def _predict(self, mels: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
        """Log magnitude (without the start) and phase, (batch, frames, bins) float32 each."""
        real = None if mask is None else mask.unsqueeze(-1)
        x = (mels - math.log(self.floor)) * 0.2  # silence is 0, as the padding of a convolution is
        x = self.embed_norm(_convolve(self.embed, x, real))
        for block in self.blocks:
            x = block(x, real)
        log_magnitude, phase = self.head(self.norm(x)).float().chunk(2, dim=-1)
        return log_magnitude, phase

    def _fit(self, spectrum: Tensor, target: Tensor) -> Tensor:
        """Scale a spectrum (batch, frames, bins) so that its mels come near ``target``."""
        power = torch.view_as_real(spectrum).square().sum(-1)
        mels = functional.linear((power + 1e-12).sqrt(), self.basis)
        ratio = (target / mels.clamp(min=0.1 * self.floor)).clamp(0.1, 10.0)
        # bins that no filter covers (above fmax) keep what the network gave them
        covered = self.basis.sum(0)
        gain = (ratio @ self.basis + 1e-7) / (covered + 1e-7)
        return spectrum * gain


def _convolve(conv: nn.Conv1d, x: Tensor, mask: Tensor | None) -> Tensor:
    """Convolve (batch, frames, channels) along the frames; padding counts as zeros."""
    if mask is not None:
        x = x * mask
    return conv(x.transpose(1, 2)).transpose(1, 2)
