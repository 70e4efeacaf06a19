"""Untreated outcomes of treated cells of a balanced panel, from its moments: no row is needed.

Units of one cohort are alike but for their outcomes, so effects are linear in the mean paths of
cohorts. What a unit adds to the error, and what leaving it out changes, is linear in its path.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from cximpact.effects.did.imputed_averages import ImputedCells, TreatedCells, treated_cells
from cximpact.effects.did.imputed_blocks import RCOND, arrays
from cximpact.effects.did.imputed_rows import fit_rows, unseen_note
from cximpact.effects.did.moments_design import MomentsDesign


@dataclass(frozen=True, kw_only=True, eq=False)
class CohortPaths:
    """Mean paths of cohorts, and which of their periods are untreated.

    Parameters
    ----------
    cohorts : numpy.ndarray, shape (cohort,)
        First treated periods, infinite for never.
    periods : numpy.ndarray, shape (period,)
        Periods.
    units : numpy.ndarray, shape (cohort,)
        Units a cohort.
    mean : numpy.ndarray, shape (cohort, period)
        Mean outcomes, less those of the first period.
    spread : numpy.ndarray, shape (cohort, period, period)
        Covariance of changes within each cohort, ddof 1; zero for a single unit.
    free : numpy.ndarray of bool, shape (cohort, period)
        Whether the cohort is untreated then.
    """

    cohorts: np.ndarray
    periods: np.ndarray
    units: np.ndarray
    mean: np.ndarray
    spread: np.ndarray = field(repr=False)
    free: np.ndarray

    @property
    def _effects(self) -> np.ndarray:
        """Unit (cohort) and period effects as columns, shape (cohort * period, effect)."""
        g, t = self.mean.shape
        return np.column_stack([np.repeat(np.eye(g), t, axis=0), np.tile(np.eye(t), (g, 1))])

    def design(self, units: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Solve for untreated outcomes.

        Parameters
        ----------
        units : numpy.ndarray, shape (cohort,)
            Units a cohort; zero leaves it out.

        Returns
        -------
        hat : numpy.ndarray, shape (cohort * period, cohort * period)
            Fitted untreated outcomes from outcomes; only untreated ones enter.
        seen : numpy.ndarray of bool, shape (cohort * period,)
            Whether the untreated outcome follows from the untreated ones.
        """
        columns = self._effects
        weight = np.where(self.free, units[:, None], 0.0).ravel()
        normal = columns.T @ (weight[:, None] * columns)
        inverse = np.linalg.pinv(normal, rcond=RCOND, hermitian=True)
        left = columns - columns @ inverse @ normal
        hat = columns @ inverse @ (columns * weight[:, None]).T
        present = np.repeat(units > 0, len(self.periods))
        return hat, (np.abs(left).max(axis=1) < 1e-6) & present

    def scores(self, weights: np.ndarray, shift: np.ndarray) -> np.ndarray:
        """Sum the outer products of what units add, as a covariance.

        Parameters
        ----------
        weights : numpy.ndarray, shape (term, cohort, period)
            What a unit's path counts.
        shift : numpy.ndarray, shape (term, cohort)
            What a unit whose path is the mean of its cohort adds.

        Returns
        -------
        numpy.ndarray, shape (term, term)
            Sum over units.
        """
        within = np.zeros((len(weights), len(weights)))
        for g, n in enumerate(self.units):
            if n > 1:
                w = weights[:, g]
                within += (n - 1) * (w @ self.spread[g] @ w.T)
        return within + (shift * self.units) @ shift.T


def cohort_paths(did: MomentsDesign, anticipation: int) -> CohortPaths:
    """Read the moments by cohort.

    Parameters
    ----------
    did : MomentsDesign
        The design, with units as clusters.
    anticipation : int
        Periods before treatment that count as treated.

    Returns
    -------
    CohortPaths
        The paths.
    """
    found = did.moments
    units = found.units.astype(float)
    single = (units > 1)[:, None, None]
    return CohortPaths(
        cohorts=did.first_treated,
        periods=found.periods,
        units=units,
        mean=(found.sums - found.sums[:, :1]) / units[:, None],
        spread=np.where(single, found.covariances, 0.0),
        free=found.periods < did.first_treated[:, None] - anticipation,
    )


