"""The imputation estimator against goldens, dense algebra, and refits without each cluster."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from cximpact.core.errors import ClusterError, ConfigError, RankError
from cximpact.core.results import EffectPosterior
from cximpact.effects import ImputationDiD
from cximpact.effects.did.design import did_table
from cximpact.effects.did.regression import two_way_fit
from tests.support import golden
from tests.support.did import FEW, cross_section, fixture_f1, panel, people, staggered_world
from tests.support.engines import ENGINES

GOLDEN = golden.load("imputation_did")["results"]
ALWAYS = "ignore::cximpact.core.errors.DataWarning"
KINDS = ("simple", "event", "group", "calendar")


def world(**options: float) -> pd.DataFrame:
    table = staggered_world(np.random.default_rng(1), **options)
    return table.assign(moving=table["x1"] * np.sin(table["t"]), one=1.0)


def dense(
    table: pd.DataFrame, covariates: tuple[str, ...] = (), ahead: int = 0, weight: str = "one"
) -> tuple[pd.Series, np.ndarray, np.ndarray]:
    """Effects of treated rows by dummies, and how rows weigh in the mean of all."""
    first = table["g"].replace(0, np.inf)
    treated = (table["t"] >= first - ahead).to_numpy()
    dummies = [pd.get_dummies(table[c]).to_numpy(float) for c in ("unit", "t")]
    x = np.column_stack([*dummies, table[list(covariates)].to_numpy(float)])
    w = table[weight].to_numpy(float)
    free = np.where(treated, 0.0, w)
    hat = x @ np.linalg.pinv((x * free[:, None]).T @ x, rcond=1e-12) @ (x * free[:, None]).T
    y = table["y"].to_numpy()
    left = y - hat @ y
    after = (table["t"] >= first).to_numpy() * w
    weights = (after / after.sum()) @ (np.eye(len(table)) - hat)
    return pd.Series(left, index=table.index), weights, after


def without_each(
    table: pd.DataFrame, cluster: str, covariates: tuple[str, ...] = (), weight: str = "one"
) -> np.ndarray:
    """Mean effect, and that of the first cell, without each cluster: shape (cluster, 2)."""
    found = []
    first = table["g"].replace(0, np.inf)
    mine = (first == first.min()) & (table["t"] == first.min())
    for c in table[cluster].unique():
        kept = table[cluster] != c
        left, _, after = dense(table[kept].reset_index(drop=True), covariates, weight=weight)
        cell = np.average(left, weights=after * mine[kept].to_numpy())
        found.append([np.average(left, weights=after), cell])
    return np.array(found)


def drop_one(table: pd.DataFrame, cluster: str, covariates: tuple[str, ...], weight: str) -> float:
    """Jackknife standard error of the mean effect by refitting."""
    found = without_each(table, cluster, covariates, weight)[:, 0]
    n = len(found)
    return float(np.sqrt((n - 1) ** 2 / n * np.var(found, ddof=1)))


def conservative(table: pd.DataFrame, cluster: str, covariates: tuple[str, ...]) -> float:
    """Standard error of the mean effect from the weights of rows."""
    left, weights, _ = dense(table, covariates)
    first = table["g"].replace(0, np.inf)
    treated = table["t"] >= first
    mean = left.groupby([first, table["t"]]).transform("mean")
    error = left.where(~treated, left - mean)
    return float(np.sqrt(((weights * error).groupby(table[cluster]).sum() ** 2).sum()))


def test_f1():
    result = ImputationDiD().fit(panel(fixture_f1()), rng=1)
    assert float(result.estimate) == pytest.approx(2.859375, abs=1e-12)
    event = result.aggregate("event")
    np.testing.assert_allclose(event.estimate, [1.640625, 2.296875, 4.140625, 5.140625], atol=1e-12)
    cell = result.aggregate("cell").tidy().set_index(["cohort", "period"])["estimate"]
    assert cell[(3, 3)] == pytest.approx(2, abs=1e-12)
    assert cell[(5, 6)] == pytest.approx(1.40625, abs=1e-12)
    assert result.df == 11
    assert result.diagnostics["path"] == "moments"
    assert "averages to 3.06 (standard error 0.512)" in result.explain()


@pytest.mark.parametrize("gaps", [0.0, 0.1])
@pytest.mark.parametrize("cluster", [None, "c"])
@pytest.mark.parametrize("covariate", ["", "moving"])
def test_diff_diff_has_the_same_conservative_errors(gaps, cluster, covariate):
    expected = GOLDEN[f"{gaps} {cluster} {covariate}"]
    data = panel(world(gaps=gaps), cluster=cluster, covariates=[covariate] if covariate else [])
    result = ImputationDiD(inference="conservative").fit(data, rng=1)
    simple = [float(result.estimate), float(result.std_error)]
    np.testing.assert_allclose(simple, expected["simple"], rtol=1e-8)
    event = result.aggregate("event")
    np.testing.assert_allclose(event.estimate, expected["event"], rtol=1e-8)
    np.testing.assert_allclose(event.std_error, expected["event std_error"], rtol=1e-8)
    assert result.df is None


@pytest.mark.parametrize("weight", ["one", "w"])
@pytest.mark.parametrize("covariates", [(), ("moving",)])
@pytest.mark.parametrize("gaps", [0.0, 0.15])
def test_the_jackknife_is_refitting_without_each_cluster(weight, covariates, gaps):
    table = world(units=64, gaps=gaps)
    roles = {} if weight == "one" else {"weight": "w"}
    result = ImputationDiD().fit(panel(table, cluster="c", covariates=covariates, **roles), rng=1)
    left, _, after = dense(table, covariates, weight=weight)
    assert float(result.estimate) == pytest.approx(np.average(left, weights=after), abs=1e-10)
    expected = drop_one(table, "c", covariates, weight)
    assert float(result.std_error) == pytest.approx(expected, rel=1e-9)
    assert result.df == table["c"].nunique() - 1
    low, high = result.tidy().loc[0, ["conf_low", "conf_high"]]
    middle, half = float(result.estimate), stats.t.ppf(0.95, result.df) * expected
    assert (low, high) == pytest.approx((middle - half, middle + half))


def test_units_as_clusters_are_refitted_without_each_too():
    table = world(units=48)
    result = ImputationDiD().fit(panel(table), rng=1)
    assert result.diagnostics["path"] == "moments"
    assert float(result.std_error) == pytest.approx(drop_one(table, "unit", (), "one"), rel=1e-9)


def test_conservative_errors_are_those_of_the_weights_of_rows():
    table = world(units=64, gaps=0.1)
    estimator = ImputationDiD(inference="conservative")
    for covariates in ((), ("moving",)):
        result = estimator.fit(panel(table, cluster="c", covariates=covariates))
        expected = conservative(table, "c", covariates)
        assert float(result.std_error) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("inference", ["jackknife", "conservative"])
@pytest.mark.parametrize("ahead", [0, 1])
@pytest.mark.parametrize("cluster", [None, "c"])
def test_moments_are_the_rows(inference, ahead, cluster):
    estimator = ImputationDiD(inference=inference, anticipation=ahead)
    moments = estimator.fit(panel(world(), cluster=cluster), rng=1)
    rows = estimator.fit(panel(world(), cluster=cluster, weight="one"), rng=1)
    assert (moments.diagnostics["path"], rows.diagnostics["path"]) == ("moments", "rows")
    for by, overall in itertools.product((*KINDS, "cell"), (False, True)):
        one, other = (r.aggregate(by, overall=overall) for r in (moments, rows))
        np.testing.assert_allclose(one.estimate, other.estimate, atol=1e-11)
        one, other = (r.details["covariance"] for r in (one, other))
        np.testing.assert_allclose(one, other, atol=1e-11)
    np.testing.assert_allclose(moments.details["leads"], rows.details["leads"], atol=1e-10)
    for name, found in moments.diagnostics["pretrend"].items():
        assert found == pytest.approx(rows.diagnostics["pretrend"][name], rel=1e-8)


@pytest.mark.parametrize("engine", ENGINES)
def test_every_engine_gives_the_same_numbers(engine):
    table = world(units=60)[["unit", "t", "y", "g", "x1"]]
    for covariates in ((), ("x1",)):
        base = ImputationDiD().fit(panel(table, covariates=covariates), rng=1)
        frame = ENGINES[engine](table.sample(frac=1, random_state=1))
        found = ImputationDiD().fit(panel(frame, covariates=covariates), rng=1)
        assert float(found.estimate) == pytest.approx(float(base.estimate), rel=1e-10)
        assert float(found.std_error) == pytest.approx(float(base.std_error), rel=1e-10)


def test_covariates_that_do_not_change_matter_in_every_period():
    table = world(units=64, gaps=0.1)
    periods = range(2, 7)
    wide = table.assign(**{f"x{t}": table["x1"] * (table["t"] == t) for t in periods})
    fixed = ImputationDiD().fit(panel(table, covariates=["x1"]), rng=1)
    left, _, after = dense(wide, tuple(f"x{t}" for t in periods))
    assert float(fixed.estimate) == pytest.approx(np.average(left, weights=after), abs=1e-9)


def test_averages_are_averages_of_cells():
    result = ImputationDiD().fit(panel(world(gaps=0.1)), rng=1)
    table = world(gaps=0.1)
    left, _, _ = dense(table)
    kept = (table["g"] > 0) & (table["t"] >= table["g"])
    since = table["t"] - table["g"]
    for by, key in (("event", since), ("group", table["g"]), ("calendar", table["t"])):
        expected = left[kept].groupby(key[kept]).mean()
        found = result.aggregate(by)
        np.testing.assert_allclose(found.estimate, expected, atol=1e-10)
        assert list(found.estimate.coords[found.estimate.dims[0]].values) == list(expected.index)
    for by in ("event", "calendar"):
        whole = result.aggregate(by, overall=True)
        assert float(whole.estimate) == pytest.approx(float(result.aggregate(by).estimate.mean()))


def test_draws_of_averages_belong_together():
    result = ImputationDiD(draws=20_000).fit(panel(fixture_f1()), rng=3)
    cell = result.aggregate("cell").draws.isel(cell=0)
    table = fixture_f1().assign(one=1.0)
    expected = np.corrcoef(without_each(table, "unit").T)[0, 1]
    assert np.corrcoef(result.draws, cell)[0, 1] == pytest.approx(expected, abs=0.02)
    np.testing.assert_array_equal(result.aggregate("simple").draws, result.draws)
    spread = float(result.draws.std("sample")) / float(result.std_error)
    assert spread == pytest.approx(np.sqrt(11 / 9), rel=0.04)


@pytest.mark.filterwarnings(ALWAYS)
def test_trends_are_tested_on_untreated_rows_alone():
    table = world(units=96, gaps=0.1)
    result = ImputationDiD(leads=3).fit(panel(table, cluster="c"), rng=1)
    did = did_table(panel(table, cluster="c"))
    free = did.table[did.table["time"] < did.table["first_treated"]].reset_index(drop=True)
    since = free["time"] - free["first_treated"]
    times = [-3, -2, -1]
    terms = pd.DataFrame({f"e{e}": (since == e).astype(float) for e in times})
    subset = type(did)(
        table=free, covariates=(), kind="panel", weighted=False, binary=False, notes=()
    )
    expected = two_way_fit(subset, terms)
    leads = result.details["leads"]
    assert leads["event_time"].tolist() == times
    np.testing.assert_allclose(leads["estimate"], expected.estimate, atol=1e-9)
    errors = np.sqrt(np.diag(expected.covariance))
    np.testing.assert_allclose(leads["std_error"], errors, rtol=1e-9)
    after = (table["g"] > 0) & (table["t"] >= table["g"])
    moved = table.assign(y=table["y"] + 5 * after)
    other = ImputationDiD(leads=3).fit(panel(moved, cluster="c"), rng=1)
    assert other.diagnostics["pretrend"] == pytest.approx(result.diagnostics["pretrend"])
    assert float(other.estimate) == pytest.approx(float(result.estimate) + 5)


def test_a_trend_ahead_of_treatment_is_seen():
    table = world()
    drift = np.where(table["g"] > 0, 0.3 * (table["t"] - table["g"]), 0.0)
    found = ImputationDiD().fit(panel(table.assign(y=table["y"] + drift)), rng=1)
    assert found.diagnostics["pretrend"]["p"] < 0.01
    assert "joint test" in found.assumptions[0].evidence


def test_people_of_repeated_cross_sections_count_each():
    table = people(np.random.default_rng(3)).rename(columns={"group": "unit"}).assign(one=1.0)
    table["g"] = table["g"].replace(np.inf, 0)
    data = cross_section(table.rename(columns={"unit": "group"}))
    result = ImputationDiD().fit(data, rng=1)
    left, _, after = dense(table)
    assert float(result.estimate) == pytest.approx(np.average(left, weights=after), abs=1e-10)
    assert float(result.std_error) == pytest.approx(drop_one(table, "unit", (), "one"), rel=1e-9)


@pytest.mark.filterwarnings(FEW)
@pytest.mark.parametrize("weight", [None, "one"])
def test_periods_in_which_all_are_treated_are_left_out_and_named(weight):
    table = fixture_f1().query("unit < 8").assign(one=1.0)
    result = ImputationDiD().fit(panel(table, weight=weight), rng=1)
    assert any("4 treated cells (periods 5, 6)" in note for note in result.provenance.notes)
    cells = result.aggregate("cell").tidy()
    assert list(zip(cells["cohort"], cells["period"], strict=True)) == [(3, 3), (3, 4)]
    full = fixture_f1().query("t == 6 and unit < 8 or t == 1 and unit < 8")
    with pytest.raises(ConfigError, match="somebody untreated must be seen"):
        ImputationDiD().fit(panel(full.assign(one=1.0), weight=weight))


@pytest.mark.parametrize("weight", [None, "one"])
def test_a_cohort_of_one_cluster_has_no_error_of_its_own(weight):
    table = fixture_f1().assign(one=1.0)
    table.loc[table["unit"] == 4, "g"] = 4.0
    result = ImputationDiD().fit(panel(table, weight=weight), rng=1)
    expected = drop_one(table.assign(g=table["g"].replace(np.inf, 0)), "unit", (), "one")
    assert float(result.std_error) == pytest.approx(expected, rel=1e-9)
    assert len(result.aggregate("event").tidy()) == 4
    for by, name in (("cell", "cohort 4 in period 4"), ("group", "group 4")):
        with pytest.raises(ClusterError, match=name):
            result.aggregate(by)


def test_what_cannot_be_estimated_is_refused():
    table = world(units=48)
    with pytest.raises(ClusterError, match="several clusters"), pytest.warns(match="several"):
        ImputationDiD().fit(panel(table.assign(c=table["t"] % 2), cluster="c"))
    doubled = table.assign(twice=2 * table["moving"])
    with pytest.raises(RankError, match="combination"):
        ImputationDiD().fit(panel(doubled, covariates=["moving", "twice"]))
    exact = table.assign(y=table["t"] + (table["g"] > 0) * (table["t"] >= table["g"]))
    with pytest.raises(ClusterError, match="exactly"):
        ImputationDiD().fit(panel(exact))
    with pytest.raises(ConfigError, match="inference"):
        ImputationDiD(inference="bootstrap")
    with pytest.raises(ConfigError, match="leads"):
        ImputationDiD(leads=0)


@pytest.mark.filterwarnings(ALWAYS)
def test_units_that_react_from_the_start_are_left_out_and_counted():
    table = world(units=96, gaps=0.2)
    estimator = ImputationDiD(anticipation=2)
    result = estimator.fit(panel(table), rng=1)
    first = table["g"].replace(0, np.inf)
    seen = (table["t"] < first - 2).groupby(table["unit"]).transform("any")
    n = table.loc[~seen & (table["t"] < first).groupby(table["unit"]).transform("any"), "unit"]
    assert any(f"{n.nunique()} units or groups" in note for note in result.provenance.notes)
    assert result.aggregate("event").estimate["event_time"].values.min() == -2
    left, _, after = dense(table[seen].reset_index(drop=True), ahead=2)
    assert float(result.estimate) == pytest.approx(np.average(left, weights=after), abs=1e-10)


def test_the_result_feeds_what_comes_after():
    result = ImputationDiD().fit(panel(fixture_f1()), rng=1)
    assert isinstance(result, EffectPosterior)
    assert result.estimand.target == "att"
    assert result.details["group_time"].estimand.target == "att"
    assert result.draws.dims == ("sample",)
