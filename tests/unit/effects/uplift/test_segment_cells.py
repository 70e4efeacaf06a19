"""Customers collapsed to cells: every engine, weights, propensities, and what is refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest

import cximpact as cx
from cximpact.core.errors import (
    ConfigError,
    DesignError,
    InsufficientDataError,
    MissingColumnError,
    MissingValueError,
    NoControlError,
    NoTreatedError,
    ZeroVarianceError,
)
from cximpact.effects.uplift.segment_cells import BINOMIAL, NORMAL, collapse
from tests.support.segments import customers

TABLE, _ = customers(np.random.default_rng(1), 2000)
BY = ("region", "tenure")


def section(table=TABLE, outcome="bought", features=BY, **more):
    return cx.CrossSection(table, outcome=outcome, treatment="treated", features=features, **more)


@pytest.mark.parametrize("engine", [pd.DataFrame, pl.from_pandas])
def test_counts_are_those_of_a_crosstab(engine):
    before = TABLE.copy()
    cells = collapse(section(engine(TABLE)), BY)
    grouped = TABLE.groupby(["region", "tenure", "treated"])["bought"]
    counts, sums = grouped.size().unstack(), grouped.sum().unstack()
    assert cells.family == BINOMIAL
    assert cells.by == "segment"
    assert list(cells.labels) == [f"{a} | {b}" for a, b in counts.index]
    np.testing.assert_array_equal(cells.rows, counts)
    np.testing.assert_array_equal(cells.size, counts)
    np.testing.assert_array_equal(cells.value, sums)
    np.testing.assert_allclose(cells.share, counts.sum(axis=1) / len(TABLE))
    pd.testing.assert_frame_equal(TABLE, before)


def test_one_feature_keeps_its_labels():
    table = TABLE.assign(number=(TABLE["tenure"] == "new") * 5)
    cells = collapse(section(table, features=["number"]), ["number"])
    assert cells.labels == (0, 5)
    assert cells.by == "number"


def test_means_are_those_of_the_segments_whatever_their_level():
    table = TABLE.assign(spend=TABLE["spend"] + 1e5)
    low, high = (collapse(section(t, "spend"), BY) for t in (TABLE, table))
    wanted = TABLE.groupby(["region", "tenure", "treated"])["spend"].mean().unstack()
    assert low.family == NORMAL
    np.testing.assert_allclose(low.value, wanted, rtol=1e-12)
    np.testing.assert_allclose(high.value - 1e5, wanted, atol=1e-8)
    np.testing.assert_allclose(high.size, low.size, rtol=1e-6)
    assert low.location == pytest.approx(TABLE["spend"].mean())
    assert low.scale == pytest.approx(TABLE["spend"].mean())
    centered = collapse(section(TABLE.assign(spend=TABLE["spend"] - 1), "spend"), BY)
    assert centered.scale > 1.5 * low.scale


def test_weights_make_effective_counts():
    weight = np.where(TABLE["tenure"] == "new", 3.0, 1.0) * np.tile([1.0, 2.0], len(TABLE) // 2)
    table = TABLE.assign(w=weight)
    cells = collapse(section(table, weight="w"), BY)
    first = table[
        (table["region"] == "east") & (table["tenure"] == "new") & (table["treated"] == 1)
    ]
    trials = first["w"].sum() ** 2 / (first["w"] ** 2).sum()
    share = (first["w"] * first["bought"]).sum() / first["w"].sum()
    assert cells.size[0, 1] == pytest.approx(trials)
    assert cells.value[0, 1] == pytest.approx(trials * share)
    assert cells.rows[0, 1] == len(first)
    np.testing.assert_allclose(cells.total.sum(), weight.sum())
    even = collapse(section(table.assign(w=7.0), weight="w"), BY)
    plain = collapse(section(), BY)
    np.testing.assert_allclose(even.size, plain.size)
    np.testing.assert_allclose(even.value, plain.value)


@pytest.mark.parametrize("outcome", ["bought", "spend"])
def test_known_propensities_weight_by_their_inverse(outcome):
    rng = np.random.default_rng(2)
    share = np.where(TABLE["tenure"] == "new", 0.8, 0.2)
    table = TABLE.assign(e=share, treated=(rng.random(len(TABLE)) < share).astype(int))
    cells = collapse(section(table, outcome, ["region", "tenure"], propensity="e"), ["region"])
    east = table[table["region"] == "east"]
    chance = np.where(east["treated"] == 1, east["e"], 1 - east["e"])
    for arm in (0, 1):
        here = (east["treated"] == arm).to_numpy()
        mean = np.average(east[outcome][here], weights=1 / chance[here])
        found = cells.value[0, arm] / (cells.size[0, arm] if outcome == "bought" else 1)
        assert found == pytest.approx(mean)
    assert cells.total[0] == len(east)
    assert cells.weighted == ("propensity",)


def test_propensities_of_several_arms():
    arms = np.tile(["none", "mail", "call", "none"], len(TABLE) // 4)
    table = TABLE.assign(arm=arms, mail=np.where(TABLE["tenure"] == "new", 0.2, 0.4))
    data = cx.CrossSection(
        table,
        outcome="bought",
        treatment="arm",
        control="none",
        features=["region"],
        propensity={"mail": "mail", "call": 0.3},
    )
    cells = collapse(data, ["region"])
    assert cells.arms == ("call", "mail")
    east = table[table["region"] == "east"]
    for k, (arm, chance) in enumerate(
        {"none": 0.7 - east["mail"], "call": 0.3, "mail": east["mail"]}.items()
    ):
        w = (east["arm"] == arm) / chance
        assert cells.value[0, k] / cells.size[0, k] == pytest.approx(
            (w * east["bought"]).sum() / w.sum()
        )


def test_dropped_outcomes_are_not_counted():
    table = TABLE.assign(bought=TABLE["bought"].astype(float))
    table.loc[:9, "bought"] = np.nan
    assert collapse(section(table, missing="drop"), BY).rows.sum() == len(TABLE) - 10


@pytest.mark.parametrize(("arm", "error"), [(1, NoTreatedError), (0, NoControlError)])
def test_a_segment_without_an_arm_is_named(arm, error):
    table = TABLE[(TABLE["region"] != "west") | (TABLE["treated"] != arm)]
    data = section(table, features=["region"])
    with pytest.raises(error, match=r"region 'west' has nobody in arm .*1 of 4 segments.*pool"):
        collapse(data, ["region"])
    cells = collapse(data, ["region"], pool=True)
    assert cells.size[3, arm] == 0
    assert cells.empty.sum() == 1
    spend = collapse(section(table, "spend", ["region"]), ["region"], pool=True)
    assert spend.size[3, arm] == 0
    assert np.isfinite(spend.value).all()


def test_what_forms_no_segments_is_refused():
    with pytest.raises(MissingColumnError, match="'regoin'.*Did you mean 'region'"):
        collapse(section(), ["regoin"])
    with pytest.raises(InsufficientDataError, match="makes 1 segment"):
        collapse(section(TABLE.assign(region="all")), ["region"])
    many = section(TABLE.assign(number=np.arange(len(TABLE)) + 0.5, other=1), features=["number"])
    wide = section(pd.concat([many.frame, many.frame.assign(number=-1.0)]), features=["number"])
    with pytest.raises(DesignError, match=r"2,001 segments; expected at most 2,000"):
        collapse(wide, ["number"])
    holes = section(
        TABLE.assign(region=TABLE["region"].mask(TABLE.index < 3)), missing_features="indicator"
    )
    with pytest.raises(
        MissingValueError, match=r"'region' is missing in 3 rows, at positions 0, 1, 2"
    ):
        collapse(holes, ["region"])
    twice = TABLE.assign(
        a=np.where(TABLE.index < 1000, "x | y", "x"), b=np.where(TABLE.index < 1000, "z", "y | z")
    )
    with pytest.raises(ConfigError, match="same label"):
        collapse(section(twice, features=["a", "b"]), ["a", "b"])


def test_dependent_customers_and_constant_outcomes_are_refused():
    table = TABLE.assign(store=TABLE.index % 9, id=TABLE.index // 2, zero=0)
    with pytest.raises(DesignError, match="dependent within 'store'"):
        collapse(section(table, cluster="store"), BY)
    with pytest.raises(DesignError, match="2000 rows are of 1000 customers"):
        collapse(section(table, unit="id"), BY)
    assert collapse(section(table.assign(id=table.index), unit="id"), BY).rows.sum() == 2000
    with pytest.raises(ZeroVarianceError, match="0 for everybody"):
        collapse(section(table, "zero"), BY)
