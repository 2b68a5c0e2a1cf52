"""Tables of factors small enough to work MIG, DCI, SAP and modularity out by hand."""

import math

import numpy as np
import pytest

from tts_vae.evaluation.measures.disentanglement import (
    bin_values,
    dci_completeness,
    dci_disentanglement,
    disentanglement,
    information_gaps,
    information_table,
    modularity,
    mutual_information,
    score_gap,
)
from tts_vae.evaluation.measures.disentanglement_probes import importances, separated_scores

# two labels of four values each, every combination four times
ONE = np.tile(np.repeat(np.arange(4), 4), 4)
TWO = np.tile(np.tile(np.arange(4), 4), 4)


def test_mutual_information_of_independent_equal_and_half_known():
    assert mutual_information([0, 0, 1, 1], [0, 1, 0, 1]) == pytest.approx(0)
    assert mutual_information([0, 0, 1, 1], [1, 1, 0, 0]) == pytest.approx(math.log(2))
    # four equally frequent values of which the code tells the half: ln 2 of ln 4
    assert mutual_information([0, 0, 1, 1], [0, 1, 2, 3]) == pytest.approx(math.log(2))


@pytest.mark.parametrize("quantile", [False, True])
def test_one_dimension_a_factor_has_a_gap_of_one(quantile):
    codes = np.stack([ONE * 2.5 - 1, -TWO / 7], axis=1)
    gaps = information_gaps(codes, {"one": ONE, "two": TWO}, quantile=quantile)
    assert gaps == pytest.approx({"one": 1.0, "two": 1.0})


