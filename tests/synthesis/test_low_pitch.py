import numpy as np
import pytest
import torch

pytest.importorskip("parselmouth")

from tts_vae.audio.mel import MelConfig, MelSpectrogram  # noqa: E402
from tts_vae.audio.prosody import track_f0  # noqa: E402
from tts_vae.synthesis.low_pitch import LowPitch, low_pitch_of  # noqa: E402

MEL = MelConfig()
FRAMES = 172  # two seconds


def pulses(f0_hz: float) -> np.ndarray:
    """A steady voice whose harmonics fall by 6 dB an octave."""
    time = np.arange(FRAMES * MEL.hop_length) / MEL.sample_rate
    count = int(4000 / f0_hz)
    return 0.1 * sum(np.cos(2 * np.pi * f0_hz * k * time) / k for k in range(1, count))


def rough(mels: torch.Tensor) -> np.ndarray:
    """What a vocoder makes of mels it hears no pitch in: noise of their spectrum."""
    noise = np.random.default_rng(0).normal(size=mels.shape[1] * MEL.hop_length)
    spectrum = torch.stft(
        torch.from_numpy(noise), MEL.n_fft, MEL.hop_length, return_complex=True,
        window=torch.hann_window(MEL.n_fft, dtype=torch.float64),
    )  # fmt: skip
    from tts_vae.audio.mel import mel_basis

    envelope = torch.linalg.pinv(mel_basis(MEL)).double() @ mels[0].double().exp().mean(0)
    shaped = spectrum * envelope.clamp(min=1e-5).unsqueeze(1) / 10
    return torch.istft(
        shaped, MEL.n_fft, MEL.hop_length, length=len(noise),
        window=torch.hann_window(MEL.n_fft, dtype=torch.float64),
    ).float().numpy()  # fmt: skip


def call(phones, durations, pitch_st, f0_hz=80.0):
    mels = MelSpectrogram(MEL)(torch.from_numpy(pulses(f0_hz)).float()).unsqueeze(0)
    given = rough(mels)
    result = LowPitch(MEL)(given, mels, phones, torch.tensor(durations), torch.tensor(pitch_st))
    return mels, given, result


def semitones(f0_hz: float) -> float:
    return 12 * np.log2(f0_hz / 55)


def test_a_rough_sound_gets_the_pitch_it_was_meant_to_have():
    mels, given, result = call(["ɑː", "n"], [86, 86], [semitones(80.0)] * 2)
    before, after = (track_f0(x, MEL.sample_rate, fmin=60, fmax=500) for x in (given, result))
    assert (np.abs(before - 80) < 2).mean() < 0.3
    assert (np.abs(after - 80) < 1).mean() > 0.9
    # and keeps the mels it was made from, better than it did
    error = [
        (MelSpectrogram(MEL)(torch.from_numpy(x)) - mels[0])[4:-4].abs().mean()
        for x in (given, result)
    ]
    assert error[1] < error[0]


def test_the_pitch_follows_the_contour():
    _, _, result = call(["ɑː", "ɑː"], [86, 86], [semitones(75.0), semitones(95.0)])
    track = track_f0(result, MEL.sample_rate, fmin=60, fmax=500)
    assert np.median(track[20:40]) == pytest.approx(75, abs=1.5)  # up to the middle of the phone
    assert np.median(track[-40:-20]) == pytest.approx(95, abs=1.5)


@pytest.mark.parametrize(
    ("phones", "pitch"),
    [
        (["ɑː", "n"], semitones(200.0)),  # high enough for mels
        (["s", ","], semitones(80.0)),  # voiceless
        (["ɑː", "n"], float("nan")),  # a decoder that states no pitch
    ],
)
def test_what_needs_no_help_is_left_to_the_last_bit(phones, pitch):
    _, given, result = call(phones, [86, 86], [pitch] * 2)
    assert result is given


def test_a_voiceless_phone_between_low_ones_stays_noise():
    _, given, result = call(["ɑː", "s", "ɑː"], [57, 58, 57], [semitones(80.0)] * 3)
    middle = slice(75 * MEL.hop_length, 97 * MEL.hop_length)
    change = np.abs(result[middle] - given[middle]).mean() / np.abs(given[middle]).mean()
    voiced = slice(20 * MEL.hop_length, 40 * MEL.hop_length)
    assert np.abs(result[voiced] - given[voiced]).mean() / np.abs(given[voiced]).mean() > 0.3
    # only the level is brought to that of the mels
    assert np.corrcoef(result[middle], given[middle])[0, 1] > 0.9
    assert change < 1.0


def test_nobody_is_helped_who_says_no_voicing(voice):
    # the tiny voice reads letters, and has no comb
    assert low_pitch_of(voice.bundle, lambda mels: mels[..., 0]) is None
    assert low_pitch_of(voice.bundle, None) is None
