"""A classifier of timbre, cosines and confusions known by hand."""

import math
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))

from speech_like import FORMANTS, speech_like  # noqa: E402

from tts_vae.evaluation.measures.speaker_accuracy import (
    SpeakerClassifier,
    cosine,
    speaker_centres,
    speaker_figures,
    timbre,
)

RATE = 16000


def recordings(seeds, f0=None):
    names = [name for name in FORMANTS for _ in seeds]
    waves = [
        speech_like(FORMANTS[name], 7 * seed + len(name), f0 or 100 + 8 * (seed % 9))
        for name in FORMANTS
        for seed in seeds
    ]
    return waves, names


@pytest.fixture(scope="module")
def classifier():
    return SpeakerClassifier(*recordings(range(8)), RATE)


def test_held_out_recordings_are_recognised(classifier):
    waves, names = recordings(range(20, 24))
    assert classifier.predict(waves) == names
    assert classifier.speakers == ("ann", "bob", "cat")
    embedded = classifier.embed(waves)
    centres = speaker_centres(embedded, names)
    found = speaker_figures(embedded, classifier.predict(waves), names, centres, own_centre=True)
    assert found.accuracy == 1 and found.same > 0.9 > 0.2 > found.different


def test_loudness_makes_nobody_else(classifier):
    waves, names = recordings([30])
    assert classifier.predict([0.1 * wave for wave in waves]) == names
    assert timbre(0.1 * waves[0], RATE)[:13] == pytest.approx(timbre(waves[0], RATE)[:13], abs=0.1)


def test_another_speaker_is_told(classifier):
    waves, _ = recordings([31])
    swapped = [waves[1], waves[2], waves[0]]
    assert classifier.predict(swapped) == ["bob", "cat", "ann"]


def test_cosine_by_hand():
    assert cosine([1, 0], [2, 0]) == 1
    assert cosine([1, 1], [1, 0]) == pytest.approx(math.sqrt(0.5))
    assert cosine([1, 0], [-3, 0]) == -1
    assert math.isnan(cosine([0, 0], [1, 0]))


def test_figures_by_hand():
    centres = {"a": np.array([1.0, 0.0]), "b": np.array([0.0, 1.0])}
    found = speaker_figures([[2, 0], [1, 1], [0, 5]], ["a", "b", "b"], ["a", "a", "b"], centres)
    half = math.sqrt(0.5)
    assert found.n == 3 and found.accuracy == pytest.approx(2 / 3)
    assert found.same == pytest.approx((1 + half + 1) / 3)
    assert found.different == pytest.approx((0 + half + 0) / 3)
    assert found.confusion == {"a": {"a": 1, "b": 1}, "b": {"b": 1}}
    assert found.summary()["accuracy"] == found.accuracy


def test_a_recording_is_left_out_of_its_own_mean():
    rows, names = [[1.0, 0.0], [0.0, 1.0], [0.0, -1.0]], ["a", "a", "b"]
    centres = speaker_centres(rows, names)
    assert centres["a"].tolist() == [0.5, 0.5]
    found = speaker_figures(rows, names, names, centres, own_centre=True)
    assert found.same == 0  # each of a against the other; b has nobody left
    assert found.different == pytest.approx((0 - 1 - math.sqrt(0.5)) / 3)


def test_refusals():
    waves, names = recordings([1, 2])
    with pytest.raises(ValueError, match="two speakers or more"):
        SpeakerClassifier(waves[:2], names[:2], RATE)
    with pytest.raises(ValueError, match="two recordings or more"):
        SpeakerClassifier([waves[0], waves[2]], ["a", "b"], RATE)
    with pytest.raises(ValueError, match="as many recordings"):
        SpeakerClassifier(waves, names[:1], RATE)
    with pytest.raises(ValueError, match="at least one clip"):
        speaker_figures(np.zeros((0, 2)), [], [], {})


def test_no_clip_no_guess(classifier):
    assert classifier.predict([]) == []
