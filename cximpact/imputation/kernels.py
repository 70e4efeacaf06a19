"""The log-likelihood of counts of answers, compiled: the fast twin of the graph in `model`.

Every function works on one cell or one answer of a cell at a time, and only on answers that
occur, so cost grows with neither customers nor answers once the cells are full. Cells are rows of
a sparse matrix: ``columns`` and ``values`` say which effects a cell has.
"""

from __future__ import annotations

from math import erfc, exp, expm1, log, log1p, sqrt

import numpy as np
from numba import njit

_MOST_ODDS, _MOST_LOGIT = 1e290, 700.0
_ROOT2, _LOG_ROOT_2PI = sqrt(2.0), 0.9189385332046727


@njit(cache=True, nogil=True, error_model="numpy")
def linear_predictor(columns, values, effects):
    """Add up the effects of every cell.

    Parameters
    ----------
    columns : numpy.ndarray of int, shape (cell, entry)
        Positions in ``effects``.
    values : numpy.ndarray, shape (cell, entry)
        What they are multiplied by.
    effects : numpy.ndarray, shape (effect,)
        Effects of levels, and slopes.

    Returns
    -------
    numpy.ndarray, shape (cell,)
        Latent score.
    """
    n, width = columns.shape
    out = np.zeros(n)
    for i in range(n):
        for m in range(width):
            out[i] += values[i, m] * effects[columns[i, m]]
    return out


@njit(cache=True, nogil=True, error_model="numpy")
def spread_gradient(columns, values, by_cell, n_effects):
    """Pull derivatives by cell back to the effects.

    Parameters
    ----------
    columns, values : numpy.ndarray, shape (cell, entry)
        As for `linear_predictor`.
    by_cell : numpy.ndarray, shape (cell,)
        Derivatives by the latent score.
    n_effects : int
        How many effects there are.

    Returns
    -------
    numpy.ndarray, shape (effect,)
        Derivatives by the effects.
    """
    n, width = columns.shape
    out = np.zeros(n_effects)
    for i in range(n):
        for m in range(width):
            out[columns[i, m]] += values[i, m] * by_cell[i]
    return out


@njit(cache=True, nogil=True, error_model="numpy")
def logit_likelihood(eta, cuts, style, start, category, count, curved):
    """Sum the log-likelihood under the logistic link, with its derivatives.

    ``log p_k = log F(c_k - eta) + log(1 - F(c_{k-1} - eta)) + log(1 - exp(c_{k-1} - c_k))``.

    Parameters
    ----------
    eta : numpy.ndarray, shape (cell,)
        Latent score.
    cuts : numpy.ndarray, shape (style, category - 1)
        Increasing cutpoints.
    style : numpy.ndarray of int, shape (cell,)
        Row of ``cuts`` of each cell.
    start : numpy.ndarray of int, shape (cell + 1,)
        Where the cutpoints next to the answers of each cell begin.
    category : numpy.ndarray of int, shape (pair,)
        Number of the cutpoint.
    count : numpy.ndarray, shape (2, pair)
        Answers just below the cutpoint, and answers on either side.
    curved : bool
        Whether second derivatives are wanted.

    Returns
    -------
    tuple
        Value without the gaps, derivatives by ``eta`` and by ``cuts``, and second derivatives
        of each pair by the latent score, shape (pair,) or (0,).
    """
    value = 0.0
    by_eta, by_cut = np.zeros(eta.size), np.zeros(cuts.shape)
    curvature = np.empty(category.size if curved else 0)
    odds_at_zero = np.exp(cuts)
    for i in range(eta.size):
        s, fade = style[i], exp(-eta[i])
        for e in range(start[i], start[i + 1]):
            k = category[e]
            distance, odds = cuts[s, k] - eta[i], odds_at_zero[s, k] * fade
            if odds < _MOST_ODDS:
                total = 1.0 + odds
                below, beyond = odds / total, log(total)
            else:
                below, beyond = 1.0, max(distance, 0.0)
                if distance < _MOST_LOGIT:
                    below, beyond = 1.0 / (1.0 + exp(-distance)), log1p(exp(distance))
            value += count[0, e] * distance - count[1, e] * beyond
            slope = count[0, e] - count[1, e] * below
            by_eta[i] -= slope
            by_cut[s, k] += slope
            if curved:
                curvature[e] = -count[1, e] * below * (1.0 - below)
    return value, by_eta, by_cut, curvature


