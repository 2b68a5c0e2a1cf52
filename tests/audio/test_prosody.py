import sys

import numpy as np
import pytest

from tts_vae.audio.prosody import (
    frame_energy_db,
    hz_to_semitones,
    interpolate_unvoiced,
    phone_means,
    track_f0,
)

RATE, HOP = 22050, 256


def sweep(low, high, seconds):
    samples = round(seconds * RATE)
    hz = low * (high / low) ** (np.arange(samples) / samples)
    phase = 2 * np.pi * np.cumsum(hz) / RATE
    return 0.4 * np.sin(phase) + 0.2 * np.sin(2 * phase), hz


@pytest.mark.parametrize("tracker", ["praat", "pyin"])
def test_a_sweep_is_followed_on_the_frames_of_the_mels(tracker):
    if tracker == "praat":
        pytest.importorskip("parselmouth")
    # Rising and falling by 18 semitones in two seconds: a frame late or early is 0.1 semitones.
    for low, high in ((100, 283), (283, 100)):
        waveform, hz = sweep(low, high, 2.0)
        f0 = track_f0(waveform, RATE, HOP, tracker)
        assert f0.shape == (len(waveform) // HOP,) and f0.dtype == np.float32
        centres = hz[(np.arange(len(f0)) * HOP + HOP // 2)]
        inner = slice(5, -5)
        error = 12 * np.log2(f0[inner] / centres[inner])
        assert np.abs(np.median(error)) < (0.01 if tracker == "praat" else 0.08)
        assert np.abs(error).max() < 0.5


@pytest.mark.parametrize("tracker", ["praat", "pyin"])
def test_silence_and_short_sounds_have_the_right_number_of_frames(tracker):
    if tracker == "praat":
        pytest.importorskip("parselmouth")
    rng = np.random.default_rng(0)
    for samples in (0, 100, 256, 257, 5000):
        noise = 0.1 * rng.standard_normal(samples)
        assert track_f0(noise, RATE, HOP, tracker).shape == (samples // HOP,)
    assert not track_f0(np.zeros(RATE), RATE, HOP, tracker).any()


def test_unknown_tracker_and_missing_package_say_what_to_do(monkeypatch):
    with pytest.raises(ValueError, match="praat, pyin, got 'yaapt'"):
        track_f0(np.zeros(1000), RATE, tracker="yaapt")
    monkeypatch.setitem(sys.modules, "parselmouth", None)
    with pytest.raises(ValueError, match=r"pip install 'tts_vae\[evaluation\]', or .* pyin"):
        track_f0(np.ones(1000), RATE, tracker="praat")


def test_energy_of_a_sine_and_of_a_step():
    waveform = 0.5 * np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE)
    energy = frame_energy_db(waveform)
    assert energy.shape == (RATE // HOP,)
    np.testing.assert_allclose(energy[5:-5], 10 * np.log10(0.5**2 / 2), atol=0.02)
    waveform[: 256 * 40] = 0  # the step is at the border of frames 39 and 40
    energy = frame_energy_db(waveform)
    assert energy[35] == pytest.approx(-100)
    # The step is half a frame after the centre of 39 and before that of 40: the shares add up.
    shares = 10 ** (energy[[39, 40]] / 10) / (0.5**2 / 2)
    assert shares.sum() == pytest.approx(1, abs=0.03) and shares[0] < 0.3
    assert len(frame_energy_db(np.ones(300))) == 1
    assert len(frame_energy_db(np.ones(10))) == 0


def test_semitones_and_interpolation_by_hand():
    np.testing.assert_allclose(hz_to_semitones(np.array([55.0, 110.0, 220.0])), [0, 12, 24])
    assert np.isnan(hz_to_semitones(0.0))
    filled = interpolate_unvoiced(np.array([0, 100, 0, 400, 0, 0], dtype=np.float32))
    np.testing.assert_allclose(filled, [100, 100, 200, 400, 400, 400], rtol=1e-5)
    assert not interpolate_unvoiced(np.zeros(3)).any()


def test_phone_means_by_hand():
    values = np.array([1.0, 3.0, 5.0, 7.0, 9.0])
    np.testing.assert_allclose(phone_means(values, np.array([2, 0, 3])), [2, 5, 7])
    np.testing.assert_allclose(phone_means(values, np.array([0, 5, 0])), [1, 5, 9])
    valid = np.array([True, False, False, False, True])
    np.testing.assert_allclose(phone_means(values, np.array([2, 2, 1]), valid), [1, 6, 9])
    with pytest.raises(ValueError, match="sum to 5 frames, got 4"):
        phone_means(values, np.array([2, 2]))
