"""A difference-in-differences design known by its moments: no row is brought into memory."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field, replace

import narwhals as nw
import numpy as np

from cximpact.core.errors import DataWarning, DesignError
from cximpact.data import Panel, PanelMoments, frames
from cximpact.data.moments import moments
from cximpact.data.wide import in_memory
from cximpact.effects.did.design_checks import (
    always_note,
    check_comparison,
    dropped_note,
    later_note,
    outcome_id,
)

MAX_PERIODS = 50
"""Periods beyond which a query with the products of all pairs of periods grows too long."""


@dataclass(frozen=True, kw_only=True, eq=False)
class MomentsDesign:
    """A balanced panel as sums: what the estimators that need no rows read.

    Parameters
    ----------
    moments : PanelMoments
        By cohort, with units as clusters, or by cluster and cohort where clusters are coarser;
        then without cross-products. Those first treated after the last period are among the
        never treated (infinite), and those treated from the first period on are left out.
    binary : bool
        Whether every outcome is 0 or 1.
    notes : tuple of str
        What was left out.

    Notes
    -----
    It has what `estimates.Design` asks for, so that results, words and warnings are the same as
    those of a `DidTable` with the rows. ``data_hash`` is that of the moments.
    """

    moments: PanelMoments = field(repr=False)
    binary: bool
    notes: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        """Always ``"panel"``."""
        return "panel"

    @property
    def path(self) -> str:
        """Always ``"moments"``."""
        return "moments"

    @property
    def first_treated(self) -> np.ndarray:
        """First treated period of each group, infinite for never, shape (group,)."""
        return self.moments.groups["first_treated"].to_numpy(dtype=float)

    @property
    def cohorts(self) -> np.ndarray:
        """First treated periods, without never."""
        found = np.unique(self.first_treated)
        return found[np.isfinite(found)]

    @property
    def staggered(self) -> bool:
        """Whether treatment begins at several times."""
        return len(self.cohorts) > 1

    @property
    def has_never(self) -> bool:
        """Whether somebody is never treated."""
        return bool(np.isinf(self.first_treated).any())

    @property
    def last_period(self) -> float:
        """Last period that is seen."""
        return float(self.moments.periods[-1])

    @property
    def periods_before(self) -> int:
        """How many periods the earliest treated cohort is seen before treatment."""
        return int((self.moments.periods < self.cohorts[0]).sum())

    @property
    def n_units(self) -> int:
        """Units that are used."""
        return int(self.moments.units.sum())

    @property
    def n_rows(self) -> int:
        """Rows of the data that are used."""
        return self.n_units * len(self.moments.periods)

    @property
    def n_clusters(self) -> int:
        """How many clusters there are."""
        return self._clusters(np.ones(len(self.moments.units), dtype=bool))

    @property
    def n_treated_clusters(self) -> int:
        """How many clusters hold somebody who is ever treated."""
        return self._clusters(np.isfinite(self.first_treated))

    @property
    def n_untreated_clusters(self) -> int:
        """How many clusters hold somebody who is never treated."""
        return self._clusters(np.isinf(self.first_treated))

    @property
    def data_hash(self) -> str:
        """Fingerprint of the moments."""
        return self.moments.data_hash

    @property
    def outcome_id(self) -> str:
        """Which outcomes these are, however they were read."""
        rows = self.moments.units * len(self.moments.periods)
        return outcome_id(self.first_treated, rows, self.moments.sums @ self.moments.lengths)

    def _clusters(self, of: np.ndarray) -> int:
        """Count the clusters of some groups."""
        if self.moments.by == "cohort":
            return int(self.moments.units[of].sum())
        return int(self.moments.groups["cluster"][of].nunique())


def moments_design(panel: Panel, *, stretches: bool = False) -> MomentsDesign | None:
    """Compress a panel to the moments that estimators without covariates need.

    Parameters
    ----------
    panel : Panel
        The design. Its covariates are not read; an estimator that uses them needs the rows.
    stretches : bool, default False
        Whether means over the stretches between starts of treatment will do, in place of single
        periods; there are fewer of them.

    Returns
    -------
    MomentsDesign or None
        None if the rows are needed: the panel has gaps or weights, names ``treated`` instead of
        ``first_treated``, a unit changes its cluster, or there are very many periods in a frame
        that is not in memory.

    Raises
    ------
    NoPreperiodError, NoControlError, NoTreatedError
        If nothing can be compared.
    ZeroVarianceError
        If the outcome does not vary.
    ClusterError
        If there are fewer than two clusters.

    Warns
    -----
    DataWarning
        If units are left out.
    """
    if not panel.balanced or panel.weight is not None or panel.first_treated is None:
        return None
    coarser = panel.cluster not in (None, panel.unit)
    starts = _starts(panel) if stretches else np.arange(len(panel.periods))
    if not coarser and len(starts) > MAX_PERIODS and not in_memory(panel):
        return None
    by = "cluster" if coarser else "cohort"
    try:
        found = moments(panel, by, products=not coarser, starts=starts)
    except DesignError:  # a unit that is in several clusters
        return None
    first, notes = _comparable(found, dropped_note(panel))
    kept = first > found.periods[0]
    if not kept.all() or (first != found.groups["first_treated"].to_numpy(dtype=float)).any():
        found = _regrouped(found, first, kept)
    binary, constant = _outcome_facts(panel, whole=bool(kept.all()))
    design = MomentsDesign(moments=found, binary=binary, notes=notes)
    check_comparison(design, treated=len(design.cohorts) > 0, constant=constant)
    return design


def _starts(panel: Panel) -> np.ndarray:
    """Find the periods at which some treatment begins, and the first."""
    begin = np.searchsorted(panel.periods, panel.cohorts["first_treated"].to_numpy(dtype=float))
    return np.unique(np.append(begin[begin < len(panel.periods)], 0))


def _comparable(found: PanelMoments, notes: list[str]) -> tuple[np.ndarray, tuple[str, ...]]:
    """Count those treated later as never treated; warn of those always treated."""
    first = found.groups["first_treated"].to_numpy(dtype=float)
    units, last = found.units, float(found.periods[-1])
    later = np.isfinite(first) & (first > last)
    if later.any():
        notes = [*notes, later_note(int(units[later].sum()), last)]
        first = np.where(later, np.inf, first)
    always = first <= found.periods[0]
    if always.any():
        every = bool(always[np.isfinite(first)].all())
        note = always_note(int(units[always].sum()), int(units.sum()), every=every)
        warnings.warn(note, DataWarning, stacklevel=5)
        notes = [*notes, note]
    return first, tuple(notes)


def _outcome_facts(panel: Panel, *, whole: bool) -> tuple[bool, bool]:
    """Say whether every outcome is 0 or 1, and whether all are the same.

    The range of the whole outcome settles that mostly; else the rows are scanned once more.
    """
    low, high = panel.outcome_range
    if whole and (low < 0 or high > 1):
        return False, low == high
    y, kept = nw.col("outcome"), nw.col("first_treated") > panel.periods[0]
    other = ((y != 0) & (y != 1)).cast(nw.Float64).sum()
    scanned = panel.open().filter(kept).select(other=other, low=y.min(), high=y.max())
    facts = frames.collect(scanned).iloc[0]
    return facts["other"] == 0, facts["low"] == facts["high"]


def _regrouped(found: PanelMoments, first: np.ndarray, kept: np.ndarray) -> PanelMoments:
    """Add up groups that have become alike, and leave out others."""
    groups = found.groups.assign(first_treated=first)[kept]
    code = groups.groupby(list(groups.columns), sort=True).ngroup().to_numpy()
    order = np.argsort(code, kind="stable")
    begin = np.flatnonzero(np.diff(code[order], prepend=-1))
    sums = {
        name: np.add.reduceat(getattr(found, name)[kept][order], begin, axis=0)
        for name in ("units", "sums", "products")
    }
    return replace(found, groups=groups.iloc[order[begin]].reset_index(drop=True), **sums)
