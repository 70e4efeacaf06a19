"""Effects by cohort and period are the same by moments, by paths and by rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from cximpact.core.errors import DataWarning, RankError
from cximpact.core.results import EffectPosterior
from cximpact.effects import GroupTime
from cximpact.effects.did.group_time_ways import estimate
from tests.support.did import panel, staggered_world
from tests.support.engines import ENGINES, spark_session

COVARIATES = ("x1", "x2")


def world(seed: int = 1, **options: float) -> pd.DataFrame:
    return staggered_world(np.random.default_rng(seed), **options)


def both(table: pd.DataFrame, estimator: GroupTime, **roles: object) -> list[EffectPosterior]:
    """Fit as it stands, and with a weight of one in every row, which needs the rows."""
    rows = panel(table.assign(one=1.0), weight="one", **roles)
    return [estimator.fit(data, rng=1) for data in (panel(table, **roles), rows)]


def check_same(one: EffectPosterior, other: EffectPosterior) -> None:
    np.testing.assert_allclose(one.estimate, other.estimate, atol=1e-10)
    np.testing.assert_allclose(one.details["covariance"], other.details["covariance"], atol=1e-10)
    assert one.df == other.df and one.n == other.n
    assert one.diagnostics["clusters"] == other.diagnostics["clusters"]
    assert one.diagnostics["inference"] == other.diagnostics["inference"]
    for by in ("simple", "event", "group", "calendar"):
        for overall in (False, True):
            left, right = (r.aggregate(by, overall=overall) for r in (one, other))
            np.testing.assert_allclose(left.estimate, right.estimate, atol=1e-10)
            np.testing.assert_allclose(left.std_error, right.std_error, atol=1e-10)


SETTINGS = [
    GroupTime(),
    GroupTime(control="not_yet", base="universal"),
    GroupTime(control="not_yet", anticipation=1),
    GroupTime(small_sample=True),
]


@pytest.mark.parametrize("estimator", SETTINGS, ids=range(len(SETTINGS)))
@pytest.mark.parametrize("cluster", [None, "c"])
def test_moments_are_the_rows(estimator, cluster):
    moments, rows = both(world(), estimator, cluster=cluster)
    assert (moments.diagnostics["path"], rows.diagnostics["path"]) == ("moments", "pairs")
    check_same(moments, rows)


@pytest.mark.parametrize("method", ["dr", "ipw", "reg"])
def test_paths_are_the_rows(method):
    paths, rows = both(world(), GroupTime(method=method), covariates=COVARIATES)
    assert (paths.diagnostics["path"], rows.diagnostics["path"]) == ("paths", "pairs")
    check_same(paths, rows)
    varying = world().assign(x1=lambda d: d["x1"] + 0.1 * np.sin(np.arange(len(d))))
    check_same(*both(varying, GroupTime(method=method), covariates=COVARIATES, cluster="c"))


def test_always_and_later_treated_count_alike_on_every_way():
    table = world().assign(g=lambda d: d["g"].where(d["unit"] % 10 != 0, 1).astype(float))
    table["g"] = table["g"].where(table["unit"] % 10 != 1, 9)
    for covariates in ((), COVARIATES):
        with pytest.warns(DataWarning, match="treated in every period"):
            quick, rows = both(table, GroupTime(inference="rademacher"), covariates=covariates)
        check_same(quick, rows)
        assert sum("first treated after the last" in n for n in quick.provenance.notes) == 1
        np.testing.assert_allclose(quick.draws.std("sample"), rows.draws.std("sample"), rtol=0.1)


@pytest.mark.parametrize("covariates", [(), ("x1",)])
@pytest.mark.parametrize("engine", ENGINES)
def test_every_engine_gives_the_same_numbers(engine, covariates):
    table = world(units=60)
    estimator = GroupTime(draws=100, method="reg")
    base = estimator.fit(panel(table, covariates=covariates), rng=1)
    other = ENGINES[engine](table.sample(frac=1, random_state=1))
    found = estimator.fit(panel(other, covariates=covariates), rng=1)
    check_same(found, base)


@pytest.mark.spark
@pytest.mark.filterwarnings("ignore")
def test_spark_gives_the_same_numbers():
    table = world(units=60).drop(columns=["x1", "x2"])
    rows = [tuple(row) for row in table.astype(object).itertuples(index=False)]
    frame = spark_session().createDataFrame(rows, schema=[str(c) for c in table])
    base = GroupTime(draws=100).fit(panel(table), rng=1)
    found = GroupTime(draws=100).fit(panel(frame), rng=1)
    assert found.diagnostics["path"] == "moments"
    check_same(found, base)


def test_the_bootstrap_draws_have_the_covariance_of_the_influence():
    data = panel(world(units=400))
    kinds = {}
    for kind in ("rademacher", "mammen"):
        result = GroupTime(inference=kind, draws=20_000).fit(data, rng=3)
        kinds[kind] = result.draws - result.estimate
        assert result.diagnostics["path"] == "moments"
        drawn = np.cov(kinds[kind].transpose("cell", "sample").values)
        se = np.sqrt(np.outer(*[np.diag(result.details["covariance"])] * 2))
        assert np.abs((drawn - result.details["covariance"]) / se).max() < 0.05
        assert np.abs(kinds[kind].mean("sample") / np.sqrt(np.diag(drawn))).max() < 0.04
    skew = {k: float((v**3).mean() / (v**2).mean() ** 1.5) for k, v in kinds.items()}
    assert all(abs(value) < 0.1 for value in skew.values())


def test_small_cohorts_are_bootstrapped_and_large_ones_need_no_rows():
    small = GroupTime().fit(panel(world(units=240)), rng=1)
    large = GroupTime().fit(panel(world(units=1200)), rng=1)
    assert small.diagnostics["inference"] == "rademacher"
    assert large.diagnostics["inference"] == "normal"


def test_effects_without_error_are_left_to_the_rows():
    table = world(units=60)
    table["y"] = 1e3 * table["t"] + (table["g"] > 0) * (table["t"] >= table["g"])
    assert GroupTime(draws=100).fit(panel(table), rng=1).diagnostics["path"] == "pairs"


def test_large_levels_cost_no_digits():
    table = world().assign(y=lambda d: np.round(d["y"] * 2**20) / 2**20)
    moved = table.assign(y=table["y"] + 1000.0 * (table["unit"] + 1))
    check_same(*(GroupTime().fit(panel(t), rng=1) for t in (table, moved)))


def test_a_constant_covariate_is_refused_on_every_way():
    table = world().assign(x1=1.0)
    for roles in ({}, {"weight": "w"}):
        with pytest.raises(RankError, match="constant"):
            GroupTime().fit(panel(table, covariates=COVARIATES, **roles))


def test_the_way_is_chosen_by_the_data():
    options = {"control": "never", "base": "varying", "anticipation": 0, "method": "dr"}
    more = {"unbalanced": "levels", "small_sample": None}
    gaps = panel(world(gaps=0.1))
    ways = {data: estimate(data, **options, **more).path for data in (panel(world()), gaps)}
    assert list(ways.values()) == ["moments", "levels"]
