import math
import warnings

import pytest
import torch
from tiny_voice import COMPONENTS, WIDTH, write_tiny_voice

from tts_vae.synthesis.paths import PATHS, glide, grid, path_between, traversal
from tts_vae.synthesis.site_prior import site_prior
from tts_vae.synthesis.voice import Voice

TEXT = "Hello there."
STEPS = [i / 8 for i in range(9)]


@pytest.fixture(scope="module")
def ends(voice):
    start = voice.style(speaker="anna", component=0)
    return start, voice.style(speaker="bert", component=2, rate=1.44, pitch_st=4)


@pytest.mark.parametrize("kind", PATHS)
def test_every_path_begins_and_ends_where_it_says(voice, ends, kind):
    path = path_between(voice, *ends, kind)
    assert path(0) == ends[0] and path(1) == ends[1]
    middle = path(0.5)
    assert middle.rate == pytest.approx(1.2) and middle.pitch_st == 2
    assert path(0.5) == path_between(voice, *ends, kind)(0.5), "two makings differ"
    for site in middle.values:
        track = torch.stack([path(step).values[site] for step in STEPS])
        assert (track[1:] - track[:-1]).norm(dim=1).min() > 0, "it stands still"


def test_linear_is_mix(voice, ends):
    path = path_between(voice, *ends)
    assert all(path(step) == ends[0].mix(ends[1], step) for step in STEPS)


@pytest.mark.parametrize("kind", PATHS)
def test_one_site_moves(voice, ends, kind):
    prosody = path_between(voice, *ends, kind, site="prosody")(1)
    assert prosody == ends[0].with_prosody(ends[1])
    if kind == "ridge":
        return
    speaker = path_between(voice, *ends, kind, site="speaker")(1)
    assert speaker == ends[1].with_prosody(ends[0])


def test_spherical_by_hand(voice):
    """A quarter of a circle about the mean, in standard deviations: cos and sin of 45 degrees."""
    prior = site_prior(voice.bundle, "prosody")
    first, second = torch.zeros(2, WIDTH, dtype=torch.float64)
    first[0], second[1] = 2.0, 2.0
    styles = [voice.style(vector=prior.mean + prior.sd * x) for x in (first, second)]
    middle = path_between(voice, *styles, "spherical")(0.5).values["prosody"].double()
    found = ((middle - prior.mean) / prior.sd).tolist()
    assert found == pytest.approx([math.sqrt(2), math.sqrt(2), 0, 0], abs=1e-5)
    straight = path_between(voice, *styles)(0.5).values["prosody"].double()
    assert float(((straight - prior.mean) / prior.sd).norm()) == pytest.approx(math.sqrt(2))


def test_spherical_turns_evenly_and_the_radius_goes_linearly(voice):
    prior = site_prior(voice.bundle, "prosody")
    ends = torch.tensor([[1.0, 0, 0, 0], [-0.5, 1.2, 0.3, 0]], dtype=torch.float64)
    path = path_between(
        voice, *(voice.style(vector=prior.mean + prior.sd * x) for x in ends), "spherical"
    )
    track = torch.stack([path(s).values["prosody"].double() for s in STEPS])
    track = (track - prior.mean) / prior.sd
    radii = torch.lerp(ends[0].norm(), ends[1].norm(), torch.tensor(STEPS).double())
    assert track.norm(dim=1).tolist() == pytest.approx(radii.tolist(), rel=1e-5)
    unit = track / track.norm(dim=1, keepdim=True)
    angles = torch.arccos((unit[1:] * unit[:-1]).sum(1))
    assert angles.tolist() == pytest.approx([float(angles.mean())] * 8, rel=1e-3)


@pytest.mark.parametrize(
    ("second", "reason"),
    [
        ([5.0, 0.1, 0, 0], "1.0 and 5.0 standard deviations"),
        ([-1.0, 0, 0, 0], "opposite each other"),
        ([0.0, 0, 0, 0], "0.0 and 1.0 standard"),
    ],
)
def test_where_no_circle_goes_the_line_does_and_says_so(voice, second, reason):
    prior = site_prior(voice.bundle, "prosody")
    vectors = torch.tensor([[1.0, 0, 0, 0], second], dtype=torch.float64)
    styles = [voice.style(vector=prior.mean + prior.sd * x) for x in vectors]
    with pytest.warns(UserWarning, match=f"site prosody moves straight: .*{reason}"):
        path = path_between(voice, *styles, "spherical")
    assert all(path(step) == styles[0].mix(styles[1], step) for step in STEPS)


