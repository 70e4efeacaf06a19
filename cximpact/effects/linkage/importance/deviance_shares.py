"""Shares of deviance of a 0/1 outcome: a logistic regression for every set of drivers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from scipy import special

from cximpact.core.errors import ConfigError, ConvergenceError
from cximpact.effects.linkage.importance.shares import SharedVariance
from cximpact.effects.linkage.importance.subset_kernels import shapley_of_values

MOST_PLAYERS = 10
_STEPS = 40
_CLOSE = 1e-6
_RIDGE = 1e-10


def share_deviance(
    first: np.ndarray,
    columns: np.ndarray,
    edges: np.ndarray,
    outcome: np.ndarray,
    blocks: Iterable[np.ndarray],
) -> SharedVariance:
    """Share out the deviance that a logistic regression explains.

    Parameters
    ----------
    first : numpy.ndarray, shape (row, 1 + first)
        A constant, and columns that are always in.
    columns : numpy.ndarray, shape (row, column)
        Columns of the players, player by player, about standardized.
    edges : numpy.ndarray of int, shape (player + 1,)
        Where the columns of each player start.
    outcome : numpy.ndarray, shape (row,)
        0 and 1.
    blocks : iterable of numpy.ndarray, shape (draw, row)
        Weights; the first set is that of the estimate.

    Returns
    -------
    SharedVariance
        Shares of the deviance without any column, one row a set of weights.

    Raises
    ------
    ConfigError
        If there are more than 10 players.
    ConvergenceError
        If a fit does not settle.

    Notes
    -----
    McFadden's R2 is shared, not Tjur's: it never falls when a column is added, so no share is
    negative. Each fit starts from the same set in the first weights, and takes about one step.
    """
    k = len(edges) - 1
    if k > MOST_PLAYERS:
        raise ConfigError(
            f"measure is 'deviance' with {k} drivers, which needs {2**k:,} regressions a draw; "
            f"expected at most {MOST_PLAYERS}. Group ratings, or take measure='r2'."
        )
    starts: list[np.ndarray | None] = [None] * (1 << k)
    shares, explained = [], []
    for weights in blocks:
        null = _null_deviance(outcome, weights)
        values = np.empty((1 << k, len(weights)))
        for mask, own in enumerate(_designs(first, columns, edges)):
            values[mask], beta = _fit(own, outcome, weights, starts[mask])
            if starts[mask] is None:
                starts[mask] = beta[0]
        gains = 1 - values / null
        explained.append(gains[0])
        shares.append(np.stack([shapley_of_values(v, k) for v in np.ascontiguousarray(gains.T)]))
    return SharedVariance(
        shares=np.maximum(np.concatenate(shares), 0.0),
        first=np.concatenate(explained),
        order_error=0.0,
    )


def _designs(first: np.ndarray, columns: np.ndarray, edges: np.ndarray) -> Iterator[np.ndarray]:
    """Yield the columns of every set; bit k - 1 - j of its number says whether j is in."""
    k = len(edges) - 1
    for mask in range(1 << k):
        wanted = [
            c for j in range(k) if mask >> (k - 1 - j) & 1 for c in range(edges[j], edges[j + 1])
        ]
        yield np.column_stack([first, columns[:, wanted]])


def _null_deviance(y: np.ndarray, weights: np.ndarray) -> np.ndarray:
    total = weights.sum(axis=1)
    ones = weights @ y
    return -2 * (special.xlogy(ones, ones / total) + special.xlogy(total - ones, 1 - ones / total))


def _fit(
    x: np.ndarray, y: np.ndarray, weights: np.ndarray, start: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """Return deviance, shape (draw,), and coefficients, shape (draw, term), by Newton's method."""
    q, draws = x.shape[1], len(weights)
    upper = np.triu_indices(q)
    pairs = x[:, upper[0]] * x[:, upper[1]]
    beta = np.zeros((draws, q)) if start is None else np.repeat(start[None], draws, axis=0)
    hessian = np.empty((draws, q, q))
    for _ in range(_STEPS):
        p = special.expit(beta @ x.T)
        gradient = (weights * (y - p)) @ x
        p *= 1 - p
        p *= weights
        curvature = p @ pairs
        hessian[:, upper[0], upper[1]] = curvature
        hessian[:, upper[1], upper[0]] = curvature
        ridge = _RIDGE * np.trace(hessian, axis1=1, axis2=2)
        damped = hessian + ridge[:, None, None] * np.eye(q)
        step = np.linalg.solve(damped, gradient[:, :, None])[:, :, 0]
        beta = beta + step
        # half of this is what the step gains; the next would gain about its square
        if (np.einsum("dq,dq->d", gradient, step) <= _CLOSE * weights.sum(axis=1)).all():
            return _deviance(beta @ x.T, y, weights), beta
    raise ConvergenceError(
        "a logistic regression of the outcome on the ratings does not settle; take measure='r2'."
    )


def _deviance(eta: np.ndarray, y: np.ndarray, weights: np.ndarray) -> np.ndarray:
    loss = np.maximum(eta, 0.0) + np.log1p(np.exp(-np.abs(eta))) - y * eta
    return 2 * np.einsum("dr,dr->d", weights, loss)
