"""Leaving out customers whom nobody in the other arm resembles, and saying so."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from cximpact.core.errors import ConfigError, OverlapError
from cximpact.core.validate import check_number, check_weights
from cximpact.core.wording import number, percent
from cximpact.effects.overlap.arms import check_overlap, check_propensity


@dataclass(frozen=True, kw_only=True, eq=False)
class Trimmed:
    """Who is kept, and whom the effect is about from then on.

    Parameters
    ----------
    keep : numpy.ndarray of bool, shape (n,)
        True for those who stay.
    low, high : float
        The propensities between which they lie, ends included.
    population : str
        The new population in words, for `cximpact.core.results.Estimand`.
    """

    keep: np.ndarray = field(repr=False)
    low: float
    high: float
    population: str

    def __post_init__(self) -> None:
        self.keep.setflags(write=False)

    @property
    def n(self) -> int:
        """How many are kept."""
        return int(self.keep.sum())

    @property
    def share(self) -> float:
        """Share of customers that is kept."""
        return float(self.keep.mean())

    def explain(self) -> str:
        """Say who was left out and what that does to the claim.

        Returns
        -------
        str
            Two sentences.
        """
        out = self.keep.size - self.n
        return (
            f"{out:,} of {self.keep.size:,} customers are left out because hardly anybody like "
            f"them is in the other arm. The effect is now that of {self.population}, and says "
            "nothing about the others."
        )


def trim(
    propensity: ArrayLike,
    low: float = 0.1,
    high: float | None = None,
    *,
    population: str = "customers",
) -> Trimmed:
    """Leave out customers with extreme propensities, and rename the population.

    Parameters
    ----------
    propensity : array_like, shape (n,)
        Probability of treatment of every customer.
    low : float, default 0.1
        Lowest propensity that is kept; `crump_cutoff` gives the one with the least variance.
    high : float, optional
        Highest propensity that is kept, by default ``1 - low``.
    population : str, default "customers"
        Whom the effect was about before.

    Returns
    -------
    Trimmed
        Who stays, and the population in words.

    Raises
    ------
    ConfigError
        If the limits are in no order.
    OverlapError
        If nobody stays.

    Notes
    -----
    Trimming changes the estimand. It depends on the propensities alone and not on outcomes, so
    that estimates among those who stay are sound.

    References
    ----------
    Crump, R. K., Hotz, V. J., Imbens, G. W. and Mitnik, O. A. (2009). Dealing with limited
    overlap in estimation of average treatment effects. Biometrika 96, 187-199.
    """
    e = check_propensity(propensity)
    low = check_number(low, "low", low=0, high=1)
    high = 1 - low if high is None else check_number(high, "high", low=0, high=1)
    if low >= high:
        raise ConfigError(f"low is {low:g} and high is {high:g}; expected low below high.")
    # 1 - 0.1 is not quite 0.9, and 0.9 is meant to stay
    keep = (e >= low - 1e-12) & (e <= high + 1e-12)
    if not keep.any():
        raise OverlapError(
            f"no propensity lies between {low:g} and {high:g} (they run from {e.min():.3g} to "
            f"{e.max():.3g}); the arms cannot be compared there."
        )
    words = f"{population} with a propensity between {number(low)} and {number(high)}"
    share = f"{percent(keep.mean())} of {e.size:,}"
    return Trimmed(keep=keep, low=low, high=high, population=f"{words} ({share})")


def crump_cutoff(propensity: ArrayLike, weights: ArrayLike | None = None) -> float:
    """Return the propensity below which, and above 1 less it, trimming lowers the variance most.

    Parameters
    ----------
    propensity : array_like, shape (n,)
        Probability of treatment of every customer, strictly between 0 and 1.
    weights : array_like, shape (n,), optional
        Survey weights.

    Returns
    -------
    float
        From 0, where nobody needs to be left out, to below 0.5.

    Raises
    ------
    OverlapError
        If a propensity is 0 or 1.

    Notes
    -----
    With one variance of the outcome in both arms, the best attainable variance among customers in
    a set A is ``E[g 1{A}] / P(A)^2`` with ``g = 1 / (e (1 - e))``. The set that minimizes it is
    ``g <= gamma``, where gamma is twice the mean of g in the set; then
    ``cutoff = 1/2 - sqrt(1/4 - 1/gamma)``.

    References
    ----------
    Crump, R. K., Hotz, V. J., Imbens, G. W. and Mitnik, O. A. (2009). Dealing with limited
    overlap in estimation of average treatment effects. Biometrika 96, 187-199.
    """
    e = check_overlap(propensity)
    w = check_weights(weights, e.size)
    g = 1 / (e * (1 - e))
    order = np.argsort(g, kind="stable")
    order = order[w[order] > 0]
    g, w = g[order], w[order]
    total, mass = np.cumsum(w * g), np.cumsum(w)
    kept = int(np.argmin(total / mass**2))  # never within a run of equal propensities
    if kept == g.size - 1:
        return 0.0
    gamma = max(2 * total[kept] / mass[kept], g[kept])
    return float(0.5 - np.sqrt(max(0.25 - 1 / gamma, 0.0)))
