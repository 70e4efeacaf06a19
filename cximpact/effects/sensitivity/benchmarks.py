"""Omitted variables as strong as a covariate that is at hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from cximpact.core.errors import ConfigError, DtypeError, unknown_name
from cximpact.core.validate import check_number, check_prob
from cximpact.effects.sensitivity.omitted_variable import bias_of
from cximpact.effects.sensitivity.regression import Regression, regress

COLUMNS = (
    "benchmark",
    "k",
    "r2_treatment",
    "r2_outcome",
    "estimate",
    "std_error",
    "t",
    "conf_low",
    "conf_high",
    "conf_level",
)


def benchmark_bounds(
    frame: Any,
    outcome: str,
    treatment: str,
    covariates: Sequence[str],
    benchmark: str | Sequence[str],
    k: float | Sequence[float] = (1, 2, 3),
    *,
    prob: float = 0.9,
) -> pd.DataFrame:
    """Bound the effect if something omitted were k times as strong as a covariate.

    Parameters
    ----------
    frame : frame
        One row a customer; any engine.
    outcome, treatment : str
        Numeric columns.
    covariates : sequence of str
        Columns that the regression adjusts for.
    benchmark : str or sequence of str
        Covariates to compare with; a category counts with all its levels.
    k : float or sequence of float, default (1, 2, 3)
        How many times as strong.
    prob : float, default 0.9
        Mass of the intervals.

    Returns
    -------
    pandas.DataFrame
        One row a benchmark and k: ``benchmark, k, r2_treatment, r2_outcome`` (the largest
        strengths that such a variable can have), ``estimate, std_error, t, conf_low, conf_high,
        conf_level`` with it in the regression.

    Raises
    ------
    ConfigError
        If a benchmark is no covariate, or nothing can be k times as strong as it.

    Notes
    -----
    With ``r_d`` and ``r_y`` the shares of residual variance of treatment and outcome that the
    covariate explains, and the omitted variable orthogonal to the covariates:
    ``R2_D = k r_d / (1 - r_d)``, ``c = k r_d^2 / ((1 - k r_d) (1 - r_d))``,
    ``R2_Y = ((sqrt(k) + sqrt(c)) / sqrt(1 - c))^2 r_y / (1 - r_y)``, at most 1.

    References
    ----------
    Cinelli, C. and Hazlett, C. (2020). Making sense of sensitivity: extending omitted variable
    bias. Journal of the Royal Statistical Society B 82, 39-67.
    """
    chosen = [benchmark] if isinstance(benchmark, str) else list(benchmark)
    for name in chosen:
        if name not in covariates:
            raise unknown_name("benchmark", name, covariates)
    fit = regress(frame, outcome, treatment, covariates)
    table = bounds_table(fit, chosen, k, prob)
    if (bad := table[table["estimate"].isna()]).size:
        row = bad.iloc[0]
        r = fit.r2_treatment[row["benchmark"]]
        raise ConfigError(
            f"nothing can be {row['k']:g} times as strong as {row['benchmark']!r}, which explains "
            f"{r:.3g} of what is left of the treatment; expected k below {_largest(r):.3g}."
        )
    return table


def bounds_table(
    fit: Regression, benchmarks: Sequence[str], k: float | Sequence[float], prob: float
) -> pd.DataFrame:
    """Bound the effect for benchmarks of a regression that was fitted.

    Parameters
    ----------
    fit : Regression
        The regression.
    benchmarks : sequence of str
        Covariates to compare with.
    k : float or sequence of float
        How many times as strong.
    prob : float
        Mass of the intervals.

    Returns
    -------
    pandas.DataFrame
        As `benchmark_bounds`, with missing numbers where nothing can be k times as strong.

    Raises
    ------
    DtypeError
        If k is empty.
    """
    times = [check_number(v, "k", low=0, open_low=True) for v in np.atleast_1d(k).tolist()]
    if not times:
        raise DtypeError("k is empty; give at least one number.")
    df = fit.df - 1 if not fit.n_clusters else fit.test_df
    quantile = stats.t.ppf((1 + check_prob(prob)) / 2, df)
    rows = []
    for name in benchmarks:
        for v in times:
            strength = strength_bound(fit.r2_treatment[name], fit.r2_outcome[name], v)
            rows.append((name, v, *strength, *_adjusted(fit, strength, quantile), prob))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def strength_bound(r2_treatment: float, r2_outcome: float, k: float) -> tuple[float, float]:
    """Return the largest strengths of a variable that is k times as strong as a covariate.

    Parameters
    ----------
    r2_treatment, r2_outcome : float
        Shares of residual variance that the covariate explains.
    k : float
        How many times as strong.

    Returns
    -------
    tuple of float
        Of the treatment and the outcome; missing where that is impossible.
    """
    if k >= _largest(r2_treatment):
        return np.nan, np.nan
    treatment = k * r2_treatment / (1 - r2_treatment)
    between = k * r2_treatment**2 / ((1 - k * r2_treatment) * (1 - r2_treatment))
    factor = (np.sqrt(k) + np.sqrt(between)) ** 2 / (1 - between)
    return treatment, float(min(factor * r2_outcome / (1 - r2_outcome), 1.0))


def _largest(r: float) -> float:
    """Return the k at which both the strength for treatment and c would reach 1."""
    return (1 - r) / r if r > 0 else np.inf


def _adjusted(
    fit: Regression, strength: tuple[float, float], quantile: float
) -> tuple[float, float, float, float, float]:
    bias, shrink = bias_of(fit.std_error, fit.df, strength[1], strength[0])
    estimate = float(np.copysign(1.0, fit.estimate) * (abs(fit.estimate) - bias))
    error = float(fit.test_error * shrink)
    if np.isnan(error):
        return np.nan, np.nan, np.nan, np.nan, np.nan
    ratio = estimate / error if error > 0 else np.copysign(np.inf, estimate)
    return estimate, error, ratio, estimate - quantile * error, estimate + quantile * error
