"""F0 errors of tracks with known confusions, and of a sweep that Praat tracks."""

import math

import numpy as np
import pytest

from tts_vae.audio.prosody import track_f0
from tts_vae.evaluation.measures.f0_errors import f0_errors


def test_equal_tracks():
    track = [0, 100, 110, 121, 0]
    found = f0_errors(track, track)
    assert (found.gpe, found.vde, found.ffe, found.log_f0_rmse) == (0, 0, 0, 0)
    assert found.log_f0_correlation == pytest.approx(1)
    assert (found.frames, found.both_voiced, found.pairing) == (5, 3, "padding")


def test_known_confusions():
    #            same  gross  fine  lost  added  silent (gross: 121 is more than 20 % above 100)
    reference = [100, 100, 100, 100, 0, 0, 100, 0]
    realised = [100, 121, 119, 0, 150, 0, 79, np.nan]
    found = f0_errors(reference, realised)
    assert found.both_voiced == 4
    assert found.gpe == pytest.approx(2 / 4)
    assert found.vde == pytest.approx(2 / 8)
    assert found.ffe == pytest.approx(4 / 8)


def test_twenty_percent_exactly_is_not_gross():
    assert f0_errors([100.0], [120.0]).gpe == 0
    assert f0_errors([100.0], [120.5]).gpe == 1


def test_a_semitone_up_is_its_logarithm():
    reference = np.array([100.0, 120.0, 150.0])
    found = f0_errors(reference, reference * 2 ** (1 / 12))
    assert found.log_f0_rmse == pytest.approx(math.log(2) / 12)
    assert found.log_f0_correlation == pytest.approx(1)


def test_rmse_and_correlation_by_hand():
    # ln ratios 1 and -1, ranks turned round
    found = f0_errors([math.e**4, math.e**5], [math.e**5, math.e**4])
    assert found.log_f0_rmse == pytest.approx(1)
    assert found.log_f0_correlation == pytest.approx(-1)


def test_padding_counts_the_missing_end_as_unvoiced():
    found = f0_errors([100, 100, 100, 100], [100, 100])
    assert (found.frames, found.vde, found.gpe) == (4, 0.5, 0)


def test_a_path_pairs_frames_of_a_stretched_track():
    reference = np.array([100.0, 0.0, 200.0])
    realised = np.repeat(reference, 2)
    path = [[i // 2, i] for i in range(6)]
    found = f0_errors(reference, realised, path)
    assert (found.gpe, found.vde, found.frames, found.pairing) == (0, 0, 6, "dtw")
    assert f0_errors(reference, realised).vde > 0


def test_undefined_is_nan_and_never_zero():
    silent = f0_errors([0, 0], [0, 0])
    assert math.isnan(silent.gpe) and math.isnan(silent.log_f0_rmse)
    assert math.isnan(silent.log_f0_correlation)
    assert (silent.vde, silent.ffe) == (0, 0)
    apart = f0_errors([100, 0], [0, 100])  # both speak, never together
    assert math.isnan(apart.gpe) and apart.vde == 1 and apart.ffe == 1
    empty = f0_errors([], [])
    assert math.isnan(empty.vde) and math.isnan(empty.ffe) and empty.frames == 0


def test_correlation_of_a_constant_track_or_one_frame_is_nan():
    assert math.isnan(f0_errors([100.1] * 3, [100, 110, 120]).log_f0_correlation)
    assert math.isnan(f0_errors([100.0], [100.0]).log_f0_correlation)


def test_refusals():
    with pytest.raises(ValueError, match=r"reference track \(frames,\), got shape \(1, 2\)"):
        f0_errors([[1, 2]], [1, 2])
    with pytest.raises(ValueError, match="make it with warping_path"):
        f0_errors([100, 100], [100, 100], [0, 1])
    with pytest.raises(ValueError, match="on one hop"):
        f0_errors([100, 100], [100, 100], [[0, 0], [2, 1]])


def test_sweeps_a_tenth_apart_as_praat_hears_them():
    pytest.importorskip("parselmouth")
    rate, seconds = 22050, 2.0
    time = np.arange(int(rate * seconds)) / rate

    def sweep(factor):
        hz = factor * (100 + 50 * time)
        phase = 2 * np.pi * np.cumsum(hz) / rate
        return sum(np.sin(k * phase) / k for k in range(1, 6)).astype(np.float32) * 0.1

    low, high = (track_f0(sweep(f), rate, 110, "praat", 60, 500) for f in (1.0, 1.1))
    found = f0_errors(low, high)
    assert found.gpe == 0 and found.vde < 0.03
    assert found.log_f0_rmse == pytest.approx(math.log(1.1), abs=0.005)
    assert found.log_f0_correlation > 0.999
    assert f0_errors(low, track_f0(sweep(1.3), rate, 110, "praat", 60, 500)).gpe == 1
