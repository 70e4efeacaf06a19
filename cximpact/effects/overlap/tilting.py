"""Weights that make the arms alike, and whom each kind of weight is about."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import entr

from cximpact.core.errors import OverlapError
from cximpact.core.validate import check_choice
from cximpact.effects.overlap.arms import (
    check_arms,
    check_length,
    check_overlap,
    check_propensity,
)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Target:
    """A tilting function and the customers it picks out."""

    tilt: Callable[[np.ndarray], np.ndarray]
    population: str


TARGETS: Mapping[str, _Target] = MappingProxyType(
    {
        "ate": _Target(tilt=np.ones_like, population="all customers"),
        "att": _Target(tilt=lambda e: e, population="the treated customers"),
        "atc": _Target(tilt=lambda e: 1 - e, population="the untreated customers"),
        "ato": _Target(
            tilt=lambda e: e * (1 - e),
            population="customers who might as well have been treated as not (overlap weights)",
        ),
        "entropy": _Target(
            tilt=lambda e: entr(e) + entr(1 - e),
            population="customers whose treatment was hard to foresee (entropy weights)",
        ),
        "matching": _Target(
            tilt=lambda e: np.minimum(e, 1 - e),
            population="customers who find a partner in the other arm (matching weights)",
        ),
    }
)


@dataclass(frozen=True, kw_only=True, eq=False)
class TiltedWeights:
    """Weights by arm that bring both arms to one population.

    Parameters
    ----------
    tilt : numpy.ndarray, shape (n,)
        How much each customer counts in the population, h(x).
    treated, untreated : numpy.ndarray, shape (n,)
        Weight of each customer if treated, h(x) / e(x), and if not, h(x) / (1 - e(x)).
    target : str
        Name of the tilting function.
    population : str
        Whom the effect is about, in words.
    """

    tilt: np.ndarray = field(repr=False)
    treated: np.ndarray = field(repr=False)
    untreated: np.ndarray = field(repr=False)
    target: str
    population: str

    def __post_init__(self) -> None:
        for array in (self.tilt, self.treated, self.untreated):
            array.setflags(write=False)

    def for_arms(self, treatment: ArrayLike) -> np.ndarray:
        """Return the weight of each customer in the arm that he or she is in.

        Parameters
        ----------
        treatment : array_like, shape (n,)
            0 and 1.

        Returns
        -------
        numpy.ndarray, shape (n,)
            Weights whose mean is 1 within each arm.

        Raises
        ------
        OverlapError
            If nobody in an arm has a weight above 0.
        """
        treated = check_arms(treatment)
        check_length(treated, self.tilt.size, "treatment")
        out = np.where(treated, self.treated, self.untreated)
        for arm, name in ((treated, "treated"), (~treated, "untreated")):
            if not (mean := out[arm].mean()) > 0:
                raise OverlapError(
                    f"all {int(arm.sum())} {name} customers have the weight 0: treatment was "
                    "certain for them, and no data compare the arms."
                )
            out[arm] /= mean
        return out


def overlap_weights(propensity: ArrayLike, target: str = "ate") -> TiltedWeights:
    """Weight both arms to one population.

    Parameters
    ----------
    propensity : array_like, shape (n,)
        Probability of treatment of every customer, e(x).
    target : {"ate", "att", "atc", "ato", "entropy", "matching"}
        The population: everybody, the treated, the untreated, or those in the area of overlap by
        ``e (1 - e)``, by the entropy of e, or by ``min(e, 1 - e)``.

    Returns
    -------
    TiltedWeights
        Weights by arm, and the population in words.

    Raises
    ------
    OverlapError
        If a propensity is 0 or 1, except for "ato" and "matching", which give such a customer
        no weight in the population.

    Notes
    -----
    Estimand: ``E[h(X) tau(X)] / E[h(X)]``. Weights ``h / e`` of treated and ``h / (1 - e)`` of
    untreated customers are inverse-propensity weights for h = 1. For "ato" they are bounded, have
    the least variance under one variance of outcomes, and with a logistic propensity balance the
    means of its covariates exactly.

    References
    ----------
    Li, F., Morgan, K. L. and Zaslavsky, A. M. (2018). Balancing covariates via propensity score
    weighting. Journal of the American Statistical Association 113, 390-400.

    Zhou, Y., Matsouaka, R. A. and Thomas, L. (2020). Propensity score weighting under limited
    overlap and model misspecification. Statistical Methods in Medical Research 29, 3721-3756.
    """
    check_choice(target, "target", tuple(TARGETS))
    bounded = target in ("ato", "matching")
    e = check_propensity(propensity) if bounded else check_overlap(propensity)
    tilt = TARGETS[target].tilt(e)
    return TiltedWeights(
        tilt=tilt,
        treated=_ratio(tilt, e),
        untreated=_ratio(tilt, 1 - e),
        target=target,
        population=TARGETS[target].population,
    )


def _ratio(tilt: np.ndarray, chance: np.ndarray) -> np.ndarray:
    """Divide; where the chance is 0, its limit for both bounded functions is 1."""
    return np.divide(tilt, chance, out=np.ones_like(tilt), where=chance > 0)
