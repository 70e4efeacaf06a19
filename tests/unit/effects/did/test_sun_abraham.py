"""One coefficient a cohort and period against group-time effects and dense least squares."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from cximpact.core.errors import ConfigError, InsufficientPeriodsError, NoControlError
from cximpact.effects import EventStudy, GroupTime, SunAbraham
from tests.support.did import (
    FEW,
    cross_section,
    dense_fit,
    fixture_f1,
    panel,
    people,
    simple_panel,
    staggered_world,
)
from tests.support.engines import ENGINES

KINDS = ("event", "group", "calendar", "simple")


def world(**options: float) -> pd.DataFrame:
    return staggered_world(np.random.default_rng(1), **options).assign(one=1.0)


def saturated(table: pd.DataFrame) -> tuple[list[tuple[float, float]], np.ndarray]:
    """Dummies of every cohort and period but the last before treatment."""
    cells = [
        (g, t)
        for g in np.unique(table["g"])
        for t in np.unique(table["t"])
        if 0 < g < np.inf and t != g - 1
    ]
    columns = [((table["g"] == g) & (table["t"] == t)).to_numpy(float) for g, t in cells]
    return cells, np.column_stack(columns)


def test_f1():
    result = SunAbraham().fit(panel(fixture_f1()), rng=1)
    event = result.estimate.to_series()
    np.testing.assert_allclose(event.loc[0:], [1.875, 2.4375, 4.375, 5.375], atol=1e-12)
    assert result.details["reference"] == -1
    assert -1 not in event.index
    assert result.df == 11
    assert float(result.aggregate("simple").estimate) == pytest.approx(3.0625, abs=1e-12)
    np.testing.assert_allclose(result.aggregate("group").estimate, [3.875, 1.4375], atol=1e-12)


@pytest.mark.parametrize("by", KINDS)
def test_on_balanced_panels_effects_are_those_of_group_time(by):
    data = panel(world())
    found = SunAbraham().fit(data, rng=1).aggregate(by)
    other = GroupTime(base="universal").fit(data, rng=1).aggregate(by).estimate
    if by == "event":
        other = other.sel(event_time=found.estimate["event_time"])
    np.testing.assert_allclose(found.estimate, other, atol=1e-11)


@pytest.mark.parametrize("cluster", [None, "c"])
@pytest.mark.parametrize("gaps", [0.0, 0.1])
def test_errors_are_those_of_the_saturated_regression(cluster, gaps):
    table = world(units=80, gaps=gaps)
    result = SunAbraham().fit(panel(table, cluster=cluster), rng=1)
    assert result.diagnostics["path"] == ("rows" if gaps else "moments")
    cells, columns = saturated(table)
    beta, raw, rank = dense_fit(table, columns, cluster=cluster)
    g, n = table[cluster or "unit"].nunique(), len(table)
    raw = raw * g / (g - 1) * (n - 1) / (n - (rank - table["unit"].nunique() + 1))
    cell = result.aggregate("cell")
    np.testing.assert_allclose(cell.estimate, beta, atol=1e-9)
    np.testing.assert_allclose(cell.details["covariance"], raw, atol=1e-10)
    event = np.array([t - g for g, t in cells])
    count = table.groupby(["g", "t"]).size().loc[cells].to_numpy()
    times = np.unique(event)
    mix = np.array([(event == e) * count / count[event == e].sum() for e in times])
    np.testing.assert_allclose(result.estimate, mix @ beta, atol=1e-9)
    np.testing.assert_allclose(result.details["covariance"], mix @ raw @ mix.T, atol=1e-10)
    ahead = times < 0
    left, inner = (mix @ beta)[ahead], (mix @ raw @ mix.T)[np.ix_(ahead, ahead)]
    wald = left @ np.linalg.solve(inner, left) / ahead.sum()
    found = result.diagnostics["pretrend"]
    assert found["statistic"] == pytest.approx(wald, rel=1e-7)
    assert found["p"] == pytest.approx(stats.f.sf(wald, ahead.sum(), g - 1), rel=1e-7)


@pytest.mark.parametrize("weight", [None, "one"])
def test_without_never_treated_the_last_are_controls(weight):
    table = fixture_f1().query("unit < 8").assign(one=1.0)
    with pytest.warns(match="8 clusters"):
        result = SunAbraham().fit(panel(table, weight=weight), rng=1)
    kept = table[table["t"] < 5].assign(g=lambda d: d["g"].replace(5, np.inf))
    with pytest.warns(match="8 clusters"):
        expected = SunAbraham().fit(panel(kept), rng=1)
    np.testing.assert_allclose(result.estimate, expected.estimate, atol=1e-10)
    np.testing.assert_allclose(result.std_error, expected.std_error, rtol=1e-8)
    assert any("Those treated last, from 5" in note for note in result.provenance.notes)


def test_one_cohort_is_the_event_study():
    table = simple_panel(np.random.default_rng(2))
    for roles in ({}, {"covariates": ["x"]}, {"weight": "w"}):
        found = SunAbraham().fit(panel(table, **roles), rng=1)
        other = EventStudy().fit(panel(table, **roles), rng=1)
        np.testing.assert_allclose(found.estimate, other.estimate, atol=1e-9)
        np.testing.assert_allclose(found.std_error, other.std_error, rtol=1e-8)


def test_anticipation_moves_the_reference():
    data = panel(world())
    result = SunAbraham(anticipation=1).fit(data, rng=1)
    assert result.details["reference"] == -2
    settings = {"base": "universal", "anticipation": 1}
    other = GroupTime(**settings).fit(data, rng=1).aggregate("event").estimate
    other = other.sel(event_time=result.estimate["event_time"])
    np.testing.assert_allclose(result.estimate, other, atol=1e-11)


def test_people_of_repeated_cross_sections():
    table = people(np.random.default_rng(5))
    table["g"] = np.where((table["group"] % 4 == 0) & (table["g"] < 9), 4.0, table["g"])
    result = SunAbraham().fit(cross_section(table), rng=1)
    _, columns = saturated(table)
    beta, raw, rank = dense_fit(table, columns, entity="group")
    np.testing.assert_allclose(result.aggregate("cell").estimate, beta, atol=1e-9)
    g, n = 14, len(table)
    raw = raw * g / (g - 1) * (n - 1) / (n - (rank - g + 1))
    np.testing.assert_allclose(result.aggregate("cell").details["covariance"], raw, atol=1e-10)


@pytest.mark.parametrize("engine", ENGINES)
def test_every_engine_gives_the_same_numbers(engine):
    table = world(units=60)[["unit", "t", "y", "g"]]
    base = SunAbraham().fit(panel(table), rng=1)
    found = SunAbraham().fit(panel(ENGINES[engine](table)), rng=1)
    np.testing.assert_allclose(found.estimate, base.estimate, rtol=1e-10)
    np.testing.assert_allclose(found.std_error, base.std_error, rtol=1e-10)


@pytest.mark.filterwarnings(FEW)
def test_what_cannot_be_compared_is_refused():
    everybody = simple_panel(np.random.default_rng(1)).assign(g=4.0)
    with pytest.raises((NoControlError, ConfigError)):
        SunAbraham().fit(panel(everybody))
    table = fixture_f1()
    with pytest.raises(InsufficientPeriodsError, match="ahead of treatment"):
        SunAbraham(anticipation=4).fit(panel(table))
    gap = table[~((table["g"] == 5) & (table["t"] == 4))]
    with pytest.raises(ConfigError, match="cohorts 5 are not seen 1 periods"):
        SunAbraham().fit(panel(gap))
