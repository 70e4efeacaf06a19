"""The Pareto/NBD model of repeat buying, as formulas on arrays."""

from __future__ import annotations

import numpy as np
from scipy import special

from cximpact.value.likelihood import numeric_gradient

NAMES: tuple[str, ...] = ("r", "alpha", "s", "beta")
STARTS: tuple[tuple[float, ...], ...] = ((1.0, 5.0, 1.0, 10.0), (0.5, 10.0, 0.6, 12.0))


class Likelihood:
    """Log-likelihood of customers counted by frequency, recency and age.

    Parameters
    ----------
    x, t_x, age : numpy.ndarray, shape (row,)
        Distinct customers.
    count : numpy.ndarray, shape (row,)
        How many are alike.
    """

    def __init__(self, x: np.ndarray, t_x: np.ndarray, age: np.ndarray, count: np.ndarray) -> None:
        self.x, self.t_x, self.age, self.count = x, t_x, age, count

    def rows(self, theta: np.ndarray) -> np.ndarray:
        """Return the log-likelihood of each row.

        Parameters
        ----------
        theta : numpy.ndarray, shape (4,)
            ``r, alpha, s, beta``.

        Returns
        -------
        numpy.ndarray, shape (row,)
            Of one such customer.
        """
        r, alpha, s, beta = theta
        stays, left = _parts(theta, self.x, self.t_x, self.age)
        start = special.gammaln(r + self.x) - special.gammaln(r)
        return start + r * np.log(alpha) + s * np.log(beta) + np.logaddexp(stays, left)

    def __call__(self, theta: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the log-likelihood and its gradient, by differences.

        Parameters
        ----------
        theta : numpy.ndarray, shape (4,)
            ``r, alpha, s, beta``.

        Returns
        -------
        tuple of float and numpy.ndarray
            Value and derivatives.
        """

        def value(at: np.ndarray) -> float:
            return float(self.count @ self.rows(at))

        return value(theta), numeric_gradient(value, theta)

    def alive(self, theta: np.ndarray) -> np.ndarray:
        """Return the probability that a customer of each row still buys.

        Parameters
        ----------
        theta : numpy.ndarray, shape (4,)
            ``r, alpha, s, beta``.

        Returns
        -------
        numpy.ndarray, shape (row,)
            Between 0 and 1.
        """
        return _alive(theta, self.x, self.t_x, self.age)


def expected(time: np.ndarray, theta: np.ndarray) -> np.ndarray:
    """Return the expected number of repeat purchases of a new customer.

    Parameters
    ----------
    time : numpy.ndarray
        Time since the first purchase.
    theta : numpy.ndarray, shape (4,)
        ``r, alpha, s, beta``.

    Returns
    -------
    numpy.ndarray
        ``r beta / (alpha (s - 1)) (1 - (beta / (beta + t))^(s - 1))``, continuous at ``s = 1``.
    """
    r, alpha, s, beta = theta
    return r * beta / alpha * _time_alive(np.asarray(time, dtype=float), s, beta)


def conditional(
    time: np.ndarray, theta: np.ndarray, x: np.ndarray, t_x: np.ndarray, age: np.ndarray
) -> np.ndarray:
    """Return the expected number of purchases in the time to come, given the past.

    Parameters
    ----------
    time : numpy.ndarray
        Time ahead; broadcast against the customers.
    theta : numpy.ndarray, shape (4,)
        ``r, alpha, s, beta``.
    x, t_x, age : numpy.ndarray
        Customers.

    Returns
    -------
    numpy.ndarray
        Expected purchases.
    """
    r, alpha, s, beta = theta
    rate = (r + x) * (beta + age) / (alpha + age)
    alive = _alive(theta, x, t_x, age)
    return alive * rate * _time_alive(np.asarray(time, dtype=float), s, beta + age)


def _alive(theta: np.ndarray, x: np.ndarray, t_x: np.ndarray, age: np.ndarray) -> np.ndarray:
    stays, left = _parts(theta, x, t_x, age)
    return special.expit(stays - left)


def _parts(
    theta: np.ndarray, x: np.ndarray, t_x: np.ndarray, age: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Log of the part of the likelihood in which a customer stays, and in which they left."""
    r, alpha, s, beta = theta
    stays = -(r + x) * np.log(alpha + age) - s * np.log(beta + age)
    high, low = max(alpha, beta), min(alpha, beta)
    power = s + 1 if alpha >= beta else r + x
    total = r + s + x
    first = _log_2f1(total, power, (high - low) / (high + t_x)) - total * np.log(high + t_x)
    last = _log_2f1(total, power, (high - low) / (high + age)) - total * np.log(high + age)
    with np.errstate(divide="ignore"):
        gap = np.log(-np.expm1(np.minimum(last - first, 0.0)))
    return stays, np.log(s) - np.log(total) + first + gap


def _log_2f1(total: np.ndarray, power: np.ndarray, z: np.ndarray) -> np.ndarray:
    """``log 2F1(total, power; total + 1; z)``, by Euler's transformation all terms positive."""
    series = special.hyp2f1(1.0, total + 1 - power, total + 1, z)
    return (1 - power) * np.log1p(-z) + np.log(series)


def _time_alive(time: np.ndarray, s: np.ndarray, beta: np.ndarray) -> np.ndarray:
    """``(1 - (beta / (beta + t))^(s - 1)) / (s - 1)``, which is ``log(1 + t / beta)`` at 1."""
    log_rest = -np.log1p(time / beta)
    return -log_rest * special.exprel((s - 1) * log_rest)
