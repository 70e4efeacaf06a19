"""Did the score change? Independent waves, overlapping panels, and how small a change shows."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from cximpact.core.errors import (
    ConfigError,
    DesignError,
    DuplicateKeyError,
    IdTypeError,
    InsufficientDataError,
    ScaleError,
    ZeroVarianceError,
    rows_phrase,
)
from cximpact.core.validate import check_number, check_prob
from cximpact.data import SurveyWave, frames
from cximpact.scores.statistic import statistic_of

_ID, _ANSWER = "customer", "answer"


def difference(
    before: tuple[float, float],
    after: tuple[float, float],
    *,
    covariance: float = 0.0,
    prob: float = 0.9,
    goal: float | None = None,
) -> pd.DataFrame:
    """Test the difference of two scores.

    Parameters
    ----------
    before, after : tuple of float
        Estimate and standard error of each wave.
    covariance : float, default 0
        Covariance of the two estimates; 0 for independent waves.
    prob : float, default 0.9
        Mass of the interval.
    goal : float, optional
        Change that is hoped for; adds a column.

    Returns
    -------
    pandas.DataFrame
        One row: ``estimate`` (after less before), ``std_error, conf_low, conf_high, conf_level,
        statistic`` (z), ``p_value`` (two-sided), ``prob_positive`` and, with a goal,
        ``prob_goal``, the posterior probability of reaching it under a flat prior.

    Raises
    ------
    ZeroVarianceError
        If the difference has no variance.

    Notes
    -----
    z = (S2 - S1) / sqrt(V1 + V2 - 2 Cov). Whether two intervals overlap is no test: two 95 %
    intervals that just touch stand for p = .006.
    """
    first, se_first = _pair(before, "before")
    second, se_second = _pair(after, "after")
    covariance = check_number(covariance, "covariance")
    variance = se_first**2 + se_second**2 - 2 * covariance
    if not variance > 0:
        raise ZeroVarianceError(
            f"the difference has variance {variance:g}; expected one above 0. Nothing varies in "
            "these waves, or the covariance is too large for the standard errors."
        )
    return change_table(np.array([second - first]), np.array([variance**0.5]), prob, goal)


def change_table(
    estimate: np.ndarray, std_error: np.ndarray, prob: float, goal: float | None
) -> pd.DataFrame:
    """Lay out changes with their tests.

    Parameters
    ----------
    estimate, std_error : numpy.ndarray, shape (row,)
        Changes and their standard errors; a test without a standard error above 0 is missing.
    prob : float
        Mass of the intervals.
    goal : float or None
        Change that is hoped for.

    Returns
    -------
    pandas.DataFrame
        Columns as `difference` gives them.
    """
    prob = check_prob(prob)
    error = np.where(std_error > 0, std_error, np.nan)
    z = estimate / error
    half = stats.norm.ppf((1 + prob) / 2) * std_error
    table = pd.DataFrame(
        {
            "estimate": estimate,
            "std_error": std_error,
            "conf_low": estimate - half,
            "conf_high": estimate + half,
            "conf_level": prob,
            "statistic": z,
            "p_value": 2 * stats.norm.sf(np.abs(z)),
            "prob_positive": stats.norm.cdf(z),
        }
    )
    if goal is not None:
        table["prob_goal"] = stats.norm.cdf((estimate - check_number(goal, "goal")) / error)
    return table


def panel_change(
    before: SurveyWave,
    after: SurveyWave,
    *,
    statistic: str = "score",
    top: int | None = None,
    prob: float = 0.9,
    goal: float | None = None,
) -> pd.DataFrame:
    """Test the change between two waves that share some of their customers.

    Parameters
    ----------
    before, after : SurveyWave
        Waves with a ``customer`` column and one scale, one row a customer, without weights.
    statistic : {"score", "top_box", "mean", "net"}
        What is compared.
    top : int, optional
        Boxes for ``"top_box"`` and ``"net"``.
    prob : float, default 0.9
        Mass of the interval.
    goal : float, optional
        Change that is hoped for; adds a column.

    Returns
    -------
    pandas.DataFrame
        One row, as `difference` gives it, and ``n_before, n_after, n_both`` and ``correlation``
        of the customers who answered twice.

    Raises
    ------
    DesignError
        If a wave has weights, clusters or strata, or no customer column.
    ScaleError
        If the waves use different scales.
    DuplicateKeyError, IdTypeError
        If a customer answered twice in a wave, or the ids have different types.
    InsufficientDataError
        If a wave has fewer than two answers.

    Notes
    -----
    Estimand: the difference of the two waves' scores in the process. Var = V1 + V2 - 2 Cov, with
    Cov = n12 / (n1 n2) s12, s12 the covariance (ddof 1) among those who answered both. Everyone
    who answered counts, not only those who answered twice.

    References
    ----------
    .. [1] Kish, L. (1965). Survey Sampling, section 12.4. New York: Wiley.
    """
    if not _same_scale(before, after):
        raise ScaleError(
            f"before is on scale {before.scale.name}, after on {after.scale.name}; expected one."
        )
    values = statistic_of(before.scale, statistic, top).values
    first = _coded(before, values, "before")
    second = _coded(after, values, "after")
    if first.index.inferred_type != second.index.inferred_type:
        raise IdTypeError(
            f"customers are {first.index.inferred_type} before and "
            f"{second.index.inferred_type} after; give both the same type."
        )
    both = pd.concat([first, second], axis=1, join="inner", keys=["before", "after"])
    n12, n1, n2 = len(both), len(first), len(second)
    s12 = float(both.cov().iloc[0, 1]) if n12 > 1 else 0.0
    spread = both["before"].std() * both["after"].std() if n12 > 1 else 0.0
    table = difference(
        (first.mean(), first.std() / math.sqrt(n1)),
        (second.mean(), second.std() / math.sqrt(n2)),
        covariance=n12 / (n1 * n2) * s12,
        prob=prob,
        goal=goal,
    )
    correlation = s12 / spread if spread > 0 else math.nan
    return table.assign(n_before=n1, n_after=n2, n_both=n12, correlation=correlation)


def minimum_detectable_change(
    std_error_before: float, std_error_after: float, *, prob: float = 0.9, power: float = 0.8
) -> float:
    """Return the smallest change that a comparison of two waves would probably show.

    Parameters
    ----------
    std_error_before, std_error_after : float
        Standard errors of the two scores.
    prob : float, default 0.9
        Mass of the interval that has to exclude 0 (1 less the size of the test).
    power : float, default 0.8
        Probability with which it is to do so.

    Returns
    -------
    float
        In the unit of the standard errors.

    Notes
    -----
    (z_{(1 + prob)/2} + z_power) sqrt(V1 + V2), for independent waves.
    """
    first = check_number(std_error_before, "std_error_before", low=0)
    second = check_number(std_error_after, "std_error_after", low=0)
    return _quantiles(prob, power) * math.hypot(first, second)


def answers_for_change(change: float, sd: float, *, prob: float = 0.9, power: float = 0.8) -> int:
    """Return how many answers each of two waves needs to show a change.

    Parameters
    ----------
    change : float
        Change to be shown, other than 0.
    sd : float
        Standard deviation of one answer, as `score_sd` gives it; 72.6 for a typical NPS.
    prob, power : float
        As for `minimum_detectable_change`.

    Returns
    -------
    int
        Answers a wave, rounded up. Divide by the expected response rate for invitations, and
        multiply by the design effect of clusters or weights.

    Raises
    ------
    ConfigError
        If the change is 0, or another number is out of range.
    """
    size = abs(check_number(change, "change"))
    if size == 0:
        raise ConfigError(
            "change is 0; no number of answers shows that. Give the change in points."
        )
    sd = check_number(sd, "sd", low=0, open_low=True)
    return math.ceil(2 * (_quantiles(prob, power) * sd / size) ** 2 - 1e-9)


def _quantiles(prob: float, power: float) -> float:
    two_sided = stats.norm.ppf((1 + check_prob(prob)) / 2)
    return float(two_sided + stats.norm.ppf(check_prob(power, "power")))


def _pair(pair: Any, name: str) -> tuple[float, float]:
    if not isinstance(pair, tuple) or len(pair) != 2:
        raise ConfigError(f"{name} is {pair!r}; expected (estimate, std_error).")
    estimate, error = pair
    return check_number(estimate, name), check_number(error, f"{name} std_error", low=0)


def _same_scale(before: SurveyWave, after: SurveyWave) -> bool:
    a, b = before.scale, after.scale
    same_values = a.n_categories == b.n_categories and np.allclose(a.values, b.values)
    return same_values and a.higher_is_better == b.higher_is_better and a.name == b.name


def _coded(wave: SurveyWave, values: np.ndarray, name: str) -> pd.Series:
    """Bring the answered rows of a wave into memory, as values by customer."""
    if wave.customer is None:
        raise DesignError(f"{name} names no customer column; say SurveyWave(..., customer=...).")
    if wave.weight or wave.cluster or wave.stratum:
        raise DesignError(
            f"{name} has weights, clusters or strata; this test is for plain samples. Compare "
            "weighted scores of disjoint waves with compare_waves."
        )
    opened = wave.open()
    answered = opened.filter(~frames.is_missing(opened, wave.answer))
    columns = {_ID: wave.customer, _ANSWER: wave.answer}
    table = frames.collect(frames.select(answered, columns))
    if len(table) < 2:
        raise InsufficientDataError(f"{name} has {len(table)} answers; expected at least 2.")
    doubled = np.flatnonzero(table[_ID].duplicated().to_numpy())
    if doubled.size:
        raise DuplicateKeyError(
            f"{name} has customers with several answers in {rows_phrase(doubled)} of those with "
            "an answer; keep one answer a customer."
        )
    answers = table[_ANSWER].to_numpy(dtype=float)
    codes = np.round((answers - wave.scale.low) / wave.scale.step).astype(int)
    return pd.Series(values[codes], index=pd.Index(table[_ID]), name=name)
