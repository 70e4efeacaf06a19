"""The score interval of a mean of categorical answers: Wilson and Tango are special cases."""

from __future__ import annotations

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
        lower, upper = _wilson(merged[:, 1], n, z)
    else:
        lower = _lower_limit(merged, unit, n, z)
        upper = 1 - _lower_limit(merged, 1 - unit, n, z)
    return low + span * lower, low + span * upper


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


def _lower_limit(shares: np.ndarray, unit: np.ndarray, n: np.ndarray, z: float) -> np.ndarray:
    """Bisect along the constrained fits to where the test statistic passes z."""
    estimate = shares @ unit
    inside, outside = np.zeros(n.size), np.ones(n.size)
    for _ in range(_HALVINGS):
        middle = (inside + outside) / 2
        mean, variance = _constrained_fit(shares, unit, middle)
        accepted = (estimate - mean) ** 2 <= z * z * variance / n
        inside = np.where(accepted, middle, inside)
        outside = np.where(accepted, outside, middle)
    return np.minimum(_constrained_fit(shares, unit, inside)[0], estimate)


def _constrained_fit(
    shares: np.ndarray, unit: np.ndarray, path: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance of the fits from the observed shares (path 0) down to the border (1).

    With the multiplier eliminated, the fit for any smaller mean is p_k ~ share_k / (1 - w + w v_k)
    for some w. Where nobody gave the lowest answer, w = 1 is reached before the border; beyond it
    the lowest answer takes up the rest of the probability.
    """
    w, rest = np.minimum(2 * path, 1)[:, None], np.maximum(2 * path - 1, 0)
    scale = np.maximum(1 - w + w * unit, 1e-300)
    fitted = shares / scale
    fitted = fitted / fitted.sum(axis=1, keepdims=True)
    mean = (1 - rest) * (fitted @ unit)
    return mean, np.maximum((1 - rest) * (fitted @ unit**2) - mean**2, 0)
