"""WADA-SNR against its limits, the published curve, and mixtures of known SNR."""

import math

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import digamma

from tts_vae.audio.files import read_audio, trim_silence
from tts_vae.corpora.espeak import obtain
from tts_vae.evaluation.measures import snr
from tts_vae.evaluation.measures.snr import (
    amplitude_statistic,
    percentile_snr_db,
    snr_of_statistic,
    statistic_curve,
    wada_snr_db,
)

# of the table that circulates with the authors' program (simulated, three digits are good)
PUBLISHED = {-20: 0.4097, -10: 0.4123, 0: 0.4622, 10: 0.6675, 20: 0.9566, 30: 1.1970, 50: 1.4667}


def mixture(snr_db, samples=200_000, seed=0):
    """Gamma amplitudes of either sign in Gaussian noise, as the paper models speech."""
    generator = np.random.default_rng(seed)
    speech = generator.gamma(0.4, size=samples) * generator.choice([-1, 1], samples)
    noise = generator.standard_normal(samples)
    speech /= np.sqrt(np.mean(speech**2))
    return speech + noise / np.sqrt(np.mean(noise**2)) * 10 ** (-snr_db / 20)


def test_the_curve_rises_between_its_closed_limits():
    levels, values = statistic_curve()
    assert levels[0] == -20 and levels[-1] == 100 and len(levels) == 121
    assert (np.diff(values) > 0).all()
    # pure noise: ln sqrt(2 / pi) - (digamma(1/2) + ln 2) / 2; pure speech: ln 0.4 - digamma(0.4)
    noise = 0.5 * math.log(2 / math.pi) - 0.5 * (digamma(0.5) + math.log(2))
    speech = math.log(0.4) - digamma(0.4)
    assert noise == pytest.approx(0.409390, abs=1e-6)
    assert values[0] == pytest.approx(noise, abs=1e-4) and values[0] > noise
    assert values[-1] < speech and values[-1] == pytest.approx(speech, abs=0.03)


@pytest.mark.parametrize(("level", "value"), PUBLISHED.items())
def test_the_curve_is_the_published_one(level, value):
    levels, values = statistic_curve()
    assert values[levels == level][0] == pytest.approx(value, abs=0.006)


@pytest.mark.parametrize("mean", [0.0, 0.4, 3.0, 11.9, 12.1, 40.0])
def test_expectations_of_a_shifted_normal(mean):
    def density(x):
        return math.exp(-((x - mean) ** 2) / 2) / math.sqrt(2 * math.pi)

    def integral(function):
        points = [0.0, mean] if mean < 12 else [mean]
        low = mean - 12
        return quad(lambda x: function(x) * density(x), low, mean + 12, points=points, limit=400)[0]

    assert snr._folded_mean(np.array([mean]))[0] == pytest.approx(integral(abs), rel=1e-6)
    log = snr._folded_log(np.array([mean]))[0]
    assert log == pytest.approx(integral(lambda x: math.log(max(abs(x), 1e-300))), abs=1e-5)


@pytest.mark.parametrize("level", [0.0, 5.0, 10.0, 20.0, 30.0])
def test_known_mixtures(level):
    assert wada_snr_db(mixture(level)) == pytest.approx(level, abs=0.5)


def test_scale_does_not_matter():
    assert wada_snr_db(1e-3 * mixture(12)) == pytest.approx(wada_snr_db(mixture(12)), abs=1e-6)


def test_ends_of_the_curve_and_between_its_points():
    levels, values = statistic_curve()
    assert snr_of_statistic(0.0) == -20 and snr_of_statistic(3.0) == 100
    assert snr_of_statistic((values[30] + values[31]) / 2) == pytest.approx(10.5)
    assert wada_snr_db(np.random.default_rng(0).standard_normal(50_000)) < -5  # noise alone


def test_statistic_by_hand():
    assert amplitude_statistic([-2.0, 2.0, 2.0]) == pytest.approx(0)
    assert amplitude_statistic([1.0, math.e**2]) == pytest.approx(math.log((1 + math.e**2) / 2) - 1)


def test_silence_is_undefined_and_bad_input_refused():
    assert math.isnan(wada_snr_db(np.zeros(100)))
    for bad in (np.zeros(0), np.zeros((2, 4)), np.array([np.nan, 1.0])):
        with pytest.raises(ValueError, match="one channel of finite samples"):
            wada_snr_db(bad)


def test_noise_lowers_real_speech_as_it_should(tmp_path):
    pytest.importorskip("espeakng_loader", reason="needs the extra espeak")
    obtain(tmp_path, utterances=8, seed=0, workers=1, progress=False)
    clips = [trim_silence(*read_audio(path)) for path in sorted(tmp_path.rglob("*.wav"))]
    clip = np.concatenate([clip / np.sqrt(np.mean(clip**2)) for clip in clips])
    noise = np.random.default_rng(0).standard_normal(len(clip))
    levels = np.array([0, 5, 10, 15, 20, 25])
    found = np.array([wada_snr_db(clip + noise * 10 ** (-db / 20)) for db in levels])
    assert (np.diff(found) > 2.5).all()
    assert np.abs(found - levels).max() < 3


def test_percentile_ratio_of_speech_and_pause():
    rate = 16000
    generator = np.random.default_rng(0)
    loud = generator.standard_normal(rate) * 1.0
    quiet = generator.standard_normal(rate) * 0.1
    clip = np.concatenate([loud, quiet])
    # (1 - 0.01) / 0.01 is 20 dB; pieces of 10 ms waver by half a dB, percentiles take the edges
    assert percentile_snr_db(clip, rate, 25, 75) == pytest.approx(19.96, abs=0.3)
    assert percentile_snr_db(np.pad(loud, (0, rate)), rate) == math.inf
    assert math.isnan(percentile_snr_db(np.zeros(rate), rate))
    assert math.isnan(percentile_snr_db(np.ones(rate), rate))
