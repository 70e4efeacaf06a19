"""Two-way fixed effects from the moments of a balanced panel: no row is needed.

With terms that depend on cohort and period only, taking out unit and period effects leaves terms
that depend on cohort and period only, too. So coefficients follow from sums by cohort and period,
and the score of a unit is linear in its path: its variance follows from the cross-products of the
paths of its cohort, or from sums by cluster where clusters are coarser than units.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from cximpact.core.errors import RankError
from cximpact.data import Panel, RepeatedCrossSection
from cximpact.effects.did.moments_design import MomentsDesign, moments_design
from cximpact.effects.did.regression import (
    TwoWayFit,
    refuse_dependent,
    small_sample_factor,
)

PACKAGES = {"moments": ("numpy",), "rows": ("linearmodels", "numpy")}
"""Packages whose versions matter, by the path that was taken."""
NEARLY_EXACT = 1e-3
"""Noise against the changes of cohorts, below which squared changes hold too few of its digits."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Cells:
    """Cohorts by columns of the moments: sizes, and terms without unit and period effects.

    Parameters
    ----------
    cohorts : numpy.ndarray, shape (cohort,)
        First treated periods, ascending, infinite for never.
    code : numpy.ndarray of int, shape (group,)
        Cohort of each group of the moments.
    units : numpy.ndarray, shape (cohort,)
        Units a cohort.
    lengths : numpy.ndarray, shape (column,)
        Periods a column.
    terms, residual : numpy.ndarray, shape (cohort, column, term)
        The terms, and what unit and period effects leave of them.
    """

    cohorts: np.ndarray
    code: np.ndarray = field(repr=False)
    units: np.ndarray
    lengths: np.ndarray
    terms: np.ndarray = field(repr=False)
    residual: np.ndarray = field(repr=False)

    @property
    def rows(self) -> np.ndarray:
        """Rows of the data in each cell, shape (cohort, column)."""
        return self.units[:, None] * self.lengths


def without_rows(
    data: Panel | RepeatedCrossSection, *, stretches: bool = False
) -> MomentsDesign | None:
    """Compress a design for two-way fixed effects, where its rows are not needed.

    Parameters
    ----------
    data : Panel or RepeatedCrossSection
        The design.
    stretches : bool, default False
        As in `moments_design`.

    Returns
    -------
    MomentsDesign or None
        None for repeated cross-sections, panels with covariates, and where `moments_design` is
        None.
    """
    if not isinstance(data, Panel) or data.covariates:
        return None
    return moments_design(data, stretches=stretches)


def treated_term(did: MomentsDesign) -> np.ndarray:
    """Return whether a cohort is treated in a column of the moments, as the only term.

    Parameters
    ----------
    did : MomentsDesign
        The design.

    Returns
    -------
    numpy.ndarray, shape (cohort, column, 1)
        0 or 1.
    """
    begin = did.moments.periods[did.moments.starts]
    return (begin >= np.unique(did.first_treated)[:, None])[:, :, None].astype(float)


def event_terms(did: MomentsDesign, times: np.ndarray) -> np.ndarray:
    """Return whether a cohort is at a time since treatment in a period.

    Parameters
    ----------
    did : MomentsDesign
        The design, by period.
    times : numpy.ndarray, shape (term,)
        Times since treatment.

    Returns
    -------
    numpy.ndarray, shape (cohort, period, term)
        0 or 1.
    """
    since = did.moments.periods - np.unique(did.first_treated)[:, None]
    return (since[:, :, None] == times).astype(float)


def cells_of(did: MomentsDesign, terms: np.ndarray) -> Cells:
    """Take unit and period effects out of terms.

    Parameters
    ----------
    did : MomentsDesign
        The design.
    terms : numpy.ndarray, shape (cohort, column, term)
        The terms.

    Returns
    -------
    Cells
        With their residuals.
    """
    cohorts, code = np.unique(did.first_treated, return_inverse=True)
    units = np.bincount(code, weights=did.moments.units)
    lengths = did.moments.lengths
    left = terms
    for _ in range(2):  # the second pass takes out what rounding left
        by_unit = np.average(left, axis=1, weights=lengths)[:, None]
        by_period = np.average(left, axis=0, weights=units)
        left = left - by_unit - by_period + np.average(by_period, axis=0, weights=lengths)
    return Cells(
        cohorts=cohorts, code=code, units=units, lengths=lengths, terms=terms, residual=left
    )


