"""Two-way fixed effects from moments against the same from rows, in every engine."""

import warnings

import numpy as np
import pandas as pd
import pytest

from cximpact.core import draws as dr
from cximpact.core.errors import (
    AlignmentError,
    AssumptionWarning,
    ClusterError,
    DataWarning,
    RankError,
)
from cximpact.effects import EventStudy, TwoByTwo
from cximpact.effects.did import event_study, two_by_two
from tests.support.did import FEW, STAGGERED, dense_fit, fixture_f1, panel, simple_panel, treated
from tests.support.engines import ENGINES, spark_session

pytestmark = [pytest.mark.filterwarnings(FEW), pytest.mark.filterwarnings(STAGGERED)]


def staggered(seed, units=60, periods=7, never=True):
    rng = np.random.default_rng(seed)
    i, t = (a.ravel() for a in np.meshgrid(range(units), range(1, periods + 1), indexing="ij"))
    g = rng.choice([3.0, 4.0, 6.0, *([np.inf] if never else [5.0])], units)[i]
    y = 3 * rng.standard_normal(units)[i] + 0.3 * t + (t >= g) * (1 + 0.2 * (t - np.minimum(g, 99)))
    table = pd.DataFrame({"unit": i, "t": t, "y": y + rng.standard_normal(i.size), "g": g})
    return table.assign(c=rng.permutation(units)[i] // 4, everyone=i)


def by_rows(monkeypatch, estimator, data):
    for module in (event_study, two_by_two):
        monkeypatch.setattr(module, "without_rows", lambda *_, **__: None)
    result = estimator.fit(data, rng=1)
    monkeypatch.undo()
    return result


def check_same(monkeypatch, estimator, data):
    found, expected = estimator.fit(data, rng=1), by_rows(monkeypatch, estimator, data)
    assert found.diagnostics["path"] == "moments"
    assert expected.diagnostics["path"] == "rows"
    np.testing.assert_allclose(found.estimate, expected.estimate, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(found.std_error, expected.std_error, rtol=1e-9)
    assert found.df == expected.df
    assert found.n == expected.n
    assert found.estimand == expected.estimand
    assert found.assumptions == expected.assumptions
    assert found.provenance.notes == expected.provenance.notes
    for name in ("clusters", "treated_clusters"):
        assert found.diagnostics[name] == expected.diagnostics[name]
    if "weights" in found.details:
        pd.testing.assert_frame_equal(found.details["weights"], expected.details["weights"])
    else:
        np.testing.assert_allclose(
            found.details["covariance"], expected.details["covariance"], rtol=1e-8, atol=1e-11
        )
        assert found.details["references"] == expected.details["references"]
    return found


@pytest.mark.parametrize("estimator", [TwoByTwo(), EventStudy()])
@pytest.mark.parametrize("never", [True, False])
@pytest.mark.parametrize("cluster", [None, "unit", "c", "everyone"])
@pytest.mark.parametrize("seed", [1, 2])
def test_balanced_panels_give_the_numbers_of_the_rows(monkeypatch, estimator, never, cluster, seed):
    check_same(monkeypatch, estimator, panel(staggered(seed, never=never), cluster=cluster))


@pytest.mark.parametrize("estimator", [TwoByTwo(), EventStudy()])
@pytest.mark.parametrize("cluster", [None, "c"])
@pytest.mark.parametrize(
    "table", [fixture_f1(), simple_panel(np.random.default_rng(1)), staggered(3, periods=6)]
)
def test_f1_and_one_start(monkeypatch, estimator, cluster, table):
    check_same(monkeypatch, estimator, panel(table.assign(c=table["unit"] // 2), cluster=cluster))


@pytest.mark.parametrize("estimator", [TwoByTwo(), EventStudy()])
@pytest.mark.parametrize("cluster", [None, "c"])
@pytest.mark.filterwarnings("ignore::cximpact.core.errors.DataWarning")
def test_treated_too_late_or_always_and_gaps_between_periods(monkeypatch, estimator, cluster):
    table = staggered(4)
    table["g"] = table["g"].mask(table["unit"] % 7 == 1, 1.0).mask(table["unit"] % 7 == 2, 99.0)
    table = table.assign(t=table["t"].replace({6: 9, 7: 12}))
    found = check_same(monkeypatch, estimator, panel(table, cluster=cluster))
    assert len(found.provenance.notes) == 2


@pytest.mark.parametrize("estimator", [TwoByTwo(), EventStudy()])
@pytest.mark.parametrize("cluster", [None, "c"])
def test_large_levels_do_not_cost_the_digits_of_the_noise(estimator, cluster):
    table = staggered(5)
    level = 1e6 * np.random.default_rng(6).standard_normal(60)
    high = table.assign(y=table["y"] + level[table["unit"]])
    exact = table.assign(y=high["y"] - level[table["unit"]])  # the rounded noise, without levels
    for engine in ("pandas", "duckdb"):
        found = estimator.fit(panel(ENGINES[engine](high), cluster=cluster))
        expected = estimator.fit(panel(exact, cluster=cluster))
        assert found.diagnostics["path"] == "moments"
        np.testing.assert_allclose(found.estimate, expected.estimate, atol=1e-8)
        np.testing.assert_allclose(found.std_error, expected.std_error, rtol=1e-8)


@pytest.mark.parametrize("estimator", [TwoByTwo(), EventStudy()])
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("cluster", [None, "c"])
def test_every_engine_gives_the_same_numbers(estimator, engine, cluster):
    table = staggered(7)
    expected = estimator.fit(panel(table, cluster=cluster), rng=1)
    found = estimator.fit(panel(ENGINES[engine](table), cluster=cluster), rng=1)
    assert found.diagnostics["path"] == "moments"
    np.testing.assert_allclose(found.estimate, expected.estimate, rtol=1e-10)
    np.testing.assert_allclose(found.std_error, expected.std_error, rtol=1e-10)
    assert found.provenance.data_hash == expected.provenance.data_hash


@pytest.mark.spark
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("cluster", [None, "c"])
def test_spark_gives_the_same_numbers(cluster):
    table = staggered(7)[["unit", "t", "y", "g", "c"]]
    rows = [tuple(row) for row in table.astype(object).itertuples(index=False)]
    schema = "unit long, t long, y double, g double, c long"
    frame = spark_session().createDataFrame(rows, schema=schema)
    for estimator in (TwoByTwo(), EventStudy()):
        expected = estimator.fit(panel(table, cluster=cluster), rng=1)
        found = estimator.fit(panel(frame, cluster=cluster), rng=1)
        assert found.diagnostics["path"] == "moments"
        np.testing.assert_allclose(found.estimate, expected.estimate, rtol=1e-10)
        np.testing.assert_allclose(found.std_error, expected.std_error, rtol=1e-10)
        assert found.provenance.data_hash == expected.provenance.data_hash


def test_against_dummies_by_hand():
    table = staggered(8)
    result = TwoByTwo().fit(panel(table, cluster="c"))
    beta, raw, _ = dense_fit(table, treated(table), cluster="c")
    n, g, k = len(table), table["c"].nunique(), 1 + 1 + 6
    factor = g / (g - 1) * (n - 1) / (n - k)
    assert float(result.estimate) == pytest.approx(beta[0], abs=1e-9)
    assert float(result.std_error) == pytest.approx(np.sqrt(raw[0, 0] * factor), rel=1e-9)


@pytest.mark.parametrize(
    ("change", "options"),
    [
        (lambda t: t.iloc[1:], {}),
        (lambda t: t.assign(w=1.0 + t["unit"] % 3), {"weight": "w"}),
        (lambda t: t.assign(x=np.cos(t.index)), {"covariates": ["x"]}),
    ],
)
@pytest.mark.parametrize("estimator", [TwoByTwo(), EventStudy()])
def test_other_panels_take_the_rows(estimator, change, options):
    result = estimator.fit(panel(change(staggered(9)), **options))
    assert result.diagnostics["path"] == "rows"


def test_a_wandering_cluster_takes_the_rows():
    table = staggered(9).assign(c=lambda d: (d["unit"] + d["t"]) % 9)
    with pytest.warns(AssumptionWarning, match="several clusters"):
        assert TwoByTwo().fit(panel(table, cluster="c")).diagnostics["path"] == "rows"


def test_outcomes_without_noise_are_refused_as_with_rows():
    table = staggered(10).assign(y=lambda d: d["unit"] + d["t"] ** 2 + 0.1 * (d["t"] >= d["g"]))
    for estimator in (TwoByTwo(), EventStudy()):
        with pytest.raises(ClusterError, match="fitted exactly"):
            estimator.fit(panel(table))
    with pytest.raises(ClusterError, match="fitted exactly"):
        TwoByTwo().fit(panel(staggered(10).assign(c=lambda d: d["unit"] % 2), cluster="c"))


def test_little_noise_beside_large_changes_is_left_to_the_rows():
    table = staggered(11).assign(y=lambda d: d["y"] + 1e5 * d["t"])
    assert TwoByTwo().fit(panel(table)).diagnostics["path"] == "rows"


def test_starts_that_cannot_be_told_apart_are_refused_as_with_rows(monkeypatch):
    data = panel(fixture_f1().query("unit < 8"))
    messages = []
    for read in (lambda: EventStudy().fit(data), lambda: by_rows(monkeypatch, EventStudy(), data)):
        with pytest.raises(RankError, match="Without never-treated units") as raised:
            read()
        messages.append(str(raised.value))
    assert messages[0] == messages[1]


@pytest.mark.parametrize("estimator", [TwoByTwo(), EventStudy()])
def test_warnings_point_at_the_caller(estimator):
    table = staggered(12)
    table["g"] = table["g"].mask(table["unit"] == 1, 1.0)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        estimator.fit(panel(table))
    assert {w.category for w in caught} == {DataWarning, AssumptionWarning}
    assert {w.filename for w in caught} == {__file__}


@pytest.mark.parametrize("cluster", [None, "c"])
def test_results_of_one_panel_are_not_independent_however_it_was_read(monkeypatch, cluster):
    data = panel(staggered(13), cluster=cluster)
    moments = [TwoByTwo().fit(data, rng=1), EventStudy().fit(data, rng=1)]
    rows = by_rows(monkeypatch, EventStudy(), data)
    for one, other in [(moments[0], moments[1]), (moments[0], rows), (moments[1], rows)]:
        with pytest.raises(AlignmentError):
            dr.pair(one.draws, other.draws, rng=1)
    stranger = TwoByTwo().fit(panel(staggered(14)), rng=1)
    dr.pair(moments[0].draws, stranger.draws, rng=1)
