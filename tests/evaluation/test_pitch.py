import math

import numpy as np
import pytest

from tts_vae.evaluation.measures.pitch import (
    count_octave_errors,
    f0_statistics,
    level_error_st,
    measure_f0,
)


def test_statistics_by_hand():
    # 10 frames at 110 Hz (12 st), 10 at 220 Hz (24 st), unvoiced ones between
    track = [110.0] * 10 + [0.0, float("nan")] + [220.0] * 10
    statistics = f0_statistics(track)
    assert statistics.voiced_frames == 20
    assert statistics.median_hz == pytest.approx(165.0)
    assert statistics.level_st == pytest.approx(12 * math.log2(3))
    assert statistics.deviation_st == pytest.approx(6.0)
    assert statistics.range_st == pytest.approx(12.0)


def test_fewer_than_ten_voiced_frames_are_undefined():
    statistics = f0_statistics([100.0] * 9 + [0.0] * 50)
    assert statistics.voiced_frames == 9
    assert math.isnan(statistics.level_st) and math.isnan(statistics.median_hz)


def test_errors_in_semitones():
    errors = level_error_st([220.0, 110.0, 0.0, float("nan")], [110.0, 110.0, 100.0, 100.0])
    np.testing.assert_allclose(errors[:2], [12.0, 0.0])
    assert np.isnan(errors[2:]).all()


def test_octave_errors_are_counted_apart():
    assert count_octave_errors([0.1, 11.0, -12.5, 6.0, 25.0, float("nan"), -1.9]) == 3


def test_praat_finds_the_pitch_of_a_pulse_train():
    pytest.importorskip("parselmouth")
    rate, f0 = 22050, 150.0
    time = np.arange(rate) / rate
    harmonics = sum(np.cos(2 * np.pi * f0 * k * time) / k for k in range(1, 20))
    statistics = measure_f0(0.1 * np.asarray(harmonics), rate)
    assert statistics.median_hz == pytest.approx(f0, rel=0.005)
    assert statistics.range_st < 0.1
