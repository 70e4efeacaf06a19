"""Standardized differences by hand, before and after weighting."""

import numpy as np
import pandas as pd
import pytest

from cximpact.core import errors
from cximpact.effects.overlap import balance, overlap_weights

T = np.array([1, 1, 1, 0, 0, 0])
FEATURES = pd.DataFrame(
    {"spend": [1.0, 2, 6, 0, 1, 2], "member": [1, 1, 0, 0, 0, 1], "city": list("aabbbb")}
)


def row(found, variable, level="", sample="before"):
    table = found.table
    rows = (table["variable"] == variable) & (table["level"] == level)
    return table[rows & (table["sample"] == sample)].iloc[0]


def test_differences_by_hand():
    found = balance(FEATURES, T)
    spend = row(found, "spend")
    assert (spend["treated"], spend["untreated"]) == (3, 1)
    assert spend["difference"] == pytest.approx(2 / np.sqrt((7 + 1) / 2))
    assert spend["variance_ratio"] == pytest.approx(7)
    member = row(found, "member")
    assert member["difference"] == pytest.approx((1 / 3) / np.sqrt(1 / 3))
    assert np.isnan(member["variance_ratio"])
    assert row(found, "city", "a")["treated"] == pytest.approx(2 / 3)
    assert len(found.table) == 4


def test_weights_move_the_numerator_alone():
    w = np.array([2.0, 1, 1, 1, 1, 2])
    found = balance(FEATURES, T, w)
    spend = row(found, "spend", sample="after")
    assert (spend["treated"], spend["untreated"]) == (2.5, 1.25)
    assert spend["difference"] == pytest.approx(1.25 / 2)
    # weighted variance: sum w (x - m)^2 / (sum w - sum w^2 / sum w)
    treated = (2 * 1.5**2 + 0.5**2 + 3.5**2) / (4 - 6 / 4)
    untreated = (1.25**2 + 0.25**2 + 2 * 0.75**2) / (4 - 6 / 4)
    assert spend["variance_ratio"] == pytest.approx(treated / untreated)
    assert found.population == ""


def test_a_propensity_makes_the_weights():
    e = np.array([0.6, 0.5, 0.8, 0.3, 0.4, 0.7])
    found = balance(FEATURES, T, propensity=e, target="ato")
    expected = balance(FEATURES, T, overlap_weights(e, "ato").for_arms(T))
    pd.testing.assert_frame_equal(found.table, expected.table)
    assert "stand for customers who might as well" in found.explain()


def test_weighting_by_the_truth_balances():
    rng = np.random.default_rng(1)
    x, z = rng.standard_normal((2, 20_000))
    e = 1 / (1 + np.exp(-x))
    t = rng.random(x.size) < e
    found = balance(pd.DataFrame({"x": x, "z": z}), t, propensity=e)
    assert row(found, "x")["difference"] > 0.7
    assert abs(row(found, "x", sample="after")["difference"]) < 0.05
    assert found.unbalanced("before")["variable"].tolist() == ["x"]
    assert found.unbalanced().empty
    text = found.explain()
    assert "Before weighting, 1 of 2 columns differ by more than 0.1" in text
    assert "After weighting, 0 of 2" in text


def test_constants():
    data = pd.DataFrame({"same": np.ones(6), "apart": T + 0.5})
    found = balance(data, T)
    assert row(found, "same")["difference"] == 0
    assert row(found, "apart")["difference"] == np.inf
    assert "the largest difference is ∞ in apart" in found.explain()


def test_words_without_weights_and_no_change_of_inputs():
    before = FEATURES.copy(deep=True)
    found = balance(FEATURES, T)
    assert "After" not in found.explain()
    assert len(found.unbalanced()) == len(found.unbalanced("before")) > 0
    assert found.unbalanced()["difference"].abs().is_monotonic_decreasing
    assert "Balance of the arms" in found._repr_html_()
    pd.testing.assert_frame_equal(FEATURES, before)
    copy = found.tidy()
    copy["difference"] = 0
    assert row(found, "spend")["difference"] != 0


@pytest.mark.parametrize(
    ("data", "options", "error", "match"),
    [
        (FEATURES, {"weights": T, "propensity": T}, errors.ConfigError, "one of them"),
        (FEATURES[[]], {}, errors.DtypeError, "no columns"),
        (FEATURES[:4], {}, errors.DtypeError, "4 values for 6"),
        (FEATURES.assign(spend=np.nan), {}, errors.MissingValueError, "6 rows"),
        (FEATURES, {"weights": -T}, errors.WeightError, "negative"),
        (FEATURES, {"threshold": -1}, errors.ConfigError, "threshold"),
        (FEATURES, {"propensity": T}, errors.OverlapError, "0 or 1"),
    ],
)
def test_bad_input_is_refused(data, options, error, match):
    with pytest.raises(error, match=match):
        balance(data, T, **options)
