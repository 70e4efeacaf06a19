"""Small dense algebra for compiled code, and how slopes pass back through it."""

from __future__ import annotations

from math import log, sqrt

import numpy as np
from numba import njit


@njit(cache=True, nogil=True, error_model="numpy")
def multiply(left, right, out):
    """Write ``left right`` into ``out``.

    Parameters
    ----------
    left, right, out : numpy.ndarray, shape (d, d)
        Matrices; ``out`` is neither of the others.
    """
    d = left.shape[0]
    for i in range(d):
        for j in range(d):
            total = 0.0
            for m in range(d):
                total += left[i, m] * right[m, j]
            out[i, j] = total


@njit(cache=True, nogil=True, error_model="numpy")
def cholesky(square, low):
    """Write the lower triangular root of a matrix into ``low``.

    Parameters
    ----------
    square : numpy.ndarray, shape (d, d)
        Symmetric and positive definite.
    low : numpy.ndarray, shape (d, d)
        Where to; zero above the diagonal.
    """
    for i in range(square.shape[0]):
        for j in range(i + 1):
            total = square[i, j]
            for m in range(j):
                total -= low[i, m] * low[j, m]
            low[i, j] = sqrt(total) if i == j else total / low[j, j]


@njit(cache=True, nogil=True, error_model="numpy")
def forward(low, right, out):
    """Solve ``low out = right``.

    Parameters
    ----------
    low : numpy.ndarray, shape (d, d)
        Lower triangular.
    right, out : numpy.ndarray, shape (d,)
        They may be the same.
    """
    for i in range(low.shape[0]):
        total = right[i]
        for j in range(i):
            total -= low[i, j] * out[j]
        out[i] = total / low[i, i]


@njit(cache=True, nogil=True, error_model="numpy")
def backward(low, right, out):
    """Solve ``low' out = right``.

    Parameters
    ----------
    low : numpy.ndarray, shape (d, d)
        Lower triangular.
    right, out : numpy.ndarray, shape (d,)
        They may be the same.
    """
    d = low.shape[0]
    for i in range(d - 1, -1, -1):
        total = right[i]
        for j in range(i + 1, d):
            total -= low[j, i] * out[j]
        out[i] = total / low[i, i]


@njit(cache=True, nogil=True, error_model="numpy")
def place(low, right, w, half, out):
    """Turn standard normal numbers into normal ones with precision ``low low'``.

    Parameters
    ----------
    low : numpy.ndarray, shape (d, d)
        Root of the precision.
    right : numpy.ndarray, shape (d,)
        Precision times the mean.
    w : numpy.ndarray, shape (d,)
        Standard normal numbers.
    half, out : numpy.ndarray, shape (d,)
        ``low^-1 right``, and the result ``low'^-1 (half + w)``.

    Returns
    -------
    float
        Logarithm of the determinant of ``low``, by which the density is divided.
    """
    total = 0.0
    forward(low, right, half)
    for i in range(low.shape[0]):
        out[i] = half[i] + w[i]
        total += log(low[i, i])
    backward(low, out, out)
    return total


@njit(cache=True, nogil=True, error_model="numpy")
def place_back(low, half, out, by_out, by_w, by_right, by_square):
    """Pull slopes back through `place`, the determinant included, and the factor.

    Parameters
    ----------
    low, half, out : numpy.ndarray
        As `place` left them.
    by_out : numpy.ndarray, shape (d,)
        Slopes by the result.
    by_w, by_right : numpy.ndarray, shape (d,)
        Where the slopes by ``w`` and ``right`` go.
    by_square : numpy.ndarray, shape (d, d)
        Where the slopes by the precision go.
    """
    d = low.shape[0]
    inner, line = np.zeros((d, d)), np.zeros(d)
    forward(low, by_out, by_w)
    backward(low, by_w, by_right)
    for j in range(d):
        for i in range(j, d):
            line[i] = -out[i] * by_w[j] - by_right[i] * half[j]
        line[j] -= 1.0 / low[j, j]
        for i in range(j, d):  # the lower half of low' times the slopes by low
            for m in range(i, d):
                inner[i, j] += low[m, i] * line[m]
        inner[j, j] *= 0.5
    for j in range(d):
        line[:] = inner[:, j]
        backward(low, line, line)
        inner[:, j] = line
    for i in range(d):
        line[:] = inner[i]
        backward(low, line, line)
        inner[i] = line
    for i in range(d):
        for j in range(d):
            by_square[i, j] = 0.5 * (inner[i, j] + inner[j, i])
