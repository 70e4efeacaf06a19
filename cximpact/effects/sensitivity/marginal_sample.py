"""Both arms, sorted once, and what one sample of weights says about them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy import optimize

from cximpact.effects.sensitivity.tilted_mean import RunningSums, SortedArm, sort_arm

LARGEST = 1e6
"""Lambda up to which a tipping point is looked for."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Customers:
    """Outcomes, predictions, and both arms in the order of their residuals.

    Parameters
    ----------
    outcome : numpy.ndarray, shape (n,)
        Outcomes.
    treated : numpy.ndarray of bool, shape (n,)
        Who was treated.
    predictions : numpy.ndarray, shape (n, 2)
        Expected outcome without and with treatment; zeros where there is no model.
    arms : tuple of SortedArm
        The untreated and the treated, by residual.
    """

    outcome: np.ndarray = field(repr=False)
    treated: np.ndarray = field(repr=False)
    predictions: np.ndarray = field(repr=False)
    arms: tuple[SortedArm, SortedArm]

    @classmethod
    def sort(
        cls, outcome: np.ndarray, treated: np.ndarray, predictions: np.ndarray, groups: np.ndarray
    ) -> Customers:
        """Sort both arms.

        Parameters
        ----------
        outcome, treated, predictions : numpy.ndarray
            As the fields.
        groups : numpy.ndarray of int, shape (n,)
            Stratum of each customer.

        Returns
        -------
        Customers
            Ready for any weights.
        """
        arms = [
            sort_arm(outcome[side] - predictions[side, k], groups[side])
            for k, side in enumerate((~treated, treated))
        ]
        return cls(
            outcome=outcome, treated=treated, predictions=predictions, arms=(arms[0], arms[1])
        )

    def sample(
        self, propensity: np.ndarray, weights: np.ndarray, *, target: str, balanced: bool
    ) -> Sample:
        """Sum up what bounds need, for one set of weights.

        Parameters
        ----------
        propensity : numpy.ndarray, shape (n,)
            Probability of treatment.
        weights : numpy.ndarray, shape (n,)
            How much each customer counts.
        target : {"ate", "att", "atc"}
            Effect on whom.
        balanced : bool
            Whether the factors of the odds average 1.

        Returns
        -------
        Sample
            Bounds at any Lambda.
        """
        sides = (~self.treated, self.treated)
        odds = (propensity / (1 - propensity), (1 - propensity) / propensity)
        return Sample(
            tilts=tuple(
                arm.sums(o[side], weights[side])
                for arm, o, side in zip(self.arms, odds, sides, strict=True)
            ),
            mass=tuple(float(weights[side].sum()) for side in sides),
            means=tuple(_mean(self.outcome[side], weights[side]) for side in sides),
            expected=tuple(
                tuple(_mean(self.predictions[side, k], weights[side]) for side in sides)
                for k in (0, 1)
            ),
            target=target,
            balanced=balanced,
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Sample:
    """Sums of one set of weights; indices are the untreated, then the treated.

    Parameters
    ----------
    tilts : tuple of RunningSums
        Running sums of the residuals of each arm, with the odds of the other.
    mass, means : tuple of float
        Weight and mean outcome of each arm.
    expected : tuple of tuple of float
        Mean prediction without and with treatment, in each arm.
    target : {"ate", "att", "atc"}
        Effect on whom.
    balanced : bool
        Whether the factors of the odds average 1.
    """

    tilts: tuple[RunningSums, ...]
    mass: tuple[float, ...]
    means: tuple[float, ...]
    expected: tuple[tuple[float, ...], ...]
    target: str
    balanced: bool

    def ends(self, strength: float) -> tuple[float, float]:
        """Return the smallest and the largest effect.

        Parameters
        ----------
        strength : float
            Lambda.

        Returns
        -------
        tuple of float
            Both ends.
        """
        return self._effect(strength, largest=False), self._effect(strength, largest=True)

    def tips_at(self, sign: float) -> float:
        """Return the smallest Lambda at which an effect of a sign may be zero.

        Parameters
        ----------
        sign : float
            1 for a positive effect, -1 for a negative one.

        Returns
        -------
        float
            From 1; infinite where no Lambda up to a million does it.
        """

        def left(log_strength: float) -> float:
            return sign * self._effect(float(np.exp(log_strength)), largest=sign < 0)

        top = np.log(LARGEST)
        if left(0.0) <= 0:
            return 1.0
        if left(top) > 0:
            return np.inf
        return float(np.exp(optimize.brentq(left, 0.0, top, xtol=1e-9)))

    def _effect(self, strength: float, *, largest: bool) -> float:
        if self.target == "att":
            return self.means[1] - self._other(0, strength, largest=not largest)
        if self.target == "atc":
            return self._other(1, strength, largest=largest) - self.means[0]
        treated = self._everybody(1, strength, largest=largest)
        return treated - self._everybody(0, strength, largest=not largest)

    def _other(self, arm: int, strength: float, *, largest: bool) -> float:
        """Mean outcome that the other arm would have had in this one."""
        tilt = self.tilts[arm]
        tilted = (
            tilt.balanced(strength, largest=largest)
            if self.balanced
            else tilt.free(strength, largest=largest, base=0.0)
        )
        return self.expected[arm][1 - arm] + tilted

    def _everybody(self, arm: int, strength: float, *, largest: bool) -> float:
        """Mean outcome if everybody were in one arm."""
        share = self.mass[arm] / sum(self.mass)
        if self.balanced:
            other = self._other(arm, strength, largest=largest)
            return share * self.means[arm] + (1 - share) * other
        expected = self.expected[arm]
        mean = share * expected[arm] + (1 - share) * expected[1 - arm]
        return mean + self.tilts[arm].free(strength, largest=largest, base=1.0)


def _mean(values: np.ndarray, weights: np.ndarray) -> float:
    return float(weights @ values / weights.sum())
