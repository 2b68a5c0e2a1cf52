import librosa
import numpy as np
import pytest
import torch

from tts_vae.audio.mel import MelConfig, MelSpectrogram, mel_basis


def test_basis_is_librosas_slaney_filters():
    config = MelConfig()
    expected = librosa.filters.mel(sr=22050, n_fft=1024, n_mels=80, fmin=0, fmax=8000)
    np.testing.assert_allclose(mel_basis(config).numpy(), expected, atol=1e-6)


def test_matches_an_independent_numpy_stft():
    rng = np.random.default_rng(0)
    waveform = (0.1 * rng.standard_normal(256 * 20 + 100)).astype(np.float32)
    mels = MelSpectrogram()(torch.from_numpy(waveform))
    padded = np.pad(waveform.astype(np.float64), 384, mode="reflect")
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(1024) / 1024)
    basis = librosa.filters.mel(sr=22050, n_fft=1024, n_mels=80, fmin=0, fmax=8000)
    expected = []
    for frame in range(20):
        magnitude = np.abs(np.fft.rfft(padded[256 * frame : 256 * frame + 1024] * window))
        expected.append(np.log(np.maximum(basis @ magnitude, 1e-5)))
    assert mels.shape == (20, 80)
    np.testing.assert_allclose(mels.numpy(), expected, atol=2e-4)


def test_frames_are_samples_over_hop_and_leading_axes_stay():
    spectrogram = MelSpectrogram()
    for samples in (600, 1024, 2559, 2560):
        assert spectrogram(torch.zeros(2, 3, samples)).shape == (2, 3, samples // 256, 80)


def test_frame_is_centred_half_a_hop_in():
    waveform = torch.zeros(256 * 30)
    waveform[int(12.5 * 256)] = 1.0  # the centre of frame 12
    energy = MelSpectrogram().magnitudes(waveform).square().sum(-1)
    assert int(energy.argmax()) == 12
    assert float(energy[11]) == pytest.approx(float(energy[13]), rel=1e-3)


def test_silence_is_at_the_floor():
    # HiFi-GAN's 1e-9 under the root leaves magnitudes of 3e-5, times a band's weights.
    mels = MelSpectrogram()(torch.zeros(2560))
    assert mels.max() < -9
    assert mels.min() >= np.log(1e-5) - 1e-4


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"win_length": 2048}, "win_length <= n_fft"),
        ({"fmax": 12000.0}, "fmax is at most half"),
        ({"hop_length": 0}, "0 < hop_length"),
    ],
)
def test_impossible_constants_are_refused(change, words):
    with pytest.raises(ValueError, match=words):
        MelConfig(**change)


def test_too_short_is_one_clear_line():
    with pytest.raises(ValueError, match="expected more than 384 samples .* got 384"):
        MelSpectrogram()(torch.zeros(384))
