"""The log density of the hierarchy of segments with its gradient, compiled.

Free numbers come in three parts: means of the terms, then spreads and correlations, then the
segments. Given spreads and correlations, a normal approximation of the likelihood says where the
means lie and how closely, and given all of these where a segment lies; the free numbers are the
standardized distances from there.
"""

from __future__ import annotations

from math import exp, log1p

import numpy as np
from numba import njit

from cximpact.effects.uplift.segment_algebra import (
    backward,
    cholesky,
    forward,
    multiply,
    place,
    place_back,
)
from cximpact.effects.uplift.segment_common import common_back, common_prior, common_root


@njit(cache=True, nogil=True, error_model="numpy")
def log_density(x, cells, prior):
    """Return the log density of the free numbers, up to a constant, and its gradient.

    Parameters
    ----------
    x : numpy.ndarray, shape (free,)
        Means (term), spreads (term), correlations (pair), then segments by terms. Without the last
        part segments are integrated out, which is exact for means.
    cells : tuple
        ``value, size`` (segment, arm): successes and trials, or means and the inverse of their
        variances; ``weight, pull``: how much a cell tells about its predictor, and that times
        where it lies; ``arms`` (arm, term): which terms a predictor adds up; ``binomial``.
    prior : tuple
        ``location, mean_scale, spread_scale`` (term), and ``shape, stretch`` (pair).

    Returns
    -------
    tuple of float and numpy.ndarray
        Value and gradient.

    Notes
    -----
    With ``E`` the root of the covariance of predictors over segments and ``W`` the weights of the
    cells of one, ``M = I + E' W E``. Its predictors are ``center + E z`` with ``z`` of precision
    ``M``, and the data tell ``W - W E M^-1 E' W`` about ``center``. Slopes pass back the same way.
    """
    value, _, weight, pull, arms, _ = cells
    location, mean_scale, spread_scale, shape, stretch = prior
    n, d = value.shape
    pairs = len(stretch)
    gradient, at = np.zeros(len(x)), 2 * d + pairs
    own = len(x) > at
    spread, partial, factor, root = np.zeros(d), np.zeros(pairs), np.zeros((d, d)), np.zeros((d, d))
    common_root(x[d:at], spread_scale, stretch, spread, partial, factor, root)
    total = common_prior(x[d:at], d, shape, stretch, partial, gradient[d:at])
    wide, low, half = np.zeros((d, d)), np.zeros((n, d, d)), np.zeros(d)
    multiply(arms, root, wide)
    square, right = told(wide, weight, pull, arms, location, mean_scale, low)
    top, mean, center = np.zeros((d, d)), np.zeros(d), np.zeros(d)
    cholesky(square, top)
    total -= place(top, right, x[:d], half, mean)
    by_mean, by_center, by_wide = np.zeros(d), np.zeros(d), np.zeros((d, d))
    for i in range(d):
        off = (mean[i] - location[i]) / mean_scale[i]
        total -= 0.5 * off * off
        by_mean[i] = -off / mean_scale[i]
        for j in range(d):
            center[i] += arms[i, j] * mean[j]
    w = x[at:].reshape(n, d) if own else np.zeros((n, d))
    by_w = np.zeros((n, d))
    total += _segments(center, wide, low, cells, w, by_center, by_wide, by_w)
    for i in range(d):
        for j in range(d):
            by_mean[j] += arms[i, j] * by_center[i]
    by_right, by_square, by_root = np.zeros(d), np.zeros((d, d)), np.zeros((d, d))
    place_back(top, half, mean, by_mean, gradient[:d], by_right, by_square)
    _told_back(wide, weight, pull, arms, low, by_square, by_right, by_wide)
    multiply(arms.T.copy(), by_wide, by_root)
    common_back(x[d:at], spread_scale, stretch, spread, partial, factor, by_root, gradient[d:at])
    if own:
        gradient[at:] = by_w.ravel()
    return total, gradient


