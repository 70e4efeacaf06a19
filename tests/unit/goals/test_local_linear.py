"""The local linear trend against a Kalman filter, and its limits."""

import numpy as np
import pytest

from cximpact.core.scale import ScoreScale
from cximpact.goals import local_linear as module
from cximpact.goals import trend_baseline
from cximpact.goals.forecast import History

CSAT = ScoreScale(name="CSAT", low=0, high=100, higher_is_better=True)
Y = np.array([50.0, 52.3, 51.1, 54.8, 55.2, 58.9, 58.0, 61.5])


def _kalman(y, steps, variances, level_sd, slope_sd, horizon):
    """Filter with a very wide start; returns log-likelihood without the first two, forecast."""
    move, noise = np.array([[1.0, 1.0], [0.0, 1.0]]), np.diag([level_sd**2, slope_sd**2])
    state, cov = np.array([y[0], 0.0]), np.eye(2) * 1e8
    log_lik, seen = 0.0, dict(zip(steps, range(len(y)), strict=True))
    for step in range(int(steps[-1]) + horizon + 1):
        if step in seen:
            i = seen[step]
            spread, gain = cov[0, 0] + variances[i], cov[:, 0] / (cov[0, 0] + variances[i])
            if i >= 2:
                log_lik += -0.5 * (np.log(spread) + (y[i] - state[0]) ** 2 / spread)
            state = state + gain * (y[i] - state[0])
            cov = cov - np.outer(gain, cov[0])
        if step == steps[-1] + horizon:
            return log_lik, state[0], cov[0, 0]
        state, cov = move @ state, move @ cov @ move.T + noise
    raise ValueError("horizon")


@pytest.mark.parametrize("steps", [np.arange(8), np.array([0, 1, 2, 4, 5, 7, 8, 9])])
def test_likelihood_and_forecast_are_those_of_the_kalman_filter(steps):
    variances = np.linspace(0.5, 1.5, 8)
    ahead = np.concatenate([steps, steps[-1:] + 2])
    kernels = module._kernels(ahead)
    found, expected = [], []
    for sds in ([0.8, 0.2, 0.0], [0.1, 0.05, 0.0], [2.0, 0.6, 0.0]):
        log_lik, weights = module._krige(Y, ahead, np.diag(variances), kernels, np.array(sds), 1.0)
        exact = _kalman(Y, steps, variances, sds[0], sds[1], 2)
        found.append((log_lik, (weights[:, 0] * Y).sum()))
        expected.append(exact[:2])
    found, expected = np.array(found), np.array(expected)
    np.testing.assert_allclose(found[:, 1], expected[:, 1], atol=1e-4)
    np.testing.assert_allclose(np.diff(found[:, 0]), np.diff(expected[:, 0]), atol=1e-4)


def test_simulated_futures_have_the_variance_of_the_kalman_filter(monkeypatch):
    fixed = np.array([[0.8, 0.2, 0.0]])
    monkeypatch.setattr(module, "_prior_grid", lambda unit, unknown: fixed)
    rng, variances = np.random.default_rng(1), np.full(8, 0.7)
    draws = Y + np.sqrt(variances) * rng.standard_normal((40_000, 8))
    history = History(
        time=np.arange(8.0),
        future=np.array([8.0, 9.0]),
        estimate=Y,
        draws=draws,
        survey_cov=np.diag(variances),
    )
    forecast = module.local_linear(history, rng)
    _, mean, variance = _kalman(Y, np.arange(8), variances, 0.8, 0.2, 2)
    assert forecast.point[1] == pytest.approx(mean, abs=1e-4)
    assert forecast.true[:, 1].mean() == pytest.approx(mean, abs=0.05)
    assert forecast.true[:, 1].var() == pytest.approx(variance, rel=0.03)


def test_an_exact_line_goes_on_exactly():
    base = trend_baseline(range(10), np.linspace(30, 48, 10), method="local_linear", rng=1)
    assert base.base == pytest.approx(50, abs=1e-4)


def test_mirrored_series_have_mirrored_points_and_intervals():
    up = trend_baseline(range(8), Y, [1.0] * 8, scale=CSAT, rng=1, n_draws=20_000)
    down = trend_baseline(range(8), 100 - Y, [1.0] * 8, scale=CSAT, rng=1, n_draws=20_000)
    assert up.base == pytest.approx(100 - down.base, abs=1e-9)
    u, d = up.summary(), down.summary()
    np.testing.assert_allclose(u["conf_low"], 100 - d["conf_high"], atol=0.25)
    np.testing.assert_allclose(u["conf_high"], 100 - d["conf_low"], atol=0.25)


def test_survey_noise_alone_is_not_taken_for_movement():
    rng = np.random.default_rng(5)
    y = 50 + 3 * rng.standard_normal(16)
    known = trend_baseline(range(16), y, [3.0] * 16, method="local_linear", rng=1)
    ignored = trend_baseline(range(16), y, [0.01] * 16, method="local_linear", rng=1)
    assert float(known.draws["true"].std()) < 0.85 * float(ignored.draws["true"].std())


def test_unknown_survey_error_is_estimated_and_belongs_to_the_measured_score():
    rng = np.random.default_rng(5)
    base = trend_baseline(range(24), 50 + 3 * rng.standard_normal(24), method="local_linear", rng=1)
    true, measured = (float(base.draws[k].std()) for k in ("true", "measured"))
    assert measured > 1.2 * true
    assert "estimated from the history" in base.explain()


def test_forecasts_near_the_end_of_the_scale_bend_and_stay_inside():
    y = [90, 91.5, 93, 94, 95.2, 96, 97, 97.6]
    base = trend_baseline(range(8), y, [0.3] * 8, scale=CSAT, horizon=6, rng=1)
    assert 97.6 < base.base < 100
    assert float(base.draws["true"].max()) < 100


def test_survey_error_keeps_its_size_through_the_logit():
    y = [88, 89, 90, 89, 91, 90, 91, 90]
    base = trend_baseline(range(8), y, [0.7] * 8, scale=CSAT, rng=1)
    assert "logit" in base.explain()
    assert float(base.draws["current"].std()) == pytest.approx(0.7, rel=0.05)
