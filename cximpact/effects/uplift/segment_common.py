"""What segments have in common, compiled: spreads and correlations from standard normal numbers."""

from __future__ import annotations

from math import erf, erfc, exp, log, log1p, pi, sqrt, tanh

import numpy as np
from numba import njit

_ROOT2 = sqrt(2.0)
_STEPS, _SETTLED = 60, 1e-15


@njit(cache=True, nogil=True, error_model="numpy")
def half_normal_of(x):
    """Return the quantile of the half-normal distribution that ``x`` is of the standard normal.

    Parameters
    ----------
    x : float
        Number.

    Returns
    -------
    float
        Above 0, increasing in ``x``. Newton's method in the tail that ``x`` lies in, where it
        comes from one side.
    """
    if x <= 0:
        share = 0.5 * erfc(-x / _ROOT2)
        t = share * sqrt(pi / 2)
        for _ in range(_STEPS):
            step = (share - erf(t / _ROOT2)) / (sqrt(2 / pi) * exp(-0.5 * t * t))
            t += step
            if abs(step) <= _SETTLED * t:
                break
        return t
    level, t = log(0.5 * erfc(x / _ROOT2)), x
    for _ in range(_STEPS):
        tail = erfc(t / _ROOT2)
        step = (log(tail) - level) * tail / (sqrt(2 / pi) * exp(-0.5 * t * t))
        t += step
        if abs(step) <= _SETTLED * t:
            break
    return t


@njit(cache=True, nogil=True, error_model="numpy")
def common_root(x, spread_scale, stretch, spread, partial, factor, root):
    """Turn free numbers into spreads, correlations and the root of the covariance.

    Parameters
    ----------
    x : numpy.ndarray, shape (term + pair,)
        Free numbers.
    spread_scale : numpy.ndarray, shape (term,)
        Scales of the half-normal priors.
    stretch : numpy.ndarray, shape (pair,)
        What numbers are multiplied by before ``tanh`` makes partial correlations of them.
    spread, partial : numpy.ndarray, shapes (term,) and (pair,)
        Where they go; pairs row by row below the diagonal.
    factor, root : numpy.ndarray, shape (term, term)
        Where the lower triangular roots of correlation and covariance go.
    """
    d, at = len(spread), 0
    for i in range(d):
        spread[i] = spread_scale[i] * half_normal_of(x[i])
        left = 1.0
        for j in range(i):
            partial[at] = tanh(stretch[at] * x[d + at])
            factor[i, j] = partial[at] * sqrt(left)
            left *= 1 - partial[at] ** 2
            at += 1
        factor[i, i] = sqrt(left)
        for j in range(i + 1):
            root[i, j] = spread[i] * factor[i, j]


@njit(cache=True, nogil=True, error_model="numpy")
def common_back(x, spread_scale, stretch, spread, partial, factor, by_root, out):
    """Add slopes by the free numbers, from slopes by the root of the covariance.

    Parameters
    ----------
    x, spread_scale, stretch, spread, partial, factor : numpy.ndarray
        As `common_root` has them.
    by_root : numpy.ndarray, shape (term, term)
        Slopes.
    out : numpy.ndarray, shape (term + pair,)
        What they are added to.
    """
    d, at = len(spread), 0
    for i in range(d):
        steep = 0.5 * exp(0.5 * (spread[i] / spread_scale[i]) ** 2 - 0.5 * x[i] ** 2)
        for j in range(i + 1):
            out[i] += by_root[i, j] * factor[i, j] * spread_scale[i] * steep
        left = 1.0
        for j in range(i):
            r = partial[at]
            slope = by_root[i, j] * spread[i] * sqrt(left) * (1 - r * r)
            for m in range(j + 1, i + 1):
                slope -= r * by_root[i, m] * spread[i] * factor[i, m]
            out[d + at] += stretch[at] * slope
            left *= 1 - r * r
            at += 1


@njit(cache=True, nogil=True, error_model="numpy")
def common_prior(x, n_terms, shape, stretch, partial, out):
    """Return the log prior of the free numbers, and add its slopes.

    Parameters
    ----------
    x : numpy.ndarray, shape (term + pair,)
        Free numbers.
    n_terms : int
        How many terms there are.
    shape, stretch, partial : numpy.ndarray, shape (pair,)
        Exponents of ``1 - r^2``, and as `common_root` has them.
    out : numpy.ndarray, shape (term + pair,)
        What the slopes are added to.

    Returns
    -------
    float
        Up to a constant.
    """
    total = 0.0
    for i in range(n_terms):
        total -= 0.5 * x[i] * x[i]
        out[i] -= x[i]
    for p in range(len(partial)):
        angle = abs(stretch[p] * x[n_terms + p])
        total -= 2 * shape[p] * (angle + log1p(exp(-2 * angle)))
        out[n_terms + p] -= 2 * shape[p] * stretch[p] * partial[p]
    return total


@njit(cache=True, nogil=True, error_model="numpy")
def covariance_roots(x, spread_scale, stretch):
    """Return spreads, correlation factors and roots for many draws.

    Parameters
    ----------
    x : numpy.ndarray, shape (draw, term + pair)
        Free numbers.
    spread_scale, stretch : numpy.ndarray
        As for `common_root`.

    Returns
    -------
    tuple of numpy.ndarray
        Shapes (draw, term), (draw, term, term) and (draw, term, term).
    """
    n, d = len(x), len(spread_scale)
    spread, partial = np.zeros((n, d)), np.zeros(len(stretch))
    factor, root = np.zeros((n, d, d)), np.zeros((n, d, d))
    for i in range(n):
        common_root(x[i], spread_scale, stretch, spread[i], partial, factor[i], root[i])
    return spread, factor, root