@njit(cache=True, nogil=True, error_model="numpy")
def told(wide, weight, pull, arms, location, mean_scale, low):
    """Return what prior and data together tell about the means.

    Parameters
    ----------
    wide : numpy.ndarray, shape (arm, term)
        Root of the covariance of predictors over segments.
    weight, pull, arms, location, mean_scale : numpy.ndarray
        As for `log_density`.
    low : numpy.ndarray, shape (segment, term, term)
        Where the factors of ``M`` go.

    Returns
    -------
    tuple of numpy.ndarray
        Precision (term, term), and precision times mean (term,).
    """
    n, d = weight.shape
    by_cell, pulled = np.zeros((d, d)), np.zeros(d)
    square, right = np.zeros((d, d)), np.zeros(d)
    inner, line = np.zeros((d, d)), np.zeros(d)
    for s in range(n):
        for i in range(d):
            for j in range(i + 1):
                inner[i, j] = 1.0 if i == j else 0.0
                for m in range(d):
                    inner[i, j] += wide[m, i] * weight[s, m] * wide[m, j]
        cholesky(inner, low[s])
        for j in range(d + 1):  # a column of each cell, and one of what it pulls to
            for i in range(d):
                line[i] = 0.0
                for m in range(d):
                    line[i] += wide[m, i] * (pull[s, m] if j == d else weight[s, m] * (m == j))
            forward(low[s], line, line)
            backward(low[s], line, line)
            for i in range(d):
                moved = 0.0
                for m in range(d):
                    moved += wide[i, m] * line[m]
                if j == d:
                    pulled[i] += pull[s, i] - weight[s, i] * moved
                else:
                    by_cell[i, j] += weight[s, i] * ((i == j) - moved)
    multiply(by_cell, arms, inner)
    multiply(arms.T.copy(), inner, square)
    for i in range(d):
        square[i, i] += 1.0 / mean_scale[i] ** 2
        right[i] = location[i] / mean_scale[i] ** 2
        for k in range(d):
            right[i] += arms[k, i] * pulled[k]
    return square, right


@njit(cache=True, nogil=True, error_model="numpy")
def _told_back(wide, weight, pull, arms, low, by_square, by_right, by_wide):
    """Add to ``by_wide`` what reaches it through `told`."""
    n, d = weight.shape
    inner, by_cell, pulled = np.zeros((d, d)), np.zeros((d, d)), np.zeros(d)
    multiply(arms, by_square, inner)
    multiply(inner, arms.T.copy(), by_cell)
    for k in range(d):
        for i in range(d):
            pulled[k] += arms[k, i] * by_right[i]
    cover, kept, spread = np.zeros((d, d)), np.zeros((d, d)), np.zeros((d, d))
    y, p, line = np.zeros(d), np.zeros(d), np.zeros(d)
    for s in range(n):
        for j in range(d):  # cover = M^-1 E' W
            for i in range(d):
                line[i] = wide[j, i] * weight[s, j]
            forward(low[s], line, line)
            backward(low[s], line, line)
            cover[:, j] = line
        for i in range(d):
            y[i] = p[i] = 0.0
            for m in range(d):
                y[i] += wide[m, i] * pull[s, m]
                p[i] += cover[i, m] * pulled[m]
        forward(low[s], y, y)
        backward(low[s], y, y)
        multiply(cover, by_cell, kept)
        multiply(kept, cover.T, spread)
        for i in range(d):
            for j in range(d):
                spread[i, j] += 0.5 * (y[i] * p[j] + p[i] * y[j])
        multiply(wide, spread, inner)
        for i in range(d):
            for j in range(d):
                by_wide[i, j] += 2.0 * weight[s, i] * (inner[i, j] - kept[j, i])
                by_wide[i, j] -= weight[s, i] * pulled[i] * y[j] + pull[s, i] * p[j]