def test_a_second_dimension_that_knows_half_halves_the_gap():
    codes = np.stack([ONE, ONE // 2], axis=1)  # ln 4 and ln 2 nats of ln 4
    assert information_gaps(codes, {"one": ONE}) == pytest.approx({"one": 0.5})


def test_a_copied_dimension_leaves_no_gap_and_a_lone_one_all():
    assert information_gaps(np.stack([ONE, ONE], 1), {"one": ONE})["one"] == pytest.approx(0)
    assert information_gaps(ONE[:, None], {"one": ONE})["one"] == pytest.approx(1)


def test_bins_by_width_and_by_count():
    values = [0.0, 0.1, 0.2, 0.3, 10.0]
    assert bin_values(values, 2).tolist() == [0, 0, 0, 0, 1]
    assert bin_values(values, 2, quantile=True).tolist() == [0, 0, 1, 1, 1]
    assert bin_values(np.arange(40.0), 20).tolist() == np.repeat(np.arange(20), 2).tolist()
    assert bin_values([3.0, 3.0], 20).tolist() == [0, 0]


def test_an_outlier_blinds_bins_of_equal_width_only():
    amount = np.arange(400.0)
    code = amount.copy()
    code[-1] = 1e6  # every other value now shares the first of 20 equal bins
    wide = information_table(code[:, None], {"amount": amount})[0, 0]
    counted = information_table(code[:, None], {"amount": amount}, quantile=True)[0, 0]
    assert wide < 0.02
    assert counted == pytest.approx(math.log(20))


def test_amounts_are_binned_and_few_values_are_not():
    amount = np.arange(400.0)
    gaps = information_gaps(np.stack([amount, np.zeros(400)], 1), {"amount": amount})
    assert gaps["amount"] == pytest.approx(1)
    assert information_gaps(ONE[:, None] + 0.0, {"level": ONE * 1.5})["level"] == pytest.approx(1)


def test_constant_factor_is_dropped():
    found = disentanglement(
        np.stack([ONE, TWO], 1), {"one": ONE, "always": np.ones(64), "two": TWO}
    )
    assert found.factors == ("one", "two")
    assert found.mig == pytest.approx(1) and found.mig_quantile == pytest.approx(1)


def test_dci_by_hand():
    assert dci_disentanglement(np.eye(2)) == 1
    assert dci_completeness(np.eye(2)) == 1
    assert dci_disentanglement([[1, 1], [1, 1]]) == pytest.approx(0)
    # rows (3/4, 1/4) and (0, 1) weigh 4/6 and 2/6; entropy of the first in bits is 0.8113
    matrix = [[3, 1], [0, 2]]
    assert dci_disentanglement(matrix) == pytest.approx(4 / 6 * (1 - 0.811278) + 2 / 6, abs=1e-6)
    # columns (1, 0) and (1/3, 2/3) weigh 3/6 each; entropy of the second in bits is 0.9183
    assert dci_completeness(matrix) == pytest.approx(0.5 + 0.5 * (1 - 0.918296), abs=1e-6)


def test_dci_dead_dimension_weighs_nothing():
    assert dci_disentanglement([[1, 0], [0, 1], [0, 0]]) == 1


def test_dci_of_two_dimensions_for_one_factor_each_is_disentangled_but_not_complete():
    matrix = [[1, 0], [1, 0], [0, 1], [0, 1]]
    assert dci_disentanglement(matrix) == 1
    assert dci_completeness(matrix) == pytest.approx(0.5)  # ln 2 of ln 4


def test_dci_undefined_for_one_factor_and_for_nothing():
    assert math.isnan(dci_disentanglement([[1.0], [2.0]]))
    assert math.isnan(dci_completeness([[1.0, 2.0]]))
    assert math.isnan(dci_disentanglement(np.zeros((2, 2))))


def test_score_gap_by_hand():
    assert score_gap([[0.9, 0.2], [0.5, 0.8], [0.1, 0.7]]) == pytest.approx((0.4 + 0.1) / 2)
    assert score_gap([[0.6]]) == pytest.approx(0.6)


def test_modularity_by_hand():
    assert modularity(np.eye(3)) == 1
    assert modularity(np.ones((2, 3))) == pytest.approx(0)
    # 1 - (1 + 0.25 + 0.25 - 1) / (1 * 2) = 0.75, and a dead dimension is 0
    assert modularity([[1, 0.5, 0.5]]) == pytest.approx(0.75)
    assert modularity([[1, 0.5, 0.5], [0, 0, 0]]) == pytest.approx(0.375)
    assert math.isnan(modularity([[1.0], [1.0]]))


def test_boosted_importances_find_the_dimension_and_judge_on_held_out_rows():
    generator = np.random.default_rng(0)
    codes = generator.standard_normal((400, 3))
    factors = {
        "amount": 2 * codes[:, 1],
        "label": np.where(codes[:, 2] > 0, "high", "low"),
        "chance": generator.standard_normal(400),
    }
    held_out = np.arange(400) % 4 == 0
    found = importances(codes, factors, held_out)
    assert found.importances.sum(0) == pytest.approx([1, 1, 1])
    assert found.importances[1, 0] > 0.95 and found.importances[2, 1] > 0.95
    assert found.informativeness["amount"] > 0.95 and found.informativeness["label"] > 0.95
    assert found.informativeness["chance"] < 0.1


def test_separated_scores_are_squared_correlation_and_balanced_accuracy():
    codes = np.stack([np.arange(8.0), np.full(8, 2.0)], axis=1)
    label = np.array(["a"] * 4 + ["b"] * 4)
    factors = {"twice": 2 * np.arange(8.0), "label": label, "noisy": np.arange(8) >= 4}
    # r of 0..7 with (0,0,1,1,2,2,3,3) is sqrt(20/21)
    factors["rough"] = np.repeat(np.arange(4.0), 2)
    scores = separated_scores(codes, factors, np.arange(8) % 2 == 1)
    assert scores[0] == pytest.approx([1, 1, 1, 20 / 21])
    assert scores[1].tolist() == [0, 0, 0, 0]  # a dead dimension


def test_balanced_accuracy_of_a_code_that_knows_nothing_is_chance():
    generator = np.random.default_rng(1)
    label = np.array(["often"] * 900 + ["rare"] * 100)
    scores = separated_scores(
        generator.standard_normal((1000, 1)), {"label": label}, np.arange(1000) % 2 == 0
    )
    assert scores[0, 0] == pytest.approx(0.5, abs=0.07)  # not the 0.9 of always saying "often"


def test_a_turned_code_is_worse_in_every_figure():
    generator = np.random.default_rng(0)
    factors = {name: generator.uniform(-1, 1, 600) for name in ("pitch", "rate")}
    straight = np.stack(list(factors.values()), axis=1)
    turned = straight @ (np.array([[1, -1], [1, 1]]) / math.sqrt(2))
    good, bad = disentanglement(straight, factors), disentanglement(turned, factors)
    for figure in ("mig", "mig_quantile", "disentanglement", "completeness", "sap", "modularity"):
        assert getattr(good, figure) > getattr(bad, figure) + 0.3
    assert good.mig > 0.85 and good.disentanglement > 0.95 and good.sap > 0.95
    assert bad.mig < 0.05 and bad.sap < 0.1
    # what is turned is not lost
    assert min(bad.informativeness.values()) > 0.85


def test_summary_is_plain():
    summary = disentanglement(np.stack([ONE, TWO], 1), {"one": ONE, "two": TWO}).summary()
    assert summary["items"] == 64 and summary["factors"] == ("one", "two")
    assert len(summary["importances"]) == 2


def test_refusals_say_what_to_do():
    with pytest.raises(ValueError, match="give the posterior mean of each item"):
        disentanglement(np.zeros(4), {"one": [0, 1, 0, 1]})
    with pytest.raises(ValueError, match="give the posterior mean of each item"):
        disentanglement([[np.nan]] * 4, {"one": [0, 1, 0, 1]})
    with pytest.raises(ValueError, match=r"factor one: expected \(64,\) values, got \(3,\)"):
        disentanglement(ONE[:, None], {"one": [0, 1, 0]})
    with pytest.raises(ValueError, match="factor one: expected finite numbers"):
        disentanglement(ONE[:, None], {"one": np.full(64, np.nan)})
    with pytest.raises(ValueError, match=r"a factor that varies, got \['one'\]"):
        disentanglement(ONE[:, None], {"one": np.ones(64)})
    with pytest.raises(ValueError, match="mark the rows of the test split"):
        disentanglement(ONE[:, None], {"one": ONE}, held_out=np.ones(64, bool))
