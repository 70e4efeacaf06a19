"""What units add to the errors of effects, where it is linear in their outcome paths."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from cximpact.core.rng import RngLike, as_generator
from cximpact.data import Panel
from cximpact.data.wide import wide
from cximpact.effects.did.multiplier import multiplier_draws


@dataclass(frozen=True, kw_only=True, eq=False)
class PathInfluence:
    """Influence of every unit of a panel, without a table of units by terms.

    Parameters
    ----------
    panel : Panel
        Balanced; its rows are read when draws are wanted.
    cohorts : numpy.ndarray, shape (cohort,)
        Ascending, infinite for never treated and for those treated after the last period.
    alpha : numpy.ndarray, shape (cohort, term, period)
        Weight of a unit's path, as changes since the first period, in the error of a term.
    beta : numpy.ndarray, shape (cohort, term)
        Its constant part.
    """

    panel: Panel = field(repr=False)
    cohorts: np.ndarray
    alpha: np.ndarray = field(repr=False)
    beta: np.ndarray = field(repr=False)

    def draws(self, size: int, rng: RngLike, kind: str) -> np.ndarray:
        """Draw joint errors by the multiplier bootstrap.

        Random sums of paths are drawn, of which all terms are linear functions.

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
        numpy.ndarray, shape (sample, term)
            Errors.
        """
        generator, paths = as_generator(rng), wide(self.panel)
        later = np.isfinite(paths.cohorts) & (paths.cohorts > paths.periods[-1])
        first = np.where(later, np.inf, paths.cohorts)[paths.cohort]
        out = np.zeros((size, self.beta.shape[1]))
        for cohort, alpha, beta in zip(self.cohorts, self.alpha, self.beta, strict=True):
            y = paths.outcome[first == cohort]
            sums = multiplier_draws(
                np.column_stack([y[:, 1:] - y[:, :1], np.ones(len(y))]), size, generator, kind
            )
            out += sums @ np.column_stack([alpha[:, 1:], beta]).T
        return out
