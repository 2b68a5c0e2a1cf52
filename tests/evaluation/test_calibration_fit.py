import numpy as np
import pytest

from tts_vae.evaluation.controls.calibration_fit import fit_calibration, fit_maps, reach
from tts_vae.evaluation.controls.control_sweep import HEARD, Sweep
from tts_vae.synthesis.calibration import ANYBODY, Calibration

LINES = 12


def sweep(control: str, settings: tuple[float, ...], scaled: list[float], **gains: float) -> Sweep:
    """A control whose attributes follow the setting with given gains, plus a little noise."""
    noise = np.random.default_rng(0).normal(0, 0.01, (len(settings), LINES, len(HEARD)))
    slopes = np.array([gains.get(name, 0.0) for name in HEARD])
    changes = np.array(scaled)[:, None, None] * slopes + noise
    wrong = np.zeros((len(settings), LINES))
    return Sweep(control, settings, changes, wrong, np.full(LINES, 30.0))


def sweeps(pitch_gain: float = 0.8) -> dict[str, Sweep]:
    """Pitch comes out too small and makes the voice louder; rate and energy are nearly right."""
    return {
        "pitch_st": sweep(
            "pitch_st", (-6, -3, 3, 6), [-6, -3, 3, 6], pitch_st=pitch_gain, energy_db=0.2
        ),
        "rate": sweep("rate", (0.5, 2.0), [-1, 1], rate=0.9),
        "energy_db": sweep("energy_db", (-9, 9), [-9, 9], energy_db=1.0),
    }


EVERY = np.ones(LINES, dtype=bool)


def test_the_inverse_asks_for_more_where_too_little_came():
    maps = fit_maps(sweeps(), EVERY)
    # +2.4 st came of +3, so +2.4 takes +3, and +4.8 takes +6
    np.testing.assert_allclose(maps["pitch_st"].requested, [-4.8, -2.4, 0, 2.4, 4.8], atol=0.02)
    np.testing.assert_allclose(maps["pitch_st"].controls["pitch_st"], [-6, -3, 0, 3, 6])
    assert maps["rate"]("rate", 0.9) == pytest.approx(1.0, abs=0.02)


def test_the_other_attribute_is_held_by_a_correction():
    maps = fit_maps(sweeps(), EVERY)
    # a shift of 6 makes 1.2 dB; it is taken back
    assert maps["pitch_st"]("energy_db", 4.8) == pytest.approx(-1.2, abs=0.03)
    assert maps["pitch_st"]("energy_db", -4.8) == pytest.approx(1.2, abs=0.03)
    # energy moves nothing: what chance made of it is no correction
    assert abs(maps["energy_db"].controls.get("pitch_st", np.zeros(1))).max() < 0.02


def test_a_setting_at_which_sentences_disagree_ends_the_range():
    table = sweeps()
    table["pitch_st"].changes[3, :4, 0] += 12  # a third of the lines an octave off at +6
    settings, realised, kept = reach(table["pitch_st"], EVERY)
    assert settings.tolist() == [-6, -3, 0, 3] and kept.tolist() == [True, True, True, False]
    assert realised[2] == 0.0
    assert fit_maps(table, EVERY)["pitch_st"].requested[-1] == pytest.approx(2.4, abs=0.02)


def test_undefined_lines_count_as_disagreement():
    table = sweeps()
    table["pitch_st"].changes[0, :6, 0] = np.nan
    assert reach(table["pitch_st"], EVERY)[2].tolist() == [False, True, True, True]


def test_a_control_that_never_works_is_told():
    table = sweeps()
    table["rate"].changes[:, :, HEARD.index("rate")] = np.nan
    with pytest.raises(ValueError, match="rate: no setting of .* this voice has no such control"):
        reach(table["rate"], EVERY)


def test_settings_must_be_sorted_and_leave_the_neutral_one_out():
    with pytest.raises(ValueError, match="increasing settings without the neutral one"):
        reach(sweep("rate", (0.5, 1.0, 2.0), [-1, 0, 1], rate=1.0), EVERY)


def test_every_speaker_has_a_map_and_all_together_one():
    speakers = ["a"] * 5 + ["b"] * 5 + ["c"] * 2
    table = sweeps()
    table["pitch_st"].changes[:, :5, 0] *= 0.5  # speaker a comes out at half
    contents = fit_calibration(table, speakers)
    assert set(contents) == {ANYBODY, "a", "b"}  # two lines of c say too little
    fitted = Calibration({"speakers": contents})
    assert fitted.control("pitch_st", "a", 1.2) == pytest.approx(3.0, abs=0.05)
    assert fitted.control("pitch_st", "b", 2.4) == pytest.approx(3.0, abs=0.05)
    assert fitted.control("pitch_st", "c", 2.4) == fitted.control("pitch_st", None, 2.4)


def test_asking_through_the_map_gives_what_was_asked():
    # the law of the whole thing, on the very sweep: realised(control(request)) = request
    maps = fit_maps(sweeps(), EVERY)
    for asked in np.linspace(-4.5, 4.5, 7):
        control = maps["pitch_st"]("pitch_st", asked)
        energy = maps["pitch_st"]("energy_db", asked)
        assert 0.8 * control == pytest.approx(asked, abs=0.02)
        assert 0.2 * control + energy == pytest.approx(0.0, abs=0.03)
