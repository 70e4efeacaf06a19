"""The order in which groups of columns enter a lasso path, compiled: from cross-products alone."""

from __future__ import annotations

import numpy as np
from numba import njit

STEPS = 100
SMALLEST = 1e-3
_TOLERANCE = 1e-7
_SWEEPS = 500


@njit(cache=True, nogil=True)
def _sweep(gram, cross, edges, penalty, beta):  # type: ignore[no-untyped-def]
    """Improve each group once; return the largest change of a coefficient."""
    largest = 0.0
    for g in range(edges.size - 1):
        start, stop = edges[g], edges[g + 1]
        size = stop - start
        if size == 0:
            continue
        z = np.empty(size)
        norm = 0.0
        for a in range(size):
            left = cross[start + a] + beta[start + a]
            for b in range(cross.size):
                left -= gram[start + a, b] * beta[b]
            z[a] = left
            norm += left * left
        norm = np.sqrt(norm)
        limit = penalty * np.sqrt(size)
        shrink = 1.0 - limit / norm if norm > limit else 0.0
        for a in range(size):
            new = shrink * z[a]
            largest = max(largest, abs(new - beta[start + a]))
            beta[start + a] = new
    return largest


@njit(cache=True, nogil=True)
def first_in(gram, cross, edges, wanted):  # type: ignore[no-untyped-def]
    """Return which groups of columns enter the path first.

    Parameters
    ----------
    gram : numpy.ndarray, shape (column, column)
        Correlations of columns that are uncorrelated within each group.
    cross : numpy.ndarray, shape (column,)
        Correlation of each with the outcome.
    edges : numpy.ndarray of int, shape (group + 1,)
        Where the columns of each group start; a group may be empty.
    wanted : int
        How many groups.

    Returns
    -------
    numpy.ndarray of bool, shape (group,)
        The first ``wanted`` that ever get a coefficient; where several enter in one step, those
        whose coefficients are larger. Fewer where the path ends before.

    Notes
    -----
    Least squares with the penalty ``l sum_g sqrt(p_g) |b_g|``, by descent over groups, on a
    falling grid of ``l``; one column a group is the lasso.
    """
    k = edges.size - 1
    chosen = np.zeros(k, np.bool_)
    beta, size = np.zeros(cross.size), np.zeros(k)
    top = 0.0
    for g in range(k):
        width = edges[g + 1] - edges[g]
        if width:
            norm = np.sqrt(np.sum(cross[edges[g] : edges[g + 1]] ** 2))
            top = max(top, norm / np.sqrt(width))
    count = 0
    for step in range(1, STEPS + 1):
        penalty = top * SMALLEST ** (step / STEPS)
        for _ in range(_SWEEPS):
            if _sweep(gram, cross, edges, penalty, beta) < _TOLERANCE:
                break
        for g in range(k):
            size[g] = np.sum(beta[edges[g] : edges[g + 1]] ** 2)
            if chosen[g]:
                size[g] = 0.0
        while count < wanted and size.max() > 0.0:
            g = size.argmax()
            chosen[g], size[g] = True, 0.0
            count += 1
        if count >= wanted:
            break
    return chosen
