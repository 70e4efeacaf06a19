"""Wild cluster bootstrap and randomization inference against refitting by hand."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest

from cximpact.core.errors import ClusterError, ConfigError, SmallSampleWarning
from cximpact.effects import TwoByTwo, randomization_test, wild_cluster_test
from cximpact.effects.did.cluster_sums import cluster_sums
from cximpact.effects.did.design import did_table
from cximpact.effects.did.wild_cluster import ClusterScores
from tests.support.did import (
    FEW,
    STAGGERED,
    cross_section,
    dense_fit,
    fixture_f1,
    panel,
    people,
    simple_panel,
    treated,
)

pytestmark = [pytest.mark.filterwarnings(FEW), pytest.mark.filterwarnings(STAGGERED)]


def demeaned(table: pd.DataFrame, entity: str = "unit") -> tuple[np.ndarray, np.ndarray]:
    """Outcome and treatment without unit, period and covariate effects."""
    dummies = [pd.get_dummies(table[c]).to_numpy(float) for c in (entity, "t")]
    x = np.column_stack([*dummies, *([table["x"]] if "x" in table else [])])
    keep = np.eye(len(table)) - x @ np.linalg.pinv(x)
    return keep @ table["y"].to_numpy(), keep @ treated(table)[:, 0], keep


def refitted(table, null, draws, cluster, entity="unit"):
    """Return t (CR0) of the data and of every draw, by fitting each."""
    y, d, keep = demeaned(table, entity)
    codes = pd.factorize(table[cluster])[0]

    def t(outcome: np.ndarray) -> float:
        slope = d @ outcome / (d @ d)
        scores = np.bincount(codes, weights=d * (outcome - slope * d))
        return (slope - null) * (d @ d) / np.sqrt((scores**2).sum())

    left = y - null * d
    return t(y), np.array([t(null * d + keep @ (v[codes] * left)) for v in draws])


def test_f1_goes_through_all_combinations():
    result = wild_cluster_test(panel(fixture_f1()), rng=1)
    t, all_of_them = refitted(
        fixture_f1(), 0.0, np.array(list(itertools.product([-1, 1], repeat=12)))[:300], "unit"
    )
    assert t == pytest.approx(5.23337, abs=5e-6)
    assert result.statistic == pytest.approx(t * np.sqrt(11 / 12 * 65 / 71), rel=1e-9)
    assert result.p_value == 0.001953125
    assert result.complete
    assert result.replications == 4096
    assert result.least_p == 2 / 4096
    assert np.isfinite(all_of_them).all()


@pytest.mark.parametrize("null", [0.0, 0.4])
@pytest.mark.parametrize("covariates", [(), ("x",)])
def test_every_draw_is_a_fit(null, covariates):
    table = simple_panel(np.random.default_rng(1), units=24).drop(columns="w")
    if not covariates:
        table = table.drop(columns="x")
    data = panel(table, cluster="c", covariates=covariates)
    result = wild_cluster_test(data, null=null, weights="rademacher", rng=1)
    draws = np.array(list(itertools.product([-1.0, 1.0], repeat=8)))
    own, found = refitted(table, null, draws, "c")
    assert result.p_value == pytest.approx(np.mean(np.abs(found) >= abs(own) - 1e-9), abs=1e-12)
    assert result.estimate == pytest.approx(float(TwoByTwo().fit(data).estimate), abs=1e-9)
    tails = 2 * min(np.mean(found >= own - 1e-9), np.mean(found <= own + 1e-9))
    assert result.p_equal_tailed == pytest.approx(min(1, tails), abs=1e-12)


def test_statistics_of_draws_are_those_of_fits_with_staggered_starts_and_gaps():
    table = fixture_f1().drop(index=[3, 20, 50]).reset_index(drop=True)
    draws = np.random.default_rng(1).choice([-1.0, 1.0, 1.5], (40, 12))
    sums = cluster_sums(did_table(panel(table)))
    scores, root = ClusterScores(sums), np.sqrt(sums.factor)
    for null in (0.0, 1.5):
        own, found = refitted(table, null, draws, "unit")
        assert root * scores.observed().at(null)[0] == pytest.approx(own, rel=1e-9)
        np.testing.assert_allclose(root * scores.resampled(draws).at(null), found, rtol=1e-8)


def test_a_large_effect_has_the_least_p_that_draws_can_show():
    data = panel(simple_panel(np.random.default_rng(9), units=30, effect=50.0))
    for test in (wild_cluster_test, randomization_test):
        result = test(data, replications=199, rng=1)
        assert not result.complete
        assert result.p_value == result.least_p == 1 / 200


def test_intervals_hold_what_is_not_refused():
    table = simple_panel(np.random.default_rng(2), units=36, effect=0.0)
    table["g"] = np.where(table["c"] % 2 == 0, 4.0, np.inf)
    data = panel(table, cluster="c")
    for test in (wild_cluster_test, randomization_test):
        result = test(data, rng=3)
        width = result.conf_high - result.conf_low
        for end, side in ((result.conf_low, -1), (result.conf_high, 1)):
            inside = test(data, null=end - side * 0.02 * width, rng=3)
            outside = test(data, null=end + side * 0.02 * width, rng=3)
            assert inside.p_value >= 0.1 > outside.p_value
        assert test(data, rng=3) == result


def test_few_clusters_take_six_weights_and_say_what_is_attainable():
    table = simple_panel(np.random.default_rng(3), units=18)  # six clusters of three units
    table["g"] = np.where(table["c"] % 2 == 0, 4.0, np.inf)
    data = panel(table, cluster="c")
    with pytest.warns(SmallSampleWarning, match="clusters are treated"):
        two = wild_cluster_test(data, weights="rademacher", rng=1)
    assert two.least_p == 0.03125
    assert "0.031" in two.explain()
    with pytest.warns(SmallSampleWarning):
        six = wild_cluster_test(data, rng=1)
    assert "webb" in six.method
    assert six.replications == 9999
    with pytest.warns(SmallSampleWarning, match="nothing can be refused at 99%"):
        strict = wild_cluster_test(data, weights="rademacher", level=0.99, rng=1)
    assert "nothing could be shown" in strict.explain()
    assert strict.conf_high == np.inf
    four = table[table["c"] < 4]
    with pytest.warns(SmallSampleWarning):
        assert wild_cluster_test(panel(four, cluster="c"), rng=1).replications == 6**4


def other_starts(table: pd.DataFrame, cluster: str) -> list[pd.DataFrame]:
    starts = table.groupby(cluster)["g"].first()
    deals = sorted(set(itertools.permutations(starts.to_numpy())))
    return [
        table.assign(g=table[cluster].map(dict(zip(starts.index, deal, strict=True))))
        for deal in deals
    ]


@pytest.mark.parametrize("statistic", ["estimate", "t"])
@pytest.mark.parametrize("null", [0.0, 0.7])
def test_every_assignment_is_a_fit(statistic, null):
    table = simple_panel(np.random.default_rng(4), units=18)
    start = {0: 3.0, 1: 4.0, 2: 4.0}
    table["g"] = table["c"].map(lambda c: start.get(c, np.inf))
    data = panel(table, cluster="c", covariates=["x"])
    result = randomization_test(data, null=null, statistic=statistic, rng=1)
    shifted = table.assign(y=table["y"] - null * treated(table)[:, 0])
    found = []
    for other in [shifted, *other_starts(shifted, "c")]:
        columns = np.column_stack([treated(other), other["x"]])
        beta, raw, _ = dense_fit(other, columns, cluster="c")
        found.append(beta[0] if statistic == "estimate" else beta[0] / np.sqrt(raw[0, 0]))
    own, rest = found[0], np.array(found[1:])
    assert result.replications == len(rest) == 60
    assert result.p_value == pytest.approx(np.mean(np.abs(rest) >= abs(own) - 1e-9), abs=1e-12)
    assert result.statistic == pytest.approx(own, abs=1e-8)
    assert result.least_p == pytest.approx(1 / 60)
    assert result.complete


def test_one_treated_cluster_of_ten_says_at_most_one_in_ten():
    table = simple_panel(np.random.default_rng(5), units=20, effect=0.0)
    table = table.assign(c=table["unit"] // 2)
    table["g"] = np.where(table["c"] == 3, 4.0, np.inf)
    table["y"] += 50 * treated(table)[:, 0]
    result = randomization_test(panel(table, cluster="c"), rng=1)
    assert result.p_value == result.least_p == 0.1
    assert result.replications == 10


def test_many_assignments_are_drawn_and_repeat_with_a_seed():
    table = simple_panel(np.random.default_rng(6), units=40)
    first = randomization_test(panel(table), replications=499, rng=7)
    second = randomization_test(panel(table), replications=499, rng=7)
    assert first == second
    assert not first.complete
    assert first.p_value >= 1 / 500
    assert "at random" in first.explain()
    assert "Randomization" in first._repr_html_()


def test_people_of_repeated_cross_sections():
    table = people(np.random.default_rng(8))
    data = cross_section(table)
    result = wild_cluster_test(data, weights="rademacher", replications=200, rng=1)
    assert result.estimate == pytest.approx(float(TwoByTwo().fit(data).estimate), abs=1e-9)
    own, _ = refitted(table, 0.0, [], "group", "group")
    se = float(TwoByTwo().fit(data).std_error)
    assert result.statistic == pytest.approx(result.estimate / se, rel=1e-8)
    assert abs(own) > abs(result.statistic)
    assert 0 < randomization_test(data, replications=199, rng=1).p_value <= 1


def test_what_cannot_be_resampled_is_refused():
    table = fixture_f1().assign(half=lambda d: d["unit"] // 5)
    with pytest.raises(ClusterError, match="hold units with several starts"):
        randomization_test(panel(table, cluster="half"))
    exact = table.assign(y=table["unit"] + table["t"] + treated(table)[:, 0])
    with pytest.raises(ClusterError, match="exactly"):
        wild_cluster_test(panel(exact))
    with pytest.raises(ConfigError, match="weights"):
        wild_cluster_test(panel(table), weights="mammen")
    with pytest.raises(ConfigError, match="statistic"):
        randomization_test(panel(table), statistic="z")
