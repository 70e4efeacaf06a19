"""The ways through the data to effects by cohort and period: moments, paths or rows."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from cximpact.core.errors import RankError, SmallSampleWarning
from cximpact.data import Panel, RepeatedCrossSection
from cximpact.data.wide import WidePanel, wide
from cximpact.effects.did import plan as pl
from cximpact.effects.did.cell_fit import CellFit
from cximpact.effects.did.design import DidTable, did_table
from cximpact.effects.did.estimates import Design
from cximpact.effects.did.group_time_moments import fit_moments
from cximpact.effects.did.group_time_rows import Wide, fit_levels, fit_pairs, wide_of
from cximpact.effects.did.moments_design import MomentsDesign, moments_design

UNBALANCED = ("pairs", "levels", "drop")
FEW = 50
"""Clusters below which the small-sample correction is on by default."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Found:
    """What was estimated, and how.

    Parameters
    ----------
    design : Design
        The data.
    fit : CellFit
        Effects and shares with their joint uncertainty.
    df : float or None
        Degrees of freedom, where the small-sample correction applies.
    path : str
        Which way was taken: ``"moments"``, ``"paths"``, ``"pairs"`` or ``"levels"``.
    """

    design: Design
    fit: CellFit
    df: float | None
    path: str


def estimate(
    data: Panel | RepeatedCrossSection,
    *,
    control: str,
    base: str,
    anticipation: int,
    method: str,
    unbalanced: str,
    small_sample: bool | None,
) -> Found:
    """Estimate every comparison by the quickest way that the data allow.

    A balanced panel without weights is compressed to moments; with covariates it is laid out one
    row a unit. Everything else goes through the rows. The numbers are the same.

    Parameters
    ----------
    data : Panel or RepeatedCrossSection
        The design.
    control, base, anticipation, method, unbalanced, small_sample
        As in `GroupTime`.

    Returns
    -------
    Found
        Effects, shares and their joint uncertainty.

    Raises
    ------
    NoControlError, NoPreperiodError
        If nothing can be compared.
    OverlapError, SeparationError, RankError
        If the covariates do not allow it.

    Warns
    -----
    SmallSampleWarning
        If a cohort has one cluster.
    """

    def planned(periods: np.ndarray, cohorts: np.ndarray) -> tuple[list[pl.Cell], tuple[str, ...]]:
        return pl.plan(
            tuple(periods), tuple(cohorts), control=control, base=base, anticipation=anticipation
        )

    compressed = moments_design(data) if isinstance(data, Panel) else None
    if isinstance(data, Panel) and compressed is not None:
        did, few = compressed, _few(compressed, small_sample)
        cells, notes = planned(did.moments.periods, np.unique(did.first_treated))
        if data.covariates:
            arrays = _checked(_paths(wide(data, covariates=True), did), data.covariates)
            fit, path = fit_pairs(arrays, cells, method=method, correct=few), "paths"
        else:
            fit, path = fit_moments(data, did, cells, correct=few), "moments"
        if fit is not None:
            return _found(did, fit, path, notes, few=few)
    did = did_table(data)
    few = _few(did, small_sample)
    periods = np.unique(did.table["time"].to_numpy(dtype=float))
    cells, notes = planned(periods, np.unique(did.table["first_treated"].to_numpy(dtype=float)))
    if did.kind != "panel" or (unbalanced == "levels" and not _whole(data)):
        fit = fit_levels(did, cells, did.covariates, method=method, correct=few)
        return _found(did, fit, "levels", notes, few=few)
    arrays, more = _with_gaps(did, unbalanced)
    fit = fit_pairs(arrays, cells, method=method, correct=few)
    return _found(did, fit, "pairs", notes + more, few=few)


def _found(design: Design, fit: CellFit, path: str, notes: tuple[str, ...], *, few: bool) -> Found:
    """Add what was left out, and warn about cohorts whose own error cannot be seen."""
    alone = [f"{g:g}" for g, n in zip(fit.cohorts, fit.clusters, strict=True) if n == 1]
    if alone:
        warnings.warn(
            f"cohort {', '.join(alone)} has one cluster: its own error cannot be seen, and its "
            "standard errors are too small.",
            SmallSampleWarning,
            stacklevel=4,
        )
    return Found(
        design=design,
        fit=replace(fit, notes=(*notes, *fit.notes)),
        df=float(design.n_clusters - 2) if few else None,
        path=path,
    )


def _few(design: Design, small_sample: bool | None) -> bool:
    """Whether the small-sample correction applies; it needs three clusters."""
    wanted = design.n_clusters < FEW if small_sample is None else small_sample
    return wanted and design.n_clusters > 2


def _whole(data: Panel | RepeatedCrossSection) -> bool:
    return not isinstance(data, Panel) or data.balanced


def _paths(panel: WidePanel, did: MomentsDesign) -> Wide:
    """Leave out who is always treated, and count who is treated later as never treated."""
    first = panel.cohorts[panel.cohort]
    first = np.where(first > did.last_period, np.inf, first)
    kept = first > panel.periods[0]
    arrays = Wide(
        outcome=panel.outcome,
        weight=np.ones(panel.outcome.shape),
        covariates=panel.covariates,
        cohort=first,
        cluster=panel.cluster,
        periods=panel.periods,
    )
    return arrays if kept.all() else arrays.keep(kept)


def _checked(arrays: Wide, names: Sequence[str]) -> Wide:
    """Refuse covariates that are the same everywhere."""
    for name, values in zip(names, np.moveaxis(arrays.covariates, 2, 0), strict=True):
        if values.min() == values.max():
            raise RankError(f"covariate[{name}] is constant; leave it out.")
    return arrays


def _with_gaps(did: DidTable, unbalanced: str) -> tuple[Wide, tuple[str, ...]]:
    """Lay out a panel in which units may miss periods, and say what becomes of them."""
    arrays = wide_of(did, did.covariates)
    whole = arrays.complete
    if whole.all():
        return arrays, ()
    notes = _gaps(int((~whole).sum()), len(whole), unbalanced)
    return (arrays.keep(whole) if unbalanced == "drop" else arrays), notes


def _gaps(n: int, total: int, unbalanced: str) -> tuple[str, ...]:
    what = "were left out" if unbalanced == "drop" else "count where both periods are seen"
    return (f"{n:,} of {total:,} units miss periods and {what} (unbalanced={unbalanced!r}).",)
