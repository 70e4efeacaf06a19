"""Effects by cohort and period from sums: no row is read twice, whatever their number.

Without covariates each effect is linear in the mean paths of the cohorts. So is what a unit adds
to its error: ``alpha[cohort] @ path + beta[cohort]``. Counts, sums and cross-products of the paths
are all that the joint covariance needs, and sums by cluster where clusters are coarser than units.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from cximpact.data.moments import PanelMoments
from cximpact.effects.did.group_time_rows import CellFit
from cximpact.effects.did.plan import Cell


@dataclass(frozen=True, kw_only=True, eq=False)
class LinearFit:
    """How effects and shares depend on the paths of the units.

    Parameters
    ----------
    cohorts : numpy.ndarray, shape (cohort,)
        Ascending, infinite for never treated.
    value : numpy.ndarray, shape (term,)
        Effects of the cells, then shares of the cohorts.
    alpha : numpy.ndarray, shape (cohort, term, period)
        Weight of a unit's path in the error of a term.
    beta : numpy.ndarray, shape (cohort, term)
        Its constant part.
    """

    cohorts: np.ndarray
    value: np.ndarray
    alpha: np.ndarray = field(repr=False)
    beta: np.ndarray = field(repr=False)


def linear_fit(moments: PanelMoments, cells: Sequence[Cell]) -> LinearFit:
    """Write every comparison as a function of mean paths.

    Parameters
    ----------
    moments : PanelMoments
        By cohort or by cluster.
    cells : sequence of Cell
        From `plan.plan`.

    Returns
    -------
    LinearFit
        Terms in the order of the cells.
    """
    first = moments.groups["first_treated"].to_numpy(dtype=float)
    cohorts, code = np.unique(first, return_inverse=True)
    units = np.bincount(code, weights=moments.units)
    sums = np.zeros((len(cohorts), len(moments.periods)))
    np.add.at(sums, code, moments.sums)
    column = {float(p): i for i, p in enumerate(moments.periods)}
    k, j = len(cells), len(cohorts)
    value = np.zeros(k + j)
    alpha, beta = np.zeros((j, k + j, len(moments.periods))), np.zeros((j, k + j))
    for i, cell in enumerate(cells):
        if cell.reference:
            continue
        now, base = column[cell.period], column[cell.base]
        for sign, side in ((1, cohorts == cell.cohort), (-1, np.isin(cohorts, cell.controls))):
            n = units[side].sum()
            change = (sums[side, now] - sums[side, base]).sum() / n
            value[i] += sign * change
            alpha[side, i, now] += sign / n
            alpha[side, i, base] -= sign / n
            beta[side, i] -= sign * change / n
    total = units.sum()
    value[k:] = units / total
    beta[:, k:] = (np.eye(j) - value[k:]) / total
    return LinearFit(cohorts=cohorts, value=value, alpha=alpha, beta=beta)


def fit_moments(moments: PanelMoments, cells: Sequence[Cell], *, correct: bool) -> CellFit:
    """Estimate every comparison with the joint covariance.

    Parameters
    ----------
    moments : PanelMoments
        By cohort, with units as clusters, or by cluster.
    cells : sequence of Cell
        From `plan.plan`.
    correct : bool
        Inflate the share of each cohort by ``n / (n - 1)`` on its clusters.

    Returns
    -------
    CellFit
        With the influence of every cluster where clusters are coarser than units.
    """
    fit = linear_fit(moments, cells)
    first = moments.groups["first_treated"].to_numpy(dtype=float)
    code = np.searchsorted(fit.cohorts, first)
    influence = None
    if moments.by == "cluster":
        n = np.bincount(code)
        own = _inflation(n, correct)[code]
        parts = np.einsum("gkt,gt->gk", fit.alpha[code], moments.sums)
        parts += fit.beta[code] * moments.units[:, None]
        _, cluster = np.unique(moments.groups["cluster"].to_numpy(), return_inverse=True)
        influence = np.zeros((cluster.max() + 1, parts.shape[1]))
        np.add.at(influence, cluster, parts * own[:, None])
        covariance = influence.T @ influence
    else:
        covariance = np.zeros((len(fit.value), len(fit.value)))
        inflation = _inflation(moments.units, correct) ** 2
        spread = moments.covariances * (moments.units - 1.0)[:, None, None]
        for c in range(len(code)):
            alpha, n = fit.alpha[c], moments.units[c]
            shift = alpha @ moments.means[c] + fit.beta[c]
            within = spread[c] if n > 1 else np.zeros_like(spread[c])
            covariance += inflation[c] * (alpha @ within @ alpha.T + n * np.outer(shift, shift))
    return CellFit(
        cells=tuple(cells),
        cohorts=fit.cohorts,
        value=fit.value,
        covariance=covariance,
        influence=influence,
    )


def _inflation(n: np.ndarray, correct: bool) -> np.ndarray:
    n = n.astype(float)
    if not correct:
        return np.ones_like(n)
    return np.sqrt(np.divide(n, n - 1, out=np.ones_like(n), where=n > 1))
