"""The closest curve that never falls, for many curves at once."""

from __future__ import annotations

import numpy as np


def isotone(values: np.ndarray, weight: np.ndarray, *, increasing: bool = True) -> np.ndarray:
    """Return the weighted least-squares fit that never falls (or never rises).

    Parameters
    ----------
    values : numpy.ndarray, shape (..., level)
        One or more curves.
    weight : numpy.ndarray, shape (level,)
        Weights above 0.
    increasing : bool, default True
        Direction.

    Returns
    -------
    numpy.ndarray, shape (..., level)
        The same as pooling adjacent violators gives.

    Notes
    -----
    Level k gets the largest, over starts up to k, of the smallest, over ends from k on, mean of
    the levels from start to end [1]_. Time grows with the square of the number of levels.

    References
    ----------
    .. [1] Barlow, R. E., Bartholomew, D. J., Bremner, J. M. and Brunk, H. D. (1972). Statistical
       Inference under Order Restrictions. Wiley.
    """
    y = values if increasing else -values
    total = np.cumsum(y * weight, axis=-1)
    mass = np.cumsum(weight)
    before = np.concatenate([np.zeros((*y.shape[:-1], 1)), total[..., :-1]], axis=-1)
    mass_before = np.append(0.0, mass[:-1])
    out = np.full(y.shape, -np.inf)
    for start in range(weight.size):
        ends = slice(start, None)
        means = (total[..., ends] - before[..., start, None]) / (mass[ends] - mass_before[start])
        least = np.minimum.accumulate(means[..., ::-1], axis=-1)[..., ::-1]
        np.maximum(out[..., ends], least, out=out[..., ends])
    return out if increasing else -out
