"""Forecasts of a score history, with draws from their predictive distribution."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

_CHUNK = 2_000_000


@dataclass(frozen=True, kw_only=True, eq=False)
class History:
    """A score history and what is known about its survey error.

    Parameters
    ----------
    time : numpy.ndarray, shape (period,)
        When, increasing.
    future : numpy.ndarray, shape (horizon,)
        When to forecast.
    estimate : numpy.ndarray, shape (period,)
        Scores.
    draws : numpy.ndarray, shape (sample, period)
        Plausible true histories: the estimates plus survey error. All rows equal the
        estimates where the survey error is unknown.
    survey_cov : numpy.ndarray, shape (period, period), or None
        Covariance of the survey error.
    used : int, default 0
        Parameters that were taken out before, such as seasonal levels.
    """

    time: np.ndarray
    future: np.ndarray
    estimate: np.ndarray
    draws: np.ndarray
    survey_cov: np.ndarray | None
    used: int = 0


@dataclass(frozen=True, kw_only=True, eq=False)
class Forecast:
    """What a method predicts.

    Parameters
    ----------
    point : numpy.ndarray, shape (horizon,)
        Central forecast.
    true : numpy.ndarray, shape (sample, horizon)
        Draws of the true score.
    extra : numpy.ndarray, shape (sample, horizon), optional
        Draws of the survey error to come, where the method estimated it from the history.
    std_error : numpy.ndarray, shape (horizon,), optional
        Predictive standard error, where the predictive distribution is a t distribution.
    df : float, optional
        Its degrees of freedom.
    """

    point: np.ndarray
    true: np.ndarray
    extra: np.ndarray | None = None
    std_error: np.ndarray | None = None
    df: float | None = None


def ols(history: History, rng: np.random.Generator) -> Forecast:
    """Forecast by a straight line through all periods.

    Parameters
    ----------
    history : History
        At least 3 periods.
    rng : Generator
        Randomness of the draws.

    Returns
    -------
    Forecast
        With the exact t prediction interval where the survey error is unknown.

    Notes
    -----
    ``y_t = a + b t + e_t``. Without survey errors the draws are those of the t predictive
    distribution with ``T - 2`` degrees of freedom and
    ``s sqrt(1 + 1/T + (t - mean)^2 / Sxx)``. With known survey errors their part of the
    residual variance is taken out of the true score. Each draw refits the line to the
    history plus noise, so the draws stay joint with the draws of the history.
    """
    forecast = _refit(history, _least_squares, rng)
    if history.survey_cov is not None or history.used:
        return forecast
    time, future = history.time, history.future
    centered = time - time.mean()
    df = time.size - 2
    fitted = _least_squares(history.estimate[None], time, time)[0]
    s = np.sqrt(((history.estimate - fitted) ** 2).sum() / df)
    leverage = 1 + 1 / time.size + (future - time.mean()) ** 2 / (centered**2).sum()
    return Forecast(
        point=forecast.point, true=forecast.true, std_error=s * np.sqrt(leverage), df=df
    )


def theil_sen(history: History, rng: np.random.Generator) -> Forecast:
    """Forecast by the line with the median slope, which one odd wave does not bend.

    Parameters
    ----------
    history : History
        At least 3 periods.
    rng : Generator
        Randomness of the draws.

    Returns
    -------
    Forecast
        Draws refit the line to the history plus normal noise of the residual variance. The
        residual variance itself is not robust: an odd wave widens the interval.

    References
    ----------
    Sen, P. K. (1968). Estimates of the regression coefficient based on Kendall's tau. JASA
    63, 1379-1389.
    """
    return _refit(history, _median_slope, rng)


def flat(history: History, rng: np.random.Generator, slope_sd: float) -> Forecast:
    """Forecast that the last score stays, give or take a slope that nobody has seen.

    Parameters
    ----------
    history : History
        At least 1 period.
    rng : Generator
        Randomness of the draws.
    slope_sd : float
        Prior standard deviation of the slope, in score points a unit of time.

    Returns
    -------
    Forecast
        The last score plus elapsed time times a normal slope around 0.
    """
    elapsed = history.future - history.time[-1]
    slopes = slope_sd * rng.standard_normal(history.draws.shape[0])
    return Forecast(
        point=np.full(elapsed.size, history.estimate[-1]),
        true=history.draws[:, -1:] + slopes[:, None] * elapsed,
    )


_Fit = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]


def _refit(history: History, fit: _Fit, rng: np.random.Generator) -> Forecast:
    """Perturb the history by the noise around the line, refit, and add new noise."""
    time, future, n = history.time, history.future, history.draws.shape[0]
    df = time.size - 2 - history.used
    residuals = history.estimate - fit(history.estimate[None], time, time)[0]
    total = (residuals**2).sum() / rng.chisquare(df, n)
    noise = np.sqrt(np.maximum(total - _survey_part(history) / df, 0.0))[:, None]
    around = history.draws + noise * rng.standard_normal((n, time.size))
    line = fit(around, time, future)
    return Forecast(
        point=fit(history.estimate[None], time, future)[0],
        true=line + noise * rng.standard_normal((n, future.size)),
    )


def _survey_part(history: History) -> float:
    """Residual sum of squares that the survey error alone would leave around a line."""
    if history.survey_cov is None:
        return 0.0
    design = np.column_stack([np.ones(history.time.size), history.time - history.time.mean()])
    basis, _ = np.linalg.qr(design)
    cov = history.survey_cov
    return float(np.trace(cov) - np.trace(basis.T @ cov @ basis))


def _least_squares(values: np.ndarray, time: np.ndarray, at: np.ndarray) -> np.ndarray:
    centered = time - time.mean()
    slope = values @ centered / (centered @ centered)
    return values.mean(axis=1, keepdims=True) + slope[:, None] * (at - time.mean())


def _median_slope(values: np.ndarray, time: np.ndarray, at: np.ndarray) -> np.ndarray:
    first, second = np.triu_indices(time.size, k=1)
    rows = max(_CHUNK // first.size, 1)
    slopes = [
        np.median((part[:, second] - part[:, first]) / (time[second] - time[first]), axis=1)
        for part in np.split(values, range(rows, values.shape[0], rows))
    ]
    slope = np.concatenate(slopes)
    level = np.median(values, axis=1) - slope * np.median(time)
    return level[:, None] + slope[:, None] * at