def moments_weights(did: MomentsDesign) -> pd.DataFrame:
    """Return the weight of every treated cell in the two-way fixed-effects coefficient.

    Parameters
    ----------
    did : MomentsDesign
        The design.

    Returns
    -------
    pandas.DataFrame
        As `two_way_weights`.

    Raises
    ------
    RankError
        If treatment cannot be told apart from the unit and period effects.
    """
    cells = cells_of(did, treated_term(did))
    residual, treated = cells.residual[:, :, 0], cells.terms[:, :, 0] > 0
    if np.abs(residual).max() < 1e-10:
        raise RankError("treatment cannot be told apart from the unit and the period effects.")
    share = cells.units[:, None] * residual
    share = np.repeat(share, cells.lengths, axis=1)  # every period of a stretch has its weight
    cohort, period = np.nonzero(np.repeat(treated, cells.lengths, axis=1))
    weight = share[cohort, period]
    return pd.DataFrame(
        {
            "cohort": cells.cohorts[cohort],
            "period": did.moments.periods[period],
            "weight": weight / weight.sum(),
        }
    )


def moments_fit(did: MomentsDesign, terms: np.ndarray, names: list[str]) -> TwoWayFit | None:
    """Regress the outcome on terms, unit and period effects.

    Parameters
    ----------
    did : MomentsDesign
        The design.
    terms : numpy.ndarray, shape (cohort, column, term)
        What depends on cohort and period, cohorts ascending.
    names : list of str
        Their names, for messages.

    Returns
    -------
    TwoWayFit or None
        The same numbers as `two_way_fit`, up to rounding. None if clusters are fitted exactly or
        nearly so, where rounding could pass for an error: the rows can tell.

    Raises
    ------
    RankError
        If a term is a combination of others and the fixed effects.
    InsufficientDataError
        If there are no more rows than parameters.
    """
    cells = cells_of(did, terms)
    k = terms.shape[2]
    root = np.sqrt(cells.rows)[:, :, None]
    left = (cells.residual * root).reshape(-1, k)
    refuse_dependent(left, (terms * root).reshape(-1, k), names)
    n_effects = len(did.moments.periods) - 1  # unit effects are nested in the clusters
    factor = small_sample_factor(did.n_rows, k + 1 + n_effects, did.n_clusters)
    weighted = cells.residual * cells.lengths[:, None]
    change = did.moments.sums - did.moments.sums[:, :1]
    by_cohort = np.zeros((len(cells.cohorts), change.shape[1]))
    np.add.at(by_cohort, cells.code, change)
    bread = np.linalg.inv(left.T @ left)
    estimate = bread @ np.einsum("gtk,gt->k", weighted, by_cohort)
    fitted = by_cohort.sum(axis=0) / cells.units.sum() + cells.residual @ estimate
    covariance = bread @ _meat(did, cells, weighted, fitted) @ bread
    fit = TwoWayFit(
        estimate=estimate,
        covariance=covariance * factor,
        df=did.n_clusters - 1,
        factor=factor,
    )
    return None if _nearly_exact(did, cells, fit) else fit


def _meat(did: MomentsDesign, cells: Cells, weighted: np.ndarray, fitted: np.ndarray) -> np.ndarray:
    """Sum the outer products of the clusters' scores.

    A unit's score is ``weighted' (change - fitted)``, as the weights of a cohort sum to zero.
    """
    moments, code = did.moments, cells.code
    change = moments.sums - moments.sums[:, :1]
    shift = change - moments.units[:, None] * fitted[code]
    scores = np.einsum("gtk,gt->gk", weighted[code], shift)
    if moments.by == "cluster":
        _, cluster = np.unique(moments.groups["cluster"].to_numpy(), return_inverse=True)
        summed = np.zeros((cluster.max() + 1, scores.shape[1]))
        np.add.at(summed, cluster, scores)
        return summed.T @ summed
    single = (moments.units > 1)[:, None, None]
    spread = np.where(single, moments.covariances * (moments.units - 1.0)[:, None, None], 0.0)
    within = np.einsum("gsk,gst,gtl->kl", weighted[code], spread, weighted[code], optimize=True)
    return within + (scores / moments.units[:, None]).T @ scores


def _nearly_exact(did: MomentsDesign, cells: Cells, fit: TwoWayFit) -> bool:
    """Whether errors are so small against the outcome that rounding may make them."""
    if did.n_clusters == 2:
        return True
    means = did.moments.sums / did.moments.units[:, None]
    change = np.abs(means - means[:, :1]).max()
    scale = max(change, _noise(did))
    spread = np.sqrt((cells.rows[:, :, None] * cells.residual**2).sum(axis=(0, 1)) / did.n_rows)
    error = np.sqrt(np.maximum(np.diag(fit.covariance) / fit.factor, 0.0))
    return bool((error * spread <= NEARLY_EXACT * scale / np.sqrt(did.n_rows)).any())


def _noise(did: MomentsDesign) -> float:
    """Largest spread of changes within a group, where it is known."""
    if did.moments.by == "cluster":
        return 0.0
    ms = np.diagonal(did.moments.products, axis1=1, axis2=2) / did.moments.units[:, None]
    return float(np.sqrt(ms.max(initial=0.0)))
