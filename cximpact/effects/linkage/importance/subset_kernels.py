"""Shapley values of explained variance, compiled: from a covariance matrix alone."""

from __future__ import annotations

import numpy as np
from numba import njit

TOLERANCE = 1e-9
"""A column of which less than this share of its variance is left tells nothing new."""


@njit(cache=True, nogil=True)
def take_out(matrix, at, last, scale, first):  # type: ignore[no-untyped-def]
    """Take one column out of the later ones, in the upper triangle.

    Parameters
    ----------
    matrix : numpy.ndarray, shape (column, column)
        Covariances of what is left; changed in place.
    at : int
        The column.
    last : int
        Position of the last column to be changed.
    scale : numpy.ndarray, shape (column,)
        Variances before anything was taken out.
    first : int
        Position of the first column to be changed, after ``at``.
    """
    pivot = matrix[at, at]
    if pivot <= TOLERANCE * scale[at]:
        return
    for i in range(first, last + 1):
        factor = matrix[at, i] / pivot
        if factor != 0.0:
            for j in range(i, last + 1):
                matrix[i, j] -= factor * matrix[at, j]


@njit(cache=True, nogil=True)
def _low_bit(mask):  # type: ignore[no-untyped-def]
    bit = 0
    while not mask & 1:
        mask >>= 1
        bit += 1
    return bit


@njit(cache=True, nogil=True)
def _ones(mask):  # type: ignore[no-untyped-def]
    count = 0
    while mask:
        mask &= mask - 1
        count += 1
    return count


@njit(cache=True, nogil=True)
def subset_values(matrix, scale, edges, total):  # type: ignore[no-untyped-def]
    """Return the share of variance that every set of players explains.

    Parameters
    ----------
    matrix : numpy.ndarray, shape (column + 1, column + 1)
        Covariances of the columns, player by player, and of the outcome, which is last.
    scale : numpy.ndarray, shape (column + 1,)
        Variances against which a column is judged to tell nothing new.
    edges : numpy.ndarray of int, shape (player + 1,)
        Where the columns of each player start.
    total : float
        Variance of the outcome of which shares are taken.

    Returns
    -------
    numpy.ndarray, shape (2**player,)
        Bit ``player - 1 - j`` of the position says whether player j is in.

    Notes
    -----
    Sets are walked in the order of their numbers. Each differs from one met before by its last
    player, who is taken out of the few columns after; so no step is ever undone, and errors
    of rounding do not pile up.
    """
    k, y = edges.size - 1, matrix.shape[0] - 1
    left = np.empty((k + 1, y + 1, y + 1))
    left[0] = matrix
    values = np.zeros(1 << k)
    for mask in range(1, 1 << k):
        bit = _low_bit(mask)
        depth, j = _ones(mask), k - 1 - bit
        here = left[depth]
        start, stop = edges[j], edges[j + 1]
        for i in range(start, y + 1):
            for c in range(i, y + 1):
                here[i, c] = left[depth - 1, i, c]
        for at in range(start, stop):
            take_out(here, at, y, scale, at + 1)
        values[mask] = max(matrix[y, y] - here[y, y], 0.0) / total
    return values


@njit(cache=True, nogil=True)
def shapley_of_values(values, k):  # type: ignore[no-untyped-def]
    """Return the average gain of each player over all orders.

    Parameters
    ----------
    values : numpy.ndarray, shape (2**k,)
        Value of every set, as `subset_values` numbers them.
    k : int
        Number of players.

    Returns
    -------
    numpy.ndarray, shape (k,)
        Shapley values; they sum to the value of all players.
    """
    weight = np.empty(k)  # of the gain on a set of some size: s! (k - s - 1)! / k!
    weight[0] = 1.0 / k
    for s in range(1, k):
        weight[s] = weight[s - 1] * s / (k - s)
    out = np.zeros(k)
    for mask in range(1 << k):
        w, value = weight[min(_ones(mask), k - 1)], values[mask]
        for j in range(k):
            other = mask | (1 << (k - 1 - j))
            if other != mask:
                out[j] += w * (values[other] - value)
    return out


