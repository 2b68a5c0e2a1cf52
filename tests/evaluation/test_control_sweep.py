import math

import numpy as np
import pytest

pytest.importorskip("parselmouth")

from tts_vae.evaluation.controls.control_sweep import (  # noqa: E402
    HEARD,
    Heard,
    Line,
    asking,
    change,
    run_sweeps,
    voice_with,
)
from tts_vae.synthesis.voice import Voice  # noqa: E402

RATE_COLUMN = HEARD.index("rate")


def heard(seconds: list[float]) -> Heard:
    tokens = ("^", "a", ",", "b", ".")
    return Heard(tokens, np.zeros(len(HEARD)), np.array(seconds), 0.0)


def test_a_pause_that_crosses_its_length_is_no_change_of_rate():
    usual = heard([0.05, 0.4, 0.16, 0.4, 0.1])
    # half as long, everything: the comma of 80 ms would count as speech, and is left out of both
    fast = heard([0.025, 0.2, 0.08, 0.2, 0.05])
    assert change(fast, usual)[RATE_COLUMN] == pytest.approx(1.0)
    assert change(usual, fast)[RATE_COLUMN] == pytest.approx(-1.0)


def test_a_short_pause_in_both_counts_as_speech():
    usual = heard([0.05, 0.4, 0.10, 0.4, 0.1])
    now = heard([0.05, 0.4, 0.04, 0.4, 0.1])
    assert change(now, usual)[RATE_COLUMN] == pytest.approx(math.log2(0.90 / 0.84))


def test_without_a_judge_the_attributes_alone_are_compared():
    a = Heard(("a",), np.arange(5.0), None, math.nan)
    b = Heard(("a",), np.ones(5), None, math.nan)
    np.testing.assert_allclose(change(a, b), [-1, 0, 1, 2, 3])


def test_a_gain_is_heard_exactly_and_nothing_else_changes():
    voice = Voice.load("espeak")
    lines = [Line("The boats drift along the quiet harbor.", name) for name in ("f1", "m1")]
    bars = []

    def watched(items, total, description):
        bars.append(total)
        return items

    sweeps, wrong = run_sweeps(
        voice,
        lines,
        {"energy_db": (-6.0, 0.0)},
        asking(voice, calibrated=False),
        progress=watched,
    )
    found = sweeps["energy_db"]
    assert found.changes.shape == (2, 2, len(HEARD)) and bars == [2]
    np.testing.assert_allclose(found.changes[0, :, HEARD.index("energy_db")], -6.0, atol=0.2)
    np.testing.assert_allclose(found.changes[0, :, HEARD.index("pitch_st")], 0.0, atol=0.3)
    assert (found.changes[1] == 0).all()  # neutral is the same, to the last bit
    assert np.isnan(wrong).all()  # nobody judged


def test_styles_of_a_voice_are_replaced_in_memory_alone():
    voice = Voice.load("espeak")
    other = voice_with(voice, {"note": 1})
    assert other.bundle.styles["note"] == 1 and "note" not in voice.bundle.styles
    assert other.vocoder is voice.vocoder and other.bundle.model is voice.bundle.model
