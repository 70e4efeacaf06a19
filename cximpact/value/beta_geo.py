"""The BG/NBD model of repeat buying, as formulas on arrays."""

from __future__ import annotations

import numpy as np
from scipy import special

NAMES: tuple[str, ...] = ("r", "alpha", "a", "b")
STARTS: tuple[tuple[float, ...], ...] = ((1.0, 5.0, 1.0, 3.0), (0.3, 5.0, 0.5, 2.0))
_NEAR = 1e-3
_TERMS = 100_000


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
        self.levels, self.at = np.unique(x, return_inverse=True)
        self.per_level = np.bincount(self.at, weights=count)
        self.again = x > 0

    def rows(self, theta: np.ndarray) -> np.ndarray:
        """Return the log-likelihood of each row.

        Parameters
        ----------
        theta : numpy.ndarray, shape (4,)
            ``r, alpha, a, b``.

        Returns
        -------
        numpy.ndarray, shape (row,)
            Of one such customer.
        """
        by_level = self._levels(theta)[self.at]
        return by_level + self._mixture(theta)[0]

    def __call__(self, theta: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the log-likelihood and its gradient.

        Parameters
        ----------
        theta : numpy.ndarray, shape (4,)
            ``r, alpha, a, b``.

        Returns
        -------
        tuple of float and numpy.ndarray
            Value and derivatives.
        """
        r, alpha, a, b = theta
        lse, dead = self._mixture(theta)
        value = float(self.per_level @ self._levels(theta) + self.count @ lse)
        gone, alive = self.count * dead, self.count * (1 - dead)
        n, x, psi = self.per_level, self.levels, special.psi
        logs = alive @ np.log(alpha + self.age) + gone @ np.log(alpha + self.t_x)
        rates = (alive / (alpha + self.age) + gone / (alpha + self.t_x)) @ (r + self.x)
        total = n.sum()
        by_r = n @ psi(r + x) + total * (np.log(alpha) - psi(r)) - logs
        by_a = total * psi(a + b) - n @ psi(a + b + x) + gone.sum() / a
        by_b = total * (psi(a + b) - psi(b)) + n @ (psi(b + x) - psi(a + b + x))
        by_b -= float(gone[self.again] @ (1 / (b + self.x[self.again] - 1)))
        return value, np.array([by_r, total * r / alpha - rates, by_a, by_b])

    def alive(self, theta: np.ndarray) -> np.ndarray:
        """Return the probability that a customer of each row still buys.

        Parameters
        ----------
        theta : numpy.ndarray, shape (4,)
            ``r, alpha, a, b``.

        Returns
        -------
        numpy.ndarray, shape (row,)
            1 without a repeat purchase: in this model customers leave only after one.
        """
        return 1 - self._mixture(theta)[1]

    def _levels(self, theta: np.ndarray) -> np.ndarray:
        r, alpha, a, b = theta
        x = self.levels
        return (
            special.gammaln(r + x)
            - special.gammaln(r)
            + r * np.log(alpha)
            + special.betaln(a, b + x)
            - special.betaln(a, b)
        )

    def _mixture(self, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Log of the sum over being alive and having left, and the share of the latter."""
        r, alpha, a, b = theta
        stays = -(r + self.x) * np.log(alpha + self.age)
        left = np.full_like(stays, -np.inf)
        x = self.x[self.again]
        left[self.again] = np.log(a) - np.log(b + x - 1)
        left[self.again] -= (r + x) * np.log(alpha + self.t_x[self.again])
        lse = np.logaddexp(stays, left)
        return lse, np.exp(left - lse)


def expected(time: np.ndarray, theta: np.ndarray) -> np.ndarray:
    """Return the expected number of repeat purchases of a new customer.

    Parameters
    ----------
    time : numpy.ndarray
        Time since the first purchase.
    theta : numpy.ndarray, shape (4,)
        ``r, alpha, a, b``.

    Returns
    -------
    numpy.ndarray
        As ``time``.
    """
    r, alpha, a, b = (np.asarray(p) for p in theta)
    return purchases(time, r, alpha, a, b)


def conditional(
    time: np.ndarray, theta: np.ndarray, x: np.ndarray, t_x: np.ndarray, age: np.ndarray
) -> np.ndarray:
    """Return the expected number of purchases in the time to come, given the past.

    Parameters
    ----------
    time : numpy.ndarray
        Time ahead; broadcast against the customers.
    theta : numpy.ndarray, shape (4,)
        ``r, alpha, a, b``.
    x, t_x, age : numpy.ndarray
        Customers.

    Returns
    -------
    numpy.ndarray
        Expected purchases.
    """
    r, alpha, a, b = theta
    odds = np.where(
        x > 0,
        a / (b + np.maximum(x, 1) - 1) * ((alpha + age) / (alpha + t_x)) ** (r + x),
        0.0,
    )
    return purchases(time, r + x, alpha + age, a, b + x) / (1 + odds)


def purchases(
    time: np.ndarray, r: np.ndarray, alpha: np.ndarray, a: np.ndarray, b: np.ndarray
) -> np.ndarray:
    """Return ``(a + b - 1) / (a - 1) (1 - (alpha / (alpha + t))^r 2F1(r, b; a + b - 1; z))``.

    It is written so that nothing is divided by ``a - 1``: by Euler's transformation the
    bracket is ``1 - (1 - z)^e 2F1(c - r, e; c; z)`` with ``e = a - 1``, ``c = a + b - 1`` and
    ``z = t / (alpha + t)``, and goes to 0 with ``e``. Near ``e = 0`` and ``c = 0`` the series
    is summed with both divided out.

    Parameters
    ----------
    time, r, alpha, a, b : numpy.ndarray
        Broadcast against each other.

    Returns
    -------
    numpy.ndarray
        Expected purchases.
    """
    time, r, alpha, a, b = np.broadcast_arrays(
        *(np.asarray(v, dtype=float) for v in (time, r, alpha, a, b))
    )
    e, c = a - 1, a + b - 1
    log_rest = np.log(alpha) - np.log(alpha + time)
    z = time / (alpha + time)
    with np.errstate(divide="ignore", invalid="ignore"):
        linear = np.where(e == 0, log_rest, np.expm1(e * log_rest) / e)
        curve = c * (special.hyp2f1(c - r, e, c, z) - 1) / e
    near = (np.abs(e) < _NEAR) | (np.abs(c) < _NEAR)
    if near.any():
        curve = np.where(near, _series(c - r, np.where(near, e, 0.0), c, z), curve)
    return -c * linear - np.exp(e * log_rest) * curve


def _series(p: np.ndarray, e: np.ndarray, c: np.ndarray, z: np.ndarray) -> np.ndarray:
    """``c (2F1(p, e; c; z) - 1) / e``, term by term; finite at ``e = 0`` and ``c = 0``."""
    term = p * z
    total = term.copy()
    for k in range(1, _TERMS):
        term = term * (p + k) * (e + k) / ((c + k) * (k + 1)) * z
        total += term
        if np.abs(term).max() <= 1e-16 * max(np.abs(total).max(), 1e-300):
            break
    return total
