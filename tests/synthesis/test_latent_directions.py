from types import SimpleNamespace

import pytest
import torch

from tts_vae.synthesis.latent_directions import Directions

CONTENTS = {
    "site": "prosody",
    "attributes": {
        "pitch_st": {
            "step": [0.5, 0.0, -1.0],
            "requested": [-2, 0, 4],
            "amounts": [-3, 0, 5],
            "r2": 0.8,
            "error": {"mae": 0.4, "p95": 1.0},
        },
        "rate": {"step": [0, 2, 0], "requested": [-1, 0, 1], "amounts": [-1, 0, 2], "r2": 0.6},
    },
}


@pytest.fixture
def directions() -> Directions:
    return Directions(CONTENTS, width=3)


def test_a_shift_is_steps_times_what_gives_the_change(directions):
    # +2 st is half of the way to +4: 2.5 steps
    shift = directions.shift("prosody", "pitch_st", 2.0)
    torch.testing.assert_close(shift, 2.5 * torch.tensor([0.5, 0.0, -1.0]))
    raw = directions.shift("prosody", "pitch_st", 2.0, calibrated=False)
    torch.testing.assert_close(raw, 2.0 * torch.tensor([0.5, 0.0, -1.0]))


def test_factors_count_in_octaves(directions):
    shift = directions.shift("prosody", "rate", 2.0)
    torch.testing.assert_close(shift, torch.tensor([0.0, 4.0, 0.0]))
    torch.testing.assert_close(directions.shift("prosody", "rate", 1.0), torch.zeros(3))


def test_one_number_for_each_phone(directions):
    shift = directions.shift("prosody", "pitch_st", torch.tensor([0.0, 4.0]))
    torch.testing.assert_close(shift, torch.tensor([[0.0, 0, 0], [2.5, 0, -5]]))


def test_out_of_range_is_clamped_with_a_warning(directions):
    assert directions.limits("pitch_st") == (-2.0, 4.0)
    assert directions.limits("rate") == (0.5, 2.0)
    with pytest.warns(UserWarning, match=r"pitch_st -9st is out of .* -2st to \+4st: clamped"):
        shift = directions.shift("prosody", "pitch_st", -9.0)
    torch.testing.assert_close(shift, -3 * torch.tensor([0.5, 0.0, -1.0]))


def test_what_z_does_not_hold_is_told(directions):
    with pytest.raises(ValueError, match="does not hold energy_db; it holds pitch_st, rate"):
        directions.shift("prosody", "energy_db", 3.0)
    with pytest.raises(ValueError, match="of site 'prosody', got 'speaker'"):
        directions.shift("speaker", "pitch_st", 3.0)


@pytest.mark.parametrize(
    "change",
    [
        {"step": [1.0, 2.0]},
        {"step": [1.0, 2.0, float("inf")]},
        {"requested": [0, 0, 1]},
        {"amounts": [1, 1, 1]},
        {"amounts": [0, 1]},
        {"r2": "much"},
    ],
)
def test_malformed_directions_are_told_in_one_line(change):
    row = {**CONTENTS["attributes"]["pitch_st"], **change}
    with pytest.raises(ValueError, match="directions of this voice are malformed") as caught:
        Directions({"site": "prosody", "attributes": {"pitch_st": row}}, width=3)
    assert "\n" not in str(caught.value)


def test_of_a_voice():
    model = SimpleNamespace(sites={"prosody": SimpleNamespace(width=3)})
    assert Directions.of(SimpleNamespace(styles={}, model=model)) is None
    found = Directions.of(SimpleNamespace(styles={"directions": CONTENTS}, model=model))
    assert found is not None and found.attributes["pitch_st"].r2 == 0.8
    other = SimpleNamespace(sites={"speaker": SimpleNamespace(width=3)})
    with pytest.raises(ValueError, match="of a site 'prosody' and this voice has"):
        Directions.of(SimpleNamespace(styles={"directions": CONTENTS}, model=other))
