"""MCD of spectra whose difference is known in dB, and of stretched sounds."""

import math

import numpy as np
import pytest

from tts_vae.evaluation.measures.cepstral_distance import (
    DB_FACTOR,
    cepstral_distance,
    log_mels,
    mcd_db,
    mel_cepstra,
    warping_path,
)

BANDS = 80


def ripple(order, height):
    """(1, bands) ln magnitude: height x cos(pi order (n + 1/2) / bands)."""
    return height * np.cos(np.pi * order * (np.arange(BANDS) + 0.5) / BANDS)[None]


def voice_like(seconds, rate=22050, hz=120.0, tempo=1.0):
    time = np.arange(int(seconds * rate / tempo)) / rate * tempo
    tone = sum(np.sin(2 * np.pi * k * hz * time / tempo) / k for k in range(1, 20))
    # a timbre that moves: the weight wanders between dark and bright
    bright = np.sin(2 * np.pi * 1500 * time / tempo) * (1 + np.sin(2 * np.pi * 2 * time))
    hiss = 0.01 * np.random.default_rng(0).standard_normal(len(time))  # no empty band
    return (0.05 * tone + 0.05 * bright + hiss).astype(np.float32)


def test_the_factor_is_the_published_one():
    assert pytest.approx(6.14185, abs=1e-5) == DB_FACTOR


@pytest.mark.parametrize("order", [1, 5, 13])
def test_cepstra_are_the_heights_of_the_ripples(order):
    found = mel_cepstra(3.0 + ripple(order, 0.7))[0]
    expected = np.zeros(13)
    expected[order - 1] = 0.7
    assert found == pytest.approx(expected, abs=1e-12)


def test_level_does_not_count_and_higher_orders_are_cut_off():
    path = [[0, 0]]
    flat = mel_cepstra(np.zeros((1, BANDS)))
    assert mcd_db(flat, mel_cepstra(np.full((1, BANDS), 2.3)), path) == pytest.approx(0)
    assert mcd_db(flat, mel_cepstra(ripple(14, 1.0)), path) == pytest.approx(0)


def test_mcd_is_the_rms_difference_of_the_spectra_in_db():
    first, second = ripple(2, 0.5) + ripple(7, 0.3), ripple(2, -0.1)
    found = mcd_db(mel_cepstra(first), mel_cepstra(second), [[0, 0]])
    assert found == pytest.approx(6.14185 * math.hypot(0.6, 0.3), abs=1e-4)
    in_db = 20 * (first - second) / math.log(10)
    assert found == pytest.approx(float(np.sqrt(np.mean(in_db**2))))


def test_mcd_is_the_mean_over_the_path():
    first, second = np.zeros((2, 1)), np.array([[0.0], [1.0]])
    assert mcd_db(first, second, [[0, 0], [1, 1]]) == pytest.approx(DB_FACTOR / 2)
    assert mcd_db(first, second, [[0, 0], [0, 1], [1, 1]]) == pytest.approx(DB_FACTOR * 2 / 3)


def test_the_path_follows_a_known_stretch():
    short = np.array([[0.0], [5.0], [9.0]])
    long = np.repeat(short, [1, 3, 2], axis=0)
    path = warping_path(short, long)
    assert path.tolist() == [[0, 0], [1, 1], [1, 2], [1, 3], [2, 4], [2, 5]]
    assert mcd_db(short, long, path) == 0


def test_paths_begin_and_end_with_the_clips():
    path = warping_path(np.zeros((1, 2)), np.ones((4, 2)))
    assert path.tolist() == [[0, 0], [0, 1], [0, 2], [0, 3]]


def test_a_slower_clip_is_near_and_another_sound_is_far():
    clip = voice_like(1.0)
    slower = cepstral_distance(clip, voice_like(1.0, tempo=0.8), 22050)
    other = cepstral_distance(clip, np.random.default_rng(0).normal(0, 0.1, 22050), 22050)
    assert cepstral_distance(clip, clip, 22050).mcd_db == pytest.approx(0)
    assert cepstral_distance(clip, 0.25 * clip, 22050).mcd_db < 0.1  # the floor of the mels
    assert slower.mcd_db < 0.3 * other.mcd_db
    assert slower.path[-1].tolist() == [len(log_mels(clip, 22050)) - 1, 249]
    assert slower.order == 13


@pytest.mark.parametrize("rate", [16000, 22050, 44100, 48000])
def test_frames_lie_five_milliseconds_apart_at_any_rate(rate):
    assert len(log_mels(np.random.default_rng(0).normal(size=rate), rate)) == pytest.approx(
        200, abs=1
    )


def test_refusals():
    with pytest.raises(ValueError, match="more than 13 bands"):
        mel_cepstra(np.zeros((4, 13)))
    with pytest.raises(ValueError, match="more than 13 bands"):
        mel_cepstra(np.zeros(80))
    with pytest.raises(ValueError, match="of one order, got"):
        warping_path(np.zeros((4, 13)), np.zeros((4, 12)))
    with pytest.raises(ValueError, match="of one order, got"):
        warping_path(np.zeros((0, 13)), np.zeros((4, 13)))