@njit(cache=True, nogil=True, error_model="numpy")
def _segments(center, wide, low, cells, w, by_center, by_wide, by_w):
    """Return the log density of the segments given the rest, and add its slopes."""
    value, size, weight, pull, _, binomial = cells
    n, d = w.shape
    right, half, z, eta = np.zeros(d), np.zeros(d), np.zeros(d), np.zeros(d)
    slope, by_z, by_right = np.zeros(d), np.zeros(d), np.zeros(d)
    by_square, through = np.zeros((d, d)), np.zeros((d, d))
    total = 0.0
    for s in range(n):
        _pulled(center, wide, weight[s], pull[s], right)
        total -= place(low[s], right, w[s], half, z)
        _predict(center, wide, z, eta)
        total += _likelihood(binomial, value[s], size[s], eta, slope)
        for i in range(d):
            total -= 0.5 * z[i] * z[i]
            by_z[i] = -z[i]
            for m in range(d):
                by_z[i] += wide[m, i] * slope[m]
        place_back(low[s], half, z, by_z, by_w[s], by_right, by_square)
        multiply(wide, by_square, through)
        for i in range(d):
            moved = 0.0
            for m in range(d):
                moved += wide[i, m] * by_right[m]
            by_center[i] += slope[i] - weight[s, i] * moved
            left = pull[s, i] - weight[s, i] * center[i]
            for j in range(d):
                by_wide[i, j] += 2.0 * weight[s, i] * through[i, j]
                by_wide[i, j] += left * by_right[j] + slope[i] * z[j]
    return total


@njit(cache=True, nogil=True, error_model="numpy")
def _pulled(center, wide, weight, pull, out):
    """Write where the cells of a segment pull its deviations."""
    for i in range(len(out)):
        out[i] = 0.0
        for m in range(len(out)):
            out[i] += wide[m, i] * (pull[m] - weight[m] * center[m])


@njit(cache=True, nogil=True, error_model="numpy")
def _predict(center, wide, z, eta):
    """Write the predictors of a segment with deviations ``z``."""
    for i in range(len(eta)):
        eta[i] = center[i]
        for m in range(len(eta)):
            eta[i] += wide[i, m] * z[m]


@njit(cache=True, nogil=True, error_model="numpy")
def _likelihood(binomial, value, size, eta, slope):
    """Return the log-likelihood of the cells of a segment, and write its slopes."""
    total = 0.0
    for k in range(len(eta)):
        if binomial:
            x = eta[k]
            small = exp(-abs(x))
            total += value[k] * x - size[k] * (max(x, 0.0) + log1p(small))
            share = 1.0 / (1.0 + small) if x >= 0 else small / (1.0 + small)
            slope[k] = value[k] - size[k] * share
        else:
            off = value[k] - eta[k]
            slope[k] = size[k] * off
            total -= 0.5 * size[k] * off * off
    return total


@njit(cache=True, nogil=True, error_model="numpy")
def predictors(x, w, roots, cells, prior):
    """Return means of the terms and predictors of all cells, for many draws.

    Parameters
    ----------
    x : numpy.ndarray, shape (draw, term)
        Free numbers of the means.
    w : numpy.ndarray, shape (draw, segment, term)
        Free numbers of the segments.
    roots : numpy.ndarray, shape (draw, term, term)
        Root of the covariance over segments.
    cells, prior : tuple
        As for `log_density`.

    Returns
    -------
    tuple of numpy.ndarray
        Shapes (draw, term) and (draw, segment, arm).
    """
    _, _, weight, pull, arms, _ = cells
    location, mean_scale = prior[0], prior[1]
    n, d = weight.shape
    means, etas = np.zeros(x.shape), np.zeros(w.shape)
    wide, top, low = np.zeros((d, d)), np.zeros((d, d)), np.zeros((n, d, d))
    right, half, z = np.zeros(d), np.zeros(d), np.zeros(d)
    for i in range(len(x)):
        multiply(arms, roots[i], wide)
        square, right_of_mean = told(wide, weight, pull, arms, location, mean_scale, low)
        cholesky(square, top)
        place(top, right_of_mean, x[i], half, means[i])
        center = np.zeros(d)
        _predict(np.zeros(d), arms, means[i], center)
        for s in range(n):
            _pulled(center, wide, weight[s], pull[s], right)
            place(low[s], right, w[i, s], half, z)
            _predict(center, wide, z, etas[i, s])
    return means, etas
