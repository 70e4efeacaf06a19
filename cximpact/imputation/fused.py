"""The log posterior and its gradient in one compiled pass."""

from __future__ import annotations

from math import exp, expm1, log
from typing import NamedTuple

import numpy as np
from numba import njit

from cximpact.imputation.kernels import (
    cutpoints,
    linear_predictor,
    logit_likelihood,
    probit_likelihood,
    spread_gradient,
)


class Layout(NamedTuple):
    """Everything but the free numbers, as flat arrays.

    Parameters
    ----------
    logit : bool
        Logistic link; otherwise probit.
    columns, values, style, start, category, count, middle : numpy.ndarray
        The answers, as `Counts` holds them.
    levels, coordinates : numpy.ndarray of int, shape (block + 1,)
        Where the levels of each block begin among the effects, and its coordinates among the
        free numbers. The levels of a spread follow all effects and slopes.
    basis, basis_at : numpy.ndarray
        The bases row by row, one after the other, and where each begins; -1 is the identity.
    centered : numpy.ndarray, shape (free,)
        How far each coordinate is centered, from 0 to 1.
    prior : numpy.ndarray, shape (block,)
        Scales of the half-normals.
    spread : int
        Number of the block of the response style's spread, or -1.
    slope_sd : numpy.ndarray, shape (slope,)
        Prior standard deviations of the slopes.
    concentration : float
        Of the Dirichlet prior.
    constant : float
        The part of the log prior that never changes.
    """

    logit: bool
    columns: np.ndarray
    values: np.ndarray
    style: np.ndarray
    start: np.ndarray
    category: np.ndarray
    count: np.ndarray
    middle: np.ndarray
    levels: np.ndarray
    coordinates: np.ndarray
    basis: np.ndarray
    basis_at: np.ndarray
    centered: np.ndarray
    prior: np.ndarray
    spread: int
    slope_sd: np.ndarray
    concentration: float
    constant: float


@njit(cache=True, nogil=True, error_model="numpy")
def level_effects(theta, layout):
    """Multiply the coordinates of every block by its basis.

    Parameters
    ----------
    theta : numpy.ndarray, shape (free,)
        Free numbers.
    layout : Layout
        Blocks.

    Returns
    -------
    numpy.ndarray, shape (effect,)
        Effects of levels, slopes, and last the log spreads.
    """
    n_blocks, n_slopes = layout.prior.size, layout.slope_sd.size
    n_levels, slopes_at = layout.levels[-1], layout.coordinates[-1]
    out = np.zeros(n_levels)
    scales_at = slopes_at + n_slopes
    for b in range(n_blocks):
        log_scale = theta[scales_at + b]
        first, width = layout.coordinates[b], layout.coordinates[b + 1] - layout.coordinates[b]
        u = np.empty(width)
        for c in range(width):
            u[c] = theta[first + c] * exp((1.0 - layout.centered[first + c]) * log_scale)
        for v in range(layout.levels[b + 1] - layout.levels[b]):
            at = layout.levels[b] + v
            if layout.basis_at[b] < 0:
                out[at] = u[v]
                continue
            row = layout.basis_at[b] + v * width
            for c in range(width):
                out[at] += layout.basis[row + c] * u[c]
    return out


@njit(cache=True, nogil=True, error_model="numpy")
def log_posterior(theta, layout):
    """Evaluate the log posterior and its gradient.

    Parameters
    ----------
    theta : numpy.ndarray, shape (free,)
        Free numbers.
    layout : Layout
        Data and priors.

    Returns
    -------
    tuple
        Value, and gradient of shape (free,).
    """
    n_blocks, n_cuts = layout.prior.size, layout.coordinates[0]
    cuts, slope, log_p0 = cutpoints(theta[:n_cuts], layout.logit)
    slopes_at = layout.coordinates[-1]
    by_level = level_effects(theta, layout)
    n_plain = layout.levels[layout.spread] if layout.spread >= 0 else by_level.size
    n_slopes = layout.slope_sd.size
    effects = np.empty(n_plain + n_slopes)
    effects[:n_plain] = by_level[:n_plain]
    effects[n_plain:] = theta[slopes_at : slopes_at + n_slopes]
    spread = np.exp(by_level[n_plain:]) if layout.spread >= 0 else np.ones(1)
    stretched = np.empty((spread.size, n_cuts))
    for s in range(spread.size):
        stretched[s] = spread[s] * cuts
    value, by_cut, by_effect = _likelihood(effects, stretched, layout)
    gradient = np.zeros(theta.size)
    by_spread = np.zeros(spread.size)
    for s in range(spread.size):
        for k in range(n_cuts):
            push = spread[s] * by_cut[s, k]
            by_spread[s] += push * cuts[k]
            for j in range(n_cuts):
                gradient[j] += push * slope[k, j]
    for b in range(n_blocks):
        if b == layout.spread:
            _pull(gradient, theta, by_spread, b, layout)
        else:
            _pull(gradient, theta, by_effect[layout.levels[b] : layout.levels[b + 1]], b, layout)
    for j in range(n_slopes):
        gradient[slopes_at + j] = by_effect[n_plain + j]
    return value + _prior(gradient, theta, log_p0, layout), gradient


