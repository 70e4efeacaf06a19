"""Columns of a matrix that follow from the others."""

from __future__ import annotations

import numpy as np
from scipy import linalg

_SINGULAR = 1e-9


def dependent_columns(x: np.ndarray) -> list[int]:
    """Find columns that are linear combinations of the others.

    Parameters
    ----------
    x : numpy.ndarray, shape (row, column)
        A matrix of finite numbers; the scale of its columns does not matter.

    Returns
    -------
    list of int
        Columns without which the others have full rank, in order; empty when all are needed.

    Notes
    -----
    By a pivoted QR decomposition of the columns, each divided by its length.
    """
    size = np.linalg.norm(x, axis=0)
    scaled = x / np.where(size > 0, size, 1.0)
    triangle, order = linalg.qr(scaled, mode="r", pivoting=True)[-2:]
    diagonal = np.zeros(x.shape[1])
    diagonal[: min(x.shape)] = np.abs(np.diag(triangle))
    return sorted(int(k) for k in order[diagonal <= _SINGULAR * max(diagonal[0], 1e-300)])
