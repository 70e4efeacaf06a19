"""Coverage of the prediction interval of the trend baseline in worlds with known truth."""

import numpy as np
import pytest
from scipy import stats

from cximpact.goals import trend_baseline

pytestmark = pytest.mark.slow
PROB, DRAWS = 0.9, 800


def _band(repeats):
    """Where a covering interval lands in 99 of 100 such runs."""
    return stats.binom.interval(0.99, repeats, PROB)


def _hits(worlds, method, horizon, repeats, kind):
    hits = np.zeros(horizon)
    for seed in range(repeats):
        seen, errors, future = worlds(np.random.default_rng([7, seed]))
        base = trend_baseline(
            range(seen.size), seen, errors, method=method, horizon=horizon, rng=seed, n_draws=DRAWS
        )
        table = base.summary(PROB).query("score == @kind")
        hits += (table["conf_low"] <= future[kind]) & (future[kind] <= table["conf_high"])
    return hits


def _line(rng, periods=7, horizon=2, movement=1.0, error=None):
    """A straight line, movement around it, and survey error where given."""
    time = np.arange(periods + horizon)
    true = 60 + rng.normal() * time + movement * rng.standard_normal(time.size)
    noise = (error or 0.0) * rng.standard_normal(time.size)
    errors = None if error is None else np.full(periods, error)
    return (
        true[:periods] + noise[:periods],
        errors,
        {
            "true": true[periods:],
            "measured": (true + noise)[periods:],
        },
    )


def _wandering(rng, periods=12, horizon=2, error=1.0):
    """A level and a slope that wander, seen through survey error."""
    steps = periods + horizon
    slope = rng.normal() + 0.2 * np.cumsum(rng.standard_normal(steps))
    true = 60 + np.cumsum(slope + rng.standard_normal(steps))
    seen = true + error * rng.standard_normal(steps)
    return (
        seen[:periods],
        np.full(periods, error),
        {
            "true": true[periods:],
            "measured": seen[periods:],
        },
    )


@pytest.mark.parametrize("method", ["ols", "theil_sen"])
def test_prediction_interval_of_a_line_covers(method):
    repeats = 400
    low, high = _band(repeats)
    hits = _hits(_line, method, 2, repeats, "measured")
    assert (hits >= low).all()
    assert (hits <= (high if method == "ols" else repeats)).all()


@pytest.mark.parametrize("kind", ["true", "measured"])
def test_prediction_interval_of_a_line_with_known_survey_error_covers(kind):
    repeats = 300
    hits = _hits(lambda rng: _line(rng, error=1.0), "ols", 2, repeats, kind)
    assert (hits >= _band(repeats)[0]).all()
    assert (hits <= 0.97 * repeats).all()


@pytest.mark.parametrize("kind", ["true", "measured"])
def test_prediction_interval_of_a_local_linear_trend_covers(kind):
    repeats = 150
    hits = _hits(_wandering, "local_linear", 2, repeats, kind)
    assert (hits >= _band(repeats)[0]).all()
    assert (hits <= 0.97 * repeats).all()


def test_the_confidence_interval_of_the_line_would_not_cover():
    repeats, hits = 400, 0
    for seed in range(repeats):
        y, _, future = _line(np.random.default_rng([7, seed]))
        time = np.arange(y.size)
        fit = stats.linregress(time, y)
        s = np.sqrt(((y - fit.intercept - fit.slope * time) ** 2).sum() / (y.size - 2))
        lean = 1 / y.size + (y.size - time.mean()) ** 2 / ((time - time.mean()) ** 2).sum()
        half = stats.t.ppf(0.95, y.size - 2) * s * np.sqrt(lean)
        hits += abs(future["measured"][0] - fit.intercept - fit.slope * y.size) <= half
    assert hits < _band(repeats)[0]