@njit(cache=True, nogil=True, error_model="numpy")
def whitened_log_posterior(z, center, matrix, layout):
    """Evaluate the log posterior after a linear change of variables.

    Parameters
    ----------
    z : numpy.ndarray, shape (free,)
        Whitened numbers.
    center : numpy.ndarray, shape (free,)
        Free numbers where ``z`` is 0.
    matrix : numpy.ndarray, shape (free, free)
        Upper triangular: derivatives of the free numbers.
    layout : Layout
        Data and priors.

    Returns
    -------
    tuple
        Value, and gradient by ``z`` of shape (free,).
    """
    theta, n = center.copy(), z.size
    for i in range(n):
        for j in range(i, n):
            theta[i] += matrix[i, j] * z[j]
    value, by_theta = log_posterior(theta, layout)
    gradient = np.zeros(n)
    if not np.isfinite(value):
        return -np.inf, gradient
    for i in range(n):
        for j in range(i, n):
            gradient[j] += matrix[i, j] * by_theta[i]
    return value, gradient


@njit(cache=True, nogil=True, error_model="numpy")
def _likelihood(effects, cuts, layout):
    """Sum over the answers: value, derivatives by the cutpoints of each style and by effects."""
    eta = linear_predictor(layout.columns, layout.values, effects)
    if layout.logit:
        value, by_eta, by_cut, _ = logit_likelihood(
            eta, cuts, layout.style, layout.start, layout.category, layout.count, False
        )
        for s in range(layout.middle.shape[0]):
            for k in range(layout.middle.shape[1]):
                gap, n = cuts[s, k + 1] - cuts[s, k], layout.middle[s, k]
                if n == 0.0:
                    continue
                value += n * log(-expm1(-gap))
                push = n / expm1(gap)
                by_cut[s, k + 1] += push
                by_cut[s, k] -= push
    else:
        value, by_eta, by_cut, _ = probit_likelihood(
            eta, cuts, layout.style, layout.start, layout.category, layout.count, False
        )
    by_effect = spread_gradient(layout.columns, layout.values, by_eta, effects.size)
    return value, by_cut, by_effect


@njit(cache=True, nogil=True, error_model="numpy")
def _pull(gradient, theta, by_level, b, layout):
    """Pull derivatives by the effects of a block back to its coordinates and its scale."""
    first, width = layout.coordinates[b], layout.coordinates[b + 1] - layout.coordinates[b]
    scale_at = layout.coordinates[-1] + layout.slope_sd.size + b
    for c in range(width):
        total = 0.0
        if layout.basis_at[b] < 0:
            total = by_level[c]
        else:
            for v in range(by_level.size):
                total += layout.basis[layout.basis_at[b] + v * width + c] * by_level[v]
        apart = 1.0 - layout.centered[first + c]
        total *= exp(apart * theta[scale_at])
        gradient[first + c] = total
        gradient[scale_at] += apart * total * theta[first + c]


@njit(cache=True, nogil=True, error_model="numpy")
def _prior(gradient, theta, log_p0, layout):
    """Return the log prior, and add its derivatives."""
    n, a = log_p0.size, layout.concentration
    value = layout.constant + a * log_p0.sum()
    last = a * (1.0 - n * exp(log_p0[n - 1]))
    for k in range(n - 1):
        gradient[k] += a * (1.0 - n * exp(log_p0[k])) - last
    slopes_at = layout.coordinates[-1]
    scales_at = slopes_at + layout.slope_sd.size
    for b in range(layout.prior.size):
        log_scale = theta[scales_at + b]
        ratio = exp(log_scale) / layout.prior[b]
        for c in range(layout.coordinates[b], layout.coordinates[b + 1]):
            degree = layout.centered[c]
            pull = theta[c] * exp(-2.0 * degree * log_scale)
            square = theta[c] * pull
            value -= 0.5 * square + degree * log_scale
            gradient[c] -= pull
            gradient[scales_at + b] += degree * (square - 1.0)
        value += log_scale - 0.5 * ratio * ratio
        gradient[scales_at + b] += 1.0 - ratio * ratio
    for j in range(layout.slope_sd.size):
        standard = theta[slopes_at + j] / layout.slope_sd[j]
        value -= 0.5 * standard * standard
        gradient[slopes_at + j] -= standard / layout.slope_sd[j]
    return value
