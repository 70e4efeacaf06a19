"""From a latent score to the probabilities of the answers."""

from __future__ import annotations

import numpy as np
from scipy import special

from cximpact.core.errors import DataError
from cximpact.imputation.cutpoints import cuts_of


def category_probabilities(eta: np.ndarray, cuts: np.ndarray, link: str = "logit") -> np.ndarray:
    """Return the probability of each answer.

    ``P(y <= k) = F(c_k - eta)``: a higher ``eta`` gives higher answers.

    Parameters
    ----------
    eta : numpy.ndarray, shape (...,)
        Latent score.
    cuts : numpy.ndarray, shape (..., category - 1)
        Increasing cutpoints; leading axes broadcast against ``eta``.
    link : {"logit", "probit"}
        ``F`` is the logistic or the normal distribution function.

    Returns
    -------
    numpy.ndarray, shape (..., category)
        Sums to 1 along the last axis.
    """
    distance = cuts - np.asarray(eta)[..., None]
    below = special.expit(distance) if link == "logit" else special.ndtr(distance)
    edge = np.zeros((*below.shape[:-1], 1))
    return np.diff(below, prepend=edge, append=edge + 1.0, axis=-1)


def log_category_probabilities(
    eta: np.ndarray, cuts: np.ndarray, link: str = "logit"
) -> np.ndarray:
    """Return log probabilities, exact where differences of probabilities underflow.

    Under the logistic link
    ``log p_k = log F(c_k - eta) + log(1 - F(c_{k-1} - eta)) + log(1 - exp(c_{k-1} - c_k))``;
    under the probit link differences are taken of logarithms, in the nearer tail.

    Parameters
    ----------
    eta : numpy.ndarray, shape (...,)
        Latent score.
    cuts : numpy.ndarray, shape (category - 1,)
        Increasing cutpoints.
    link : {"logit", "probit"}
        ``F`` is the logistic or the normal distribution function.

    Returns
    -------
    numpy.ndarray, shape (..., category)
        Finite for any finite ``eta``.
    """
    distance = cuts - np.asarray(eta, dtype=float)[..., None]
    if link == "probit":
        return _log_between(distance)
    zero = np.zeros((*distance.shape[:-1], 1))
    upper = np.concatenate([special.log_expit(distance), zero], axis=-1)
    lower = np.concatenate([zero, special.log_expit(-distance)], axis=-1)
    gaps = np.concatenate([[0.0], np.log(-np.expm1(-np.diff(cuts))), [0.0]])
    if len(cuts) == 1:
        gaps = np.zeros(2)
    return upper + lower + gaps


def _log_between(distance: np.ndarray) -> np.ndarray:
    """Log normal probabilities between neighboring points, and beyond the outer ones."""
    low, high = distance[..., :-1], distance[..., 1:]
    flip = low > 0
    upper = special.log_ndtr(np.where(flip, -low, high))
    lower = special.log_ndtr(np.where(flip, -high, low))
    middle = upper + np.log(-np.expm1(lower - upper))
    first, last = special.log_ndtr(distance[..., :1]), special.log_ndtr(-distance[..., -1:])
    return np.concatenate([first, middle, last], axis=-1)


def cutpoints(probabilities: np.ndarray, link: str = "logit") -> np.ndarray:
    """Return the cutpoints that give these probabilities at a latent score of 0.

    Parameters
    ----------
    probabilities : numpy.ndarray, shape (..., category)
        Positive, summing to 1 along the last axis.
    link : {"logit", "probit"}
        Link of the model.

    Returns
    -------
    numpy.ndarray, shape (..., category - 1)
        Increasing.

    Raises
    ------
    DataError
        If a probability is not positive or they do not sum to 1.
    """
    p = np.asarray(probabilities, dtype=float)
    if (p <= 0).any() or not np.allclose(p.sum(axis=-1), 1.0):
        raise DataError("probabilities of answers must be positive and sum to 1.")
    return cuts_of(np.log(p), link)


def shift_probabilities(
    probabilities: np.ndarray, delta: float | np.ndarray, link: str = "logit"
) -> np.ndarray:
    """Return answer probabilities after a shift of the latent score.

    Parameters
    ----------
    probabilities : numpy.ndarray, shape (..., category)
        Probabilities before.
    delta : float or numpy.ndarray, shape (...,)
        Shift on the latent scale; negative is less satisfied.
    link : {"logit", "probit"}
        Link of the model.

    Returns
    -------
    numpy.ndarray, shape (..., category)
        Probabilities after.
    """
    cuts = cutpoints(probabilities, link)
    return category_probabilities(np.broadcast_to(delta, cuts.shape[:-1]), cuts, link)
