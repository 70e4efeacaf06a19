"""Seasons, fading slopes and what both leave of a forecast."""

import numpy as np
import pytest

from cximpact import goals
from cximpact.core.errors import ConfigError, DesignError, InsufficientPeriodsError
from cximpact.scores import CSAT5

SEASON = np.array([0.3, -0.1, -0.4, 0.2])


def scores(n=20, noise=0.03, seed=0, slope=0.02):
    rng = np.random.default_rng(seed)
    return 3 + slope * np.arange(n) + SEASON[np.arange(n) % 4] + rng.normal(0, noise, n)


def baseline(values, trend, horizon=4, **settings):
    n = len(values)
    return goals.trend_baseline(
        range(n), values, [0.03] * n, scale=CSAT5, horizon=horizon, method=trend, rng=1, **settings
    )


@pytest.mark.parametrize("kind", ["ols", "theil_sen", "local_linear"])
def test_the_season_is_given_back(kind):
    found = baseline(scores(24, noise=0.01), goals.Trend(kind=kind, season=4))
    truth = 3 + 0.02 * np.arange(24, 28) + SEASON
    np.testing.assert_allclose(found.point, truth, atol=0.05)
    plain = baseline(scores(24, noise=0.01), goals.Trend(kind=kind))
    assert np.abs(plain.point - truth).max() > 0.2
    assert "with a season of 4 periods" in found.explain()


def test_the_point_of_a_line_with_season_is_least_squares():
    values = scores(16)
    found = baseline(values, goals.Trend(kind="ols", season=4))
    t = np.arange(20.0)
    design = np.column_stack([t, *(np.arange(20) % 4 == k for k in range(4))])
    fitted = design @ np.linalg.lstsq(design[:16], values, rcond=None)[0]
    np.testing.assert_allclose(found.point, fitted[16:], rtol=1e-10)


def test_prediction_intervals_cover_with_a_season():
    hits = []
    for seed in range(150):
        values = scores(17, noise=0.06, seed=seed)
        found = goals.trend_baseline(
            range(16),
            values[:16],
            scale=CSAT5,
            horizon=1,
            method=goals.Trend(kind="ols", season=4),
            rng=seed,
            n_draws=1000,
        )
        low, high = np.quantile(found.draws["measured"].values[:, 0], [0.05, 0.95])
        hits.append(low < values[16] < high)
    assert 0.83 <= np.mean(hits) <= 0.96


def test_a_slope_that_fades():
    line = [58, 56, 54, 52, 50]
    settings = {"horizon": 3, "rng": 1}
    found = goals.trend_baseline(
        range(5), line, method=goals.Trend(kind="ols", damping=0.5), **settings
    )
    np.testing.assert_allclose(found.point, [49, 48.5, 48.25])
    still = goals.trend_baseline(
        range(5), line, method=goals.Trend(kind="ols", damping=0.0), **settings
    )
    np.testing.assert_allclose(still.point, [50, 50, 50])
    same = goals.trend_baseline(range(5), line, method=goals.Trend(kind="ols"), **settings)
    np.testing.assert_allclose(same.point, [48, 46, 44])


@pytest.mark.parametrize(
    ("make", "error", "match"),
    [
        (lambda: goals.Trend(kind="arima"), ConfigError, "expected one of"),
        (lambda: goals.Trend(damping=1.2), ConfigError, "at most 1"),
        (lambda: goals.Trend(season=1), ConfigError, "at least 2"),
        (
            lambda: baseline(scores(7), goals.Trend(kind="ols", season=4)),
            InsufficientPeriodsError,
            "needs two whole seasons",
        ),
        (
            lambda: goals.trend_baseline(
                [0, 1, 2, 3.3, 5, 6, 7, 8, 9, 10],
                scores(10),
                scale=CSAT5,
                method=goals.Trend(kind="ols", season=4),
            ),
            DesignError,
            "equal steps",
        ),
    ],
)
def test_trends_that_cannot_be(make, error, match):
    with pytest.raises(error, match=match):
        make()