def test_near_parallel_ends_need_no_warning(voice):
    prior = site_prior(voice.bundle, "prosody")
    vectors = torch.tensor([[1.0, 0, 0, 0], [1.5, 1e-4, 0, 0]], dtype=torch.float64)
    styles = [voice.style(vector=prior.mean + prior.sd * x) for x in vectors]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        path = path_between(voice, *styles, "spherical")
    between = styles[0].mix(styles[1], 0.3).values["prosody"]
    assert torch.allclose(path(0.3).values["prosody"], between, atol=1e-6)


def test_a_ridge_is_denser_than_the_line(voice):
    prior = site_prior(voice.bundle, "prosody")
    for first, second in [(0, 1), (1, 2), (0, 2)]:
        styles = voice.style(component=first), voice.style(component=second)
        mean = {
            kind: sum(
                prior.log_prob(path_between(voice, *styles, kind)(s).values["prosody"])
                for s in STEPS
            )
            for kind in ("linear", "ridge")
        }
        assert mean["ridge"] > mean["linear"]


def test_a_glide_goes_from_first_to_last_phone(voice, ends):
    path = path_between(voice, *ends)
    phones = voice.phonemize(TEXT)
    style = glide(path, phones)
    (tokens,) = phones
    assert style.phones == len(tokens)
    assert tokens[0] == "^" and tokens[-1] == "."
    for index, step in ((0, 0.0), (1, 0.0), (len(tokens) - 2, 1.0), (len(tokens) - 1, 1.0)):
        at = path(step)
        assert torch.equal(style.values["prosody"][index], at.values["prosody"])
        assert float(style.rate[index]) == pytest.approx(at.rate)
    middle = (len(tokens) - 1) / 2  # tokens 1 to n - 2 are spoken
    rates = style.rate.log()
    assert torch.allclose(rates[1:-1].diff(), rates[1:-1].diff().mean(), atol=1e-6)
    if middle.is_integer():
        assert float(style.rate[int(middle)]) == pytest.approx(1.2)
    assert glide(path, tokens) == style, "tokens and sentences of tokens say the same"


def test_a_glide_is_heard(voice, ends):
    path = path_between(voice, voice.style(), voice.style(rate=2.0, pitch_st=6))
    phones = voice.phonemize(TEXT)
    glided = voice.speak(TEXT, glide(path, phones))
    usual = voice.speak(TEXT)
    shift = glided.pitch_st - usual.pitch_st
    assert shift[1] == pytest.approx(0, abs=1e-4) and shift[-2] == pytest.approx(6, abs=1e-4)
    assert glided.durations[1] >= usual.durations[1] - 1
    assert glided.durations[-2] < usual.durations[-2]


def test_only_what_differs_glides(voice):
    path = path_between(voice, voice.style(speaker="anna"), voice.style(speaker="anna", rate=2))
    style = glide(path, voice.phonemize(TEXT))
    assert all(value.dim() == 1 for value in style.values.values())
    assert isinstance(style.rate, torch.Tensor) and style.pitch_st == 0


def test_a_grid_by_hand(voice):
    vectors = [(0, 0, 0, 0), (1, 0, 0, 0), (0, 2, 0, 0), (1, 2, 0, 0)]
    corners = [voice.style(vector=vector) for vector in vectors]
    square = grid(corners, 3)
    assert [square[i][j] for i, j in ((0, 0), (0, 2), (2, 0), (2, 2))] == corners
    found = [[cell.values["prosody"][:2].tolist() for cell in row] for row in square]
    assert found == [[[x, y] for x in (0, 0.5, 1)] for y in (0, 1, 2)]


