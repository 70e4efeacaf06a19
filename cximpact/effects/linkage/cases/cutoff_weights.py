"""The best weights of means by score, where the truth may bend by no more than a bound.

A linear estimator of the jump weights the means. Its bias is largest where every second
difference is at the bound, which is a weighted sum. The length of the interval follows from that
bias and the standard error; it is convex in the weights, and minimized over them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from scipy import optimize

from cximpact.core.errors import ConvergenceError, DesignError
from cximpact.effects.did.honest.fixed_length import folded_quantile
from cximpact.effects.linkage.cases.regions import ConfidenceSet

_NOTHING = 1e-12


@dataclass(frozen=True, kw_only=True, eq=False)
class BiasAware:
    """A linear estimate with its largest bias.

    Parameters
    ----------
    estimate, std_error, bias : float
        Estimate, standard error, and the largest bias in either direction.
    weights : numpy.ndarray, shape (cell,)
        Of the means.
    """

    estimate: float
    std_error: float
    bias: float
    weights: np.ndarray = field(repr=False)

    def half(self, prob: float) -> float:
        """Return half the length of the interval.

        Parameters
        ----------
        prob : float
            Confidence.

        Returns
        -------
        float
            A quantile of the absolute error when the bias is largest.
        """
        if self.std_error == 0:
            return self.bias
        return self.std_error * folded_quantile(prob, self.bias / self.std_error)

    def confidence_set(self, prob: float) -> ConfidenceSet:
        """Return the interval of fixed length.

        Parameters
        ----------
        prob : float
            Confidence.

        Returns
        -------
        ConfidenceSet
            Bounded.
        """
        half = self.half(prob)
        return ConfidenceSet(pieces=((self.estimate - half, self.estimate + half),), prob=prob)


def bias_loads(steps: np.ndarray, treated_side: np.ndarray) -> np.ndarray:
    """Return how the second differences on each side enter a weighted sum of means.

    Parameters
    ----------
    steps : numpy.ndarray of int, shape (cell,)
        Steps from the cutoff.
    treated_side : numpy.ndarray of bool, shape (cell,)
        Side of each cell.

    Returns
    -------
    numpy.ndarray, shape (second difference, cell)
        Weights times this are what each second difference, at 1, 2, ... steps, adds to the bias.
    """
    blocks = []
    for side in (True, False):
        mine = treated_side == side
        knots = np.arange(1, int(steps[mine].max(initial=0)))
        blocks.append(np.maximum(steps[None, :] - knots[:, None], 0) * mine)
    return np.concatenate(blocks).astype(float)


def weigh(
    mean: np.ndarray,
    covariance: np.ndarray,
    loads: np.ndarray,
    weights: np.ndarray,
    curvature: float,
) -> BiasAware:
    """Judge one linear estimator.

    Parameters
    ----------
    mean, covariance : numpy.ndarray
        Of the cells.
    loads : numpy.ndarray
        From `bias_loads`.
    weights : numpy.ndarray, shape (cell,)
        The estimator.
    curvature : float
        Largest second difference.

    Returns
    -------
    BiasAware
        Estimate, error and bias.
    """
    return BiasAware(
        estimate=float(weights @ mean),
        std_error=float(np.sqrt(max(weights @ covariance @ weights, 0.0))),
        bias=curvature * float(np.abs(loads @ weights).sum()),
        weights=weights,
    )


def best_weights(
    covariance: np.ndarray,
    steps: np.ndarray,
    treated_side: np.ndarray,
    curvature: float,
    prob: float,
) -> np.ndarray:
    """Find the weights whose interval is shortest.

    Parameters
    ----------
    covariance : numpy.ndarray, shape (cell, cell)
        Of the means.
    steps, treated_side : numpy.ndarray, shape (cell,)
        Steps from the cutoff, and side.
    curvature : float
        Largest second difference.
    prob : float
        Confidence at which the interval is shortest.

    Returns
    -------
    numpy.ndarray, shape (cell,)
        Weights of the jump, alerted less not alerted, at the cutoff.

    Raises
    ------
    DesignError
        If a side has too few scores for any estimate.
    ConvergenceError
        If no best weights are found.
    """
    base, free = _exact(steps, treated_side)
    loads = bias_loads(steps, treated_side)
    problem = _Shortest(covariance, loads, base, free)
    starts = [problem.least_variance(), np.zeros(free.shape[1])]
    if curvature == 0 or not free.shape[1]:
        return base + free @ starts[0]
    found = [problem.minimize(start, curvature, prob) for start in starts]
    zero = np.zeros(len(base))

    def length(u: np.ndarray) -> float:
        return weigh(zero, covariance, loads, base + free @ u, curvature).half(prob)

    best = base + free @ min([*starts, *found], key=length)
    return np.where(np.abs(best) > _NOTHING, best, 0.0)


def _exact(steps: np.ndarray, treated_side: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weights that take the jump of straight lines exactly, and the directions that keep that."""
    rows, right = [], []
    for side, sign in ((True, 1.0), (False, -1.0)):
        mine = (treated_side == side).astype(float)
        reach = np.unique(steps[treated_side == side])
        if reach.size < 2 and not (reach.size and reach[0] == 0):
            where = "at which an alert goes out" if side else "without an alert"
            raise DesignError(
                f"{reach.size} score{'s' if reach.size != 1 else ''} {where} are left; a line to "
                "the cutoff needs two. Widen window=, or lower donut=."
            )
        rows.append(mine)
        right.append(sign)
        if reach.max() > 0:
            rows.append(mine * steps)
            right.append(0.0)
    exact = np.array(rows)
    base = np.linalg.lstsq(exact, np.array(right), rcond=None)[0]
    _, values, directions = np.linalg.svd(exact)
    return base, directions[len(values) :].T


