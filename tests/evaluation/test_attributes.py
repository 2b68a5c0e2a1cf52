import math

import numpy as np
import pytest

pytest.importorskip("parselmouth")

from tts_vae.evaluation.measures.attributes import (  # noqa: E402
    NAMES,
    aligned_speech_s,
    as_table,
    level_speech_s,
    measure_attributes,
    measure_speeches,
    spectral_tilt_db,
)
from tts_vae.synthesis.speech import Speech  # noqa: E402

RATE = 22050


def harmonics(f0_hz: np.ndarray, amplitude: float = 0.1) -> np.ndarray:
    """A voice of ten equal harmonics that follows a pitch contour (samples,)."""
    phase = 2 * np.pi * np.cumsum(f0_hz) / RATE
    return amplitude * sum(np.cos(k * phase) for k in range(1, 11)) / math.sqrt(10)


def test_a_steady_tone_by_hand():
    tone = harmonics(np.full(RATE, 220.0))
    heard = measure_attributes(tone, RATE, ["^", "a", "b", "."])
    assert heard.pitch_st == pytest.approx(24.0, abs=0.05)  # two octaves above 55 Hz
    assert heard.pitch_range_st < 0.05
    assert heard.energy_db == pytest.approx(20 * math.log10(0.1 / math.sqrt(2)), abs=0.05)
    assert heard.rate == pytest.approx(2.0, rel=0.02)  # two phones, one second; pauses are none
    assert heard.seconds == 1.0


def test_a_glide_over_an_octave_by_hand():
    # uniform over 12 st: median in the middle, P90 - P10 = 0.8 x 12, SD = 12 / sqrt(12)
    glide = harmonics(110 * 2 ** np.linspace(0, 1, 2 * RATE))
    heard = measure_attributes(glide, RATE, ["a"])
    assert heard.pitch_st == pytest.approx(18.0, abs=0.1)
    assert heard.pitch_range_st == pytest.approx(9.6, abs=0.2)
    assert heard.pitch_sd_st == pytest.approx(12 / math.sqrt(12), abs=0.1)


def test_energy_is_that_before_the_waveform_was_turned_down():
    tone = harmonics(np.full(RATE, 150.0))
    loud = measure_attributes(tone, RATE, ["a"])
    turned_down = measure_attributes(0.5 * tone, RATE, ["a"], gain_db=20 * math.log10(0.5))
    assert turned_down.energy_db == pytest.approx(loud.energy_db, abs=1e-6)
    assert measure_attributes(0.5 * tone, RATE, ["a"]).energy_db == pytest.approx(
        loud.energy_db - 6.02, abs=0.01
    )


@pytest.mark.parametrize(("gap_s", "speech_s"), [(0.3, 1.0), (0.17, 1.0), (0.1, 1.1), (0.0, 1.0)])
def test_only_pauses_of_150_ms_or_more_are_no_speech(gap_s, speech_s):
    tone = harmonics(np.full(RATE // 2, 200.0))
    silence = np.zeros(round(gap_s * RATE))
    edge = np.zeros(RATE // 5)
    clip = np.concatenate([edge, tone, silence, tone, edge])
    assert level_speech_s(clip, RATE) == pytest.approx(speech_s, abs=0.021)


def test_aligned_speech_leaves_out_both_ends_and_long_pauses():
    tokens = ["^", "a", ",", "b", ";", "c", "."]
    seconds = np.array([0.05, 0.2, 0.14, 0.3, 0.15, 0.1, 0.08])
    # the comma of 0.14 s is speech, the semicolon of 0.15 s is a pause, the ends are neither
    assert aligned_speech_s(tokens, seconds) == pytest.approx(0.2 + 0.14 + 0.3 + 0.1)
    assert math.isnan(aligned_speech_s(["^", "."], np.array([0.1, 0.1])))


def test_tilt_of_noise_by_hand():
    white = np.random.default_rng(0).normal(0, 0.1, 4 * RATE)
    assert spectral_tilt_db(white, RATE) == pytest.approx(0.0, abs=0.3)
    assert spectral_tilt_db(np.cumsum(white), RATE) == pytest.approx(-6.0, abs=0.5)  # 1 / f
    assert spectral_tilt_db(3 * white, RATE) == pytest.approx(spectral_tilt_db(white, RATE))


def test_silence_and_shortness_are_undefined_not_zero():
    heard = measure_attributes(np.zeros(RATE), RATE, ["a"])
    values = [getattr(heard, name) for name in NAMES if name != "seconds"]
    assert all(math.isnan(value) for value in values)
    assert math.isnan(spectral_tilt_db(np.ones(100), RATE))
    assert math.isnan(measure_attributes(np.ones(RATE), RATE, ["."]).rate)


def test_many_are_measured_as_each_alone():
    tones = [harmonics(np.full(RATE, hz)).astype(np.float32) for hz in (120.0, 240.0)]
    speeches = [
        Speech(tone, RATE, np.zeros((86, 80), np.float32), ("a",), np.array([86]), np.zeros(1), 256)
        for tone in tones
    ]
    table = as_table(measure_speeches(speeches))
    assert table.shape == (2, len(NAMES))
    alone = as_table([measure_attributes(tones[1], RATE, ("a",))])
    np.testing.assert_array_equal(table[1], alone[0])
    assert table[1, 0] - table[0, 0] == pytest.approx(12.0, abs=0.05)
