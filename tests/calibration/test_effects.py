"""Coverage and size of difference-in-differences intervals in worlds with known truth."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from cximpact.effects import TwoByTwo
from tests.support.did import FEW, cross_section, panel

pytestmark = pytest.mark.slow
PROB, EFFECT = 0.9, 0.5


def band(repeats, prob=PROB):
    """Shares that 99 of 100 runs of an exact procedure fall between."""
    low, high = stats.binom.interval(0.99, repeats, prob)
    return low / repeats, high / repeats


def store_world(rng):
    """Two of twenty stores treated; a shock to every store and period, and 4 to 60 people."""
    rows = []
    for store in range(20):
        g = 3.0 if store < 2 else np.inf
        size = int(np.exp(rng.uniform(np.log(4), np.log(60))))
        for t in range(1, 5):
            mean = 0.1 * store + rng.normal(0, 0.3) + EFFECT * (t >= g)
            y = mean + rng.standard_normal(size)
            rows.append(pd.DataFrame({"group": store, "t": t, "y": y, "g": g}))
    return pd.concat(rows, ignore_index=True)


def serial_world(rng, units=20, periods=10, effect=0.0):
    """Every second unit treated from the middle on; errors with autocorrelation .8."""
    errors = np.empty((units, periods))
    errors[:, 0] = rng.standard_normal(units)
    for t in range(1, periods):
        errors[:, t] = 0.8 * errors[:, t - 1] + 0.6 * rng.standard_normal(units)
    i, t = (a.ravel() for a in np.meshgrid(np.arange(units), np.arange(periods), indexing="ij"))
    g = np.where(i % 2 == 0, periods / 2, np.inf)
    return pd.DataFrame({"unit": i, "t": t, "y": errors.ravel() + effect * (t >= g), "g": g})


def naive_p(table):
    """p value of the coefficient when all rows are taken to be independent."""
    y = table.pivot(index="unit", columns="t", values="y").to_numpy()
    d = (table["t"] >= table["g"]).astype(float).to_numpy().reshape(y.shape)
    y, d = (a - a.mean(0) - a.mean(1, keepdims=True) + a.mean() for a in (y, d))
    slope = (d * y).sum() / (d * d).sum()
    df = y.size - sum(y.shape)
    variance = ((y - slope * d) ** 2).sum() / df / (d * d).sum()
    return 2 * stats.t.sf(abs(slope) / np.sqrt(variance), df)


def fit(data, inference="cluster"):
    return TwoByTwo(inference=inference, draws=100).fit(data, rng=1).summary(PROB).iloc[0]


@pytest.mark.filterwarnings(FEW)
def test_with_two_treated_stores_only_few_treated_covers():
    repeats, names = 240, ("cluster", "few_treated")
    hits, estimates, errors = dict.fromkeys(names, 0), [], []
    for seed in range(repeats):
        data = cross_section(store_world(np.random.default_rng([11, seed])))
        for name in names:
            row = fit(data, name)
            hits[name] += row["conf_low"] <= EFFECT <= row["conf_high"]
        estimates.append(row["estimate"])
        errors.append(row["std_error"])
    low, high = band(repeats)
    assert hits["cluster"] / repeats < low - 0.05
    assert low <= hits["few_treated"] / repeats <= high
    assert abs(np.mean(estimates) - EFFECT) < 4 * np.std(estimates) / np.sqrt(repeats)


@pytest.mark.parametrize("inference", ["cluster", "welch"])
def test_the_truth_is_covered_under_serial_correlation(inference):
    repeats, hits, rows = 200, 0, []
    for seed in range(repeats):
        row = fit(panel(serial_world(np.random.default_rng([12, seed]), 40, 6, 1.0)), inference)
        hits += row["conf_low"] <= 1.0 <= row["conf_high"]
        rows.append((row["estimate"], row["std_error"]))
    estimates, errors = np.array(rows).T
    low, high = band(repeats)
    assert low <= hits / repeats <= high
    assert abs(estimates.mean() - 1.0) < 4 * estimates.std() / np.sqrt(repeats)
    assert 0.9 < errors.mean() / estimates.std() < 1.15


def test_a_placebo_is_rejected_far_too_often_without_clusters_and_about_rightly_with_them():
    repeats, naive, clustered = 300, 0, 0
    for seed in range(repeats):
        table = serial_world(np.random.default_rng([13, seed]))
        naive += naive_p(table) < 0.05
        result = TwoByTwo(draws=100).fit(panel(table), rng=1)
        t = abs(float(result.estimate / result.std_error))
        clustered += 2 * stats.t.sf(t, result.df) < 0.05
    assert naive / repeats > 0.2
    assert band(repeats, 0.05)[0] <= clustered / repeats <= band(repeats, 0.08)[1]
