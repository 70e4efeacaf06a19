"""Whether predicted effects have the right level and the right spread."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats

from cximpact.core.errors import InsufficientDataError
from cximpact.core.results import quantile, result_html
from cximpact.core.validate import check_prob
from cximpact.core.wording import number
from cximpact.effects.uplift.calibration_data import cluster_sums, predictions

TERMS = ("average_effect", "slope")


@dataclass(frozen=True, kw_only=True, eq=False)
class LinearPredictor:
    """The best straight line from predicted to actual effects; made by `best_linear_predictor`.

    Parameters
    ----------
    estimate : numpy.ndarray, shape (2,)
        Average effect, and slope on the prediction.
    covariance : numpy.ndarray, shape (2, 2)
        Of both.
    df : float
        Degrees of freedom.
    n : int
        Rows.
    predicted_mean : float
        Mean prediction.
    """

    estimate: np.ndarray
    covariance: np.ndarray = field(repr=False)
    df: float
    n: int
    predicted_mean: float

    @property
    def std_error(self) -> np.ndarray:
        """Standard errors, shape (2,)."""
        return np.sqrt(np.diag(self.covariance))

    def tidy(self, prob: float = 0.9) -> pd.DataFrame:
        """Return both coefficients with their tests.

        Parameters
        ----------
        prob : float, default 0.9
            Mass of the intervals.

        Returns
        -------
        pandas.DataFrame
            ``term, estimate, std_error, conf_low, conf_high, conf_level, n``; ``statistic,
            p_value`` (0 against both sides), ``p_value_greater`` (above 0); ``calibrated`` (the
            value under perfect calibration) and ``p_value_calibrated``.
        """
        error = self.std_error
        half = quantile(self.df, (1 + check_prob(prob)) / 2) * error
        ideal = np.array([self.predicted_mean, 1.0])
        t, law = self.estimate / error, stats.t(self.df)
        return pd.DataFrame(
            {
                "term": TERMS,
                "estimate": self.estimate,
                "std_error": error,
                "conf_low": self.estimate - half,
                "conf_high": self.estimate + half,
                "conf_level": prob,
                "n": self.n,
                "statistic": t,
                "p_value": 2 * law.sf(np.abs(t)),
                "p_value_greater": law.sf(t),
                "calibrated": ideal,
                "p_value_calibrated": 2 * law.sf(np.abs(self.estimate - ideal) / error),
            }
        )

    def explain(self, prob: float = 0.9) -> str:
        """Say in a paragraph whether predictions can be taken at their word.

        Parameters
        ----------
        prob : float, default 0.9
            Mass of the interval; one less it is the level of the tests.

        Returns
        -------
        str
            Slope, interval and what they mean.
        """
        row = self.tidy(prob).iloc[1]
        level = 1 - prob
        if row["p_value_greater"] >= level:
            verdict = (
                "It is not told apart from 0 or below: no differences in effect were found along "
                "the prediction"
            )
        elif row["p_value_calibrated"] >= level:
            verdict = "Differences in effect were found, and 1, perfect calibration, fits them"
        else:
            wider = "smaller" if row["estimate"] < 1 else "larger"
            verdict = (
                f"Differences in effect were found, but they are {wider} than predicted; multiply "
                "their distance from the mean by the slope"
            )
        return (
            f"Customers predicted to gain one unit more gain {number(row['estimate'])} more "
            f"({100 * prob:g}% confidence interval {number(row['conf_low'])} to "
            f"{number(row['conf_high'])}). {verdict}. The average effect is "
            f"{number(self.estimate[0])}, predicted {number(self.predicted_mean)}."
        )

    def _repr_html_(self) -> str:
        return result_html("Best linear predictor", self.tidy(), self.explain())


def best_linear_predictor(
    score: ArrayLike,
    pseudo_outcome: ArrayLike,
    weights: ArrayLike | None = None,
    cluster: ArrayLike | None = None,
) -> LinearPredictor:
    """Regress doubly robust scores on predicted effects.

    Parameters
    ----------
    score : array_like, shape (n,)
        Predicted effects in the unit of the outcome, made without these rows.
    pseudo_outcome : array_like, shape (n,)
        Doubly robust scores of the effect.
    weights : array_like, shape (n,), optional
        Weights of the customers.
    cluster : array_like, shape (n,), optional
        What is independent; by default the row.

    Returns
    -------
    LinearPredictor
        Average effect and slope.

    Raises
    ------
    InsufficientDataError
        If there are fewer than three rows with weight.

    Notes
    -----
    ``Gamma = a + b (score - mean score)``: ``a`` is the average effect; ``b`` is 1 where
    predictions are calibrated, 0 where they have nothing to do with the effect, and below 1 where
    they are spread too wide. Errors are HC1 with t and ``n - 2`` degrees of freedom, or clustered
    with ``G / (G - 1) (n - 1) / (n - 2)`` and ``G - 1``.

    References
    ----------
    Chernozhukov, V., Demirer, M., Duflo, E. and Fernandez-Val, I. (2025). Generic machine
    learning inference on heterogeneous treatment effects in randomized experiments. Econometrica
    93, 1121-1164.
    """
    rows = predictions(score, pseudo_outcome, weights, cluster)
    gamma, w, n = rows.gamma, rows.weight, rows.gamma.size
    if n < 3:
        raise InsufficientDataError(f"{n} rows have a weight; expected at least 3 for a slope.")
    mean = float(w @ rows.score / w.sum())
    x = np.column_stack([np.ones(n), rows.score - mean])
    bread = np.linalg.inv(x.T @ (w[:, None] * x))
    estimate = bread @ (x.T @ (w * gamma))
    influence = (x * (w * (gamma - x @ estimate))[:, None]) @ bread
    if rows.cluster is None:
        factor, df = n / (n - 2), float(n - 2)
    else:
        influence = cluster_sums(influence, rows.cluster)
        g = len(influence)
        factor, df = g / (g - 1) * (n - 1) / (n - 2), float(g - 1)
    return LinearPredictor(
        estimate=estimate,
        covariance=influence.T @ influence * factor,
        df=df,
        n=n,
        predicted_mean=mean,
    )
