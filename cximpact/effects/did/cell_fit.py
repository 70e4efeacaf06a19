"""Effects of all comparisons and shares of all cohorts, with their joint uncertainty."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from cximpact.core.rng import RngLike
from cximpact.effects.did.multiplier import multiplier_draws
from cximpact.effects.did.path_influence import PathInfluence
from cximpact.effects.did.plan import Cell


@dataclass(frozen=True, kw_only=True, eq=False)
class CellFit:
    """Effects of all comparisons and shares of all cohorts, with their joint uncertainty.

    Parameters
    ----------
    cells : tuple of Cell
        The comparisons that could be made.
    cohorts : numpy.ndarray, shape (cohort,)
        Cohorts, infinite for never treated.
    clusters : numpy.ndarray of int, shape (cohort,)
        Clusters of each.
    value : numpy.ndarray, shape (cell + cohort,)
        Effects, then shares of the cohorts.
    covariance : numpy.ndarray, shape (cell + cohort, cell + cohort)
        Their covariance, summed over clusters.
    influence : numpy.ndarray, shape (cluster, cell + cohort), or PathInfluence
        Share of every cluster in the errors, or how it follows from its path.
    notes : tuple of str
        What was left out.
    trimmed : int
        Untreated rows that got no weight, over all comparisons.
    """

    cells: tuple[Cell, ...]
    cohorts: np.ndarray
    clusters: np.ndarray
    value: np.ndarray
    covariance: np.ndarray = field(repr=False)
    influence: np.ndarray | PathInfluence = field(repr=False)
    notes: tuple[str, ...] = ()
    trimmed: int = 0

    def multiplier_draws(self, size: int, rng: RngLike, kind: str) -> np.ndarray:
        """Draw joint errors by the multiplier bootstrap.

        Parameters
        ----------
        size : int
            How many draws.
        rng : int or Generator
            Randomness.
        kind : {"rademacher", "mammen"}
            The multipliers.

        Returns
        -------
        numpy.ndarray, shape (sample, cell + cohort)
            Errors of effects and shares.
        """
        if isinstance(self.influence, PathInfluence):
            return self.influence.draws(size, rng, kind)
        return multiplier_draws(self.influence, size, rng, kind)


def inflation(clusters: np.ndarray, correct: bool) -> np.ndarray:
    """Return the factor on the influence of cohorts that allows for their few clusters.

    Parameters
    ----------
    clusters : numpy.ndarray, shape (cohort,)
        Clusters a cohort.
    correct : bool
        Whether to allow for them.

    Returns
    -------
    numpy.ndarray, shape (cohort,)
        ``sqrt(n / (n - 1))``; 1 for a single cluster, or where it is not wanted.
    """
    n = clusters.astype(float)
    if not correct:
        return np.ones_like(n)
    return np.sqrt(np.divide(n, n - 1, out=np.ones_like(n), where=n > 1))
