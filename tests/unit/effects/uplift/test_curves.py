"""Curves against scikit-uplift, and the checks of what goes in."""

import numpy as np
import pandas as pd
import pytest

from cximpact.core import errors
from cximpact.effects.uplift.curve_perfect import (
    perfect_areas,
    perfect_qini_curve,
    perfect_uplift_curve,
)
from cximpact.effects.uplift.curve_sums import Sums
from cximpact.effects.uplift.curves import qini_curve, uplift_curve
from tests.support import golden

CASES = golden.load("uplift_curves")["cases"]
ROLES = ("outcome", "treatment", "score")


def expected(name, curve):
    n, value = CASES[name]["results"][curve]
    return pd.DataFrame({"n": n, "value": value}, dtype=float)


def assert_same(found, wanted):
    assert list(found.columns) == ["n", "fraction", "value"]
    assert found["fraction"].to_numpy() == pytest.approx(found["n"] / found["n"].iloc[-1])
    pd.testing.assert_frame_equal(found[["n", "value"]], wanted, check_exact=False, rtol=1e-12)


@pytest.mark.parametrize("name", CASES)
def test_curves_of_scikit_uplift(name):
    data = [CASES[name]["data"][role] for role in ROLES]
    assert_same(qini_curve(*data), expected(name, "qini curve"))
    assert_same(uplift_curve(*data), expected(name, "uplift curve"))
    assert_same(perfect_qini_curve(*data[:2]), expected(name, "perfect qini curve"))
    assert_same(perfect_uplift_curve(*data[:2]), expected(name, "perfect uplift curve"))


def test_a_perfect_curve_without_harm_rises_to_the_gain_and_stays():
    data = CASES["few treated"]["data"]
    curve = perfect_qini_curve(data["outcome"], data["treatment"], harm=False)
    gain = qini_curve(*(data[r] for r in ROLES))["value"].iloc[-1]
    assert curve["n"].tolist() == pytest.approx([0, gain, 90])
    assert curve["value"].tolist() == pytest.approx([0, gain, gain])


@pytest.mark.parametrize(
    "cells", [(3, 2, 1, 4), (1, 2, 4, 3), (0, 3, 2, 2), (3, 0, 2, 2), (2, 2, 0, 3), (2, 1, 3, 0)]
)
def test_perfect_areas_need_four_counts_only(cells):
    gained, lost, spared, kept = cells
    y = np.repeat([1, 0, 1, 0], cells)
    t = np.repeat([1, 1, 0, 0], cells)
    sums = Sums(
        treated=np.array([gained + lost]),
        untreated=np.array([spared + kept]),
        treated_outcome=np.array([float(gained)]),
        untreated_outcome=np.array([float(spared)]),
    )
    for area, curve in zip(
        perfect_areas(sums), (perfect_qini_curve, perfect_uplift_curve), strict=True
    ):
        shape = curve(y, t)
        beyond = np.trapezoid(shape["value"], shape["n"]) - len(y) * shape["value"].iloc[-1] / 2
        assert area[0] == pytest.approx(beyond)


def test_rows_without_weight_are_not_there():
    y, t, s = [1, 0, 1, 0, 1], [1, 0, 0, 1, 1], [5, 4, 3, 2, 1]
    pd.testing.assert_frame_equal(
        qini_curve(y, t, s, [1, 1, 0, 1, 1]),
        qini_curve(*(np.delete(a, 2) for a in (y, t, s))),
    )


GOOD = {"outcome": [1.0, 0, 1, 0], "treatment": [1, 0, 0, 1], "score": [4, 3, 2, 1]}


@pytest.mark.parametrize(
    ("bad", "error", "message"),
    [
        ({"score": [4, np.nan, 2, np.nan]}, errors.MissingValueError, "score .* 2 rows.* 1, 3"),
        ({"score": [4, np.inf, 2, 1]}, errors.NonFiniteError, "score .* position 1"),
        ({"score": [4, 3, 2]}, errors.DataError, "score has 3 values for 4 rows"),
        ({"score": [2, 2, 2, 2]}, errors.ZeroVarianceError, "score is 2 in all 4 rows"),
        ({"score": ["a", "b", "c", "d"]}, errors.DtypeError, "score"),
        ({"outcome": [1, 0, None, 0]}, errors.MissingValueError, "outcome .* position 2"),
        ({"outcome": []}, errors.EmptyDataError, "outcome has 0 values"),
        ({"treatment": [1, 2, 0, 1]}, errors.TreatmentError, "'0', '1', '2'"),
        ({"treatment": [1, 0, 1]}, errors.DataError, "treatment has 3 values"),
        ({"treatment": [1, 1, 1, 1]}, errors.NoControlError, "every row is treated"),
        ({"treatment": [0, 0, 0, 0]}, errors.NoTreatedError, "no row is treated"),
        ({"weights": [1, -1, 1, 1]}, errors.WeightError, "negative"),
        ({"weights": [1, 1, 1]}, errors.WeightError, "3 values"),
        ({"weights": [0, 1, 1, 0]}, errors.NoTreatedError, "no row"),
    ],
)
@pytest.mark.parametrize("curve", [qini_curve, uplift_curve])
def test_bad_input(curve, bad, error, message):
    with pytest.raises(error, match=message):
        curve(**(GOOD | bad))


def test_a_perfect_curve_needs_outcomes_that_vary():
    with pytest.raises(errors.ZeroVarianceError, match="outcome is 1"):
        perfect_uplift_curve([1, 1], [1, 0])
    with pytest.raises(errors.DesignError, match="0 to 3"):
        perfect_qini_curve([0, 3], [1, 0])


def test_true_and_false_are_a_treatment():
    found = qini_curve(GOOD["outcome"], np.array(GOOD["treatment"]) == 1, GOOD["score"])
    pd.testing.assert_frame_equal(found, qini_curve(**GOOD))


def test_inputs_stay_as_they_are():
    data = {k: np.array(v, float) for k, v in GOOD.items()} | {"weights": np.ones(4)}
    before = {k: v.copy() for k, v in data.items()}
    uplift_curve(**data)
    assert all((data[k] == before[k]).all() and data[k].flags.writeable for k in data)