@njit(cache=True, nogil=True)
def exact_shares(matrices, edges, totals, scales):  # type: ignore[no-untyped-def]
    """Return the Shapley shares of explained variance of many draws, over all sets.

    Parameters
    ----------
    matrices : numpy.ndarray, shape (draw, column + 1, column + 1)
        Covariances, the outcome last.
    edges : numpy.ndarray of int, shape (player + 1,)
        Where the columns of each player start.
    totals : numpy.ndarray, shape (draw,)
        Variance of which shares are taken.
    scales : numpy.ndarray, shape (draw, column + 1)
        Variances against which a column is judged to tell nothing new.

    Returns
    -------
    numpy.ndarray, shape (draw, player)
        Shares.
    """
    k = edges.size - 1
    out = np.empty((matrices.shape[0], k))
    for d in range(matrices.shape[0]):
        values = subset_values(matrices[d], scales[d], edges, totals[d])
        out[d] = shapley_of_values(values, k)
    return out


@njit(cache=True, nogil=True)
def order_shares(matrices, edges, totals, scales, orders):  # type: ignore[no-untyped-def]
    """Return the average gain of each player over some orders, for many draws.

    Parameters
    ----------
    matrices : numpy.ndarray, shape (draw, column + 1, column + 1)
        Covariances, the outcome last.
    edges : numpy.ndarray of int, shape (player + 1,)
        Where the columns of each player start.
    totals : numpy.ndarray, shape (draw,)
        Variance of which shares are taken.
    scales : numpy.ndarray, shape (draw, column + 1)
        Variances against which a column is judged to tell nothing new.
    orders : numpy.ndarray of int, shape (order, player)
        Players in the order in which they enter.

    Returns
    -------
    numpy.ndarray, shape (draw, player)
        Shares.
    """
    k, y = edges.size - 1, matrices.shape[1] - 1
    out = np.zeros((matrices.shape[0], k))
    place, scale = np.empty(y + 1, np.int64), np.empty(y + 1)
    work = np.empty((y + 1, y + 1))
    place[y] = y
    for o in range(orders.shape[0]):
        at = 0
        for j in orders[o]:
            for c in range(edges[j], edges[j + 1]):
                place[at] = c
                at += 1
        for d in range(matrices.shape[0]):
            for a in range(y + 1):
                scale[a] = scales[d, place[a]]
                for b in range(a, y + 1):
                    work[a, b] = matrices[d, place[a], place[b]]
            at = 0
            for j in orders[o]:
                before = work[y, y]
                for _ in range(edges[j], edges[j + 1]):
                    take_out(work, at, y, scale, at + 1)
                    at += 1
                out[d, j] += max(before - work[y, y], 0.0)
    for d in range(out.shape[0]):
        out[d] /= orders.shape[0] * totals[d]
    return out


@njit(cache=True, nogil=True)
def without_first(matrices, first):  # type: ignore[no-untyped-def]
    """Take the first columns out of all others.

    Parameters
    ----------
    matrices : numpy.ndarray, shape (draw, column, column)
        Covariances.
    first : int
        How many columns.

    Returns
    -------
    numpy.ndarray, shape (draw, column - first, column - first)
        Covariances of what is left of the others.
    """
    draws, last = matrices.shape[0], matrices.shape[1] - 1
    out = np.empty((draws, last + 1 - first, last + 1 - first))
    for d in range(draws):
        work = matrices[d].copy()
        scale = np.diag(matrices[d]).copy()
        for at in range(first):
            take_out(work, at, last, scale, at + 1)
        for i in range(first, last + 1):
            for j in range(i, last + 1):
                out[d, i - first, j - first] = work[i, j]
                out[d, j - first, i - first] = work[i, j]
    return out
