"""Fits a waveform to the mels it should have, by what its own analysis says.

Griffin-Lim's idea (Griffin & Lim 1984), a spectrum is changed and made into sound and analysed
again, with three changes that make each pass several times as effective:

- frames are changed in turns (Gauss-Seidel; with the projections of Kaczmarz 1937): a turn takes
  those that do not overlap, and the next one hears what it did;
- where frames disagree, the one whose mels are quieter counts more (least squares of relative
  errors): logarithms are compared, and what a loud frame leaves in a pause is heard;
- passes are extrapolated with Nesterov's (1983) rising momentum, as in fast Griffin-Lim (Perraudin,
  Balazs & Sondergaard 2013).

A frame is changed by scaling its spectrum band by band to the wanted mels. What the bands leave
open, phases and the shape within a band, stays as the waveform has it.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from tts_vae.models.vocoder.mel_filters import MelFilters
from tts_vae.models.vocoder.overlap import OverlapAdd
from tts_vae.models.vocoder.spectra import spectrum

_QUIET = 2.0
"""Power of a frame's geometric mean mel by which it counts less: errors relative to its level."""

_STEP = 1.8
"""Over-relaxation of a turn: 1 leaves nothing over where no other frame overlaps; 2.5 diverges."""

_EDGE = 2.5e-4
"""Squared window below which a frame's samples are not trusted however quiet it is."""

_RATIOS = (0.1, 10.0)


class MelFit(nn.Module):
    """First spectrum and wanted mels -> waveform.

    Args:
        frames: the transforms.
        filters: of the mels.
        floor: smallest mel magnitude of the analysis.
        passes: how often every frame is changed, at least 1.
    """

    def __init__(self, frames: OverlapAdd, filters: MelFilters, floor: float, passes: int) -> None:
        super().__init__()
        self.frames, self.filters, self.floor, self.passes = frames, filters, floor, passes

    def forward(self, start: Tensor, mels: Tensor, mask: Tensor | None) -> Tensor:
        """Fit a batch.

        Args:
            start: (batch, frames, bins) complex.
            mels: (batch, frames, n_mels), natural-log magnitude.
            mask: (batch, frames), or None if no frame is padding.

        Returns:
            (batch, samples), with both margins and as many frames more as make a whole turn.
        """
        n_fft, hop, window = self.frames.n_fft, self.frames.hop_length, self.frames.window
        shifts = n_fft // hop
        missing = -mels.shape[1] % shifts
        weights = torch.exp(_QUIET * (math.log(self.floor) - mels.mean(-1)))
        if mask is not None:
            weights = torch.where(mask, weights, 0.0)
        weights = functional.pad(weights, (0, missing))
        inverse = 1 / self.frames.worth(weights, _EDGE).clamp(min=1e-30)
        pieces = functional.pad(torch.fft.irfft(start, n=n_fft), (0, 0, 0, missing))
        signal = self.frames.add(pieces * window * weights.unsqueeze(-1)) * inverse
        # one entry a turn from here on: frames shift, shift + shifts, ... do not overlap
        target = functional.pad(mels.exp(), (0, 0, 0, missing), value=self.floor)
        wanted = target.unflatten(1, (-1, shifts)).unbind(2)
        steps = (_STEP * weights).unflatten(1, (-1, shifts)).unbind(2)
        length = weights.shape[1] * hop
        places = [slice(shift * hop, shift * hop + length) for shift in range(shifts)]
        scales = [inverse[:, place].unflatten(1, (-1, n_fft)) * window for place in places]
        before = signal
        for number in range(self.passes):
            signal, before = torch.lerp(before, signal, 1 + number / (number + 2)), signal
            # every other one first: they lie farther apart
            for turn in (*range(0, shifts, 2), *range(1, shifts, 2)):
                pieces = signal[:, places[turn]].unflatten(1, (-1, n_fft))
                change = self._change(pieces, wanted[turn], steps[turn])
                pieces.addcmul_(scales[turn], change)
        return signal

    def _change(self, pieces: Tensor, wanted: Tensor, step: Tensor) -> Tensor:
        """What brings pieces (batch, frames, n_fft) nearer to mels (batch, frames, n_mels)."""
        # bins that no band hears stay
        found = spectrum(pieces * self.frames.window)[..., : self.filters.covered]
        missed = ((wanted / self.filters.mels(found)).clamp(*_RATIOS) - 1) * step.unsqueeze(-1)
        changed = torch.view_as_real(found * self.filters.gains_heard(missed))
        unheard = self.frames.n_fft // 2 + 1 - changed.shape[-2]
        # padded as real numbers, which ONNX can
        changed = torch.view_as_complex(functional.pad(changed, (0, 0, 0, unheard)))
        return torch.fft.irfft(changed, n=self.frames.n_fft)
