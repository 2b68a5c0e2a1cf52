"""Log-mels to a waveform in one pass: a convolutional trunk and an inverse Fourier transform.

Vocos (Siuzdak 2023, arXiv 2306.00814): every frame's spectrum is predicted at the rate of the
mels, so nothing is upsampled and the transform makes the samples. Three options go beyond it:

- amplitude start (Lv et al. 2024, FreeV, arXiv 2406.08196): log magnitudes are those of the
  pseudo-inverted mels plus a learned correction, so that mainly phase is left to learn;
- refinement (after Masuyama et al. 2019, deep Griffin-Lim iteration): the waveform is analysed and
  its magnitudes are scaled band by band to the wanted mels, inside the network (see
  :mod:`tts_vae.models.vocoder.refinement`);
- a source (see :mod:`tts_vae.models.vocoder.source`): the spectrum of pulses and noise, scaled to
  the mels, takes the place of the amplitude start, and the network corrects its phase too.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from tts_vae.models.vocoder.convolution import convolve
from tts_vae.models.vocoder.mel_filters import MelFilters
from tts_vae.models.vocoder.overlap import OverlapAdd
from tts_vae.models.vocoder.refinement import MelFit
from tts_vae.models.vocoder.source import Excitation, PitchReader

_CEILING = math.log(1e3)
"""Natural-log magnitude that nothing in [-1, 1] exceeds with a window of 1,024 samples."""

_ANY_HZ = 150.0  # between voiced stretches any pitch will do: nothing of it sounds


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
            self.conv = nn.Conv1d(width, width, kernel_size, padding=kernel_size // 2, groups=width)
            self.widen: nn.Module = nn.Linear(width, inner)
        else:
            self.conv = nn.Conv1d(width, inner, kernel_size, padding=kernel_size // 2)
            self.widen = nn.Identity()
        self.project = nn.Linear(inner, width)
        self.scale = nn.Parameter(torch.full((width,), scale))

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """(batch, frames, width) -> the same shape; ``mask`` (batch, frames, 1) or None."""
        if self.depthwise:
            h = self.widen(self.norm(convolve(self.conv, x, mask)))
        else:
            h = convolve(self.conv, self.norm(x), mask)
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
        source: start from pulses and noise that follow the pitch instead; needs it too.
        sample_rate: Hz, for the source.

    Raises:
        ValueError: if a size is not positive or the kernel is even.
    """

    signs: Tensor

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
        source: bool = False,
        sample_rate: int = 22050,
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
        self.filters = MelFilters(n_mels, bins)
        self.fit = MelFit(self.frames, self.filters, floor, refinements) if refinements else None
        self.sample_rate = sample_rate
        self.pitch = PitchReader(n_mels, width) if source else None
        self.excitation = Excitation(self.frames) if source else None
        # with a source the trunk goes on from what the reader of the pitch found
        seen, size = (width, 1) if source else (n_mels, 7)
        self.embed = nn.Conv1d(seen, width, size, padding=size // 2)
        self.embed_norm = nn.LayerNorm(width)
        self.blocks = nn.ModuleList(
            TrunkBlock(width, kernel_size, expansion, depthwise, 1 / layers) for _ in range(layers)
        )
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, (3 if source else 2) * bins)
        for part in (self.embed, self.blocks, self.head):
            for module in part.modules():
                if isinstance(module, nn.Conv1d | nn.Linear):
                    nn.init.trunc_normal_(module.weight, std=0.02)
                    nn.init.zeros_(module.bias)  # type: ignore[arg-type]
        # phases counted from the middle of the frame: 0 everywhere is a pulse under the window's
        # top, not at its edge
        signs = 1.0 - 2.0 * (torch.arange(bins) % 2).float()
        self.register_buffer("signs", signs, persistent=False)

    @property
    def takes_pitch(self) -> bool:
        """Whether there is a source, which follows a pitch that is told."""
        return self.pitch is not None

    @property
    def needs_basis(self) -> bool:
        """Whether :meth:`use_mel_basis` must be called before the first mels."""
        return self.amplitude_start or self.pitch is not None or self.refinements > 0

    def use_mel_basis(self, basis: Tensor) -> None:
        """Tell the network the filters that made the mels.

        They are a constant of the analysis, not a weight, so no state_dict holds them.

        Args:
            basis: (n_mels, n_fft // 2 + 1), magnitude to mel.

        Raises:
            ValueError: if the shape is not as expected.
        """
        self.filters.use(basis)

    def to_bfloat16(self) -> None:
        """Let layers and filters compute in bfloat16; the transforms stay in float32."""
        for part in (self.embed, self.embed_norm, self.blocks, self.norm, self.head, self.pitch):
            if part is not None:
                part.bfloat16()
        self.filters.to_bfloat16()

    def forward(
        self,
        mels: Tensor,
        lengths: Tensor | None = None,
        f0_hz: Tensor | None = None,
        voiced: Tensor | None = None,
    ) -> Tensor:
        """Synthesise a batch.

        Args:
            mels: (batch, frames, n_mels), natural-log magnitude.
            lengths: (batch,) frames of each item; None takes all.
            f0_hz: (batch, frames), for the source, in place of the pitch that is read from the
                mels; NaN where it is to be read. Of frames without voice any number will do.
            voiced: (batch, frames), 0 to 1, in place of what is read.

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
        if self.needs_basis and not self.filters.known:
            raise ValueError(
                "expected the mel basis for amplitude_start, source or refinements, got none; call "
                "use_mel_basis(basis) first"
            )
        frames = mels.shape[1]
        mask = None
        if lengths is not None:
            steps = torch.arange(frames, device=mels.device)
            mask = steps < lengths.to(mels.device).unsqueeze(1)
        real = None if mask is None else mask.unsqueeze(-1)
        # silence is 0, as the padding of a convolution is
        x = ((mels - math.log(self.floor)) * 0.2).to(self.embed.weight.dtype)
        source = None
        if self.pitch is not None:
            # reading is learned from the pitch alone: the waveform's error says little about it
            with torch.no_grad():
                x = self.pitch.listen(x, real)
                if f0_hz is None or voiced is None:
                    read_hz, heard = self.pitch.read(self.pitch.scores(x))
                    f0_hz = read_hz if f0_hz is None else torch.where(f0_hz > 0, f0_hz, read_hz)
                    voiced = heard if voiced is None else voiced
                source = self._source(f0_hz, voiced, lengths)
        predicted = self._trunk(x, real)
        with torch.autocast(mels.device.type, enabled=False):
            mels = mels.float()
            spectrum = self._spectrum(predicted, mels.exp(), source)
            if self.fit is not None:
                signal = self.fit(spectrum, mels, mask)
            else:
                signal = self.frames.signal(spectrum, self.frames.weight(frames, mask), mask)
            samples = self.frames.cut(signal, frames)
            if mask is not None:
                samples = samples * mask.repeat_interleave(self.hop_length, dim=1)
        return samples

    def pitch_loss(self, mels: Tensor, f0_hz: Tensor) -> Tensor:
        """What :class:`PitchReader` pays for its reading; 0 without a source."""
        if self.pitch is None:
            return mels.new_zeros(())
        heard = self.pitch.listen((mels - math.log(self.floor)) * 0.2, None)
        return self.pitch.loss(self.pitch.scores(heard), f0_hz)

    def _source(
        self, f0_hz: Tensor, voiced: Tensor, lengths: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """Spectra of pulses and of noise, (batch, frames, bins) complex."""
        assert self.excitation is not None
        f0_hz = torch.where(f0_hz > 0, f0_hz, _ANY_HZ)
        if lengths is not None:  # the last frame goes on, as it would alone
            last = (lengths.to(f0_hz.device) - 1).unsqueeze(1)
            index = torch.minimum(torch.arange(f0_hz.shape[1], device=f0_hz.device), last)
            f0_hz, voiced = f0_hz.gather(1, index), voiced.gather(1, index)
        pulses = self.excitation.pulses(f0_hz.float() / self.sample_rate, voiced.float())
        return self.frames.spectrum(pulses), self.excitation.noise(*f0_hz.shape)

    def _trunk(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """Head's outputs, (batch, frames, outputs)."""
        x = self.embed_norm(convolve(self.embed, x, mask))
        for block in self.blocks:
            x = block(x, mask)
        outputs: Tensor = self.head(self.norm(x))
        return outputs

    def _spectrum(
        self, predicted: Tensor, target: Tensor, source: tuple[Tensor, Tensor] | None
    ) -> Tensor:
        """First complex spectrum (batch, frames, bins) of what the head says."""
        if source is not None:
            gain, phase, gate = predicted.chunk(3, dim=-1)
            pulses, noise = (torch.view_as_real(each) for each in source)
            voice = (gate + 3).sigmoid().float().unsqueeze(-1)  # at first nearly all of it pulses
            mixed = torch.view_as_complex(torch.lerp(noise, pulses, voice))
            fitting = self.filters.gains(target / self.filters.mels(mixed))
            gain = gain.float().clamp(max=_CEILING).exp() * fitting
            return torch.polar(gain, phase.float()) * mixed
        log_magnitude, phase = predicted.float().chunk(2, dim=-1)
        if self.amplitude_start:
            known = self.filters.magnitudes(target).clamp(min=self.floor)
            log_magnitude = log_magnitude + known.log()
        magnitude = log_magnitude.clamp(max=_CEILING).exp() * self.signs
        return torch.complex(magnitude * phase.cos(), magnitude * phase.sin())
