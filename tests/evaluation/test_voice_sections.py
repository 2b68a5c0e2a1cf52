"""What single sections measure, on sounds and posteriors whose figures are known beforehand."""

import math
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

sys.path.insert(0, str(Path(__file__).parents[1]))

from tiny_held_out import RATE, TEXT, write_held_out_corpus  # noqa: E402
from tiny_voice import SPEAKERS, sweep, write_tiny_voice  # noqa: E402

from tts_vae.evaluation.measures.plain_numbers import plain_numbers  # noqa: E402
from tts_vae.evaluation.voices.clusters import capacity, clusters  # noqa: E402
from tts_vae.evaluation.voices.held_out import (  # noqa: E402
    HeldOut,
    held_out_recordings,
    held_out_speech,
)
from tts_vae.evaluation.voices.pitch import compare_melodies  # noqa: E402
from tts_vae.evaluation.voices.posteriors import Posteriors, infer_posteriors  # noqa: E402
from tts_vae.synthesis.style import Style  # noqa: E402
from tts_vae.synthesis.voice import Voice  # noqa: E402

SEMITONE = math.log(2) / 12


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return write_held_out_corpus(tmp_path_factory.mktemp("corpus"))


def spoken(name, natural, synthesis):
    return HeldOut(
        id=name,
        text=TEXT,
        kind="sentence",
        speaker="anna",
        path=Path(f"{name}.wav"),
        natural=natural,
        style=Style({"prosody": torch.zeros(2)}),
        synthesis=synthesis,
        tokens=("^", "a"),
        frames=(len(synthesis) // 256, len(natural) // 256),
    )


def tone(base_hz, seconds=1.0):
    return sweep(seconds, RATE, base_hz).astype(np.float32)


def test_recordings_are_read_evenly_and_spoken_in_their_style(corpus, tmp_path):
    recordings = held_out_recordings(corpus, RATE, 3)
    assert [r.id for r in recordings] == ["u12", "u14", "u17"]
    assert [r.speaker for r in recordings] == ["anna", "carl", "carl"]
    assert [r.id for r in held_out_recordings(corpus, RATE, 2, "train")] == ["u00", "u11"]
    voice = Voice.load(write_tiny_voice(tmp_path / "tiny"))
    (first, *_) = items = held_out_speech(voice, corpus, 3, seed=4)
    assert [item.id for item in items] == ["u12", "u14", "u17"]
    assert first.style == voice.style(reference=first.path)
    np.testing.assert_array_equal(first.synthesis, voice.speak(TEXT, first.style, seed=4).waveform)
    assert first.frames == (len(first.synthesis) // 256, len(first.natural) // 256)
    with pytest.raises(ValueError, match="no valid recordings"):
        held_out_recordings(corpus, RATE, 3, "valid")


def hum(base_hz):
    time = np.arange(RATE) / RATE
    voices = [np.sin(2 * np.pi * k * base_hz * time) / k for k in range(1, 9)]
    return (0.05 * np.sum(voices, axis=0)).astype(np.float32)


def test_a_melody_moved_by_known_semitones_has_known_errors():
    natural = hum(200.0)
    items = [
        spoken("same", natural, natural),
        spoken("two", natural, hum(200.0 * 2 ** (2 / 12))),
        spoken("five", natural, hum(200.0 * 2 ** (-5 / 12))),
    ]
    found = compare_melodies(items, [natural] * 3, RATE)
    ours, rows = found["synthesis"], found["items"]
    assert rows["id"] == ["same", "two", "five"] and rows["length_ratio"] == [1, 1, 1]
    assert rows["level_error_st"] == pytest.approx([0, 2, -5], abs=0.02)
    assert rows["mcd_db"][0] == 0 and min(rows["mcd_db"][1:]) > 0.1
    assert rows["log_f0_rmse"] == pytest.approx([0, 2 * SEMITONE, 5 * SEMITONE], abs=0.002)
    # 2 st are 12 % and no gross error, 5 st down are 25 % and all gross
    assert rows["gpe"] == pytest.approx([0, 0, 1], abs=0.02)
    voiced = rows["both_voiced"]
    assert ours["gpe"]["rate"] == pytest.approx(
        sum(g * v for g, v in zip(rows["gpe"], voiced, strict=True)) / sum(voiced)
    )
    assert ours["level_error_st"]["median"] == pytest.approx(2, abs=0.02)
    assert ours["vde"]["rate"] < 0.05 and ours["gpe"]["n"] == 3
    copy = found["copy_synthesis"]
    assert copy["ffe"] == {"rate": 0, "low": 0, "high": 0, "n": 3, "undefined": 0}
    assert found["length"]["median_deviation"] == 0


def test_a_whisper_leaves_pitch_undefined_and_is_counted():
    natural = tone(120.0)
    noise = 0.01 * np.random.default_rng(0).standard_normal(len(natural)).astype(np.float32)
    items = [spoken("voiced", natural, natural), spoken("whisper", natural, noise)]
    found = compare_melodies(items, [natural] * 2, RATE)
    assert found["synthesis"]["level_error_st"]["undefined"] == 1
    assert found["synthesis"]["gpe"]["n"] + found["synthesis"]["gpe"]["undefined"] == 2
    plain, undefined = plain_numbers(found)
    assert plain["items"]["level_error_st"] == [0, None] and undefined >= 1


def test_octave_errors_are_counted():
    natural = tone(200.0)
    found = compare_melodies([spoken("low", natural, tone(100.0))], [natural], RATE)
    assert found["synthesis"]["octave_errors"] == 1
    assert found["copy_synthesis"]["octave_errors"] == 0


def test_clusters_of_hand_made_posteriors():
    shares = np.array([[0.9, 0.1, 0], [0.6, 0.4, 0], [0.2, 0.8, 0], [0.3, 0.7, 0]])
    means = np.array([[0.0, 1], [0, 2], [0, 3], [0, 4]])
    posteriors = {
        "prosody": Posteriors(means, np.array([1.0, 2, 3, 6]), shares, None, 3),
        "code": Posteriors(means, np.zeros(4), None, np.array([4, 4, 4, 0]), 5),
        "plain": Posteriors(means, np.zeros(4), None, None, 0),
    }

    class Told:
        def __init__(self, speaker):
            self.speaker = speaker

    recordings = [Told(name) for name in ("a", "a", "b", "a")]
    found = clusters(posteriors, recordings, {"a": "female", "b": "male"})["sites"]
    prosody = found["prosody"]
    assert (prosody["active_units"], prosody["components_in_use"]) == (1, 2)
    assert prosody["shares"] == (0.5, 0.5, 0.0)
    assert prosody["certainty"] == pytest.approx((0.9 + 0.6 + 0.8 + 0.7) / 4)
    # of three recordings of a two are in its modal component, the one of b is in its own
    assert prosody["agreement"]["speaker"]["consistency"] == pytest.approx(3 / 4)
    assert prosody["counts"]["gender"] == {"female": [2, 1, 0], "male": [0, 1, 0]}
    assert found["code"]["shares"] == (0.25, 0, 0, 0, 0.75) and found["code"]["certainty"] == 1
    assert found["plain"]["agreement"] == {} and found["plain"]["certainty"] is None
    carried = capacity(posteriors, {"prosody": 4.0})["sites"]
    assert carried["prosody"]["mean_nats"] == 3 and carried["prosody"]["median_nats"] == 2.5
    assert carried["prosody"]["requested_nats"] == 4 and carried["code"]["requested_nats"] is None
    assert 1 <= carried["prosody"]["low"] < 3 < carried["prosody"]["high"] <= 6
    assert carried["prosody"]["nats"] == [1, 2, 3, 6]


def test_posteriors_are_those_of_the_model(corpus, tmp_path):
    voice = Voice.load(write_tiny_voice(tmp_path / "tiny"))
    recordings = held_out_recordings(corpus, RATE)
    found = infer_posteriors(voice, recordings)
    assert found["prosody"].means.shape == (6, 4) and found["speaker"].means.shape == (6, 3)
    assert found["prosody"].assignments.tolist() == (
        found["prosody"].responsibilities.argmax(1).tolist()
    )
    style = voice.style(reference=recordings[0].path)
    np.testing.assert_allclose(found["prosody"].means[0], style.values["prosody"], atol=1e-5)
    # a speaker's prior is its own: the same sound of a stranger costs other nats
    recordings[0].speaker = SPEAKERS[1]
    other = infer_posteriors(voice, recordings[:1])["speaker"]
    assert other.kl_nats[0] != pytest.approx(found["speaker"].kl_nats[0])
    coded = Voice.load(write_tiny_voice(tmp_path / "coded", "levels", ("anna",)))
    codes = infer_posteriors(coded, recordings[:2])["prosody"]
    assert codes.responsibilities is None and codes.components == 6
    assert codes.assignments.shape == (2,) and 0 <= codes.assignments.min() < 6
    plain = Voice.load(write_tiny_voice(tmp_path / "plain", "code", ("anna",)))
    assert infer_posteriors(plain, recordings[:1])["prosody"].assignments is None
    with pytest.raises(ValueError, match="at least one recording to infer, got none"):
        infer_posteriors(voice, [])


def test_numbers_for_json():
    value = {"a": np.array([1.0, math.nan]), 3: (torch.tensor(2.5), math.inf), "p": Path("x/y")}
    assert plain_numbers(value) == ({"a": [1.0, None], "3": [2.5, None], "p": "x/y"}, 2)
    assert plain_numbers([True, None, np.int64(4), "s"]) == ([True, None, 4, "s"], 0)
    with pytest.raises(ValueError, match="expected numbers, strings, lists and dicts, got object"):
        plain_numbers({"a": [object()]})
