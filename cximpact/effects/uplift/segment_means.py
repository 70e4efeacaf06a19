"""Means of cells with their variances, where few customers say little about the variance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from cximpact.core.errors import InsufficientDataError


@dataclass(frozen=True, kw_only=True, eq=False)
class CellMeans:
    """Means by segment and arm.

    Parameters
    ----------
    mean, precision : numpy.ndarray, shape (segment, 1 + arm)
        Means, and the inverse of their variances; 0 where there is nobody.
    location, sd : float
        Mean of all customers, and standard deviation within cells.
    own_share : numpy.ndarray, shape (segment, 1 + arm)
        How much of its own variance a cell keeps.
    """

    mean: np.ndarray
    precision: np.ndarray
    location: float
    sd: float
    own_share: np.ndarray


def cell_means(
    powers: Sequence[np.ndarray], moments: Mapping[str, np.ndarray], origin: float
) -> CellMeans:
    """Turn sums of powers into means and the variances of means.

    Parameters
    ----------
    powers : sequence of numpy.ndarray, each (segment, 1 + arm)
        Means of the first four powers of the outcome less ``origin``.
    moments : mapping of str to numpy.ndarray
        ``__count``, and ``__w`` and ``__ww``, the sums of weights and their squares.
    origin : float
        What was taken off the outcome.

    Returns
    -------
    CellMeans
        Means and precisions.

    Raises
    ------
    InsufficientDataError
        If no cell has two customers, or nothing varies within cells.

    Notes
    -----
    The variance of a cell is estimated by itself and by all cells of its arm, and lies between the
    two: ``v_s = v + k_s (s_s^2 - v)`` with ``k_s = t^2 / (t^2 + (kurtosis - 1) / n_s)``. Its
    denominator is the sampling variance of ``s_s^2 / v``, and ``t^2`` is how much more than that
    the ratios scatter. A cell without a single buyer does not pass for one without noise.
    """
    n = moments["__count"]
    full = n >= 2
    if not full.any():
        raise InsufficientDataError("no segment has two customers in one arm.")
    first, second, third, fourth = powers
    worth = moments["__w"] ** 2 / np.maximum(moments["__ww"], 1e-300)
    central = np.maximum(second - first**2, 0.0)
    own = central * n / np.maximum(n - 1, 1)
    tails = fourth - 4 * first * third + 6 * first**2 * second - 3 * first**4
    degrees = np.where(full, n - 1, 0.0)
    variance = (degrees * own).sum(axis=0) / np.maximum(degrees.sum(axis=0), 1)
    everything = float((degrees * own).sum() / degrees.sum())
    if everything <= 0:
        raise InsufficientDataError("the outcome does not vary within any segment and arm.")
    variance = np.where(variance > 0, variance, everything)
    kurtosis = (degrees * np.maximum(tails, 0.0)).sum(axis=0)
    kurtosis = np.maximum(kurtosis / np.maximum(degrees.sum(axis=0), 1) / variance**2, 1.5)
    noise = (kurtosis - 1) / np.maximum(worth, 1.0)
    ratio = own / variance - 1
    apart = float((degrees * (ratio**2 - noise)).sum() / degrees.sum())
    kept = np.where(full, max(apart, 0.0) / (max(apart, 0.0) + noise), 0.0)
    used = variance + kept * (own - variance)
    mean = np.where(n > 0, first + origin, 0.0)
    weight = moments["__w"]
    return CellMeans(
        mean=mean,
        precision=np.where(n > 0, worth / used, 0.0),
        location=float((weight * mean).sum() / weight.sum()),
        sd=float(np.sqrt(everything)),
        own_share=kept,
    )
