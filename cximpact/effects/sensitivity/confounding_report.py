"""One call: regress, and say what something unmeasured would have to be like to matter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from cximpact.core.results import plotting, result_html
from cximpact.core.validate import check_count, check_number, check_prob
from cximpact.core.wording import number, percent
from cximpact.effects.sensitivity.benchmarks import bounds_table
from cximpact.effects.sensitivity.omitted_variable import (
    OmittedVariableBias,
    bias_of,
    critical_f,
    omitted_variable_bias,
    partial_r2,
    strength_at,
)
from cximpact.effects.sensitivity.regression import Regression, regress


@dataclass(frozen=True, kw_only=True, eq=False)
class Confounding:
    """How sensitive a regression estimate is to omitted variables.

    Parameters
    ----------
    regression : Regression
        Coefficient of the treatment, its errors, and how strong each covariate is.
    outcome, treatment : str
        Columns.
    partial_r2 : float
        Share of what is left of the outcome that treatment explains. A variable that explained
        all of the outcome would have to explain this much of the treatment.
    robustness : float
        Robustness value of the estimate: brings it to 0.
    robustness_test : float
        Robustness value of the test: brings it to where 0 is no longer refused.
    alpha : float
        Level of that test.
    benchmarks : pandas.DataFrame
        As `benchmark_bounds`, for every covariate; numbers are missing where nothing can be k
        times as strong.
    """

    regression: Regression
    outcome: str
    treatment: str
    partial_r2: float
    robustness: float
    robustness_test: float
    alpha: float
    benchmarks: pd.DataFrame = field(repr=False)

    def tidy(self) -> pd.DataFrame:
        """Return the numbers of the analysis, one row each.

        Returns
        -------
        pandas.DataFrame
            ``term, estimate, std_error, conf_low, conf_high, conf_level, n``: the coefficient
            with its interval, then ``partial_r2``, ``robustness`` and ``robustness_test``.
        """
        fit, level = self.regression, 1 - self.alpha
        half = fit.test_error * stats.t.isf(self.alpha / 2, fit.test_df)
        shares = ("partial_r2", "robustness", "robustness_test")
        columns = ["term", "estimate", "std_error", "conf_low", "conf_high", "conf_level", "n"]
        first = (self.treatment, fit.estimate, fit.test_error)
        rows = [(*first, fit.estimate - half, fit.estimate + half, level, fit.n)]
        nan = float("nan")
        rows += [(name, getattr(self, name), nan, nan, nan, nan, fit.n) for name in shares]
        return pd.DataFrame(rows, columns=columns)

    def omit(self, r2_outcome: float, r2_treatment: float) -> OmittedVariableBias:
        """Return the coefficient as an omitted variable of given strengths would leave it.

        Parameters
        ----------
        r2_outcome, r2_treatment : float
            Shares of what is left of outcome and treatment that it explains.

        Returns
        -------
        OmittedVariableBias
            With the classical standard error.
        """
        fit = self.regression
        return omitted_variable_bias(fit.estimate, fit.std_error, fit.df, r2_outcome, r2_treatment)

    def contours(self, largest: float = 0.4, size: int = 41) -> pd.DataFrame:
        """Return the adjusted coefficient over a grid of strengths.

        Parameters
        ----------
        largest : float, default 0.4
            Largest strength on both sides, below 1.
        size : int, default 41
            Values on each side.

        Returns
        -------
        pandas.DataFrame
            ``r2_treatment, r2_outcome, estimate, t``.
        """
        top = check_prob(largest, "largest")
        values = np.linspace(0, top, check_count(size, "size", low=2))
        treatment, outcome = (a.ravel() for a in np.meshgrid(values, values, indexing="ij"))
        fit = self.regression
        bias, shrink = bias_of(fit.std_error, fit.df, outcome, treatment)
        estimate = np.copysign(1.0, fit.estimate) * (abs(fit.estimate) - bias)
        return pd.DataFrame(
            {
                "r2_treatment": treatment,
                "r2_outcome": outcome,
                "estimate": estimate,
                "t": estimate / (fit.test_error * shrink),
            }
        )

    def plot(self, **options: Any) -> Any:
        """Draw the estimate as an omitted variable of any strength would leave it.

        Parameters
        ----------
        **options
            ``largest`` and ``size`` as `contours` takes them; others are passed to
            `cximpact.plots.confounding_contour`. By default the picture holds the strength that
            brings the estimate to 0, and covariates once as strong.

        Returns
        -------
        matplotlib.axes.Axes
            Where it was drawn.
        """
        size, largest = options.pop("size", 161), options.pop("largest", None)
        if largest is None:
            right, top = (self._largest(c) for c in ("r2_treatment", "r2_outcome"))
            table = self.contours(max(right, top), size)
            table = table[(table["r2_treatment"] <= right) & (table["r2_outcome"] <= top)]
        else:
            table = self.contours(largest, size)
        marks = None if self.benchmarks.empty else self.benchmarks
        return plotting().confounding_contour(table, marks, **options)

    def _largest(self, column: str) -> float:
        once = self.benchmarks.loc[self.benchmarks["k"] == self.benchmarks["k"].min(), column]
        most = max([self.robustness, *once.dropna()])
        return float(np.clip(1.3 * most, 0.02, 0.95))

    def explain(self) -> str:
        """Say what it would take to overturn the estimate.

        Returns
        -------
        str
            A paragraph.
        """
        fit = self.regression
        per = f", clustered in {fit.n_clusters:,}" if fit.n_clusters else ""
        return (
            f"Least squares of {self.outcome!r} on {self.treatment!r}: "
            f"{number(fit.estimate)} (standard error {number(fit.test_error)}{per}; {fit.n:,} "
            f"rows). Something unmeasured must explain more than {percent(self.robustness)} of "
            f"what is left of both treatment and outcome to bring it to 0, and more than "
            f"{percent(self.robustness_test)} for a test at {percent(self.alpha)} not to refuse "
            f"0. If it explained all of the outcome, {percent(self.partial_r2)} of the treatment "
            f"would do.{self._strongest()} Whether there is such a thing the data cannot say."
        )

    def _strongest(self) -> str:
        once = self.benchmarks[self.benchmarks["k"] == self.benchmarks["k"].min()]
        once = once[once["estimate"].notna()]
        if once.empty:
            return ""
        left = once["estimate"] * np.copysign(1.0, self.regression.estimate)
        row = once.loc[left.idxmin()]
        times = "" if row["k"] == 1 else f"{row['k']:g} times "
        return (
            f" Something {times}as strong as {row['benchmark']!r}, the covariate that matters "
            f"most, would leave {number(row['estimate'])} (t = {number(row['t'])})."
        )

    def _repr_html_(self) -> str:
        return result_html(
            f"Sensitivity of {self.treatment} on {self.outcome}", self.benchmarks, self.explain()
        )


def confounding(
    frame: Any,
    outcome: str,
    treatment: str,
    covariates: Sequence[str] = (),
    cluster: str | None = None,
    *,
    k: float | Sequence[float] = (1, 2, 3),
    q: float = 1.0,
    alpha: float = 0.05,
) -> Confounding:
    """Regress an outcome on treatment and covariates, and ask what omitted variables would do.

    Parameters
    ----------
    frame : frame
        One row a customer; any engine.
    outcome, treatment : str
        Numeric columns; treatment may be 0 and 1 or an amount.
    covariates : sequence of str
        Columns to adjust for; categories enter by their levels. Each serves as a benchmark.
    cluster : str, optional
        Column at which errors are dependent.
    k : float or sequence of float, default (1, 2, 3)
        How many times as strong as a covariate the omitted variable may be.
    q : float, default 1
        Share of the estimate that is to be explained away.
    alpha : float, default 0.05
        Level of the test.

    Returns
    -------
    Confounding
        Robustness values, bounds by covariate, and sentences.

    Raises
    ------
    DataError, DesignError
        If columns are missing, have gaps or do not vary, or depend on each other.

    Notes
    -----
    Estimand: the coefficient of treatment in the regression with the omitted variable. It is an
    effect if that regression has no further confounder and is linear. What the estimate would be
    is algebra and needs the classical error whatever the errors are like; tests use the clustered
    error, and take the omitted variable to change it by the same factor as the classical one.

    References
    ----------
    Cinelli, C. and Hazlett, C. (2020). Making sense of sensitivity: extending omitted variable
    bias. Journal of the Royal Statistical Society B 82, 39-67.
    """
    q = check_number(q, "q", low=0)
    alpha = check_prob(alpha, "alpha")
    fit = regress(frame, outcome, treatment, covariates, cluster)
    t = fit.estimate / fit.std_error
    f = q * abs(t) / np.sqrt(fit.df)
    wider = fit.test_error / fit.std_error
    test_df = fit.test_df if fit.n_clusters else None
    return Confounding(
        regression=fit,
        outcome=outcome,
        treatment=treatment,
        partial_r2=partial_r2(t, fit.df),
        robustness=strength_at(f, 0.0),
        robustness_test=strength_at(f, wider * critical_f(fit.df, alpha, test_df=test_df)),
        alpha=alpha,
        benchmarks=bounds_table(fit, list(fit.r2_treatment), k, 1 - alpha),
    )
