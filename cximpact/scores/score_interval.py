"""The score interval of a mean of categorical answers: Wilson and Tango are special cases."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

_HALVINGS = 60


def score_limits(
    shares: np.ndarray, values: np.ndarray, n: np.ndarray, z: float
) -> tuple[np.ndarray, np.ndarray]:
    """Invert the score test for a mean of categorical answers.

    Parameters
    ----------
    shares : numpy.ndarray, shape (group, category)
        Observed shares; each row sums to 1.
    values : numpy.ndarray, shape (category,)
        What each answer counts for.
    n : numpy.ndarray, shape (group,)
        Effective number of answers, above 0; infinite where everybody answered.
    z : float
        Normal quantile of the interval.

    Returns
    -------
    tuple of numpy.ndarray, shape (group,)
        Lower and upper limits.

    Notes
    -----
    The interval holds every delta with n (S - delta)^2 <= z^2 V(delta), where S is the observed
    mean and V(delta) the variance of one answer under the multinomial that fits the counts best
    among those with mean delta [1]_. With two values that is Wilson's interval, with three equally
    spaced values Tango's interval for a difference within one sample [2]_ (the NPS). Because V is
    taken at delta and not at the estimate, the interval has a width even when all answers agree,
    always contains the estimate, and never leaves the range of the values.

    References
    ----------
    .. [1] Aitchison, J. & Silvey, S. D. (1958). Maximum-likelihood estimation of parameters
       subject to restraints. Annals of Mathematical Statistics 29, 813-828.
    .. [2] Tango, T. (1998). Equivalence test and confidence interval for the difference in
       proportions for the paired-sample design. Statistics in Medicine 17, 891-908.
    """
    merged, kept = merge_equal_values(shares, values)
    low, span = kept[0], kept[-1] - kept[0]
    unit = (kept - low) / span
    if kept.size == 2:
        ends = _wilson(merged[:, 1], n, z)
    else:
        is_net = kept.size == 3 and abs(unit[1] - 0.5) < 1e-12
        variance = _net_variance(merged) if is_net else _profile_variance(merged, unit)
        ends = _invert(merged @ unit, variance, n, z)
    return low + span * ends[0], low + span * ends[1]


def merge_equal_values(shares: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Add up the shares of answers that count for the same.

    Parameters
    ----------
    shares : numpy.ndarray, shape (group, category)
        Shares of the answers.
    values : numpy.ndarray, shape (category,)
        What each answer counts for.

    Returns
    -------
    tuple of numpy.ndarray
        Shares, shape (group, value), and the distinct values, ascending.
    """
    kept, inverse = np.unique(values, return_inverse=True)
    merged = np.zeros((shares.shape[0], kept.size))
    np.add.at(merged.T, inverse, shares.T)
    return merged, kept


def _wilson(p: np.ndarray, n: np.ndarray, z: float) -> tuple[np.ndarray, np.ndarray]:
    shrink = z * z / n
    center = (p + shrink / 2) / (1 + shrink)
    half = np.sqrt(shrink * (p * (1 - p) + shrink / 4)) / (1 + shrink)
    # At p = 0 and 1 one end equals p exactly; rounding must not cut it off.
    return np.clip(center - half, 0, p), np.clip(center + half, p, 1)


def _invert(
    estimate: np.ndarray, variance: Callable[[np.ndarray], np.ndarray], n: np.ndarray, z: float
) -> tuple[np.ndarray, np.ndarray]:
    """Bisect from the estimate outwards to where the test statistic passes z."""
    ends = []
    for border in (0.0, 1.0):
        inside, outside = estimate.copy(), np.full_like(estimate, border)
        for _ in range(_HALVINGS):
            middle = (inside + outside) / 2
            accepted = (estimate - middle) ** 2 <= z * z * variance(middle) / n
            inside = np.where(accepted, middle, inside)
            outside = np.where(accepted, outside, middle)
        ends.append(np.where(estimate == border, border, inside))
    return ends[0], ends[1]


def _net_variance(shares: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """Tango's closed form for values -1, 0, 1, on the unit range."""
    bottom, top = shares[:, 0], shares[:, 2]

    def variance(mean: np.ndarray) -> np.ndarray:
        delta = 2 * mean - 1
        b = -top - bottom + (2 - top + bottom) * delta
        c = -bottom * delta * (1 - delta)
        q = (np.sqrt(np.maximum(b * b - 8 * c, 0)) - b) / 4
        return np.maximum(2 * q + delta * (1 - delta), 0) / 4

    return variance


def _profile_variance(shares: np.ndarray, unit: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """Variance under the constrained multinomial, by its one Lagrange multiplier.

    The fit is p_k = share_k / (1 + m (v_k - delta)). The multiplier m may end at the border where
    an answer nobody gave, at the end of the scale, takes up the remaining probability.
    """

    def variance(mean: np.ndarray) -> np.ndarray:
        distance = unit[None, :] - mean[:, None]
        below, above = np.maximum(mean, 1e-300), np.maximum(1 - mean, 1e-300)
        low, high = -1 / above, 1 / below
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            slope = (_tilt(shares, distance, middle) * distance).sum(axis=1)
            low, high = np.where(slope > 0, middle, low), np.where(slope > 0, high, middle)
        fitted = _tilt(shares, distance, (low + high) / 2)
        rest = np.maximum(1 - fitted.sum(axis=1), 0)
        border = np.where((low + high) > 0, mean**2, (1 - mean) ** 2)
        return (fitted * distance**2).sum(axis=1) + rest * border

    return variance


def _tilt(shares: np.ndarray, distance: np.ndarray, multiplier: np.ndarray) -> np.ndarray:
    scale = 1 + multiplier[:, None] * distance
    return np.where(shares > 0, shares / np.where(scale > 1e-14, scale, 1e-14), 0.0)