class _Shortest:
    """Length of the interval over the weights ``base + free @ u``."""

    def __init__(
        self, covariance: np.ndarray, loads: np.ndarray, base: np.ndarray, free: np.ndarray
    ) -> None:
        self.covariance, self.base, self.free = covariance, base, free
        self.fixed, self.move = loads @ base, loads @ free
        self.unit = float(np.sqrt(base @ covariance @ base)) or 1.0

    def least_variance(self) -> np.ndarray:
        """Return the weights with the least standard error."""
        inner = self.free.T @ self.covariance @ self.free
        return -np.linalg.pinv(inner) @ self.free.T @ self.covariance @ self.base

    def minimize(self, start: np.ndarray, curvature: float, prob: float) -> np.ndarray:
        """Minimize with the size of each load as a variable of its own."""
        n, m = self.move.shape
        above = np.block([[-self.move, np.eye(n)], [self.move, np.eye(n)]])
        offset = np.concatenate([-self.fixed, self.fixed])
        # sizes are measured in units of the error, so that all variables are of one order
        price = curvature / self.unit

        def length(z: np.ndarray) -> tuple[float, np.ndarray]:
            a = self.base + self.free @ z[:m]
            spread = self.covariance @ a
            error = max(float(np.sqrt(max(a @ spread, 0.0))) / self.unit, 1e-12)
            ratio = price * float(z[m:].sum()) / error
            c = folded_quantile(prob, max(ratio, 0.0))
            slope = math.tanh(c * ratio)  # of the quantile in the ratio
            d_error = self.free.T @ spread / (self.unit**2 * error)
            return c * error, np.concatenate(
                [(c - ratio * slope) * d_error, np.full(n, slope * price)]
            )

        found = optimize.minimize(
            length,
            np.concatenate([start, np.abs(self.fixed + self.move @ start)]),
            jac=True,
            method="SLSQP",
            constraints={
                "type": "ineq",
                "fun": lambda z: above @ z + offset,
                "jac": lambda z: above,
            },
            options={"maxiter": 500, "ftol": 1e-12},
        )
        if not np.isfinite(found.x).all():
            raise ConvergenceError(f"no shortest interval was found: {found.message}")
        return found.x[:m]
