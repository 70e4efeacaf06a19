"""Paths side by side, whatever the order of rows or the engine."""

import numpy as np
import pandas as pd
import pytest

from cximpact.core.errors import DesignError
from cximpact.data import wide
from tests.support.did import panel, simple_panel
from tests.support.engines import ENGINES


def table():
    out = simple_panel(np.random.default_rng(1), units=12, periods=4, start=3)
    return out.assign(
        store=[f"s{i}" for i in out["unit"] // 4 % 3], name=out["unit"].map("u{}".format)
    )


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("shuffled", [False, True])
@pytest.mark.parametrize("unit", ["unit", "name"])
def test_one_row_a_unit(engine, shuffled, unit):
    rows = table().sample(frac=1, random_state=3) if shuffled else table()
    found = wide(panel(ENGINES[engine](rows.reset_index(drop=True)), unit=unit, cluster="store"))
    expected = table().pivot(index=unit, columns="t", values="y")
    np.testing.assert_array_equal(found.outcome, expected)
    who = table().groupby(unit)[["g", "store"]].first()
    assert found.periods.tolist() == [1, 2, 3, 4]
    assert found.cohorts.tolist() == [3, np.inf]
    np.testing.assert_array_equal(found.cohorts[found.cohort], who["g"])
    assert found.clusters[found.cluster].tolist() == who["store"].tolist()


def test_the_units_are_the_clusters_where_none_is_named():
    found = wide(panel(table()))
    assert found.cluster.tolist() == found.clusters.tolist() == list(range(12))


def test_rows_in_order_are_not_copied_and_stay_writeable():
    rows = table().reset_index(drop=True)
    before = rows.copy()
    found = wide(panel(rows))
    assert np.shares_memory(found.outcome, rows["y"].to_numpy())
    assert not found.outcome.flags.writeable
    rows.loc[0, "y"] = 99.0
    pd.testing.assert_frame_equal(rows.iloc[1:], before.iloc[1:])


def test_never_may_be_missing_zero_or_infinite():
    rows = table()
    codes = {1: np.nan, 2: 0.0}
    rows["g"] = [codes.get(i, g) for i, g in zip(rows["unit"], rows["g"], strict=True)]
    assert wide(panel(rows)).cohorts.tolist() == [3, np.inf]


def test_rows_without_an_outcome_were_dropped_before():
    rows = table().assign(y=lambda d: d["y"].mask(d["unit"] == 5))
    found = wide(panel(rows, missing="drop"))
    assert found.outcome.shape == (11, 4)
    assert np.isfinite(found.outcome).all()


@pytest.mark.parametrize(
    ("rows", "options", "match"),
    [
        (table().iloc[1:], {}, "balanced"),
        (table(), {"cluster": "t"}, "change their cluster"),
        (
            table().assign(d=lambda f: (f["t"] >= f["g"]).astype(int)),
            {"first_treated": None, "treated": "d"},
            "first_treated",
        ),
    ],
)
def test_what_has_no_paths_is_refused(rows, options, match):
    with pytest.raises(DesignError, match=match):
        wide(panel(rows, **options))
