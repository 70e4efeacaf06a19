"""How good predicted probabilities are: level, spread and error, on customers not learned from."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from scipy import special, stats

from cximpact.core.errors import SeparationError
from cximpact.core.validate import check_prob
from cximpact.scores.intervals import proportion_interval
from cximpact.scores.logit import fit_logit

_CLEAR = 0.05
_GROUPS = 10
_LEAST = 1e-6


@dataclass(frozen=True, kw_only=True, eq=False)
class RiskQuality:
    """Quality of probabilities out of fold.

    Parameters
    ----------
    probability, outcome : numpy.ndarray, shape (row,)
        What was predicted by models that did not see the row, and what happened.
    intercept, slope : float
        Of the log-odds of the outcome on the predicted log-odds; 0 and 1 are ideal. A slope below
        1 says that predictions are too extreme.
    covariance : numpy.ndarray, shape (2, 2)
        Of the two.
    recalibrated : bool
        Whether the probabilities were corrected by such a line.
    """

    probability: np.ndarray = field(repr=False)
    outcome: np.ndarray = field(repr=False)
    intercept: float
    slope: float
    covariance: np.ndarray = field(repr=False)
    recalibrated: bool

    @property
    def p_value(self) -> float:
        """P-value of the hypothesis that intercept and slope are 0 and 1."""
        off = np.array([self.intercept, self.slope - 1])
        return float(stats.chi2.sf(off @ np.linalg.solve(self.covariance, off), 2))

    @property
    def base_rate(self) -> float:
        """Share of customers with the outcome."""
        return float(self.outcome.mean())

    @property
    def brier(self) -> float:
        """Mean squared error of the probabilities."""
        return float(np.mean((self.outcome - self.probability) ** 2))

    @property
    def skill(self) -> float:
        """Share of the error of predicting the base rate for all that is saved."""
        return 1 - self.brier / (self.base_rate * (1 - self.base_rate))

    @property
    def auc(self) -> float:
        """Probability that a customer with the outcome had the higher prediction."""
        ranks, n = stats.rankdata(self.probability), self.outcome.sum()
        above = ranks[self.outcome == 1].sum() - n * (n + 1) / 2
        return float(above / (n * (self.outcome.size - n)))

    def table(self, prob: float = 0.9) -> pd.DataFrame:
        """Return predicted and found shares in groups of like predictions.

        Parameters
        ----------
        prob : float, default 0.9
            Mass of the intervals.

        Returns
        -------
        pandas.DataFrame
            ``group, predicted, observed, conf_low, conf_high, conf_level, n``, the lowest risk
            first.
        """
        check_prob(prob)
        order = np.argsort(self.probability, kind="stable")
        rows = []
        for g, own in enumerate(np.array_split(order, min(_GROUPS, order.size)), 1):
            hits = int(self.outcome[own].sum())
            ends = proportion_interval(hits, own.size, prob=prob)
            mean = float(self.probability[own].mean())
            rows.append((g, mean, hits / own.size, ends.low, ends.high, prob, own.size))
        columns = ["group", "predicted", "observed", "conf_low", "conf_high", "conf_level", "n"]
        return pd.DataFrame(rows, columns=columns)


def log_odds(probability: np.ndarray) -> np.ndarray:
    """Return log-odds, with certainties kept finite.

    Parameters
    ----------
    probability : numpy.ndarray
        Between 0 and 1.

    Returns
    -------
    numpy.ndarray
        Same shape.
    """
    return special.logit(np.clip(probability, _LEAST, 1 - _LEAST))


def judge(probability: np.ndarray, outcome: np.ndarray, *, recalibrated: bool) -> RiskQuality:
    """Judge probabilities by what happened.

    Parameters
    ----------
    probability, outcome : numpy.ndarray, shape (row,)
        Predictions out of fold, and outcomes.
    recalibrated : bool
        Whether they have been corrected.

    Returns
    -------
    RiskQuality
        Level, spread and error.
    """
    line, covariance = _line(probability, outcome)
    return RiskQuality(
        probability=probability,
        outcome=outcome,
        intercept=float(line[0]),
        slope=float(line[1]),
        covariance=covariance,
        recalibrated=recalibrated,
    )


def recalibrate(
    probability: np.ndarray, outcome: np.ndarray, fold: np.ndarray, how: str
) -> tuple[RiskQuality, RiskQuality]:
    """Correct the level and spread of probabilities where they are clearly wrong.

    Parameters
    ----------
    probability, outcome : numpy.ndarray, shape (row,)
        Predictions out of fold, and outcomes.
    fold : numpy.ndarray of int, shape (row,)
        Fold of each row; a row is corrected by a line of the other folds.
    how : {"auto", "always", "never"}
        Whether to correct; ``"auto"`` does where intercept or slope are clearly off.

    Returns
    -------
    tuple of RiskQuality
        Before, whose line corrects new predictions, and after; the same object where nothing
        was done.
    """
    before = judge(probability, outcome, recalibrated=False)
    if how == "never" or (how == "auto" and before.p_value >= _CLEAR):
        return before, before
    corrected = np.empty_like(probability)
    for k in np.unique(fold):
        own = fold == k
        (a, b), _ = _line(probability[~own], outcome[~own])
        corrected[own] = special.expit(a + b * log_odds(probability[own]))
    return before, judge(corrected, outcome, recalibrated=True)


def _line(probability: np.ndarray, outcome: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return intercept and slope of the outcome on the predicted log-odds, and their covariance."""
    x = log_odds(probability)
    center, spread = float(x.mean()), float(x.std())
    if spread < 1e-9:  # one prediction for all: only its level can be judged
        share = np.clip(outcome.mean(), _LEAST, 1 - _LEAST)
        line = np.array([special.logit(share) - center, 1.0])
        return line, np.diag([1 / (outcome.size * share * (1 - share)), 1.0])
    design = np.column_stack([np.ones(x.size), (x - center) / spread])
    try:
        fit = fit_logit(design, outcome, np.ones(x.size), ["constant", "predicted log-odds"])
    except SeparationError:
        raise SeparationError(
            "predictions out of fold tell the outcome without error; a feature was probably "
            "measured after the outcome, or is the outcome. Leave it out."
        ) from None
    back = np.array([[1.0, -center / spread], [0.0, 1 / spread]])
    return back @ fit.coefficients, back @ fit.covariance @ back.T
