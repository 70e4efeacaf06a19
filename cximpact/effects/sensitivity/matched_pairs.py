"""Rosenbaum bounds: a test in matched pairs, if partners may not have been equally likely."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import optimize, stats

from cximpact.core.errors import InsufficientDataError, ZeroVarianceError
from cximpact.core.results import result_html
from cximpact.core.validate import check_choice, check_number, check_prob, check_vector
from cximpact.core.wording import number, percent

TESTS = ("auto", "mcnemar", "signed_rank")
ALTERNATIVES = ("greater", "less", "two_sided")
_EXACT = 100
"""Pairs up to which the signed-rank distribution is exact."""


@dataclass(frozen=True, kw_only=True, eq=False)
class RosenbaumBounds:
    """p values of a test in matched pairs, over how unequal the partners' chances may be.

    Parameters
    ----------
    table : pandas.DataFrame
        ``gamma, p_low, p_high``: the smallest and the largest p value.
    test : {"mcnemar", "signed_rank"}
        Which test.
    alternative : {"greater", "less", "two_sided"}
        Direction in which treated partners are to differ.
    n_pairs : int
        Pairs that entered.
    n_equal : int
        Pairs without a difference, which say nothing.
    pairs : _Pairs
        What the p values are computed from.
    """

    table: pd.DataFrame
    test: str
    alternative: str
    n_pairs: int
    n_equal: int
    pairs: _Pairs = field(repr=False)

    def gamma_at(self, alpha: float = 0.05) -> float:
        """Return the largest Gamma at which the test still refuses no effect.

        Parameters
        ----------
        alpha : float, default 0.05
            Level of the test.

        Returns
        -------
        float
            From 1; 1 also where the test does not refuse at all.
        """
        return self.pairs.gamma_at(check_prob(alpha, "alpha"), self.alternative)

    def explain(self, alpha: float = 0.05) -> str:
        """Say how unequal chances would have to be to explain the difference.

        Parameters
        ----------
        alpha : float, default 0.05
            Level of the test.

        Returns
        -------
        str
            A few sentences.
        """
        _, plain = self.pairs.p_values(1.0, self.alternative)
        names = {"mcnemar": "McNemar test", "signed_rank": "signed-rank test"}
        start = (
            f"{names[self.test]} of {self.n_pairs:,} matched pairs ({self.n_equal:,} of them "
            f"without a difference): p = {number(plain)} if partners were equally likely to be "
            "treated."
        )
        if plain > alpha:
            return f"{start} No effect is not refused at {percent(alpha)} even then."
        return (
            f"{start} It stays below {percent(alpha)} unless something unmeasured makes one "
            f"partner's odds of treatment {number(self.gamma_at(alpha))} times the other's and "
            "nearly decides who does better."
        )

    def _repr_html_(self) -> str:
        return result_html("Rosenbaum bounds", self.table, self.explain())


@dataclass(frozen=True, kw_only=True, eq=False)
class _Pairs:
    """Scores of the pairs that differ, and those of them with the treated partner ahead."""

    scores: np.ndarray
    ahead: np.ndarray

    def p_values(self, gamma: float, alternative: str) -> tuple[float, float]:
        """Return the smallest and largest p value at a Gamma."""
        sides = {
            "greater": [self.ahead],
            "less": [~self.ahead],
            "two_sided": [self.ahead, ~self.ahead],
        }[alternative]
        factor = len(sides)
        ends = []
        for chance in (1 / (1 + gamma), gamma / (1 + gamma)):
            tail = min(self._tail(float(self.scores[side].sum()), chance) for side in sides)
            ends.append(min(factor * tail, 1.0))
        return ends[0], ends[1]

    def gamma_at(self, alpha: float, alternative: str) -> float:
        """Solve for the Gamma at which the largest p value is alpha."""

        def above(log_gamma: float) -> float:
            return self.p_values(float(np.exp(log_gamma)), alternative)[1] - alpha

        if above(0.0) >= 0:
            return 1.0
        top = 1.0
        while above(top) < 0:
            top *= 2
        return float(np.exp(optimize.brentq(above, 0.0, top, xtol=1e-10)))

    @cached_property
    def _steps(self) -> np.ndarray | None:
        """Scores in half units, where the distribution of their sum is exact."""
        return np.rint(2 * self.scores).astype(int) if self.scores.size <= _EXACT else None

    def _tail(self, total: float, chance: float) -> float:
        """Return the probability of a sum of at least ``total``."""
        if np.ptp(self.scores) == 0:
            hits = round(total / self.scores[0])
            return float(stats.binom.sf(hits - 1, self.scores.size, chance))
        if self._steps is None:
            mean = chance * self.scores.sum()
            variance = chance * (1 - chance) * (self.scores**2).sum()
            return float(stats.norm.sf((total - mean) / np.sqrt(variance)))
        law = np.ones(1)
        for step in self._steps:
            longer = np.zeros(law.size + step)
            longer[: law.size] = (1 - chance) * law
            longer[step:] += chance * law
            law = longer
        return float(min(law[round(2 * total) :].sum(), 1.0))


def rosenbaum_bounds(
    differences: ArrayLike,
    gamma: float | Sequence[float] = (1, 1.5, 2, 3, 4, 5),
    *,
    test: str = "auto",
    alternative: str = "greater",
) -> RosenbaumBounds:
    """Bound the p value of a test in matched pairs, if partners' chances were unequal.

    Parameters
    ----------
    differences : array_like, shape (pair,)
        Treated less untreated partner. For 0/1 outcomes these are -1, 0 and 1; counts can be
        written as ``numpy.repeat([1, -1], [110, 12])``.
    gamma : float or sequence of float
        By how much the odds of treatment of partners may differ; 1 is an experiment.
    test : {"auto", "mcnemar", "signed_rank"}
        McNemar's sign test of the pairs that differ, or Wilcoxon's signed-rank test; "auto" takes
        the first for differences that are all -1, 0 or 1.
    alternative : {"greater", "less", "two_sided"}
        Whether treated partners do better, worse, or either.

    Returns
    -------
    RosenbaumBounds
        p values by Gamma, and sentences.

    Raises
    ------
    ZeroVarianceError
        If no pair differs.
    InsufficientDataError
        If there are fewer than two pairs.
    ConfigError
        If a setting is not usable.

    Notes
    -----
    Null: treatment changes nobody's outcome. Within a pair the chance that the partner who does
    better is the treated one lies between ``1 / (1 + Gamma)`` and ``Gamma / (1 + Gamma)``; the
    statistic is then bounded by sums of independent terms with these chances. McNemar bounds are
    binomial. Signed-rank bounds are exact up to 100 pairs that differ, and normal beyond. Pairs
    without a difference are ranked, and then add nothing; tied ranks are averaged. Two-sided p
    values are twice the smaller one.

    References
    ----------
    Rosenbaum, P. R. (2002). Observational Studies, 2nd ed., sections 4.3 and 4.4. Springer.
    """
    check_choice(test, "test", TESTS)
    check_choice(alternative, "alternative", ALTERNATIVES)
    gammas = [check_number(g, "gamma", low=1) for g in np.atleast_1d(gamma).tolist()]
    values = check_vector(differences, "differences")
    if values.size < 2:
        raise InsufficientDataError(f"{values.size} pair; expected at least 2.")
    kept = values[values != 0]
    if not kept.size:
        raise ZeroVarianceError(f"none of {values.size} pairs differs; there is nothing to test.")
    if test == "auto":
        test = "mcnemar" if np.isin(kept, (-1, 1)).all() else "signed_rank"
    ranks = stats.rankdata(np.abs(values))[values != 0]
    scores = np.ones(kept.size) if test == "mcnemar" else ranks
    pairs = _Pairs(scores=scores, ahead=kept > 0)
    rows = [(g, *pairs.p_values(g, alternative)) for g in gammas]
    return RosenbaumBounds(
        table=pd.DataFrame(rows, columns=["gamma", "p_low", "p_high"]),
        test=test,
        alternative=alternative,
        n_pairs=values.size,
        n_equal=values.size - kept.size,
        pairs=pairs,
    )


def sensitivity_gamma(
    differences: ArrayLike,
    alpha: float = 0.05,
    *,
    test: str = "auto",
    alternative: str = "greater",
) -> float:
    """Return how unequal partners' chances must be for a test in pairs not to refuse any more.

    Parameters
    ----------
    differences : array_like, shape (pair,)
        Treated less untreated partner.
    alpha : float, default 0.05
        Level of the test.
    test : {"auto", "mcnemar", "signed_rank"}
        As for `rosenbaum_bounds`.
    alternative : {"greater", "less", "two_sided"}
        As for `rosenbaum_bounds`.

    Returns
    -------
    float
        The Gamma at which the largest p value reaches alpha; 1 where it is larger from the start.

    Raises
    ------
    ConfigError, InsufficientDataError, ZeroVarianceError
        As `rosenbaum_bounds`.

    References
    ----------
    Rosenbaum, P. R. (2002). Observational Studies, 2nd ed., chapter 4. Springer.
    """
    found = rosenbaum_bounds(differences, 1.0, test=test, alternative=alternative)
    return found.gamma_at(alpha)
