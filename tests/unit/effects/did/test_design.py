"""What enters a difference-in-differences, what is left out, and what is refused."""

import numpy as np
import pandas as pd
import pytest

from cximpact.core.errors import (
    AssumptionWarning,
    ClusterError,
    DataWarning,
    NoControlError,
    NoPreperiodError,
    NoTreatedError,
    RankError,
    ZeroVarianceError,
)
from cximpact.effects import TwoByTwo
from cximpact.effects.did.design import did_table
from tests.support.did import FEW, cross_section, fixture_f1, panel, people, simple_panel

RNG = np.random.default_rng


def test_always_treated_units_are_left_out_with_a_count():
    table = simple_panel(RNG(1))
    always = table["unit"].isin([3, 6])
    with pytest.warns(DataWarning, match="2 of 24 units or groups are treated in every") as caught:
        found = TwoByTwo().fit(panel(table.assign(g=table["g"].mask(always, 1.0))))
    assert caught[0].filename == __file__
    without = TwoByTwo().fit(panel(table[~always]))
    assert float(found.estimate) == float(without.estimate)
    assert float(found.std_error) == float(without.std_error)
    assert found.n == without.n == 22 * 6
    assert "2 of 24 units or groups" in found.explain()


def test_always_treated_groups_do_not_count_as_rows():
    table = people(RNG(2))
    with pytest.warns(DataWarning, match="1 of 14"):
        did = did_table(cross_section(table.assign(g=table["g"].mask(table["group"] == 3, 1.0))))
    assert did.n_rows == (table["group"] != 3).sum()


def test_units_treated_after_the_end_are_never_treated():
    table = simple_panel(RNG(3))
    later = table["unit"].isin([1, 2])
    found = TwoByTwo().fit(panel(table.assign(g=table["g"].mask(later, 99.0))))
    plain = TwoByTwo().fit(panel(table))
    assert float(found.std_error) == float(plain.std_error)
    assert "causal" not in found.details
    assert "2 units or groups are first treated after the last period, 6" in found.explain()


def test_cells_hold_what_the_people_say():
    table = people(RNG(4))
    did = did_table(cross_section(table, weight="w"))
    cell = did.table.query("entity == 3 and time == 2").iloc[0]
    rows = table.query("group == 3 and t == 2")
    mean = np.average(rows["y"], weights=rows["w"])
    assert cell["outcome"] == pytest.approx(mean)
    assert cell["within"] == pytest.approx((rows["w"] * (rows["y"] - mean) ** 2).sum())
    assert cell["weight_sq"] == (rows["w"] ** 2).sum()
    assert (cell["rows"], cell["weight"]) == (len(rows), rows["w"].sum())
    assert did.n_rows == len(table)


def test_treatment_by_period_is_the_same_design():
    table = people(RNG(5)).assign(d=lambda f: (f["t"] >= f["g"]).astype(int))
    one = did_table(cross_section(table))
    other = did_table(cross_section(table, first_treated=None, treated="d"))
    pd.testing.assert_frame_equal(one.table, other.table)


def test_a_zero_one_outcome_is_a_share():
    table = people(RNG(6)).assign(y=lambda f: (f["y"] > 0) * 1.0)
    assert did_table(cross_section(table)).binary
    assert TwoByTwo().fit(cross_section(table)).estimand.scale == "pp"
    assert TwoByTwo(scale="points").fit(cross_section(table)).estimand.scale == "points"
    assert not did_table(cross_section(table.assign(y=table["y"] * 2))).binary


def test_a_covariate_may_be_called_as_it_likes():
    table = simple_panel(RNG(7))
    plain = TwoByTwo().fit(panel(table, covariates=["x"]))
    for name in ("time", "entity", "rows", "within"):
        named = TwoByTwo().fit(panel(table.rename(columns={"x": name}), covariates=[name]))
        assert float(named.estimate) == float(plain.estimate)


def test_units_in_several_clusters_are_warned_of_at_the_caller():
    table = simple_panel(RNG(8)).assign(c=lambda f: (f["unit"] + f["t"]) % 12)
    with pytest.warns(AssumptionWarning, match="in several clusters") as caught:
        TwoByTwo().fit(panel(table, cluster="c"))
    assert caught[0].filename == __file__


def test_the_fingerprint_knows_content_and_not_order():
    table = simple_panel(RNG(9))
    one = did_table(panel(table)).data_hash
    assert did_table(panel(table.sample(frac=1, random_state=1))).data_hash == one
    assert did_table(panel(table.assign(y=table["y"] + (table.index == 5)))).data_hash != one


def test_dropped_rows_are_told():
    table = simple_panel(RNG(10))
    table.loc[[4, 8], "y"] = np.nan
    result = TwoByTwo().fit(panel(table, missing="drop"))
    assert result.n == len(table) - 2
    assert "2 rows without an outcome were left out" in result.explain()


@pytest.mark.filterwarnings(FEW)
@pytest.mark.parametrize(
    ("change", "roles", "error", "match"),
    [
        ({"g": lambda d: d["g"].where(d["g"] > 9, 1.0)}, {}, NoPreperiodError, "all 8 treated"),
        ({"g": lambda d: d["g"].where(d["g"] > 9, 9.0)}, {}, NoTreatedError, "data end before"),
        (
            {"g": lambda d: d["g"].where(d["g"] < 9, 1.0)},
            {},
            NoControlError,
            "nobody is untreated",
        ),
        ({"y": 1.0}, {}, ZeroVarianceError, "outcome is constant"),
        ({"c": 1}, {"cluster": "c"}, ClusterError, "one cluster"),
        ({"x": 2.0}, {"covariates": ["x"]}, RankError, r"covariate\[x\] is constant"),
    ],
)
@pytest.mark.filterwarnings("ignore::cximpact.core.errors.DataWarning")
def test_what_cannot_be_compared_is_refused(change, roles, error, match):
    with pytest.raises(error, match=match):
        TwoByTwo().fit(panel(simple_panel(RNG(11)).assign(**change), **roles))


def test_the_frame_is_left_alone():
    table = fixture_f1().query("unit not in (0, 1, 2, 3)")
    before = table.copy(deep=True)
    TwoByTwo(inference="welch").fit(panel(table.query("unit > 3")))
    pd.testing.assert_frame_equal(table, before)
