"""Fixed-length intervals under a bound on second differences: the affine estimator of least length.

An affine estimator takes the target after treatment and adds a combination of the coefficients
before it. Its bias is largest where every second difference is at its bound, which is a weighted
sum; length follows from bias and standard error, and is minimized over the combination.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import optimize, special

from cximpact.core.errors import ConvergenceError
from cximpact.effects.did.honest.path import EventPath
from cximpact.effects.did.honest.restrictions import second_differences

_ROOT = math.sqrt(0.5)


@dataclass(frozen=True, kw_only=True, eq=False)
class FixedLength:
    """An interval of fixed length.

    Parameters
    ----------
    estimate, half : float
        Middle and half of the length.
    weights : numpy.ndarray, shape (term,)
        Of all coefficients.
    bias, std_error : float
        Largest bias, and standard error.
    """

    estimate: float
    half: float
    weights: np.ndarray
    bias: float
    std_error: float


def folded_quantile(prob: float, mean: float) -> float:
    """Return a quantile of the absolute value of a normal variable with variance 1.

    Parameters
    ----------
    prob : float
        Probability.
    mean : float
        Mean of the variable, at least 0.

    Returns
    -------
    float
        The quantile.
    """
    low, high = 0.0, mean + float(special.ndtri((1 + prob) / 2))
    while high - low > 1e-13 * (1 + high):
        middle = (low + high) / 2
        below = math.erfc((mean - middle) * _ROOT) - math.erfc((mean + middle) * _ROOT) < 2 * prob
        low, high = (middle, high) if below else (low, middle)
    return (low + high) / 2


def fixed_length(
    path: EventPath, covariance: np.ndarray, weights: np.ndarray, bound: float, prob: float
) -> FixedLength:
    """Find the shortest interval of fixed length that covers wherever the bound holds.

    Parameters
    ----------
    path : EventPath
        The event study.
    covariance : numpy.ndarray, shape (term, term)
        Of its coefficients.
    weights : numpy.ndarray, shape (after,)
        The target.
    bound : float
        Largest second difference.
    prob : float
        Coverage.

    Returns
    -------
    FixedLength
        The interval.

    Raises
    ------
    ConvergenceError
        If no best combination is found.

    References
    ----------
    Armstrong, T. B. and Kolesar, M. (2018). Optimal inference in a class of regression models.
    Econometrica 86, 655-683.
    """
    problem = _Problem(path, covariance, weights)
    starts = [problem.least_variance(), problem.least_bias()]
    if bound == 0:
        return problem.interval(starts[0], 0.0, prob)
    found = [problem.shortest(start, bound, prob) for start in starts]
    intervals = [problem.interval(v, bound, prob) for v in [*starts, *found]]
    return min(intervals, key=lambda interval: interval.half)


class _Problem:
    """Combinations ``v`` of the coefficients before the reference that keep the bias bounded.

    A departure is a slope and second differences. The slope is not bounded, so the combination
    must not react to it, which leaves one dimension less than there are coefficients.
    """

    def __init__(self, path: EventPath, covariance: np.ndarray, weights: np.ndarray):
        k = path.n_before
        self.value, self.covariance, self.weights = path.value, covariance, weights
        times = np.concatenate([path.before, path.after]) - path.reference
        steps = times / times[k]
        self.load = np.linalg.pinv(
            second_differences(path).T
        )  # of second differences, from weights
        ahead = steps[:k]
        self.fixed = -ahead * (steps[k:] @ weights) / (ahead @ ahead)
        _, _, right = np.linalg.svd(ahead[None])
        self.free = right[1:].T
        self.unit = float(np.sqrt(weights @ covariance[k:, k:] @ weights))

    def all_weights(self, u: np.ndarray) -> np.ndarray:
        """Return the weights of all coefficients."""
        return np.concatenate([self.fixed + self.free @ u, self.weights])

    def interval(self, u: np.ndarray, bound: float, prob: float) -> FixedLength:
        """Return the interval of one combination."""
        a = self.all_weights(u)
        bias = bound * float(np.abs(self.load @ a).sum())
        error = float(np.sqrt(a @ self.covariance @ a))
        half = error * folded_quantile(prob, bias / error)
        return FixedLength(
            estimate=float(a @ self.value), half=half, weights=a, bias=bias, std_error=error
        )

    def least_variance(self) -> np.ndarray:
        """Return the combination with the least standard error: best where nothing bends."""
        k = len(self.fixed)
        inner = self.covariance[:k, :k]
        right = inner @ self.fixed + self.covariance[:k, k:] @ self.weights
        return -np.linalg.solve(self.free.T @ inner @ self.free, self.free.T @ right)

    def least_bias(self) -> np.ndarray:
        """Return a combination with the least bias."""
        n, m = len(self.load), self.free.shape[1]
        base = self.load @ self.all_weights(np.zeros(m))
        move = self.load[:, : len(self.fixed)] @ self.free
        above = np.block([[move, -np.eye(n)], [-move, -np.eye(n)]])
        found = optimize.linprog(
            np.concatenate([np.zeros(m), np.ones(n)]),
            A_ub=above,
            b_ub=np.concatenate([-base, base]),
            bounds=[(None, None)] * m + [(0, None)] * n,
        )
        if not found.success:
            raise ConvergenceError(f"no combination of least bias was found: {found.message}")
        return found.x[:m]

    def shortest(self, start: np.ndarray, bound: float, prob: float) -> np.ndarray:
        """Minimize the length, with the size of each load as a variable of its own."""
        n, m = len(self.load), self.free.shape[1]
        if not m:
            return start
        base = self.load @ self.all_weights(np.zeros(m))
        move = self.load[:, : len(self.fixed)] @ self.free
        above = np.block([[-move, np.eye(n)], [move, np.eye(n)]])
        size = np.abs(base + move @ start)

        def length(z: np.ndarray) -> tuple[float, np.ndarray]:
            a = self.all_weights(z[:m])
            spread = self.covariance @ a
            error = float(np.sqrt(a @ spread)) / self.unit
            bias = bound * float(z[m:].sum()) / self.unit
            ratio = bias / error
            c = folded_quantile(prob, ratio)
            slope = math.tanh(c * ratio)  # of the quantile in the ratio
            d_error = self.free.T @ spread[: len(self.fixed)] / (self.unit**2 * error)
            gradient = np.concatenate(
                [(c - ratio * slope) * d_error, np.full(n, slope * bound / self.unit)]
            )
            return c * error, gradient

        found = optimize.minimize(
            length,
            np.concatenate([start, size]),
            jac=True,
            method="SLSQP",
            constraints={
                "type": "ineq",
                "fun": lambda z: above @ z + np.concatenate([-base, base]),
                "jac": lambda z: above,
            },
            options={"maxiter": 200, "ftol": 1e-11},
        )
        return found.x[:m]
