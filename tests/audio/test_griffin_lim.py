import pytest
import torch
from torch.nn.utils.rnn import pad_sequence

from tts_vae.audio.files import read_audio
from tts_vae.audio.griffin_lim import GriffinLim
from tts_vae.audio.mel import MelConfig, MelSpectrogram


def chirps(samples, seed=0):
    generator = torch.Generator().manual_seed(seed)
    time = torch.arange(samples) / 22050
    base = 100 + 50 * torch.rand((), generator=generator) + 40 * torch.sin(6 * time)
    phase = 2 * torch.pi * torch.cumsum(base / 22050, 0)
    voice = sum(torch.sin(phase * k) / k for k in range(1, 20))
    return 0.1 * voice * (0.6 + 0.4 * torch.sin(20 * time))


def test_length_alignment_and_error_of_the_reanalysis():
    spectrogram = MelSpectrogram()
    mels = spectrogram(chirps(256 * 80))
    waveform = GriffinLim(iterations=60)(mels[None])
    assert waveform.shape == (1, 256 * 80)
    again = spectrogram(waveform[0])
    assert (again - mels).abs().mean() < 0.1
    # Shifted by half a frame, the match must be worse: the frames come back at their places.
    for shift in (-128, 128):
        moved = spectrogram(torch.roll(waveform[0], shift))
        inner = slice(4, -4)
        assert (moved - mels)[inner].abs().mean() > 1.5 * (again - mels)[inner].abs().mean()


def test_an_onset_is_where_it_was():
    waveform = torch.zeros(256 * 40)
    waveform[256 * 20 :] = chirps(256 * 20)
    result = GriffinLim()(MelSpectrogram()(waveform)[None])[0]
    energy = result.unfold(0, 256, 256).square().mean(-1).sqrt()
    assert energy[18] < 0.1 * energy[21:].mean()
    assert energy[20] > 0.3 * energy[21:].mean()


def test_alone_and_in_a_batch_are_the_same():
    spectrogram, vocoder = MelSpectrogram(), GriffinLim(iterations=8)
    mels = [spectrogram(chirps(256 * frames, seed=frames)) for frames in (33, 20, 7)]
    together = vocoder(pad_sequence(mels, batch_first=True), torch.tensor([33, 20, 7]))
    for mel, waveform in zip(mels, together, strict=True):
        samples = len(mel) * 256
        torch.testing.assert_close(vocoder(mel[None])[0], waveform[:samples], atol=1e-5, rtol=1e-4)
        assert not waveform[samples:].any()


def test_the_seed_decides():
    mels = MelSpectrogram()(chirps(256 * 20))[None]
    first = GriffinLim(iterations=4)(mels)
    assert torch.equal(first, GriffinLim(iterations=4)(mels))
    assert not torch.allclose(first, GriffinLim(iterations=4, seed=1)(mels))


def test_silence_one_frame_and_half_precision_stay_finite():
    silence = torch.full((1, 12, 80), -11.5)
    assert GriffinLim(iterations=4)(silence).abs().max() < 1e-3
    assert GriffinLim(iterations=4)(torch.zeros(1, 1, 80)).isfinite().all()
    assert GriffinLim(iterations=4)(torch.zeros(1, 9, 80).half()).dtype == torch.float32


def test_wrong_shapes_and_settings_are_refused():
    with pytest.raises(ValueError, match=r"expected mels \(batch, frames, 80\).*got \(5, 80\)"):
        GriffinLim()(torch.zeros(5, 80))
    with pytest.raises(ValueError, match="iterations and momentum >= 0"):
        GriffinLim(iterations=-1)
    with pytest.raises(ValueError, match="divides n_fft"):
        GriffinLim(MelConfig(hop_length=300, n_fft=1024))


def test_real_speech_is_reproduced_to_a_few_hundredths(ljspeech_root):
    spectrogram, vocoder = MelSpectrogram(), GriffinLim()
    for name in ("LJ001-0002", "LJ001-0008"):
        waveform, _ = read_audio(ljspeech_root / "wavs" / f"{name}.wav", 22050)
        mels = spectrogram(torch.from_numpy(waveform))
        again = spectrogram(vocoder(mels[None])[0])
        # Without the projection onto the mels this error is 0.1; 0.035 is usual with it.
        assert (again - mels).abs().mean() < 0.06
