import numpy as np
import pytest

from tts_vae.evaluation.controls.latent_regression import regress


def corpus(n=400, noise=0.05):
    generator = np.random.default_rng(0)
    z = generator.normal(size=(n, 4)) * [1.0, 2.0, 0.5, 1.0]
    speakers = [("a", "b")[i % 2] for i in range(n)]
    # pitch = 3 z0 and a speaker's own level; rate = z1 + z0; the third is noise that z knows not
    level = np.array([10.0 if name == "a" else 20.0 for name in speakers])
    attributes = np.stack(
        [3 * z[:, 0] + level, z[:, 1] + z[:, 0], generator.normal(size=n)], axis=1
    )
    return z, attributes + noise * generator.normal(size=attributes.shape), speakers


def test_a_step_changes_one_attribute_and_holds_the_other():
    z, attributes, speakers = corpus()
    found = regress(z, attributes, speakers)
    assert found.held.tolist() == [True, True, False]
    assert found.r2[0] > 0.99 and found.r2[2] < 0.1
    # pitch + 1 takes z0 + 1/3, and z1 - 1/3 so that the rate stays; z2 and z3 have no part in it
    np.testing.assert_allclose(found.steps[0], [1 / 3, -1 / 3, 0, 0], atol=0.02)
    np.testing.assert_allclose(found.steps[1], [0, 1, 0, 0], atol=0.03)
    assert np.isnan(found.steps[2]).all()


def test_of_many_shifts_the_shortest_in_standard_deviations():
    generator = np.random.default_rng(1)
    z = generator.normal(size=(600, 2)) * [1.0, 4.0]
    attribute = (z[:, 0] + z[:, 1])[:, None]
    found = regress(z, attribute, ["a"] * 600)
    # least (x / 1)^2 + (y / 4)^2 with x + y = 1: y = 16 x
    np.testing.assert_allclose(found.steps[0], [1 / 17, 16 / 17], atol=0.02)


def test_speakers_are_compared_with_themselves():
    z, attributes, speakers = corpus()
    moved = attributes + np.array([[100.0 * (name == "a")] * 3 for name in speakers])
    shift = z + np.array([[5.0 * (name == "a")] * 4 for name in speakers])
    np.testing.assert_allclose(
        regress(shift, moved, speakers).steps[:2], regress(z, attributes, speakers).steps[:2]
    )


def test_undefined_rows_are_left_out_and_too_few_are_told():
    z, attributes, speakers = corpus(40)
    attributes[:30, 1] = np.nan
    with pytest.raises(ValueError, match="expected 16 recordings or more .* got 10"):
        regress(z, attributes, speakers)


def test_z_is_moved_where_it_has_been():
    # both dimensions follow one hidden number; a shift of the first alone was never seen
    generator = np.random.default_rng(2)
    hidden = generator.normal(size=500)
    z = np.stack([hidden, 2 * hidden], axis=1) + 0.01 * generator.normal(size=(500, 2))
    found = regress(z, hidden[:, None], ["a"] * 500)
    np.testing.assert_allclose(found.steps[0], [1, 2], atol=0.05)


def test_a_dimension_that_never_varies_is_never_moved():
    generator = np.random.default_rng(3)
    z = np.stack([generator.normal(size=200), np.zeros(200)], axis=1)
    found = regress(z, 2 * z[:, :1], ["a"] * 200)
    np.testing.assert_allclose(found.steps[0], [0.5, 0.0], atol=0.01)
