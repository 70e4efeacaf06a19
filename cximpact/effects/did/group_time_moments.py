"""Effects by cohort and period from sums: no row is read twice, whatever their number.

Without covariates each effect is linear in the mean paths of the cohorts. So is what a unit adds
to its error: ``alpha[cohort] @ path + beta[cohort]``. Counts, sums and cross-products of the paths
are all that the joint covariance needs, and sums by cluster where clusters are coarser than units.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cximpact.data import Panel
from cximpact.effects.did.cell_fit import CellFit, inflation
from cximpact.effects.did.moments_design import MomentsDesign
from cximpact.effects.did.path_influence import PathInfluence
from cximpact.effects.did.plan import Cell

NEARLY_EXACT = 1e-6
"""Variance against squared changes, below which cross-products hold too few of its digits."""


def fit_moments(
    panel: Panel, did: MomentsDesign, cells: Sequence[Cell], *, correct: bool
) -> CellFit | None:
    """Estimate every comparison with the joint covariance.

    Parameters
    ----------
    panel : Panel
        The design with its rows, which are read only for draws of the multiplier bootstrap.
    did : MomentsDesign
        Its moments, by period.
    cells : sequence of Cell
        From `plan.plan`.
    correct : bool
        Inflate the share of each cohort by ``n / (n - 1)`` on its clusters.

    Returns
    -------
    CellFit or None
        The same numbers as from rows, up to rounding. None if an effect is so nearly without
        error that rounding could pass for it: the rows can tell.
    """
    found = did.moments
    cohorts, code = np.unique(did.first_treated, return_inverse=True)
    units = np.bincount(code, weights=found.units)
    change = found.sums - found.sums[:, :1]
    sums = np.zeros((len(cohorts), len(found.periods)))
    np.add.at(sums, code, change)
    value, alpha, beta = _linear(cells, cohorts, units, sums, found.periods)
    by_unit = found.by == "cohort"
    clusters = units if by_unit else np.bincount(code)
    own = inflation(clusters, correct)
    alpha, beta = alpha * own[:, None, None], beta * own[:, None]
    parts = np.einsum("gkt,gt->gk", alpha[code], change) + beta[code] * found.units[:, None]
    if by_unit:
        influence = PathInfluence(panel=panel, cohorts=cohorts, alpha=alpha, beta=beta)
        covariance = (parts / found.units[:, None]).T @ parts
        single = (found.units > 1)[:, None, None]
        spread = np.where(single, found.covariances * (found.units - 1.0)[:, None, None], 0.0)
        for weight, within in zip(alpha, spread, strict=True):
            covariance += weight @ within @ weight.T
    else:
        _, cluster = np.unique(found.groups["cluster"].to_numpy(), return_inverse=True)
        influence = np.zeros((cluster.max() + 1, parts.shape[1]))
        np.add.at(influence, cluster, parts)
        covariance = influence.T @ influence
    if by_unit and _nearly_exact(cells, covariance, sums / units[:, None], units):
        return None
    return CellFit(
        cells=tuple(cells),
        cohorts=cohorts,
        clusters=clusters.astype(int),
        value=value,
        covariance=covariance,
        influence=influence,
    )


def _linear(
    cells: Sequence[Cell],
    cohorts: np.ndarray,
    units: np.ndarray,
    sums: np.ndarray,
    periods: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return effects and shares, and how a unit's path enters their errors."""
    column = {float(p): i for i, p in enumerate(periods)}
    k, j = len(cells), len(cohorts)
    value = np.zeros(k + j)
    alpha, beta = np.zeros((j, k + j, len(periods))), np.zeros((j, k + j))
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
    return value, alpha, beta


def _nearly_exact(
    cells: Sequence[Cell], covariance: np.ndarray, means: np.ndarray, units: np.ndarray
) -> bool:
    """Whether errors are so small against the changes that rounding may make them."""
    scale = np.abs(means).max() ** 2 / units.sum()
    variance = np.diag(covariance)[: len(cells)]
    real = np.array([not cell.reference for cell in cells])
    return bool((variance[real] <= NEARLY_EXACT * scale).any())
