"""The shifted-beta-geometric model of contractual customers, as formulas on arrays."""

from __future__ import annotations

import numpy as np
from scipy import special

from cximpact.core.errors import ConfigError


def survival(alpha: np.ndarray, beta: np.ndarray, periods: np.ndarray) -> np.ndarray:
    """Return the share of customers who are still there after some renewals.

    Parameters
    ----------
    alpha, beta : numpy.ndarray
        Parameters of the beta distribution of the probability to leave; broadcast against
        ``periods``.
    periods : numpy.ndarray
        Renewals, from 0.

    Returns
    -------
    numpy.ndarray
        ``B(alpha, beta + t) / B(alpha, beta)``.
    """
    return np.exp(special.betaln(alpha, beta + periods) - special.betaln(alpha, beta))


def retention(alpha: np.ndarray, beta: np.ndarray, periods: np.ndarray) -> np.ndarray:
    """Return the share of those who were there before a renewal and renew.

    Parameters
    ----------
    alpha, beta : numpy.ndarray
        Parameters.
    periods : numpy.ndarray
        Which renewal, from 1.

    Returns
    -------
    numpy.ndarray
        ``(beta + t - 1) / (alpha + beta + t - 1)``, which rises with ``t``.
    """
    return (beta + periods - 1) / (alpha + beta + periods - 1)


def discounted_lifetime(alpha: np.ndarray, beta: np.ndarray, rate: float) -> np.ndarray:
    """Return the discounted expected lifetime of a new customer, the first period included.

    Parameters
    ----------
    alpha, beta : numpy.ndarray
        Parameters.
    rate : float
        Discount rate per period, at least 0.

    Returns
    -------
    numpy.ndarray
        ``sum of S(t) / (1 + d)^t`` from ``t = 0``.

    Raises
    ------
    ConfigError
        If the sum is infinite.
    """
    return _series(np.asarray(alpha), np.asarray(beta), rate)


def discounted_residual_lifetime(
    alpha: np.ndarray, beta: np.ndarray, rate: float, renewal: np.ndarray | int
) -> np.ndarray:
    """Return the discounted expected residual lifetime just before a renewal.

    Parameters
    ----------
    alpha, beta : numpy.ndarray
        Parameters.
    rate : float
        Discount rate per period, at least 0.
    renewal : int or numpy.ndarray
        The renewal that the customer is about to make, from 1.

    Returns
    -------
    numpy.ndarray
        A payment at this renewal counts in full, if it is made.

    Raises
    ------
    ConfigError
        If the sum is infinite.
    """
    renews = retention(alpha, beta, np.asarray(renewal))
    return renews * _series(np.asarray(alpha), beta + np.asarray(renewal, dtype=float), rate)


def log_likelihood(
    alpha: np.ndarray, beta: np.ndarray, lost: np.ndarray, at_risk: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the log-likelihood of lifetimes and its derivatives, segment by segment.

    Parameters
    ----------
    alpha, beta : numpy.ndarray, shape (segment,)
        Parameters.
    lost : numpy.ndarray, shape (segment, period)
        Customers who left at renewal 1, 2, ...
    at_risk : numpy.ndarray, shape (segment, period)
        Customers who could make renewal 1, 2, ...

    Returns
    -------
    tuple of numpy.ndarray, each (segment,)
        Value, and derivatives by alpha and by beta.

    Notes
    -----
    Renewal by renewal a customer leaves with probability ``alpha / (alpha + beta + t - 1)``,
    so that the beta functions of the lifetimes come down to logarithms.
    """
    stays = beta[:, None] + np.arange(lost.shape[1])
    both, kept, gone = alpha[:, None] + stays, at_risk - lost, lost.sum(axis=1)
    value = gone * np.log(alpha) + (kept * np.log(stays) - at_risk * np.log(both)).sum(axis=1)
    whole = (at_risk / both).sum(axis=1)
    return value, gone / alpha - whole, (kept / stays).sum(axis=1) - whole


def _series(alpha: np.ndarray, beta: np.ndarray, rate: float) -> np.ndarray:
    """``2F1(1, beta; alpha + beta; 1 / (1 + d))``."""
    if rate < 0:
        raise ConfigError(
            f"the discount rate is {rate:.4g} a period; a value over the whole life needs at "
            "least 0. Use a finite horizon."
        )
    if rate == 0 and (alpha <= 1).any():
        raise ConfigError(
            f"without discounting the expected lifetime is infinite: alpha is {alpha.min():.3g}, "
            "at most 1. Give a discount rate or a finite horizon."
        )
    if rate == 0:
        return (alpha + beta - 1) / (alpha - 1)
    return special.hyp2f1(1.0, beta, alpha + beta, 1 / (1 + rate))