@njit(cache=True, nogil=True, error_model="numpy")
def log_normal_cdf(x):
    """Return the logarithm of the normal distribution function, far out too.

    Parameters
    ----------
    x : float
        Where.

    Returns
    -------
    float
        Below -20 by the asymptotic series.
    """
    if x > -20.0:
        return log(0.5 * erfc(-x / _ROOT2))
    z = 1.0 / (x * x)
    series = 1.0 - z * (1.0 - 3.0 * z * (1.0 - 5.0 * z * (1.0 - 7.0 * z)))
    return -0.5 * x * x - log(-x) - _LOG_ROOT_2PI + log(series)


@njit(cache=True, nogil=True, error_model="numpy")
def log_normal_between(low, high):
    """Return the logarithm of the normal probability between two points.

    Parameters
    ----------
    low, high : float
        ``low < high``; infinite ends are allowed.

    Returns
    -------
    float
        Computed in the tail in which the points lie.
    """
    if low > 0.0:
        low, high = -high, -low
    upper = 0.0 if high == np.inf else log_normal_cdf(high)
    if low == -np.inf:
        return upper
    return upper + log(-expm1(log_normal_cdf(low) - upper))


@njit(cache=True, nogil=True, error_model="numpy")
def normal_quantile(log_p):
    """Return where the normal distribution function has a given logarithm, by Newton's method.

    Parameters
    ----------
    log_p : float
        At most ``log(1/2)``.

    Returns
    -------
    float
        At most 0.
    """
    x = -sqrt(max(-2.0 * log_p - 1.3862943611198906, 0.0))
    for _ in range(60):
        now = log_normal_cdf(x)
        step = (now - log_p) * exp(now + 0.5 * x * x + _LOG_ROOT_2PI)
        x -= step
        if abs(step) < 1e-14 * (1.0 + abs(x)):
            break
    return x


@njit(cache=True, nogil=True, error_model="numpy")
def cutpoints(y, logit):
    """Turn free numbers into cutpoints.

    Parameters
    ----------
    y : numpy.ndarray, shape (category - 1,)
        Free numbers: the baseline probabilities are a softmax of ``(y, -sum y)``.
    logit : bool
        Logistic link; otherwise probit.

    Returns
    -------
    tuple
        Cutpoints, their derivatives of shape (category - 1, category - 1), and the logarithms
        of the baseline probabilities.
    """
    n = y.size
    log_p0 = np.empty(n + 1)
    log_p0[:n], log_p0[n] = y, -y.sum()
    log_p0 -= log_p0.max()
    log_p0 -= log(np.exp(log_p0).sum())
    below, above = np.empty(n), np.empty(n)
    low, high = -np.inf, -np.inf
    for k in range(n):
        low = _log_add(low, log_p0[k])
        high = _log_add(high, log_p0[n - k])
        below[k], above[n - 1 - k] = low, high
    cuts, slope = below - above, np.empty((n, n))
    for k in range(n):
        first = 1.0
        if not logit:
            lower = below[k] < above[k]
            cuts[k] = normal_quantile(min(below[k], above[k])) * (1.0 if lower else -1.0)
            first = exp(below[k] + above[k] + 0.5 * cuts[k] * cuts[k] + _LOG_ROOT_2PI)
        last = -exp(log_p0[n] - above[k])
        for j in range(n):
            share = exp(log_p0[j] - below[k]) if j <= k else -exp(log_p0[j] - above[k])
            slope[k, j] = first * (share - last)
    return cuts, slope, log_p0


@njit(cache=True, nogil=True, error_model="numpy")
def _log_add(a, b):
    top = max(a, b)
    return top + log(exp(a - top) + exp(b - top))


