"""Fitting a waveform to its mels: every pass helps, what fits stays, pauses stay quiet."""

import math

import pytest
import torch

from tts_vae.audio.griffin_lim import GriffinLim
from tts_vae.audio.mel import MelConfig, MelSpectrogram, mel_basis
from tts_vae.models.vocoder.istft_vocoder import IstftVocoder
from tts_vae.models.vocoder.overlap import OverlapAdd

MEL = MelConfig()
FRAMES = 60


def speechlike() -> torch.Tensor:
    """Gliding harmonics, a pause, and noise; (1, samples)."""
    time = torch.arange(FRAMES * 256) / MEL.sample_rate
    phase = 2 * math.pi * (120 * time + 40 * time.square())
    tones = sum(torch.sin(k * phase) / k for k in range(1, 30)) * 0.05
    noise = 0.02 * torch.randn(len(time), generator=torch.Generator().manual_seed(0))
    frame = torch.arange(len(time)) // 256
    return torch.where(frame < 25, tones, torch.where(frame < 35, 0.0, noise)).unsqueeze(0)


def fitter(passes: int):
    model = IstftVocoder(width=8, layers=1, refinements=passes)
    model.use_mel_basis(mel_basis(MEL))
    return model.fit


def fitted(passes: int, start: torch.Tensor, mels: torch.Tensor) -> torch.Tensor:
    signal = fitter(passes)(start, mels, None)
    return OverlapAdd(1024, 256).cut(signal, mels.shape[1])


def rough_start(mels: torch.Tensor) -> torch.Tensor:
    """The spectrum of the mels with random phases."""
    magnitudes = (mels.exp() @ torch.linalg.pinv(mel_basis(MEL)).T).clamp(min=1e-5)
    generator = torch.Generator().manual_seed(1)
    return torch.polar(magnitudes, 6.3 * torch.rand(magnitudes.shape, generator=generator))


def test_passes_lower_the_error_and_are_worth_many_of_griffin_lims():
    analysis = MelSpectrogram(MEL)
    mels = analysis(speechlike())
    errors = [
        float((analysis(fitted(passes, rough_start(mels), mels)) - mels).abs().mean())
        for passes in (1, 2, 4, 8)
    ]
    assert errors[1] < 0.9 * errors[0] and errors[2] < 0.9 * errors[1]
    assert errors[3] < 0.9 * errors[2]
    patient = GriffinLim(MEL, iterations=24)(mels)
    assert errors[3] < float((analysis(patient) - mels).abs().mean())


def test_a_pause_is_as_quiet_as_it_should_be():
    analysis = MelSpectrogram(MEL)
    mels = analysis(speechlike())
    found = analysis(fitted(4, rough_start(mels), mels))
    silent = slice(27, 33)  # frames that no sound reaches into
    assert torch.equal(mels[:, silent], torch.full_like(mels[:, silent], math.log(MEL.floor)))
    assert float((found - mels)[:, silent].mean()) < 0.2


def test_what_has_its_mels_stays():
    frames, sound = OverlapAdd(1024, 256), speechlike()[:, : 24 * 256]
    around = torch.nn.functional.pad(sound, (384, 384))
    start = frames.spectrum(around)
    mels = (start.abs() @ mel_basis(MEL).T).clamp(min=MEL.floor).log()
    again = frames.cut(fitter(3)(start, mels, None), 24)
    middle = slice(256, -256)  # the margins are silent here, and were not in the analysis above
    torch.testing.assert_close(again[:, middle], sound[:, middle], rtol=0, atol=3e-4)


@pytest.mark.parametrize("frames", [1, 4, 7])
def test_frames_that_make_no_whole_turn(frames):
    mels = torch.randn(2, frames, 80) - 5
    signal = fitter(2)(rough_start(mels), mels, None)
    assert signal.shape[1] >= frames * 256 + 768 and signal.isfinite().all()


def test_gradients_reach_the_start():
    mels = torch.randn(1, 6, 80) - 5
    start = rough_start(mels).requires_grad_()
    fitter(2)(start, mels, None).square().sum().backward()
    assert start.grad.isfinite().all() and float(start.grad.abs().max()) > 0
