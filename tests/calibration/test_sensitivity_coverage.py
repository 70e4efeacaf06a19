"""Intervals of the marginal sensitivity model cover the bounds, and a confounder within them."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from cximpact.effects.overlap import logistic_propensity
from cximpact.effects.sensitivity import MarginalSensitivity, rosenbaum_bounds

pytestmark = pytest.mark.slow
PROB, EFFECT, LAMBDA, REPEATS = 0.9, 0.5, 2.0, 300
HALF = (LAMBDA - 1 / LAMBDA) * stats.norm.pdf(stats.norm.ppf(LAMBDA / (LAMBDA + 1)))
"""Half the width of the sharp bounds where outcomes are normal with variance 1."""


def band(repeats=REPEATS, prob=PROB):
    """Shares that 99 of 100 runs of an exact procedure fall between."""
    low, high = stats.binom.interval(0.99, repeats, prob)
    return low / repeats, high / repeats


def normal_world(rng, n=1200):
    x = rng.standard_normal(n)
    e = 1 / (1 + np.exp(-0.6 * x))
    t = rng.random(n) < e
    return x, e, t, x + EFFECT * t + rng.standard_normal(n)


def lines(x, y, t):
    """Predictions of a straight line in each arm."""
    return np.column_stack([np.polyval(np.polyfit(x[a], y[a], 1), x) for a in (~t, t)])


@pytest.mark.parametrize("target", ["ate", "att"])
def test_the_sharp_bounds_are_covered(target):
    hits, errors, widths = 0, [], []
    settings = MarginalSensitivity(lambdas=LAMBDA, target=target, prob=PROB, replications=199)
    for seed in range(REPEATS):
        x, _, t, y = normal_world(np.random.default_rng([1, seed]))
        model = logistic_propensity(pd.DataFrame({"x": x}), t)
        found = settings.fit(y, t, model, predictions=lines(x, y, t), rng=seed)
        row = found.table.iloc[0]
        hits += row["conf_low"] <= EFFECT - HALF and row["conf_high"] >= EFFECT + HALF
        errors.append([row["low"] - (EFFECT - HALF), row["high"] - (EFFECT + HALF)])
        widths.append(row["conf_high"] - row["conf_low"])
    low, high = band()
    assert low <= hits / REPEATS <= high
    # the threshold is fitted, which moves bounds a little, by well under their standard error
    error = np.array(errors)
    assert (np.abs(error.mean(axis=0)) < 0.25 * error.std(axis=0)).all()
    assert np.mean(widths) < 2 * HALF + 2 * 1.9 * error.std()


def chances(e):
    """Chances of treatment with and without a cause u, whose mean is e."""
    above = 1.7 * e / (1 - e + 1.7 * e)
    return above, 2 * e - above


def confounded_world(rng, n=1500):
    """A cause that half of customers have shifts the odds of treatment, and moves outcomes."""
    x = rng.integers(0, 2, n)
    u = rng.random(n) < 0.5
    e = np.where(x == 1, 0.6, 0.4)
    t = rng.random(n) < np.where(u, *chances(e))
    return x, e, t, 1.0 * u + x + EFFECT * t + rng.standard_normal(n)


def test_an_effect_confounded_within_lambda_is_covered_where_the_naive_interval_fails():
    e = np.array([0.4, 0.6])
    ratios = [c / (1 - c) * (1 - e) / e for c in chances(e)]
    assert (np.abs(np.log(ratios)) <= np.log(LAMBDA)).all()
    covered, naive = 0, 0
    settings = MarginalSensitivity(lambdas=(1, LAMBDA), prob=PROB, replications=100)
    for seed in range(100):
        x, e, t, y = confounded_world(np.random.default_rng([2, seed]))
        found = settings.fit(y, t, e, strata=x, rng=seed).table
        inside = (found["conf_low"] <= EFFECT) & (found["conf_high"] >= EFFECT)
        naive, covered = naive + inside.iloc[0], covered + inside.iloc[1]
    assert naive < 10
    assert covered >= 98


def test_rosenbaum_keeps_its_size_under_the_worst_bias_of_gamma():
    rejected = {1.0: 0, 2.0: 0}
    for seed in range(400):
        rng = np.random.default_rng([3, seed])
        size = np.abs(rng.standard_normal(80))
        values = np.where(rng.random(80) < 2 / 3, size, -size)
        table = rosenbaum_bounds(values, list(rejected)).table
        for gamma, p in zip(table["gamma"], table["p_high"], strict=True):
            rejected[gamma] += p < 0.1
    low, high = band(400, 0.1)
    assert rejected[1.0] / 400 > 0.8
    assert low <= rejected[2.0] / 400 <= high