@njit(cache=True, nogil=True, error_model="numpy")
def probit_likelihood(eta, cuts, style, start, category, count, curved):
    """Sum the log-likelihood under the probit link, with its derivatives.

    Parameters
    ----------
    eta, cuts, style : numpy.ndarray
        As for `logit_likelihood`.
    start : numpy.ndarray of int, shape (cell + 1,)
        Where the answers of each cell begin.
    category : numpy.ndarray of int, shape (pair,)
        Number of the answer.
    count : numpy.ndarray, shape (1, pair)
        How often it was given.
    curved : bool
        Whether second derivatives are wanted.

    Returns
    -------
    tuple
        Value, derivatives by ``eta`` and ``cuts``, and second derivatives of each pair by its
        upper and lower cutpoint and by both, shape (pair, 3) or (0, 3).
    """
    value, last = 0.0, cuts.shape[1]
    by_eta, by_cut = np.zeros(eta.size), np.zeros(cuts.shape)
    curvature = np.zeros((category.size if curved else 0, 3))
    for i in range(eta.size):
        s = style[i]
        for e in range(start[i], start[i + 1]):
            k, n = category[e], count[0, e]
            high = cuts[s, k] - eta[i] if k < last else np.inf
            low = cuts[s, k - 1] - eta[i] if k > 0 else -np.inf
            logp = log_normal_between(low, high)
            value += n * logp
            if k < last:
                ratio = exp(-0.5 * high * high - _LOG_ROOT_2PI - logp)
                by_cut[s, k] += n * ratio
                by_eta[i] -= n * ratio
                if curved:
                    curvature[e, 0] = -n * ratio * (high + ratio)
            if k > 0:
                other = exp(-0.5 * low * low - _LOG_ROOT_2PI - logp)
                by_cut[s, k - 1] -= n * other
                by_eta[i] += n * other
                if curved:
                    curvature[e, 1] = n * other * (low - other)
                    if k < last:
                        curvature[e, 2] = n * ratio * other
    return value, by_eta, by_cut, curvature


@njit(cache=True, nogil=True, error_model="numpy")
def spread_curvature(columns, values, style, start, category, curvature, sizes):
    """Pull second derivatives of the cells back to cutpoints and effects.

    Parameters
    ----------
    columns, values, style, start, category : numpy.ndarray
        As above.
    curvature : numpy.ndarray, shape (pair, 3)
        Second derivatives by the cutpoint ``category``, by the one before it, and by both.
    sizes : tuple of int
        Styles, cutpoints, effects.

    Returns
    -------
    numpy.ndarray, shape (style * cutpoint + effect, the same)
        Hessian of the log-likelihood, without the gaps.
    """
    n_styles, n_cuts, n_effects = sizes
    offset, width = n_styles * n_cuts, columns.shape[1]
    out = np.zeros((offset + n_effects, offset + n_effects))
    by_cut = np.empty(n_cuts)
    for i in range(style.size):
        by_cut[:] = 0.0
        base, total = style[i] * n_cuts, 0.0
        for e in range(start[i], start[i + 1]):
            k = category[e]
            upper, lower, both = curvature[e, 0], curvature[e, 1], curvature[e, 2]
            if k < n_cuts:
                out[base + k, base + k] += upper
                by_cut[k] -= upper + both
            if k > 0 and (lower != 0.0 or both != 0.0):
                out[base + k - 1, base + k - 1] += lower
                by_cut[k - 1] -= lower + both
                if k < n_cuts:
                    out[base + k, base + k - 1] += both
                    out[base + k - 1, base + k] += both
            total += upper + lower + 2.0 * both
        for m in range(width):
            a = offset + columns[i, m]
            for k in range(n_cuts):
                out[base + k, a] += by_cut[k] * values[i, m]
            for w in range(width):
                out[a, offset + columns[i, w]] += total * values[i, m] * values[i, w]
    for a in range(offset, offset + n_effects):
        for k in range(offset):
            out[a, k] = out[k, a]
    return out
