"""Cycles and segments of buyers: probabilities, open gaps, and what customers say."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from cximpact import datasets, value
from cximpact.core.errors import ConfigError, DataError, InsufficientDataError


def test_segments_are_probabilities_of_the_rate():
    fit = value.BetaGeoNBD().fit(datasets.load_cdnow("summary"), rng=1)
    found = value.repurchase_segments(fit, fanatic=8, sceptic=26)
    parts = found[["fanatic", "neutral", "sceptic", "gone"]]
    np.testing.assert_allclose(parts.sum(axis=1), 1.0, rtol=1e-12)
    r, alpha, *_ = fit.maximum.theta
    first = fit.history.table.iloc[0]
    rate = stats.gamma(r + first["frequency"], scale=1 / (alpha + first["T"]))
    alive = fit.predict(0)["alive"].iloc[0]
    assert found["fanatic"].iloc[0] == pytest.approx(alive * rate.sf(1 / 8), rel=1e-10)
    assert found["sceptic"].iloc[0] == pytest.approx(alive * rate.cdf(1 / 26), rel=1e-10)
    assert found["cycle"].iloc[0] == pytest.approx(1 / rate.median(), rel=1e-10)


def test_segments_are_right_on_average():
    rng = np.random.default_rng(7)
    theta, n = (1.2, 10.0, 1.0, 4.0), 20_000
    r, alpha, a, b = theta
    rate, leaves = rng.gamma(r, 1 / alpha, n), rng.beta(a, b, n)
    now, last, count, there = np.zeros(n), np.zeros(n), np.zeros(n), np.ones(n, bool)
    watched = there.copy()
    while watched.any():
        now = np.where(watched, now + rng.exponential(1 / rate), now)
        watched &= now <= 50
        count += watched
        last = np.where(watched, now, last)
        leaving = watched & (rng.random(n) < leaves)
        there &= ~leaving
        watched &= ~leaving
    table = pd.DataFrame({"frequency": count, "recency": last, "T": 50.0})
    found = value.repurchase_segments(value.BetaGeoNBD().fit(table, rng=1), fanatic=5, sceptic=20)
    truth = {"fanatic": there & (rate > 1 / 5), "sceptic": there & (rate < 1 / 20), "gone": ~there}
    for name, is_so in truth.items():
        assert found[name].mean() == pytest.approx(is_so.mean(), abs=0.012)
        top = found[name] > found[name].median()
        assert is_so[top].mean() > is_so[~top].mean()


def test_fanatics_buy_more_often_than_sceptics():
    fit = value.BetaGeoNBD().fit(datasets.load_cdnow("summary"), rng=1)
    with pytest.raises(ConfigError, match="shorter intervals"):
        value.repurchase_segments(fit, fanatic=26, sceptic=8)


def gaps(n=4000, seed=1):
    rng = np.random.default_rng(seed)
    length, watched = rng.exponential(18 / np.log(2), n), rng.uniform(0, 40, n)
    return pd.DataFrame(
        {"months": np.minimum(length, watched), "back": (length <= watched).astype(int)}
    )


def test_open_gaps_count_as_open():
    found = value.observed_cycle(gaps(), gap="months", completed="back")
    assert found.conf_low < 18 < found.conf_high
    assert found.completed_only < 0.6 * found.median
    assert "not yet over" in found.explain()


def test_the_interval_of_the_cycle_covers():
    hits = []
    for seed in range(200):
        found = value.observed_cycle(gaps(300, seed), gap="months", completed="back")
        hits.append(found.conf_low <= 18 <= found.conf_high)
    assert 0.84 <= np.mean(hits) <= 0.96


def test_a_cycle_longer_than_was_watched_is_infinite():
    rows = pd.DataFrame({"months": [1.0, 2, 5, 5, 5, 5], "back": [1, 1, 0, 0, 0, 0]})
    assert value.observed_cycle(rows, gap="months", completed="back").median == np.inf


@pytest.mark.parametrize(
    ("rows", "error", "match"),
    [
        ({"months": [0.0, 1], "back": [1, 0]}, DataError, "not above 0 in 1 row, at position 0"),
        ({"months": [2.0, 1], "back": [2, 0]}, DataError, "not 0 or 1 in 1 row"),
        ({"months": [2.0, 1], "back": [0, 0]}, InsufficientDataError, "no gap was completed"),
    ],
)
def test_gaps_that_cannot_be(rows, error, match):
    with pytest.raises(error, match=match):
        value.observed_cycle(pd.DataFrame(rows), gap="months", completed="back")


def test_what_is_stated_is_two_thirds_of_what_is_seen():
    rng = np.random.default_rng(1)
    observed = rng.gamma(9, 2, 600)
    stated = observed * rng.gamma(20, (12 / 18) / 20, 600)
    found = value.stated_against_observed(stated, observed)
    assert found.conf_low < 12 / 18 < found.conf_high and found.conf_high - found.conf_low < 0.05
    assert "must not be used" in found.explain()


def test_the_interval_of_the_ratio_covers():
    rng, hits = np.random.default_rng(2), []
    for _ in range(400):
        observed = rng.gamma(4, 4.5, 40)
        found = value.stated_against_observed(observed * rng.gamma(4, 1 / 6, 40), observed)
        hits.append(found.conf_low < 2 / 3 < found.conf_high)
    assert 0.86 <= np.mean(hits) <= 0.94


def test_pairs_that_cannot_be():
    with pytest.raises(DataError, match="expected pairs"):
        value.stated_against_observed([1.0, 2], [1.0])
    with pytest.raises(DataError, match="missing or not above 0 in 1 row"):
        value.stated_against_observed([1.0, 2, 3], [1.0, np.nan, 3])
    with pytest.raises(InsufficientDataError, match="2 customers"):
        value.stated_against_observed([1.0, 2], [1.0, 3])


def test_a_history_of_the_record_shop_has_all_four_kinds():
    found = value.repurchase_segments(
        value.ParetoNBD().fit(datasets.load_cdnow("summary"), rng=1), fanatic=8, sceptic=26
    )
    assert (found.drop(columns="cycle").sum() > 20).all()
