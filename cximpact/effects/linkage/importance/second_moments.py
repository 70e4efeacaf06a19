"""Weighted means and cross-products, for many sets of weights in one pass over the rows."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

_NUMBERS = 2_000_000


def second_moments(columns: np.ndarray, blocks: Iterable[np.ndarray]) -> np.ndarray:
    """Return the weighted second moments of a constant and some columns.

    Parameters
    ----------
    columns : numpy.ndarray, shape (row, column)
        Values; best near mean 0, so that nothing cancels.
    blocks : iterable of numpy.ndarray, shape (set, row)
        Sets of weights.

    Returns
    -------
    numpy.ndarray, shape (set, 1 + column, 1 + column)
        Weighted sums of products; the constant comes first.

    Notes
    -----
    Products of pairs of columns are made for some rows at a time and multiplied by all sets of
    weights of a block at once. Everything after this works on matrices as wide as the columns.
    """
    n, q = columns.shape
    first, second = np.triu_indices(q + 1)
    full = np.column_stack([np.ones(n), columns])
    step = max(1, _NUMBERS // first.size)
    parts = []
    for weights in blocks:
        sums = np.zeros((len(weights), first.size))
        for start in range(0, n, step):
            rows = full[start : start + step]
            sums += weights[:, start : start + step] @ (rows[:, first] * rows[:, second])
        parts.append(sums)
    upper = np.concatenate(parts)
    out = np.empty((len(upper), q + 1, q + 1))
    out[:, first, second] = upper
    out[:, second, first] = upper
    return out


def covariances(moments: np.ndarray) -> np.ndarray:
    """Turn second moments into covariances.

    Parameters
    ----------
    moments : numpy.ndarray, shape (set, 1 + column, 1 + column)
        From `second_moments`.

    Returns
    -------
    numpy.ndarray, shape (set, column, column)
        Covariances, divided by the sum of the weights.
    """
    scaled = moments / moments[:, :1, :1]
    mean = scaled[:, 0, 1:]
    return scaled[:, 1:, 1:] - mean[:, :, None] * mean[:, None, :]


def weighted_means(moments: np.ndarray) -> np.ndarray:
    """Return the weighted means.

    Parameters
    ----------
    moments : numpy.ndarray, shape (set, 1 + column, 1 + column)
        From `second_moments`.

    Returns
    -------
    numpy.ndarray, shape (set, column)
        Means.
    """
    return moments[:, 0, 1:] / moments[:, :1, 0]
