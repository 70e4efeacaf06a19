"""Shares of explained variance: what each player adds to R2, averaged over all orders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from cximpact.core.errors import ConfigError, ZeroVarianceError
from cximpact.core.rng import RngLike, as_generator
from cximpact.core.validate import as_floats, check_count
from cximpact.effects.linkage.importance.subset_kernels import (
    exact_shares,
    order_shares,
    without_first,
)

EXACT_PLAYERS = 15
_FINER = 10
"""How many times as many orders the estimate takes as each draw."""


@dataclass(frozen=True, kw_only=True, eq=False)
class SharedVariance:
    """Variance explained, shared out.

    Parameters
    ----------
    shares : numpy.ndarray, shape (draw, player)
        Share of the variance of the outcome that is put down to each player.
    first : numpy.ndarray, shape (draw,)
        Share that the columns which are always in explain by themselves.
    order_error : float
        Standard error of the largest share that comes from sampling orders; 0 if all were taken.
    """

    shares: np.ndarray = field(repr=False)
    first: np.ndarray = field(repr=False)
    order_error: float

    @property
    def r2(self) -> np.ndarray:
        """Share that all columns explain together, shape (draw,)."""
        return self.first + self.shares.sum(axis=1)


def lmg(covariance: ArrayLike, sizes: Sequence[int] | None = None, *, first: int = 0) -> np.ndarray:
    """Share out the R2 of a regression over its regressors, from their covariances.

    Parameters
    ----------
    covariance : array_like, shape (column, column)
        Covariances or correlations of the regressors and, last, of the outcome.
    sizes : sequence of int, optional
        How many columns each player has, in their order; one each by default.
    first : int, default 0
        How many leading columns are always in and get no share.

    Returns
    -------
    numpy.ndarray, shape (player,)
        Shares of the variance of the outcome; with what the first columns explain they sum to R2.

    Raises
    ------
    ConfigError
        If the matrix is not square and symmetric, the sizes do not fit, or there are more than 15
        players.
    ZeroVarianceError
        If the outcome does not vary.

    Notes
    -----
    Estimand: the gain in R2 when a player is added to those before it, averaged over all orders
    of the players; the Shapley value of R2. It describes a regression and claims no effect.

    References
    ----------
    Lindeman, R. H., Merenda, P. F. and Gold, R. Z. (1980). Introduction to Bivariate and
    Multivariate Analysis. Scott Foresman, 119 ff.
    Groemping, U. (2007). Estimators of relative importance in linear regression based on variance
    decomposition. The American Statistician 61, 139-147.
    """
    matrix = as_floats(covariance, "covariance")
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or not np.allclose(matrix, matrix.T):
        raise ConfigError(
            f"covariance has shape {matrix.shape}; expected a square, symmetric matrix."
        )
    first = check_count(first, "first", low=0)
    q = len(matrix) - 1 - first
    widths = [1] * max(q, 0) if sizes is None else [check_count(s, "sizes") for s in sizes]
    if q < 1 or sum(widths) != q:
        raise ConfigError(f"sizes are {widths}; expected to sum to the {max(q, 0)} regressors.")
    if len(widths) > EXACT_PLAYERS:
        raise ConfigError(f"there are {len(widths)} players; expected at most {EXACT_PLAYERS}.")
    if matrix[-1, -1] <= 0:
        raise ZeroVarianceError("the outcome, the last column, does not vary.")
    return share_variance(matrix[None], np.cumsum([0, *widths]), first=first).shares[0]


def share_variance(
    matrices: np.ndarray,
    edges: np.ndarray,
    *,
    first: int = 0,
    orders: int = 0,
    rng: RngLike = 0,
) -> SharedVariance:
    """Share out explained variance for many covariance matrices, the first being the estimate.

    Parameters
    ----------
    matrices : numpy.ndarray, shape (draw, first + column + 1, first + column + 1)
        Covariances: columns that are always in, players' columns, outcome.
    edges : numpy.ndarray of int, shape (player + 1,)
        Where the columns of each player start, without the first.
    first : int, default 0
        How many columns are always in.
    orders : int, default 0
        How many orders to sample in each draw; 0 takes all.
    rng : int or Generator
        Randomness of the orders.

    Returns
    -------
    SharedVariance
        One row a matrix.

    Notes
    -----
    Orders come as cyclic shifts of a random one and its reverse, so every player is in every place
    equally often. The estimate takes ten times as many; in the draws, the error of the fewer orders
    is taken out by the ratio of the two estimates, and shares are scaled so that they still sum to
    the R2 of their draw.
    """
    totals = np.ascontiguousarray(matrices[:, -1, -1])
    scales = np.ascontiguousarray(np.diagonal(matrices, axis1=1, axis2=2)[:, first:])
    left = without_first(np.ascontiguousarray(matrices), first)
    explained_first = 1 - left[:, -1, -1] / totals
    edges = np.asarray(edges, dtype=np.int64)
    if not orders:
        shares = exact_shares(left, edges, totals, scales)
        return SharedVariance(shares=shares, first=explained_first, order_error=0.0)
    k, generator = edges.size - 1, as_generator(rng)
    parts = [
        order_shares(left[:1], edges, totals[:1], scales[:1], shifted_orders(k, orders, generator))
        for _ in range(_FINER)
    ]
    fine = np.concatenate(parts)
    coarse = order_shares(left, edges, totals, scales, shifted_orders(k, orders, generator))
    estimate = fine.mean(axis=0)
    ratio = np.divide(estimate, coarse[0], out=np.ones(k), where=coarse[0] > 0)
    shares = coarse * ratio
    wanted, found = coarse.sum(axis=1), shares.sum(axis=1)
    shares *= np.divide(wanted, found, out=np.ones_like(found), where=found > 0)[:, None]
    error = float(fine[:, estimate.argmax()].std(ddof=1) / np.sqrt(_FINER))
    return SharedVariance(shares=shares, first=explained_first, order_error=error)


def shifted_orders(k: int, count: int, rng: np.random.Generator) -> np.ndarray:
    """Draw orders of players in which each is in each place equally often.

    Parameters
    ----------
    k : int
        Players.
    count : int
        How many orders at least.
    rng : numpy.random.Generator
        Randomness.

    Returns
    -------
    numpy.ndarray of int, shape (order, k)
        Whole rounds of ``2 k`` orders.
    """
    shifts = (np.arange(k)[:, None] + np.arange(k)) % k
    rounds = []
    for _ in range(-(-count // (2 * k))):
        round_ = rng.permutation(k)[shifts]
        rounds += [round_, round_[:, ::-1]]
    return np.ascontiguousarray(np.concatenate(rounds), dtype=np.int64)
