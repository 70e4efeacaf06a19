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
        Inverse of the (penalized) information.
    """

    names: tuple[str, ...]
    coefficients: np.ndarray = field(repr=False)
    covariance: np.ndarray = field(repr=False)

    def predict(self, design: np.ndarray) -> np.ndarray:
        """Return the probability of success.

        Parameters
        ----------
        design : numpy.ndarray, shape (row, term)
            Design matrix.

        Returns
        -------
        numpy.ndarray, shape (row,)
            Between 0 and 1.
        """
        return special.expit(design @ self.coefficients)


def fit_logit(
    design: np.ndarray,
    successes: np.ndarray,
    trials: np.ndarray,
    names: Sequence[str],
    *,
    penalty: np.ndarray | None = None,
) -> LogitFit:
    """Fit a logistic regression by Newton's method.

    Parameters
    ----------
    design : numpy.ndarray, shape (row, term)
        Design matrix with its constant, columns of about unit scale.
    successes, trials : numpy.ndarray, shape (row,)
        Counts of each row.
    names : sequence of str
        One name a term.
    penalty : numpy.ndarray, shape (term,), optional
        Precision of a normal prior around 0; 0 leaves a term free.

    Returns
    -------
    LogitFit
        Maximum (penalized) likelihood.

    Raises
    ------
    InsufficientDataError, RankError, SeparationError
        If there are too few rows, free terms depend on each other, or free terms predict the
        outcome perfectly.
    ConvergenceError
        If Newton's method does not settle.
    """
    rows = trials > 0
    x, y, n = design[rows], successes[rows], trials[rows]
    prior = np.zeros(x.shape[1]) if penalty is None else penalty
    free = np.flatnonzero(prior == 0)
    free_names = [names[int(i)] for i in free]
    if n.sum() <= free.size:
        raise InsufficientDataError(
            f"{n.sum():.0f} rows for {free.size} terms; expected more rows than terms."
        )
    _check_rank(x[:, free], free_names)
    beta, settled = _newton(x, y, n, prior)
    if not settled or np.abs(x @ beta).max() > _SUSPICIOUS:
        _check_separation(x[:, free], y, n, free_names)
    if not settled:
        raise ConvergenceError(f"the logistic regression on {join_names(names)} did not converge.")
    return LogitFit(
        names=tuple(names),
        coefficients=beta,
        covariance=linalg.inv(_information(x, n, prior, beta)),
    )


def _newton(
    x: np.ndarray, y: np.ndarray, n: np.ndarray, prior: np.ndarray
) -> tuple[np.ndarray, bool]:
    beta, value = np.zeros(x.shape[1]), _objective(x, y, n, prior, np.zeros(x.shape[1]))
    for _ in range(_ITERATIONS):
        gradient = x.T @ (y - n * special.expit(x @ beta)) - prior * beta
        try:
            step = linalg.solve(_information(x, n, prior, beta), gradient, assume_a="pos")
        except linalg.LinAlgError:
            return beta, False
        size = 1.0
        while (new := _objective(x, y, n, prior, beta + size * step)) < value and size > 1e-6:
            size /= 2
        if new < value or not np.isfinite(new):
            return beta, bool(gradient @ step < 1e-8)
        beta, value = beta + size * step, new
        if gradient @ step < 1e-12 * max(1.0, abs(value)):
            return beta, True
    return beta, False


def _objective(
    x: np.ndarray, y: np.ndarray, n: np.ndarray, prior: np.ndarray, beta: np.ndarray
) -> float:
    eta = x @ beta
    return float(y @ eta - n @ np.logaddexp(0, eta) - 0.5 * prior @ beta**2)


def _information(x: np.ndarray, n: np.ndarray, prior: np.ndarray, beta: np.ndarray) -> np.ndarray:
    p = special.expit(x @ beta)
    return (x * (n * p * (1 - p))[:, None]).T @ x + np.diag(prior)


def _check_rank(x: np.ndarray, names: Sequence[str]) -> None:
    triangle, order = linalg.qr(x, mode="r", pivoting=True)
    diagonal = np.abs(np.diag(triangle))
    rank = int((diagonal > 1e-9 * max(diagonal[0], 1e-300)).sum())
    if rank < x.shape[1]:
        raise RankError(
            f"terms {join_names([names[i] for i in order[rank:]])} follow from the others among "
            "those who got this far; drop them or merge levels."
        )


def _check_separation(x: np.ndarray, y: np.ndarray, n: np.ndarray, names: Sequence[str]) -> None:
    """Look for a direction that never errs, by linear programming (Konis 2007)."""
    won, lost = x[y > 0], -x[y < n]
    signed = np.unique(np.vstack([won, lost]), axis=0)
    found = optimize.linprog(
        -signed.sum(axis=0), A_ub=-signed, b_ub=np.zeros(len(signed)), bounds=(-1, 1)
    )
    if found.status == 0 and -found.fun > 1e-7:
        guilty = [name for name, b in zip(names, found.x, strict=True) if abs(b) > 1e-7]
        named = [name for name in guilty if name != "constant"] or guilty
        raise SeparationError(
            f"{join_names(named)} predicts the outcome perfectly for some rows, so its coefficient "
            "is infinite; merge its levels, drop it, or make it the group (which is shrunk)."
        )
