"""What an omitted variable of a given strength would do to a regression coefficient."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from cximpact.core.errors import ConfigError
from cximpact.core.validate import check_number, check_prob
from cximpact.core.wording import number, percent


@dataclass(frozen=True, kw_only=True, eq=False)
class OmittedVariableBias:
    """A coefficient as it would be with the omitted variable in the regression.

    Parameters
    ----------
    estimate, std_error : float
        Without the omitted variable.
    df : float
        Residual degrees of freedom without it.
    r2_outcome, r2_treatment : float
        Share of the residual variance of the outcome, and of the treatment, that it explains.
    bias : float
        What it takes off the size of the estimate.
    adjusted_estimate, adjusted_error : float
        With it.
    """

    estimate: float
    std_error: float
    df: float
    r2_outcome: float
    r2_treatment: float
    bias: float
    adjusted_estimate: float
    adjusted_error: float

    @property
    def adjusted_t(self) -> float:
        """The adjusted estimate in adjusted standard errors."""
        return self.adjusted_estimate / self.adjusted_error

    def tidy(self, prob: float = 0.9) -> pd.DataFrame:
        """Return the adjusted coefficient with its interval.

        Parameters
        ----------
        prob : float, default 0.9
            Mass of the interval.

        Returns
        -------
        pandas.DataFrame
            One row: the strengths, ``bias``, ``estimate``, ``std_error``, ``t``, ``conf_low``,
            ``conf_high`` and ``conf_level``.
        """
        half = self.adjusted_error * stats.t.ppf((1 + check_prob(prob)) / 2, self.df - 1)
        row = {
            "r2_treatment": self.r2_treatment,
            "r2_outcome": self.r2_outcome,
            "bias": self.bias,
            "estimate": self.adjusted_estimate,
            "std_error": self.adjusted_error,
            "t": self.adjusted_t,
            "conf_low": self.adjusted_estimate - half,
            "conf_high": self.adjusted_estimate + half,
            "conf_level": prob,
        }
        return pd.DataFrame([row])

    def explain(self) -> str:
        """Say what such a variable would do.

        Returns
        -------
        str
            A sentence.
        """
        return (
            f"An omitted variable that explains {percent(self.r2_treatment)} of what is left of "
            f"the treatment and {percent(self.r2_outcome)} of what is left of the outcome would "
            f"move the estimate from {number(self.estimate)} to {number(self.adjusted_estimate)} "
            f"(t = {number(self.adjusted_t)})."
        )


def partial_r2(t: float, df: float) -> float:
    """Return the share of residual variance of the outcome that a regressor explains.

    Parameters
    ----------
    t : float
        Its t statistic, with the classical standard error.
    df : float
        Residual degrees of freedom.

    Returns
    -------
    float
        ``t^2 / (t^2 + df)``.
    """
    t, df = check_number(t, "t"), check_number(df, "df", low=0, open_low=True)
    return t**2 / (t**2 + df)


def robustness_value(t: float, df: float, q: float = 1.0, alpha: float | None = None) -> float:
    """Return how strong an omitted variable must be to change the conclusion.

    Parameters
    ----------
    t : float
        t statistic of the treatment, with the classical standard error.
    df : float
        Residual degrees of freedom.
    q : float, default 1
        Share of the estimate that is to be explained away.
    alpha : float, optional
        Level of a two-sided test that is no longer to refuse what is left of the estimate to
        explain. None asks about the estimate alone.

    Returns
    -------
    float
        From 0 to 1. An omitted variable that explains less than this of the residual variance of
        both the treatment and the outcome cannot do it.

    Raises
    ------
    ConfigError
        If a number is not usable.

    Notes
    -----
    With ``f = |t| / sqrt(df)`` and ``f_q = q f``:
    ``RV_q = (sqrt(f_q^4 + 4 f_q^2) - f_q^2) / 2``. For a test, ``f_q`` is lowered by
    ``f* = t* / sqrt(df - 1)``, with t* of df - 1 degrees of freedom, and the value is 0 if nothing
    is left. A variable that explains more of the outcome also lowers the standard error; where
    ``f_q > 1 / f*`` the most harmful one explains less of the outcome than of the treatment, and
    ``RV = (f_q^2 - f*^2) / (1 + f_q^2)``.

    References
    ----------
    Cinelli, C. and Hazlett, C. (2020). Making sense of sensitivity: extending omitted variable
    bias. Journal of the Royal Statistical Society B 82, 39-67.
    """
    t, df = check_number(t, "t"), check_number(df, "df", low=0, open_low=True)
    q = check_number(q, "q", low=0)
    if alpha is None:
        return strength_at(q * abs(t) / np.sqrt(df), 0.0)
    critical = critical_f(df, check_prob(alpha, "alpha"))
    return strength_at(q * abs(t) / np.sqrt(df), critical)


def critical_f(df: float, alpha: float, *, test_df: float | None = None) -> float:
    """Return the smallest Cohen's f that a test refuses once a variable was added.

    Parameters
    ----------
    df : float
        Residual degrees of freedom before.
    alpha : float
        Level of the two-sided test.
    test_df : float, optional
        Degrees of freedom of the t distribution, by default ``df - 1``.

    Returns
    -------
    float
        ``t* / sqrt(df - 1)``.

    Raises
    ------
    ConfigError
        If no degree of freedom is left.
    """
    if df <= 1:
        raise ConfigError(f"df is {df:g}; a test with one variable more needs more than 1.")
    quantile = stats.t.isf(alpha / 2, df - 1 if test_df is None else test_df)
    return float(quantile / np.sqrt(df - 1))


def strength_at(f: float, critical: float) -> float:
    """Solve for the common strength at which what is left of f reaches a critical value.

    Parameters
    ----------
    f : float
        Cohen's f of what is to be explained away.
    critical : float
        Cohen's f that is to be left; 0 for the estimate alone.

    Returns
    -------
    float
        From 0 to 1.
    """
    left = f - critical
    if left < 1e-100:  # its square is 0
        return 0.0
    if critical > 0 and f > 1 / critical:
        return float((f**2 - critical**2) / (1 + f**2))
    # (sqrt(left^4 + 4 left^2) - left^2) / 2, written so that large values do not cancel
    return float(2 / (1 + np.sqrt(1 + 4 / left**2)))


def omitted_variable_bias(
    estimate: float, std_error: float, df: float, r2_outcome: float, r2_treatment: float
) -> OmittedVariableBias:
    """Return a coefficient as an omitted variable would leave it, at its most harmful sign.

    Parameters
    ----------
    estimate, std_error : float
        Coefficient of the treatment and its classical standard error (not a robust one).
    df : float
        Residual degrees of freedom.
    r2_outcome : float
        Share of the residual variance of the outcome that the variable explains, given treatment
        and covariates.
    r2_treatment : float
        Share of the residual variance of the treatment that it explains, given covariates;
        below 1.

    Returns
    -------
    OmittedVariableBias
        Bias, and the adjusted coefficient.

    Raises
    ------
    ConfigError
        If a number is not usable.

    Notes
    -----
    ``bias = se sqrt(df) sqrt(R2_Y R2_D / (1 - R2_D))`` and
    ``adjusted error = se sqrt((1 - R2_Y) / (1 - R2_D)) sqrt(df / (df - 1))``. Both are exact for
    least squares: entered with the strengths of a variable that is at hand, they give the
    coefficient and error of the longer regression, if the sign is that which lowers the estimate.

    References
    ----------
    Cinelli, C. and Hazlett, C. (2020). Making sense of sensitivity: extending omitted variable
    bias. Journal of the Royal Statistical Society B 82, 39-67.
    """
    estimate = check_number(estimate, "estimate")
    std_error = check_number(std_error, "std_error", low=0, open_low=True)
    df = check_number(df, "df", low=1, open_low=True)
    r2_outcome = check_number(r2_outcome, "r2_outcome", low=0, high=1)
    r2_treatment = check_number(r2_treatment, "r2_treatment", low=0, high=1)
    if r2_treatment == 1:
        raise ConfigError(
            "r2_treatment is 1: nothing of the treatment would be left; give a share below 1."
        )
    bias, shrink = bias_of(std_error, df, r2_outcome, r2_treatment)
    return OmittedVariableBias(
        estimate=estimate,
        std_error=std_error,
        df=df,
        r2_outcome=r2_outcome,
        r2_treatment=r2_treatment,
        bias=float(bias),
        adjusted_estimate=float(np.copysign(1.0, estimate) * (abs(estimate) - bias)),
        adjusted_error=float(std_error * shrink),
    )


def bias_of(
    std_error: float, df: float, r2_outcome: np.ndarray | float, r2_treatment: np.ndarray | float
) -> tuple[np.ndarray, np.ndarray]:
    """Return the bias of strengths, and by what they multiply the standard error.

    Parameters
    ----------
    std_error, df : float
        Classical standard error and residual degrees of freedom.
    r2_outcome, r2_treatment : float or numpy.ndarray
        Strengths.

    Returns
    -------
    tuple of numpy.ndarray
        Size of the bias, and the factor.
    """
    left = 1 - np.asarray(r2_treatment)
    bias = std_error * np.sqrt(df * r2_outcome * r2_treatment / left)
    return bias, np.sqrt((1 - np.asarray(r2_outcome)) / left * df / (df - 1))
