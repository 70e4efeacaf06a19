"""Effects by cohort and period from rows: covariates, weights, gaps and repeated cross-sections."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from scipy import sparse

from cximpact.core.errors import NoControlError
from cximpact.effects.did.cell_fit import CellFit, inflation
from cximpact.effects.did.contrast import level_contrast, panel_contrast
from cximpact.effects.did.design import DidTable
from cximpact.effects.did.plan import Cell


@dataclass(frozen=True, kw_only=True, eq=False)
class Wide:
    """A panel laid out one row a unit.

    Parameters
    ----------
    outcome, weight : numpy.ndarray, shape (unit, period)
        NaN where the unit is not seen.
    covariates : numpy.ndarray, shape (unit, period, covariate)
        NaN where the unit is not seen.
    cohort, cluster : numpy.ndarray, shape (unit,)
        First treated period, and number of the cluster.
    periods : numpy.ndarray, shape (period,)
        Ascending.
    """

    outcome: np.ndarray = field(repr=False)
    weight: np.ndarray = field(repr=False)
    covariates: np.ndarray = field(repr=False)
    cohort: np.ndarray = field(repr=False)
    cluster: np.ndarray = field(repr=False)
    periods: np.ndarray

    @property
    def complete(self) -> np.ndarray:
        """Units that are seen in every period, shape (unit,)."""
        return np.isfinite(self.outcome).all(axis=1)

    @property
    def constant(self) -> bool:
        """Whether weights and covariates stay the same over the periods of a unit."""
        first = self.covariates[:, :1], self.weight[:, :1]
        return bool((self.covariates == first[0]).all() and (self.weight == first[1]).all())

    def keep(self, rows: np.ndarray) -> Wide:
        """Keep some units.

        Parameters
        ----------
        rows : numpy.ndarray of bool, shape (unit,)
            Which.

        Returns
        -------
        Wide
            The others are left out.
        """
        return Wide(
            outcome=self.outcome[rows],
            weight=self.weight[rows],
            covariates=self.covariates[rows],
            cohort=self.cohort[rows],
            cluster=self.cluster[rows],
            periods=self.periods,
        )


def wide_of(did: DidTable, covariates: Sequence[str]) -> Wide:
    """Lay out a panel one row a unit.

    Parameters
    ----------
    did : DidTable
        A panel.
    covariates : sequence of str
        Columns of its table.

    Returns
    -------
    Wide
        Units in the order of their names.
    """
    table = did.table
    unit, names = _codes(table["entity"])
    period, periods = _codes(table["time"])
    shape = (len(names), len(periods))

    def spread(values: np.ndarray) -> np.ndarray:
        out = np.full((*shape, *values.shape[1:]), np.nan)
        out[unit, period] = values
        return out

    first, cluster = np.zeros(shape[0]), np.zeros(shape[0], dtype=int)
    first[unit] = table["first_treated"]
    cluster[unit] = _codes(table["cluster"])[0]
    return Wide(
        outcome=spread(table["outcome"].to_numpy(dtype=float)),
        weight=spread(table["weight"].to_numpy(dtype=float)),
        covariates=spread(table[list(covariates)].to_numpy(dtype=float)),
        cohort=first,
        cluster=cluster,
        periods=np.asarray(periods, dtype=float),
    )


def fit_pairs(wide: Wide, cells: Sequence[Cell], *, method: str, correct: bool) -> CellFit:
    """Estimate every comparison from the units that are seen in both of its periods.

    Parameters
    ----------
    wide : Wide
        The panel.
    cells : sequence of Cell
        From `plan.plan`.
    method : {"dr", "ipw", "reg"}
        As in `contrast.panel_contrast`.
    correct : bool
        Inflate the share of each cohort by ``n / (n - 1)`` on its clusters.

    Returns
    -------
    CellFit
        Covariates and weights are those of the earlier period of a comparison.
    """
    sink = _Sink(wide.cohort, wide.cluster, len(cells), correct)
    column = {p: i for i, p in enumerate(wide.periods)}
    lost: list[int] = []
    value, trimmed = np.zeros(len(cells)), 0
    for batch in _batches(wide, cells):
        first = cells[batch[0]]
        if first.reference:
            continue
        pool = (wide.cohort == first.cohort) | np.isin(wide.cohort, first.controls)
        now = [column[cells[k].period] for k in batch]
        base = [column[cells[k].base] for k in batch]
        change = wide.outcome[:, now] - wide.outcome[:, base]
        rows = np.flatnonzero(pool & np.isfinite(change).all(axis=1))
        early = min(now[0], base[0])
        treated = (wide.cohort[rows] == first.cohort).astype(float)
        if not treated.any() or treated.all():
            lost += batch
            continue
        found = panel_contrast(
            change[rows],
            treated,
            wide.weight[rows, early],
            _with_constant(wide.covariates[rows, early]),
            method=method,
            where=f"cohort {first.cohort:g}, period {first.period:g}: ",
        )
        value[batch] = found.value
        trimmed += found.trimmed
        sink.add(rows, batch, found.influence)
    kept = [k for k in range(len(cells)) if k not in lost]
    notes = _lost(len(lost), [cells[k] for k in kept])
    weight = np.nanmean(wide.weight, axis=1)
    sink.drop(lost)
    return sink.fit(
        [cells[k] for k in kept], value[kept], weight, np.ones(len(weight)), trimmed, notes
    )


def fit_levels(
    did: DidTable, cells: Sequence[Cell], covariates: Sequence[str], *, method: str, correct: bool
) -> CellFit:
    """Estimate every comparison from all rows of its two periods.

    Parameters
    ----------
    did : DidTable
        Repeated cross-sections, or a panel with gaps.
    cells : sequence of Cell
        From `plan.plan`.
    covariates : sequence of str
        Columns of its table.
    method : {"dr", "ipw", "reg"}
        As in `contrast.level_contrast`.
    correct : bool
        Inflate the share of each cohort by ``n / (n - 1)`` on its clusters.

    Returns
    -------
    CellFit
        Comparisons for which a side is not seen in a period are left out, with a note.
    """
    table = did.table
    cohort = table["first_treated"].to_numpy(dtype=float)
    time, y = table["time"].to_numpy(dtype=float), table["outcome"].to_numpy(dtype=float)
    weight, x = table["weight"].to_numpy(dtype=float), table[list(covariates)].to_numpy(dtype=float)
    kept = [c for c in cells if _seen(c, cohort, time)]
    notes = _lost(len(cells) - len(kept), kept)
    sink = _Sink(cohort, _codes(table["cluster"])[0], len(kept), correct)
    value, trimmed = np.zeros(len(kept)), 0
    for k, cell in enumerate(kept):
        if cell.reference:
            continue
        pool = (cohort == cell.cohort) | np.isin(cohort, cell.controls)
        rows = np.flatnonzero(pool & ((time == cell.period) | (time == cell.base)))
        found = level_contrast(
            y[rows],
            (cohort[rows] == cell.cohort).astype(float),
            (time[rows] == cell.period).astype(float),
            weight[rows],
            _with_constant(x[rows]),
            method=method,
            where=f"cohort {cell.cohort:g}, period {cell.period:g}: ",
        )
        value[k], trimmed = found.value[0], trimmed + found.trimmed
        sink.add(rows, [k], found.influence)
    if did.kind == "panel":
        share = weight / table.groupby("entity")["time"].transform("size").to_numpy()
        count = share / weight
    else:
        share, count = weight, table["rows"].to_numpy(dtype=float)
    return sink.fit(kept, value, share, count, trimmed, notes)


class _Sink:
    """Collects what each row adds to the errors, summed by cluster."""

    def __init__(self, cohort: np.ndarray, cluster: np.ndarray, n_cells: int, correct: bool):
        self.cohort = cohort
        self.names, of = np.unique(cohort, return_inverse=True)
        clusters, code = np.unique(cluster, return_inverse=True)
        pairs = np.unique(of * len(clusters) + code)
        self.clusters = np.bincount(pairs // len(clusters), minlength=len(self.names))
        own = inflation(self.clusters, correct)[of]
        self.sums = sparse.csc_array(
            (own, (code, np.arange(len(code)))), (len(clusters), len(code))
        )
        self.alone = len(clusters) == len(code)
        self.code, self.own = code, own
        self.total = np.zeros((len(clusters), n_cells + len(self.names)), order="F")

    def add(self, rows: np.ndarray, columns: Sequence[int], influence: np.ndarray) -> None:
        """Add the influence of some rows on some comparisons."""
        if self.alone:
            for j, column in enumerate(columns):
                self.total[self.code[rows], column] += influence[:, j] * self.own[rows]
        else:
            self.total[:, columns] += self.sums[:, rows] @ influence

    def drop(self, columns: Sequence[int]) -> None:
        """Forget comparisons that could not be made."""
        if columns:
            self.total = np.delete(self.total, columns, axis=1)

    def fit(
        self,
        cells: Sequence[Cell],
        value: np.ndarray,
        weight: np.ndarray,
        count: np.ndarray,
        trimmed: int,
        notes: tuple[str, ...] = (),
    ) -> CellFit:
        """Add the shares of the cohorts, and sum up."""
        is_in = self.cohort[:, None] == self.names
        total = weight.sum()
        share = weight @ is_in / total
        k = len(cells)
        own = is_in * (weight / total)[:, None] - np.outer(count / count.sum(), share)
        self.add(np.arange(len(weight)), range(k, k + len(share)), own)
        return CellFit(
            cells=tuple(cells),
            cohorts=self.names,
            clusters=self.clusters,
            value=np.concatenate([value, share]),
            covariance=self.total.T @ self.total,
            influence=self.total,
            notes=notes,
            trimmed=trimmed,
        )


def _batches(wide: Wide, cells: Sequence[Cell]) -> list[list[int]]:
    """Group comparisons that share rows, covariates and weights."""
    together = wide.constant and bool(wide.complete.all())
    groups: dict[tuple[object, ...], list[int]] = {}
    for k, cell in enumerate(cells):
        key: tuple[object, ...] = (cell.cohort, cell.controls, cell.reference)
        groups.setdefault(key if together else (*key, k), []).append(k)
    return list(groups.values())


def _with_constant(x: np.ndarray) -> np.ndarray | None:
    return np.column_stack([np.ones(len(x)), x]) if x.shape[1] else None


def _lost(n: int, kept: Sequence[Cell]) -> tuple[str, ...]:
    """Count the comparisons without rows on a side; refuse to go on without any."""
    if not any(c.period >= c.cohort for c in kept):
        raise NoControlError("no cohort is seen with its controls both before and after treatment.")
    if not n:
        return ()
    return (f"{n} pairs of cohort and period are not seen on both sides and were left out.",)


def _seen(cell: Cell, cohort: np.ndarray, time: np.ndarray) -> bool:
    sides = (cohort == cell.cohort), np.isin(cohort, cell.controls)
    return all((side & (time == p)).any() for side in sides for p in (cell.period, cell.base))


def _codes(column: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    codes, names = pd.factorize(column, sort=True)
    return codes, np.asarray(names)
