"""The event study against dense least squares, its references and its test of trends."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from cximpact.core.errors import (
    AssumptionWarning,
    InsufficientPeriodsError,
    RankError,
    SmallSampleWarning,
)
from cximpact.effects import EventStudy
from tests.support.did import (
    FEW,
    STAGGERED,
    cross_section,
    dense_fit,
    fixture_f1,
    panel,
    people,
    simple_panel,
)


def dummies(table, times):
    since = table["t"] - table["g"]
    return np.column_stack([(since == e).to_numpy(float) for e in times])


@pytest.mark.filterwarnings(STAGGERED)
def test_f1_is_dense_least_squares():
    table = fixture_f1()
    result = EventStudy().fit(panel(table), rng=1)
    times = [-4, -3, -2, 0, 1, 2, 3]
    beta, raw, rank = dense_fit(table, dummies(table, times))
    assert result.estimate["event_time"].values.tolist() == times
    np.testing.assert_allclose(result.estimate, beta, atol=1e-9)
    factor = 12 / 11 * 71 / (72 - (rank - 11))
    np.testing.assert_allclose(result.details["covariance"], raw * factor, atol=1e-9)
    np.testing.assert_allclose(result.std_error, np.sqrt(np.diag(raw * factor)), atol=1e-9)
    assert result.df == 11


@pytest.mark.filterwarnings(STAGGERED)
def test_without_never_treated_two_periods_are_references():
    table = fixture_f1().query("unit < 8").assign(g=lambda d: d["g"].replace(5.0, 4.0))
    with pytest.warns(SmallSampleWarning, match="8 clusters"):
        result = EventStudy().fit(panel(table))
    times = [-2, 0, 1, 2, 3]
    assert result.details["references"] == (-1.0, -3.0)
    beta, _, _ = dense_fit(table, dummies(table, times))
    np.testing.assert_allclose(result.estimate, beta, atol=1e-8)


@pytest.mark.filterwarnings(STAGGERED)
@pytest.mark.filterwarnings(FEW)
def test_without_never_treated_starts_two_periods_apart_cannot_be_told_apart():
    with pytest.raises(RankError, match="Without never-treated units"):
        EventStudy().fit(panel(fixture_f1().query("unit < 8")))


def test_one_start_compares_means_with_the_period_before():
    table = simple_panel(np.random.default_rng(1))
    result = EventStudy().fit(panel(table))
    means = table.groupby([table["g"] == 4, "t"])["y"].mean().unstack()
    difference = means.loc[True] - means.loc[False]
    expected = (difference - difference[3]).drop(3)
    np.testing.assert_allclose(result.estimate, expected, atol=1e-10)
    assert result.details["reference"] == -1
    assert "causal" not in result.details


def test_people_and_gaps_between_periods():
    table = people(np.random.default_rng(2)).query("t != 2 or g != 3")
    table = table.assign(t=table["t"].replace({1: 1, 2: 2, 3: 5, 4: 6}), g=table["g"] + 2)
    table = pd.concat([table, table.query("g == 5 and t == 1").assign(t=3)])
    table = pd.concat([table, table.query("g > 5 and t == 1").assign(t=3)])
    result = EventStudy().fit(cross_section(table))
    assert result.details["reference"] == -2.0
    times = [-4, 0, 1]
    assert result.estimate["event_time"].values.tolist() == times
    beta, _, _ = dense_fit(table, dummies(table, times), entity="group")
    np.testing.assert_allclose(result.estimate, beta, atol=1e-9)


def test_the_test_of_trends_is_a_wald_test():
    table = simple_panel(np.random.default_rng(3), periods=6)
    result = EventStudy().fit(panel(table))
    beta, cov = result.estimate.values[:2], result.details["covariance"][:2, :2]
    statistic = beta @ np.linalg.inv(cov) @ beta / 2
    found = result.diagnostics["pretrend"]
    assert found["statistic"] == pytest.approx(statistic)
    assert found["p"] == pytest.approx(stats.f.sf(statistic, 2, 23))
    trends = result.assumptions[0]
    assert trends.tested
    assert f"p = {found['p']:.3f}" in trends.evidence


def test_a_trend_before_treatment_is_found():
    table = simple_panel(np.random.default_rng(4), units=60)
    table["y"] += 2.0 * table["t"] * (table["g"] == 4)
    assert EventStudy().fit(panel(table)).diagnostics["pretrend"]["p"] < 0.001


@pytest.mark.filterwarnings(FEW)
def test_more_terms_than_clusters_are_not_tested():
    table = simple_panel(np.random.default_rng(5), units=6, periods=12, start=10)
    trends = EventStudy().fit(panel(table)).assumptions[0]
    assert not trends.tested
    assert "8 coefficients before treatment and 6 clusters" in trends.evidence


@pytest.mark.filterwarnings(FEW)
@pytest.mark.filterwarnings(STAGGERED)
def test_references_alone_test_nothing():
    table = fixture_f1().query("unit < 8").assign(g=lambda d: d["g"].replace(5.0, 4.0))
    table = table.query("(g == 3) or t > 1")
    trends = EventStudy().fit(panel(table)).assumptions[0]
    assert not trends.tested
    assert "serve as references" in trends.evidence


def test_one_period_before_treatment_is_too_few():
    table = simple_panel(np.random.default_rng(6), start=2)
    with pytest.raises(InsufficientPeriodsError, match="1 period before treatment"):
        EventStudy().fit(panel(table))


def test_staggered_adoption_is_warned_of_at_the_caller_and_not_causal():
    with pytest.warns(AssumptionWarning, match="several times") as caught:
        result = EventStudy().fit(panel(fixture_f1()))
    assert caught[0].filename == __file__
    assert result.details["causal"] is False


def test_draws_follow_the_estimates_and_are_reproducible():
    data = panel(simple_panel(np.random.default_rng(7)))
    one, other = EventStudy().fit(data, rng=3), EventStudy().fit(data, rng=3)
    np.testing.assert_array_equal(one.draws, other.draws)
    assert one.draws.dims == ("sample", "event_time")
    spread = np.asarray(one.std_error)
    assert (
        np.abs(one.draws.mean("sample") - one.estimate) < 5 * spread / np.sqrt(4000) * 1.1
    ).all()
