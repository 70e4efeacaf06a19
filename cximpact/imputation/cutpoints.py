"""The cutpoints as functions of free numbers, with first and second derivatives.

The free numbers ``y`` give the baseline probabilities as a softmax of ``(y, -sum y)``, PyMC's
simplex transform, and these give the cutpoints: the induced Dirichlet prior.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy import special, stats


class Cutpoints(NamedTuple):
    """Cutpoints at one point.

    Parameters
    ----------
    cuts : numpy.ndarray, shape (category - 1,)
        Increasing.
    slope : numpy.ndarray, shape (category - 1, category - 1)
        Derivatives of each cutpoint by the free numbers.
    bend : numpy.ndarray, shape (category - 1, category - 1, category - 1)
        Second derivatives of each cutpoint.
    log_p0 : numpy.ndarray, shape (category,)
        Logarithms of the baseline probabilities.
    """

    cuts: np.ndarray
    slope: np.ndarray
    bend: np.ndarray
    log_p0: np.ndarray


def full(y: np.ndarray) -> np.ndarray:
    """Return the logarithms of the baseline probabilities.

    Parameters
    ----------
    y : numpy.ndarray, shape (..., category - 1)
        Free numbers.

    Returns
    -------
    numpy.ndarray, shape (..., category)
        They sum to 1 after exponentiation.
    """
    return special.log_softmax(np.concatenate([y, -y.sum(-1, keepdims=True)], axis=-1), axis=-1)


def cuts_of(log_p0: np.ndarray, link: str) -> np.ndarray:
    """Return the cutpoints of baseline probabilities, exact in both tails.

    Parameters
    ----------
    log_p0 : numpy.ndarray, shape (..., category)
        Logarithms of the baseline probabilities.
    link : {"logit", "probit"}
        Link of the model.

    Returns
    -------
    numpy.ndarray, shape (..., category - 1)
        Increasing.
    """
    below = np.logaddexp.accumulate(log_p0, axis=-1)[..., :-1]
    above = np.logaddexp.accumulate(log_p0[..., ::-1], axis=-1)[..., -2::-1]
    if link == "logit":
        return below - above
    return np.where(below < above, special.ndtri_exp(below), -special.ndtri_exp(above))


def cutpoints_at(y: np.ndarray, link: str) -> Cutpoints:
    """Return the cutpoints with their derivatives.

    Parameters
    ----------
    y : numpy.ndarray, shape (category - 1,)
        Free numbers.
    link : {"logit", "probit"}
        Link of the model.

    Returns
    -------
    Cutpoints
        At this point.
    """
    log_p0 = full(y)
    n = len(y)
    below = np.logaddexp.accumulate(log_p0)[:-1]
    above = np.logaddexp.accumulate(log_p0[::-1])[-2::-1]
    lower = np.tril(np.ones((n, n + 1)))
    inside, outside = np.exp(log_p0 - below[:, None]) * lower, np.exp(log_p0 - above[:, None])
    outside = outside * (1 - lower)
    slope = inside - outside
    cuts = below - above
    if link == "probit":
        logit, cuts = cuts, cuts_of(log_p0, link)
        p = special.expit(logit)
        first = p * special.expit(-logit) / stats.norm.pdf(cuts)
        second = first * (1 - 2 * p) + cuts * first**2
    else:
        first, second = np.ones(n), np.zeros(n)
    free = np.vstack([np.eye(n), -np.ones(n)])
    bend = np.empty((n, n, n))
    for k in range(n):
        curve = np.diag(slope[k]) - np.outer(inside[k], inside[k])
        curve += np.outer(outside[k], outside[k])
        bend[k] = free.T @ (first[k] * curve + second[k] * np.outer(slope[k], slope[k])) @ free
    return Cutpoints(cuts, (first[:, None] * slope) @ free, bend, log_p0)
