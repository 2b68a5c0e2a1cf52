import json
import math
import re

import numpy as np
import pytest
import torch
from tiny_voice import COMPONENTS, WIDTH, write_tiny_voice

from tts_vae.explorer.latent_map import HEIGHT, REACH, LatentMap
from tts_vae.explorer.latent_map import WIDTH as DRAWN
from tts_vae.explorer.map_svg import UNKNOWN, map_svg
from tts_vae.explorer.points import Points, points_of, store_points
from tts_vae.synthesis.voice import Voice


@pytest.fixture
def voice(opened):
    return opened.voice


@pytest.fixture
def points():
    """A flat cloud, twice as wide as high, in dimensions 2 and 0."""
    draw = np.random.default_rng(0)
    z = 1e-3 * draw.standard_normal((80, WIDTH))
    z[:, 2] += 2 * draw.uniform(-1, 1, 80)
    z[:, 0] += draw.uniform(-1, 1, 80)
    rate = np.where(np.arange(80) == 5, math.nan, 10 + z[:, 2])
    return Points(
        source="80 made up",
        z=z,
        ids=tuple(f"u<{i}>" for i in range(80)),
        held_out=np.arange(80) % 4 == 0,
        labels={"speaker": tuple("fm"[i % 2] for i in range(80))},
        values={"rate": rate},
        utterances=True,
    )


@pytest.fixture
def flat_map(voice, points, monkeypatch):
    monkeypatch.setattr(
        type(voice.bundle.model.sites["prosody"]), "component", lambda self, k: torch.zeros(WIDTH)
    )
    return LatentMap(voice, points)


def test_the_axes_are_those_of_largest_variance(flat_map, points):
    assert flat_map.shares[0] == pytest.approx(0.8, abs=0.05)
    assert sum(flat_map.shares) == pytest.approx(1, abs=1e-4)
    along = np.array([spot.x for spot in flat_map.utterances])
    assert abs(np.corrcoef(along, points.z[:, 2])[0, 1]) > 0.999


def test_every_point_is_on_the_drawing_and_one_scale_serves_both_axes(flat_map, points):
    for spot in flat_map.utterances:
        assert 0 < spot.x < DRAWN and 0 < spot.y < HEIGHT
    a, b = flat_map.utterances[3], flat_map.utterances[40]
    drawn = math.hypot(a.x - b.x, a.y - b.y)
    other = math.hypot(
        *(np.subtract(flat_map.place(points.z[3] * 2), flat_map.place(points.z[40] * 2)))
    )
    assert other == pytest.approx(2 * drawn, rel=1e-6)
    assert drawn == pytest.approx(
        flat_map._scale * np.linalg.norm((points.z[3] - points.z[40])[[0, 2]]), rel=1e-3
    )


@pytest.mark.parametrize("place", [(100.0, 77.0), (0.0, 0.0), (DRAWN, HEIGHT)])
def test_a_place_is_the_place_of_its_value(flat_map, place):
    assert flat_map.place(flat_map.value(*place)) == pytest.approx(place)


def test_a_click_means_the_component_then_the_utterance_then_the_place(voice):
    shown = LatentMap(voice, points_of(voice), {1: "calm"})
    spot = shown.components[1]
    start = shown.click(spot.x + 0.7 * REACH, spot.y)
    assert (start.label, start.words) == ("component 1: calm", {"component": 1})
    alone = max(
        shown.utterances,
        key=lambda u: min(math.hypot(u.x - c.x, u.y - c.y) for c in shown.components),
    )
    start = shown.click(alone.x, alone.y)
    assert start == alone.start and set(start.words) == {"prior"}
    value = voice.style(**start.words).values["prosody"]
    assert shown.place(value) == pytest.approx((alone.x, alone.y), abs=1e-3)
    start = shown.click(3.0, 3.0)
    value = voice.style(**start.words).values["prosody"]
    assert start.label == "point on the map"
    assert shown.place(value) == pytest.approx((3, 3), abs=0.01)


def test_a_click_outside_is_refused(flat_map):
    with pytest.raises(ValueError, match=r"map is 560 by 420, got a click at -1, 5"):
        flat_map.click(-1, 5)


def test_an_utterance_is_taken_as_it_is_not_as_it_lies_in_the_plane(flat_map, points):
    spot = flat_map.utterances[7]
    words = flat_map.click(spot.x, spot.y).words
    near = [i for i, u in enumerate(flat_map.utterances) if u.start.words == words]
    assert len(near) == 1
    assert words["vector"] == pytest.approx(points.z[near[0]].tolist(), rel=1e-5)


def test_drawing_escapes_names_marks_held_out_and_colours_unknown_grey(flat_map):
    drawn = map_svg(flat_map, "rate", {"": (10.0, 20.0), "A": (30.0, 40.0)})
    assert "u&lt;1&gt;" in drawn and "u<1>" not in drawn
    assert drawn.count('fill="none" stroke="#') == 20
    assert drawn.count(UNKNOWN) == 1
    assert 'class="here"' in drawn and "style A" in drawn
    numbers = [float(n) for n in re.findall(r"rate: ([\d.]+) .* ([\d.]+)<", drawn)[0]]
    assert numbers == pytest.approx([8, 12], abs=0.2)


def test_labels_get_a_colour_each(flat_map):
    drawn = map_svg(flat_map, "speaker", {})
    colours = set(re.findall(r'fill="(#\w+)"', drawn))
    assert len(colours) == 2 and UNKNOWN not in colours


def test_a_mark_far_away_stays_on_the_edge(flat_map):
    drawn = map_svg(flat_map, "rate", {"": (-500.0, 1e6)})
    assert f"translate(8.0 {HEIGHT - 8:.1f})" in drawn


def test_stored_points_come_back(voice, folder, points):
    store_points(folder, "prosody", points)
    again = points_of(Voice.load(folder))
    assert again.ids == points.ids and again.labels == points.labels and again.utterances
    np.testing.assert_allclose(again.z, points.z, atol=6e-5)
    np.testing.assert_allclose(again.values["rate"], points.values["rate"], atol=6e-5)
    assert (again.held_out == points.held_out).all()
    assert again.source == "60 training utterances (dots) and 20 held-out ones (rings)"
    assert "sites" in json.loads((folder / "styles.json").read_text())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda kept: kept.pop("z"), "lack z"),
        (lambda kept: kept["ids"].pop(), "every column as long"),
        (lambda kept: kept["z"].__setitem__(0, "1 2"), "not numbers"),
        (lambda kept: kept["z"].__setitem__(0, "a b c d"), "not numbers"),
        (lambda kept: kept["values"].update(rate="1 2"), "every column as long"),
    ],
)
def test_points_of_another_voice_or_a_damaged_file(voice, folder, points, change, words):
    store_points(folder, "prosody", points)
    styles = json.loads((folder / "styles.json").read_text())
    change(styles["points"]["prosody"])
    (folder / "styles.json").write_text(json.dumps(styles))
    with pytest.raises(ValueError, match=f"{words}.*measure them again"):
        points_of(Voice.load(folder))


def test_without_utterances_the_prior_is_drawn_and_it_is_said(voice):
    points = points_of(voice)
    assert "draws from the prior: this voice stores no utterances" in points.source
    assert len(points.z) == 300 and not points.utterances
    assert set(points.labels["component"]) <= {f"component {k}" for k in range(COMPONENTS)}


def test_a_plain_code_has_neither_utterances_nor_draws(tmp_path):
    assert points_of(Voice.load(write_tiny_voice(tmp_path / "code", "code"))) is None
