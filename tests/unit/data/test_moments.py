"""Moments of a balanced panel against numpy, and the same from every engine."""

import numpy as np
import pandas as pd
import pytest

from cximpact.core.errors import ConfigError, DesignError
from cximpact.data import Panel, moments
from tests.support.did import fixture_f1, panel, simple_panel
from tests.support.engines import ENGINES, spark_session


def tables():
    table = simple_panel(np.random.default_rng(1), units=30, periods=5)
    table["g"] = table["g"].mask(table["unit"] % 5 == 1, 3.0)
    return table.assign(store=lambda d: np.array([f"s{i}" for i in d["unit"] // 6]))


def by_hand(table, keys):
    wide = table.pivot(index="unit", columns="t", values="y")
    who = table.groupby("unit")[keys].first().loc[wide.index]
    groups = sorted(set(who.itertuples(index=False, name=None)))
    paths = [wide[(who == list(group)).all(axis=1)].to_numpy() for group in groups]
    return groups, paths


@pytest.mark.parametrize(("by", "keys"), [("cohort", ["g"]), ("cluster", ["g", "store"])])
def test_counts_sums_and_products_by_hand(by, keys):
    table = tables()
    found = moments(panel(table, cluster="store"), by=by)
    groups, paths = by_hand(table, keys)
    assert list(found.groups.itertuples(index=False, name=None)) == groups
    np.testing.assert_array_equal(found.units, [len(p) for p in paths])
    np.testing.assert_allclose(found.means, [p.mean(axis=0) for p in paths])
    changes = [p - p[:, :1] for p in paths]
    np.testing.assert_allclose(found.products, [p.T @ p for p in changes])
    for group, path in enumerate(changes):
        if len(path) > 1:
            np.testing.assert_allclose(found.covariances[group], np.cov(path.T), atol=1e-12)
    assert found.periods.tolist() == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("by", ["cohort", "cluster"])
def test_every_engine_gives_the_same_moments(engine, by):
    table = tables()
    expected = moments(panel(table, cluster="store"), by=by)
    found = moments(panel(ENGINES[engine](table), cluster="store"), by=by)
    pd.testing.assert_frame_equal(found.groups, expected.groups, check_dtype=False)
    np.testing.assert_allclose(found.sums, expected.sums, rtol=1e-10)
    np.testing.assert_allclose(found.products, expected.products, rtol=1e-10)
    assert found.data_hash == expected.data_hash


@pytest.mark.spark
@pytest.mark.filterwarnings("ignore")
def test_spark_gives_the_same_moments():
    table = tables()[["unit", "t", "y", "g", "store"]]
    rows = [tuple(row) for row in table.astype(object).itertuples(index=False)]
    schema = "unit long, t long, y double, g double, store string"
    frame = spark_session().createDataFrame(rows, schema=schema)
    found = moments(panel(frame, cluster="store"), by="cluster")
    expected = moments(panel(table, cluster="store"), by="cluster")
    np.testing.assert_allclose(found.products, expected.products, rtol=1e-10)
    assert found.data_hash == expected.data_hash


def test_the_fingerprint_sees_paths_and_not_only_sums():
    table = tables()
    swapped = table.copy()
    first, second = (table["unit"] == u for u in (2, 4))  # both never treated
    late = table["t"] > 3
    swapped.loc[first & late, "y"] = table.loc[second & late, "y"].to_numpy()
    swapped.loc[second & late, "y"] = table.loc[first & late, "y"].to_numpy()
    one, other = moments(panel(table)), moments(panel(swapped))
    np.testing.assert_allclose(one.sums, other.sums)
    assert one.data_hash != other.data_hash


def test_dropped_rows_make_a_panel_unbalanced():
    table = fixture_f1()
    table.loc[3, "y"] = np.nan
    with pytest.raises(DesignError, match="balanced panel"):
        moments(panel(table, missing="drop"))


@pytest.mark.parametrize(
    ("options", "by", "error", "match"),
    [
        ({"weight": "w"}, "cohort", DesignError, "without weights"),
        ({"first_treated": None, "treated": "d"}, "cohort", DesignError, "first_treated"),
        ({}, "cluster", DesignError, "cluster column"),
        ({"cluster": "wander"}, "cluster", DesignError, "change their cluster"),
        ({}, "cohorts", ConfigError, "Did you mean 'cohort'"),
    ],
)
def test_what_needs_rows_is_refused(options, by, error, match):
    table = tables().assign(
        d=lambda f: (f["t"] >= f["g"]).astype(int), wander=lambda f: (f["unit"] + f["t"]) % 4
    )
    data = panel(table, **options)
    assert isinstance(data, Panel)
    with pytest.raises(error, match=match):
        moments(data, by=by)