def fit_moments(did: MomentsDesign, anticipation: int, *, jackknife: bool) -> ImputedCells:
    """Estimate the effect in every treated cell, and the joint error of all averages.

    Parameters
    ----------
    did : MomentsDesign
        The design.
    anticipation : int
        Periods before treatment that count as treated.
    jackknife : bool
        As in `fit_rows`.

    Returns
    -------
    ImputedCells
        The same numbers as those of `fit_rows`.
    """
    if did.moments.by == "cluster":
        return fit_rows(*arrays(group_table(did), (), anticipation), jackknife=jackknife)
    paths = cohort_paths(did, anticipation)
    hat, seen = paths.design(paths.units)
    treated = ~paths.free.ravel()
    cell = np.flatnonzero(treated & seen)
    cohort = np.repeat(paths.cohorts, len(paths.periods))
    period = np.tile(paths.periods, len(paths.cohorts))
    cells = treated_cells(cohort[cell], period[cell])
    error = (np.eye(len(hat)) - hat) @ paths.mean.ravel()
    value, count = error[cell], np.repeat(paths.units, len(paths.periods))[cell]
    if jackknife:
        covariance = _jackknife(paths, cells, cell)
    else:
        weights = (cells.jacobian(count) @ (np.eye(len(hat)) - hat)[cell]).reshape(
            -1, *paths.mean.shape
        ) / paths.units[:, None]
        left = np.where(treated, 0.0, error).reshape(paths.mean.shape)
        covariance = paths.scores(weights, np.einsum("kgt,gt->kg", weights, left))
    return ImputedCells(
        cells=cells,
        value=value,
        count=count,
        covariance=covariance,
        notes=unseen_note(cohort[treated & ~seen], period[treated & ~seen]),
    )


def _jackknife(paths: CohortPaths, cells: TreatedCells, cell: np.ndarray) -> np.ndarray:
    """Covariance of the stack by leaving out one unit at a time.

    All units of a cohort leave behind the same weights, so that what each changes is linear in
    its path; only one fit a cohort is needed.
    """
    n = paths.units
    base, change = [], []
    for h in range(len(n)):
        left = n - (np.arange(len(n)) == h)
        hat, seen = paths.design(left)
        moves = (np.eye(len(hat)) - hat)[cell]
        count = np.where(seen, np.repeat(left, len(paths.periods)), 0.0)[cell]
        base.append(cells.stack(moves @ paths.mean.ravel(), count))
        mine = moves.reshape(-1, *paths.mean.shape)[:, h]
        change.append(cells.jacobian(count) @ mine / max(n[h] - 1.0, 1.0))
    shift = np.stack(base, axis=1)
    shift = shift - (shift @ n / n.sum())[:, None]
    total = n.sum()
    return (total - 1) / total * paths.scores(np.stack(change, axis=1), shift)


def group_table(did: MomentsDesign) -> pd.DataFrame:
    """Lay out groups of units that share cluster and cohort as rows.

    Parameters
    ----------
    did : MomentsDesign
        The design, by cluster.

    Returns
    -------
    pandas.DataFrame
        As in `DidTable`; a group counts as one unit with the weight of its units.
    """
    found = did.moments
    group, period = np.indices(found.sums.shape)
    mean = (found.sums - found.sums[:, :1]) / found.units[:, None]
    units = found.units.astype(float)[group.ravel()]
    return pd.DataFrame(
        {
            "entity": group.ravel(),
            "time": found.periods[period.ravel()],
            "outcome": mean.ravel(),
            "first_treated": did.first_treated[group.ravel()],
            "cluster": found.groups["cluster"].to_numpy()[group.ravel()],
            "weight": units,
            "weight_sq": units,
        }
    )
