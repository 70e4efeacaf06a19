"""Identified sets, intervals and breakdown values of one target."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from cximpact.core.results import quantile
from cximpact.effects.did.honest import hybrid
from cximpact.effects.did.honest.fixed_length import fixed_length
from cximpact.effects.did.honest.path import EventPath
from cximpact.effects.did.honest.restrictions import (
    Restriction,
    identified,
    relative_magnitudes,
    smoothness,
)

Interval = tuple[float, float]
DOUBLINGS = 12
"""How often the search for a breakdown value doubles the bound before it gives up."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Problem:
    """Bounds on one target under one kind of restriction, by one method.

    Parameters
    ----------
    path : EventPath
        The event study.
    weights : numpy.ndarray, shape (after,)
        The target.
    smooth : bool
        Whether second differences are bounded, else first differences by those before.
    method : {"hybrid", "conditional", "fixed_length"}
        How intervals are made.
    level : float
        Their coverage.
    seed : int
        Of the first stage of the hybrid test.
    """

    path: EventPath
    weights: np.ndarray
    smooth: bool
    method: str
    level: float
    seed: int

    @cached_property
    def covariance(self) -> np.ndarray:
        """Covariance of the coefficients, widened where there are few clusters."""
        return self.path.inflated(self.level)

    @cached_property
    def std_error(self) -> float:
        """Standard error of the target under parallel trends."""
        k = self.path.n_before
        return float(np.sqrt(self.weights @ self.covariance[k:, k:] @ self.weights))

    def grid(self) -> np.ndarray:
        """Choose bounds when none are given.

        Returns
        -------
        numpy.ndarray
            Five bounds.
        """
        return np.linspace(0, self.std_error, 5) if self.smooth else np.linspace(0, 2, 5)

    def original(self) -> tuple[float, float, float]:
        """Estimate under parallel trends.

        Returns
        -------
        tuple of float
            Estimate, lower and upper end.
        """
        estimate = float(self.weights @ self.path.value[self.path.n_before :])
        half = quantile(None, (1 + self.level) / 2) * self.std_error
        return estimate, estimate - half, estimate + half

    def pieces(self, bound: float) -> list[Restriction]:
        """List the restrictions of which one holds.

        Parameters
        ----------
        bound : float
            Mbar or M.

        Returns
        -------
        list of Restriction
            One, or several.
        """
        if self.smooth:
            return [smoothness(self.path, bound)]
        return list(relative_magnitudes(self.path, bound))

    def identified(self, bound: float) -> Interval:
        """Bound the effect as if estimates were the truth.

        Parameters
        ----------
        bound : float
            Mbar or M.

        Returns
        -------
        tuple of float
            Lower and upper bound.
        """
        found = [identified(self.path, piece, self.weights) for piece in self.pieces(bound)]
        return _hull([interval for interval in found if interval is not None])

    def interval(self, bound: float) -> Interval:
        """Return the interval under one bound.

        Parameters
        ----------
        bound : float
            Mbar or M.

        Returns
        -------
        tuple of float
            Lower and upper end.
        """
        if self.method == "fixed_length":
            found = fixed_length(self.path, self.covariance, self.weights, bound, self.level)
            return found.estimate - found.half, found.estimate + found.half
        low, high = self.identified(bound)
        around = low - 5 * self.std_error, high + 5 * self.std_error
        found = [
            hybrid.accepted(piece, 1 - self.level, first, around)
            for piece, first in self._tests(bound)
        ]
        return _hull([interval for interval in found if interval is not None] or [(low, high)])

    def refuses_zero(self, bound: float) -> bool:
        """Say whether an effect of zero is refused under a bound.

        Parameters
        ----------
        bound : float
            Mbar or M.

        Returns
        -------
        bool
            True if it is.
        """
        if self.method == "fixed_length":
            return without_zero(self.interval(bound))
        zero = np.zeros(1)
        return all(
            bool(hybrid.rejects(piece, zero, 1 - self.level, first)[0])
            for piece, first in self._tests(bound)
        )

    def row(self, bound: float) -> dict[str, float]:
        """Return a row of the table of bounds.

        Parameters
        ----------
        bound : float
            Mbar or M.

        Returns
        -------
        dict of str to float
            Bound, identified set, interval and level.
        """
        names = ("set_low", "set_high", "conf_low", "conf_high")
        ends = (*self.identified(bound), *self.interval(bound))
        values = dict(zip(names, ends, strict=True))
        return {"bound": bound} | values | {"conf_level": self.level}

    def breakdown(self, certain: Callable[[float], bool]) -> float:
        """Find the largest bound under which the sign is certain.

        Parameters
        ----------
        certain : callable
            From a bound to whether it is.

        Returns
        -------
        float
            0 if it never is, infinite if it always is.
        """
        if not certain(0.0):
            return 0.0
        low, high = 0.0, self.std_error if self.smooth else 1.0
        for _ in range(DOUBLINGS):
            if not certain(high):
                break
            low, high = high, 2 * high
        else:
            return float("inf")
        while high - low > 1e-5 * high:
            middle = (low + high) / 2
            low, high = (middle, high) if certain(middle) else (low, middle)
        return low

    def _tests(self, bound: float) -> list[tuple[hybrid.Corners, float | None]]:
        """Take the nuisances out of each piece, and simulate its first stage."""
        out = []
        for piece in self.pieces(bound):
            found = hybrid.corners(self.path, self.covariance, piece, self.weights)
            first = None
            if self.method == "hybrid":
                first = hybrid.first_stage(found, 1 - self.level, self.seed)
            out.append((found, first))
        return out


def _hull(found: list[Interval]) -> Interval:
    return min(low for low, _ in found), max(high for _, high in found)


def without_zero(interval: Interval) -> bool:
    """Say whether an interval leaves out zero.

    Parameters
    ----------
    interval : tuple of float
        Lower and upper end.

    Returns
    -------
    bool
        True if both ends are on one side.
    """
    return interval[0] > 0 or interval[1] < 0
