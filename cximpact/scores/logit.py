"""A small logistic regression on grouped data, with an exact check for separation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy import linalg, optimize, special

from cximpact.core.errors import (
    ConvergenceError,
    InsufficientDataError,
    RankError,
    SeparationError,
    join_names,
)
from cximpact.core.rank import dependent_columns

_ITERATIONS = 60
_SUSPICIOUS = 12.0


@dataclass(frozen=True, kw_only=True, eq=False)
class LogitFit:
    """Coefficients of a logistic regression.

    Parameters
    ----------
    names : tuple of str
        Terms.
    coefficients : numpy.ndarray, shape (term,)
        On the log-odds scale.
    covariance : numpy.ndarray, shape (term, term)
        Of the coefficients; group effects are integrated out at their mode.
    group_effects : numpy.ndarray, shape (group,)
        Shrunken log-odds of each group; empty without groups.
    log_marginal : float
        Laplace marginal log-likelihood, for choosing the spread of the groups.
    """

    names: tuple[str, ...]
    coefficients: np.ndarray = field(repr=False)
    covariance: np.ndarray = field(repr=False)
    group_effects: np.ndarray = field(repr=False)
    log_marginal: float

    def predict(self, design: np.ndarray, groups: np.ndarray | None = None) -> np.ndarray:
        """Return the probability of success.

        Parameters
        ----------
        design : numpy.ndarray, shape (row, term)
            Design matrix.
        groups : numpy.ndarray of int, shape (row,), optional
            Number of each row's group.

        Returns
        -------
        numpy.ndarray, shape (row,)
            Between 0 and 1.
        """
        eta = design @ self.coefficients
        return special.expit(eta if groups is None else eta + self.group_effects[groups])


def fit_logit(
    design: np.ndarray,
    successes: np.ndarray,
    trials: np.ndarray,
    names: Sequence[str],
    *,
    groups: np.ndarray | None = None,
    n_groups: int = 0,
    group_sd: float = 1.0,
) -> LogitFit:
    """Fit a logistic regression, with normal group effects if wanted, by Newton's method.

    Parameters
    ----------
    design : numpy.ndarray, shape (row, term)
        Design matrix with its constant, columns of about unit scale.
    successes, trials : numpy.ndarray, shape (row,)
        Counts of each row.
    names : sequence of str
        One name a term.
    groups : numpy.ndarray of int, shape (row,), optional
        Number of each row's group.
    n_groups : int, default 0
        How many groups there are.
    group_sd : float, default 1.0
        Standard deviation of the group effects.

    Returns
    -------
    LogitFit
        Maximum of the (penalized) likelihood.

    Raises
    ------
    InsufficientDataError, RankError, SeparationError
        If there are too few rows, terms depend on each other, or terms predict the outcome
        perfectly.
    ConvergenceError
        If Newton's method does not settle.
    """
    rows = trials > 0
    if trials.sum() <= design.shape[1]:
        raise InsufficientDataError(
            f"{trials.sum():.0f} rows for {design.shape[1]} terms; expected more rows than terms."
        )
    x, y, n = design[rows], successes[rows], trials[rows]
    _check_rank(x, names)
    member = np.zeros(y.size, dtype=int) if groups is None else groups[rows]
    problem = _Problem(x=x, y=y, n=n, groups=member, n_groups=n_groups, precision=group_sd**-2)
    beta, effects, settled = _newton(problem)
    if not settled or np.abs(problem.eta(beta, effects)).max() > _SUSPICIOUS:
        _check_separation(x, y, n, names)
    if not settled:
        raise ConvergenceError(f"the logistic regression on {join_names(names)} did not converge.")
    schur, _, diagonal = problem.information(beta, effects)
    log_det = np.log(diagonal / problem.precision).sum()
    return LogitFit(
        names=tuple(names),
        coefficients=beta,
        covariance=linalg.inv(schur),
        group_effects=effects,
        log_marginal=float(problem.value(beta, effects) - 0.5 * log_det),
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class _Problem:
    """A logistic regression whose groups enter by number, so that cost grows with terms alone."""

    x: np.ndarray
    y: np.ndarray
    n: np.ndarray
    groups: np.ndarray
    n_groups: int
    precision: float

    def eta(self, beta: np.ndarray, effects: np.ndarray) -> np.ndarray:
        eta = self.x @ beta
        return eta + effects[self.groups] if self.n_groups else eta

    def value(self, beta: np.ndarray, effects: np.ndarray) -> float:
        eta = self.eta(beta, effects)
        # log(1 + exp(eta)), without overflow and faster than logaddexp
        soft = np.maximum(eta, 0) + np.log1p(np.exp(-np.abs(eta)))
        fit = self.y @ eta - self.n @ soft
        return float(fit - 0.5 * self.precision * effects @ effects)

    def by_group(self, values: np.ndarray) -> np.ndarray:
        if not self.n_groups:
            return np.empty(0)
        return np.bincount(self.groups, weights=values, minlength=self.n_groups)

    def information(
        self, beta: np.ndarray, effects: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Schur complement of the terms, their cross-products with the groups, the diagonal."""
        p = special.expit(self.eta(beta, effects))
        w = self.n * p * (1 - p)
        cross = np.array([self.by_group(w * column) for column in self.x.T])
        diagonal = self.by_group(w) + self.precision
        return (self.x * w[:, None]).T @ self.x - (cross / diagonal) @ cross.T, cross, diagonal

    def step(self, beta: np.ndarray, effects: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
        """One Newton step for terms and groups, and the rise in value that it promises."""
        error = self.y - self.n * special.expit(self.eta(beta, effects))
        for_terms = self.x.T @ error
        for_groups = self.by_group(error) - self.precision * effects
        schur, cross, diagonal = self.information(beta, effects)
        terms = linalg.solve(schur, for_terms - (cross / diagonal) @ for_groups, assume_a="pos")
        groups = (for_groups - cross.T @ terms) / diagonal
        return terms, groups, float(for_terms @ terms + for_groups @ groups)


def _newton(problem: _Problem) -> tuple[np.ndarray, np.ndarray, bool]:
    beta, effects = np.zeros(problem.x.shape[1]), np.zeros(problem.n_groups)
    value = problem.value(beta, effects)
    for _ in range(_ITERATIONS):
        try:
            terms, groups, promised = problem.step(beta, effects)
        except linalg.LinAlgError:
            return beta, effects, False
        if promised < 1e-10:
            return beta, effects, True
        size = 1.0
        while problem.value(beta + size * terms, effects + size * groups) < value and size > 1e-6:
            size /= 2
        new = problem.value(beta + size * terms, effects + size * groups)
        if new < value or not np.isfinite(new):
            return beta, effects, promised < 1e-6
        beta, effects, value = beta + size * terms, effects + size * groups, new
    return beta, effects, False


def _check_rank(x: np.ndarray, names: Sequence[str]) -> None:
    if dependent := dependent_columns(x):
        raise RankError(
            f"terms {join_names([names[i] for i in dependent])} follow from the others among "
            "those who got this far; drop them or merge levels."
        )


def _check_separation(x: np.ndarray, y: np.ndarray, n: np.ndarray, names: Sequence[str]) -> None:
    """Look for terms that never err, by linear programming (Konis 2007), and name the fewest."""
    if not _separates(x, y, n):
        return
    guilty = list(range(x.shape[1]))
    for i in range(x.shape[1]):
        fewer = [j for j in guilty if j != i]
        if fewer and _separates(x[:, fewer], y, n):
            guilty = fewer
    named = [names[i] for i in guilty if names[i] != "constant"] or [names[i] for i in guilty]
    raise SeparationError(
        f"{join_names(named)} predicts the outcome perfectly for some rows, so its coefficient is "
        "infinite; merge its levels, drop it, or make it the group (which is shrunk)."
    )


def _separates(x: np.ndarray, y: np.ndarray, n: np.ndarray) -> bool:
    signed = np.unique(np.vstack([x[y > 0], -x[y < n]]), axis=0)
    found = optimize.linprog(
        -signed.sum(axis=0), A_ub=-signed, b_ub=np.zeros(len(signed)), bounds=(-1, 1)
    )
    return bool(found.status == 0 and -found.fun > 1e-7)