def test_a_traversal_by_hand(voice):
    style = voice.style(component=1, pitch_st=2)
    sd = float(site_prior(voice.bundle, "prosody").sd[2])
    moved = traversal(voice, style, 2, (-3, 0, 1.5))
    assert moved[1] == style
    for sds, other in zip((-3, 0, 1.5), moved, strict=True):
        step = torch.zeros(WIDTH)
        step[2] = sds * sd
        assert torch.allclose(other.values["prosody"] - style.values["prosody"], step, atol=1e-6)
        assert other.controls == style.controls
        assert torch.equal(other.values["speaker"], style.values["speaker"])
    speaker = traversal(voice, style, 0, (1,), site="speaker")[0]
    assert torch.equal(speaker.values["prosody"], style.values["prosody"])
    assert not torch.equal(speaker.values["speaker"], style.values["speaker"])


@pytest.mark.parametrize("prosody", ["gaussian", "codebook", "levels", "relaxed", "hierarchy"])
def test_other_latents_have_circles_and_traversals_and_no_ridge(prosody, tmp_path):
    voice = Voice.load(write_tiny_voice(tmp_path / prosody, prosody))
    prior = site_prior(voice.bundle, "prosody")
    ends = [voice.style(vector=prior.mean + prior.sd * torch.eye(WIDTH)[i]) for i in (0, 1)]
    path = path_between(voice, *ends, "spherical")
    assert path(0) == ends[0] and path(1) == ends[1]
    assert path(0.5) != ends[0].mix(ends[1], 0.5)
    assert traversal(voice, ends[0], 1, (2,))[0] != ends[0]
    with pytest.raises(ValueError, match="needs a site whose prior is a mixture"):
        path_between(voice, *ends, "ridge")


def test_a_plain_code_moves_straight_only(tmp_path):
    voice = Voice.load(write_tiny_voice(tmp_path / "code", "code"))
    ends = voice.style(vector=(1, 0, 0, 0)), voice.style(vector=(0, 1, 0, 0))
    assert path_between(voice, *ends)(0.5).values["prosody"].tolist() == [0.5, 0.5, 0, 0]
    with pytest.raises(ValueError, match="site prosody has no prior"):
        path_between(voice, *ends, "spherical")
    with pytest.raises(ValueError, match="ridge needs .* DeterministicLatent"):
        path_between(voice, *ends, "ridge")


def test_mistakes_are_one_line(voice, ends, tmp_path):
    a, b = ends
    other = Voice.load(write_tiny_voice(tmp_path / "v", speakers=("anna",))).style()
    path = path_between(voice, a, b)
    cases = {
        "unknown path 'wavy'; choose one of linear, spherical, ridge": lambda: path_between(
            voice, a, b, "wavy"
        ),
        "unknown site 'mood'; this voice has prosody, speaker": lambda: path_between(
            voice, a, b, site="mood"
        ),
        "different voices: ": lambda: path_between(voice, a, other),
        "belongs to another voice": lambda: path_between(voice, other, other),
        "speaker site of this voice is a GaussianLatent; choose site prosody": lambda: path_between(
            voice, a, b, "ridge", "speaker"
        ),
        "step must be within 0 and 1 on a spherical path": lambda: path_between(
            voice, a, b, "spherical"
        )(1.5),
        "got 1 phones": lambda: glide(path, ("^", "A", ".")),
        "got one with numbers for each phone": lambda: glide(
            path_between(voice, a.with_controls(rate=torch.ones(5)), b), "^Abc."
        ),
        "4 styles, its corners; got 3": lambda: grid([a, b, a], 3),
        "2 rows or more": lambda: grid([a, b, a, b], 1),
        "belong to different voices": lambda: grid([a, b, a, other], 2),
        f"unknown dimension {WIDTH}; .* has 0 to {WIDTH - 1}": lambda: traversal(
            voice, a, WIDTH, (1,)
        ),
        "dimension must be a whole number": lambda: traversal(voice, a, 1.0, (1,)),
        "must be finite": lambda: traversal(voice, a, 1, (math.nan,)),
        "made with|make it with": lambda: traversal(voice, other, 0, (1,)),
    }
    assert COMPONENTS == 3
    for message, mistake in cases.items():
        with pytest.raises(ValueError, match=message) as error:
            mistake()
        assert "\n" not in str(error.value)
