"""The textbook two by two against scipy, and by four cells."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from cximpact.core.errors import DesignError, InsufficientDataError, ZeroVarianceError
from cximpact.effects import TwoByTwo
from tests.support.did import STAGGERED, cross_section, fixture_f1, panel, people, simple_panel

WELCH = TwoByTwo(inference="welch")


@pytest.mark.parametrize("periods", [2, 5])
def test_a_panel_is_the_welch_test_of_the_changes(periods):
    table = simple_panel(np.random.default_rng(1), periods=periods, start=2)
    side = table.assign(after=table["t"] >= 2).groupby(["unit", "after"])["y"].mean().unstack()
    change = side[True] - side[False]
    is_treated = table.groupby("unit")["g"].first() == 2
    found = WELCH.fit(panel(table))
    expected = stats.ttest_ind(change[is_treated], change[~is_treated], equal_var=False)
    assert float(found.estimate / found.std_error) == pytest.approx(expected.statistic)
    assert found.df == pytest.approx(expected.df)
    low, high = expected.confidence_interval(0.9)
    row = found.summary(0.9).iloc[0]
    assert (row["conf_low"], row["conf_high"]) == pytest.approx((low, high))


@pytest.mark.parametrize("cluster", [None, "group"])
def test_four_cells_of_people_add_their_variances(cluster):
    table = people(np.random.default_rng(2))
    found = WELCH.fit(cross_section(table, cluster=cluster))
    cells = table.groupby([table["g"] == 3, table["t"] >= 3])["y"].agg(["mean", "var", "size"])
    sign = np.array([1, -1, -1, 1])
    part = cells["var"] / cells["size"]
    assert float(found.estimate) == pytest.approx((sign * cells["mean"]).sum())
    assert float(found.std_error) == pytest.approx(np.sqrt(part.sum()))
    assert found.df == pytest.approx(part.sum() ** 2 / (part**2 / (cells["size"] - 1)).sum())


def test_the_linear_scale_of_printed_retention_rates():
    rates = {("a", 1): 0.30, ("a", 2): 0.25, ("b", 1): 0.50, ("b", 2): 0.40}
    rows = [
        (group, t, float(i < 500 * rate), 2.0 if group == "b" else np.inf)
        for (group, t), rate in rates.items()
        for i in range(500)
    ]
    found = WELCH.fit(cross_section(pd.DataFrame(rows, columns=["group", "t", "y", "g"])))
    assert float(found.estimate) == pytest.approx(-0.05)
    assert float(found.std_error) == pytest.approx(0.0421307 * np.sqrt(500 / 499), abs=1e-7)
    assert found.estimand.scale == "pp"


def test_it_says_who_is_taken_to_be_independent():
    table = simple_panel(np.random.default_rng(3))
    assert "independent errors" in [a.name for a in WELCH.fit(panel(table)).assumptions]
    names = [a.name for a in TwoByTwo().fit(panel(table)).assumptions]
    assert "independent errors" not in names


def test_units_seen_on_one_side_are_left_out_and_counted():
    table = simple_panel(np.random.default_rng(4)).query("unit != 1 or t < 4")
    assert "1 units are not seen both before and after" in WELCH.fit(panel(table)).explain()


@pytest.mark.filterwarnings(STAGGERED)
@pytest.mark.parametrize(
    ("data", "error", "match"),
    [
        (lambda d: panel(fixture_f1()), DesignError, "one start of treatment"),
        (lambda d: panel(d, covariates=["x"]), DesignError, "no covariates"),
        (lambda d: panel(d, weight="w"), DesignError, "no weights"),
        (lambda d: panel(d, cluster="c"), DesignError, "clusters hold several"),
        (lambda d: panel(d.query("unit < 3")), InsufficientDataError, r"\[1, 2\]"),
        (
            lambda d: panel(d.assign(y=d["unit"] + 1.0 * (d["t"] >= d["g"]))),
            ZeroVarianceError,
            "no noise",
        ),
    ],
)
def test_what_it_refuses(data, error, match):
    with pytest.raises(error, match=match):
        WELCH.fit(data(simple_panel(np.random.default_rng(5))))
