"""Controls of a style: per phone, in spans, mixed, replaced, one style after another."""

import math

import pytest
import torch

from tts_vae.synthesis.spans import along
from tts_vae.synthesis.style import Style

VALUES = {"speaker": torch.tensor([1.0, 0.0]), "prosody": torch.tensor([0.0, 2.0, -1.0])}
STYLE = Style(VALUES, 2.0, 0.5, -6.0, "a", pitch_range=2.0, pause=4.0)
EACH = torch.tensor([1.0, -1.0, 0.5, 3.0])


def test_every_control_is_known_by_name():
    assert Style.CONTROLS == ("pitch_st", "pitch_range", "rate", "energy_db", "pause")
    assert STYLE.controls == {
        "pitch_st": 2.0,
        "pitch_range": 2.0,
        "rate": 0.5,
        "energy_db": -6.0,
        "pause": 4.0,
    }
    assert STYLE.phones is None


def test_mixing_moves_all_controls_and_factors_in_octaves():
    middle = STYLE.mix(Style(VALUES), 0.5)
    assert middle.pitch_range == pytest.approx(math.sqrt(2)) and middle.pause == pytest.approx(2)
    each = STYLE.mix(Style(VALUES, pitch_st=EACH), 0.5)
    assert each.pitch_st.tolist() == [1.5, 0.5, 1.25, 2.5] and each.phones == 4
    assert STYLE.mix(each, 1.0) == each and STYLE.mix(each, 0.0).pitch_st.tolist() == [2.0] * 4


def test_styles_are_equal_when_all_their_controls_are():
    assert Style(VALUES, pitch_st=EACH) == Style(VALUES, pitch_st=EACH.clone())
    assert Style(VALUES, pitch_st=EACH) != Style(VALUES, pitch_st=EACH + 0.01)
    assert Style(VALUES, pitch_range=1.1) != Style(VALUES) != Style(VALUES, pause=1.1)


def test_numbers_per_phone_must_be_for_one_text():
    with pytest.raises(ValueError, match=r"a style is for one text: .*\[3, 4\] phones"):
        Style({"prosody": torch.zeros(3, 2)}, rate=torch.ones(4))
    with pytest.raises(ValueError, match="pause must be between 0.02 and 50 times the usual"):
        Style(VALUES, pause=torch.tensor([1.0, 60.0]))
    with pytest.raises(ValueError, match=r"texts of \[3, 4\] phones; use one text"):
        Style(VALUES, pitch_st=EACH).mix(Style(VALUES, pause=torch.ones(3)), 0.5)


def test_replaced_controls_leave_the_rest():
    faster = STYLE.with_controls(rate=2.0, pause=torch.ones(4))
    assert faster.rate == 2.0 and faster.pause.tolist() == [1.0] * 4
    assert (faster.pitch_st, faster.pitch_range, faster.energy_db) == (2.0, 2.0, -6.0)
    assert torch.equal(faster.values["prosody"], VALUES["prosody"])
    assert str(faster) == "(a) with rate=2, pause=(one for each phone)"
    assert STYLE.with_controls() is STYLE
    with pytest.raises(ValueError, match=r"unknown controls \['pitch'\]; a style has pitch_st"):
        STYLE.with_controls(pitch=2.0)
    with pytest.raises(ValueError, match="rate must be between 0.2 and 5"):
        STYLE.with_controls(rate=9.0)


def test_spans_add_to_the_style_and_to_each_other():
    spoken = STYLE.with_spans(
        5, [(0, 3, {"pitch_st": 1.0, "rate": 2.0}), (2, 5, {"rate": 3.0}), (4, 4, {"pause": 2.0})]
    )
    assert spoken.pitch_st.tolist() == [3.0, 3.0, 3.0, 2.0, 2.0]
    assert spoken.rate.tolist() == [1.0, 1.0, 3.0, 1.5, 1.5]
    assert spoken.pause.tolist() == [4.0] * 5
    assert spoken.energy_db == -6.0  # what no span names stays one number
    for spans, message in (
        ([(2, 6, {"rate": 1.0})], "a span must lie within 0 to 5 phones, got 2:6"),
        ([(3, 2, {"rate": 1.0})], "got 3:2"),
        ([(0, 1, {"volume": 1.0})], "unknown control 'volume'"),
        ([(0, 1, {"rate": 99.0})], "rate must be between"),
    ):
        with pytest.raises(ValueError, match=message):
            STYLE.with_spans(5, spans)


def test_a_part_takes_its_own_phones():
    style = Style({"prosody": torch.arange(8.0).reshape(4, 2)}, pitch_st=EACH, rate=1.5)
    cut = style.part(1, 3)
    assert cut.pitch_st.tolist() == [-1.0, 0.5] and cut.rate == 1.5 and cut.phones == 2
    assert cut.values["prosody"].tolist() == [[2.0, 3.0], [4.0, 5.0]]
    assert STYLE.part(1, 3) is STYLE


def test_one_style_after_another():
    high = Style(VALUES, pitch_st=3.0, label="high")
    other = Style({**VALUES, "prosody": torch.ones(3)}, pitch_st=3.0, pause=2.0, label="other")
    spoken = along([(high, 2), (other, 1), (high, 1)])
    assert spoken.phones == 4 and spoken.pitch_st == 3.0 and spoken.rate == 1.0
    assert spoken.pause.tolist() == [1.0, 1.0, 2.0, 1.0]
    assert spoken.values["speaker"].shape == (2,)  # the same everywhere stays one
    assert torch.equal(spoken.values["prosody"][2], torch.ones(3))
    assert torch.equal(spoken.values["prosody"][[0, 1, 3]], VALUES["prosody"].expand(3, 3))
    assert str(spoken) == "(high) then (other)"
    assert along([(high, 4)]) == high
    nested = along([(Style(VALUES, pitch_st=EACH), 4), (high, 2)])
    assert nested.pitch_st.tolist() == [*EACH.tolist(), 3.0, 3.0]
    with pytest.raises(ValueError, match=r"got \[\(4, 3\)\]"):
        along([(Style(VALUES, pitch_st=EACH), 3)])
    with pytest.raises(ValueError, match="give at least one"):
        along([])
    with pytest.raises(ValueError, match="different voices"):
        along([(high, 1), (Style({"prosody": torch.ones(3)}), 1)])
