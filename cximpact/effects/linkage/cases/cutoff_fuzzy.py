"""A jump of the outcome over a jump of treatment: all ratios that are not ruled out."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from scipy import optimize, special

from cximpact.core.rng import RngLike, as_generator
from cximpact.effects.linkage.cases.regions import ConfidenceSet

_GRID = 2001
_EDGE = math.pi / 2 - 1e-7


@dataclass(frozen=True, kw_only=True, eq=False)
class JumpRatio:
    """Jump of the outcome, of treatment, their covariance and their largest biases.

    Parameters
    ----------
    outcome, treatment : float
        The jumps.
    covariance : numpy.ndarray, shape (2, 2)
        Of the two.
    outcome_bias, treatment_bias : float
        Largest bias of each.
    """

    outcome: float
    treatment: float
    covariance: np.ndarray = field(repr=False)
    outcome_bias: float
    treatment_bias: float

    @property
    def estimate(self) -> float:
        """The ratio of the jumps."""
        return self.outcome / self.treatment

    @property
    def unit(self) -> float:
        """A typical size of the ratio."""
        (vaa, _), (_, vdd) = self.covariance
        top = self.outcome**2 + vaa + self.outcome_bias**2
        return math.sqrt(top / (self.treatment**2 + vdd + self.treatment_bias**2))

    def level(self, effect: np.ndarray | float) -> np.ndarray:
        """Return the confidence from which a set holds an effect.

        Parameters
        ----------
        effect : array_like
            Effects; infinite ones are taken as limits.

        Returns
        -------
        numpy.ndarray
            From 0, at the estimate, to 1.
        """
        theta = np.asarray(effect, dtype=float)
        (vaa, vad), (_, vdd) = self.covariance
        variance = vaa - 2 * theta * vad + theta**2 * vdd
        error = np.sqrt(np.maximum(variance, 1e-300))
        ratio = (self.outcome_bias + np.abs(theta) * self.treatment_bias) / error
        distance = np.abs(self.outcome - theta * self.treatment) / error
        return special.ndtr(distance - ratio) - special.ndtr(-distance - ratio)

    def confidence_set(self, prob: float) -> ConfidenceSet:
        """Return all ratios that are not ruled out.

        Parameters
        ----------
        prob : float
            Confidence.

        Returns
        -------
        ConfidenceSet
            An interval, rays or the whole line.
        """
        angles = self._angles()
        inside = self._excess(angles, prob) <= 0
        changes = np.flatnonzero(inside[1:] != inside[:-1])
        ends = [
            float(optimize.brentq(self._excess, angles[i], angles[i + 1], args=(prob,)))
            for i in changes
        ]
        ends = [self._ratio(angle) for angle in ends]
        if inside[0]:
            ends.insert(0, -math.inf)
        if inside[-1]:
            ends.append(math.inf)
        return ConfidenceSet(pieces=tuple(zip(ends[::2], ends[1::2], strict=True)), prob=prob)

    def draw(self, size: int, *, rng: RngLike) -> np.ndarray:
        """Draw from the confidence density: the test, inverted at every level.

        Parameters
        ----------
        size : int
            How many draws.
        rng : int or Generator
            Randomness of their order; their values are quantiles.

        Returns
        -------
        numpy.ndarray, shape (size,)
            Ratios. Levels at which the set is not bounded have no density and are left out.
        """
        angles = self._angles()
        levels = self.level(self._ratios(angles))
        middle = int(np.argmin(levels))
        left = np.maximum.accumulate(levels[middle::-1])
        right = np.maximum.accumulate(levels[middle:])
        top = min(left[-1], right[-1])
        each = top * (np.arange(-(-size // 2)) + 0.5) / -(-size // 2)
        below = np.interp(each, left, angles[middle::-1])
        above = np.interp(each, right, angles[middle:])
        values = self._ratios(np.concatenate([below, above]))[:size]
        return as_generator(rng).permutation(values)

    def _angles(self) -> np.ndarray:
        """Angles that stand for all ratios, with the estimate among them."""
        own = math.atan(self.estimate / self.unit)
        return np.unique(np.append(np.linspace(-_EDGE, _EDGE, _GRID), own))

    def _ratio(self, angle: float) -> float:
        return math.tan(angle) * self.unit

    def _ratios(self, angles: np.ndarray) -> np.ndarray:
        return np.tan(angles) * self.unit

    def _excess(self, angle: np.ndarray | float, prob: float) -> np.ndarray:
        return self.level(np.tan(angle) * self.unit) - prob
