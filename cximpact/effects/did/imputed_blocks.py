"""Rows of a design as normal equations that add up over clusters.

Unit effects are swept out by each unit's untreated mean, so that what is left is linear in the
period effects and coefficients: normal equations of a few dozen columns that add up over
clusters. Leaving out a cluster is then a small subtraction, whatever the number of rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd
from scipy import sparse

from cximpact.core.errors import ClusterError

BLOCK = 4_000_000
"""Numbers that a block of clusters may hold at once."""
RCOND = 1e-10


@dataclass(frozen=True, kw_only=True, eq=False)
class Rows:
    """Rows of a design as arrays, sorted by cluster and entity.

    Parameters
    ----------
    entity, period, cluster : numpy.ndarray of int, shape (row,)
        Codes, from zero.
    cell : numpy.ndarray of int, shape (row,)
        Code of the treated cell; -1 in untreated rows.
    since : numpy.ndarray, shape (row,)
        Periods since treatment; minus infinity for never.
    outcome, weight, weight_sq : numpy.ndarray, shape (row,)
        Values.
    covariates : numpy.ndarray, shape (row, covariate)
        Standardized: first those that change within units.
    n_own : int
        How many change within units.
    n_periods, n_cells : int
        How many there are.
    """

    entity: np.ndarray = field(repr=False)
    period: np.ndarray = field(repr=False)
    cluster: np.ndarray = field(repr=False)
    cell: np.ndarray = field(repr=False)
    since: np.ndarray = field(repr=False)
    outcome: np.ndarray = field(repr=False)
    weight: np.ndarray = field(repr=False)
    weight_sq: np.ndarray = field(repr=False)
    covariates: np.ndarray = field(repr=False)
    n_own: int
    n_periods: int
    n_cells: int

    @property
    def n_columns(self) -> int:
        """Period effects and coefficients."""
        return self.n_periods + self.covariates.shape[1]

    @cached_property
    def begin(self) -> np.ndarray:
        """First row of each cluster, and the end, shape (cluster + 1,)."""
        return np.flatnonzero(np.diff(self.cluster, prepend=-1, append=self.cluster[-1] + 1))

    def blocks(self) -> Iterator[Block]:
        """Go through the rows, whole clusters at a time.

        Yields
        ------
        Block
            A few clusters.
        """
        begin, p = self.begin, self.n_columns
        most = max(1, BLOCK // (p * (p + self.n_cells)))
        start = 0
        while start < len(begin) - 1:
            stop = np.searchsorted(begin, begin[start] + BLOCK // p, side="right") - 1
            stop = int(np.clip(stop, start + 1, start + most))
            yield self._block(start, stop)
            start = stop

    def _block(self, start: int, stop: int) -> Block:
        rows = slice(self.begin[start], self.begin[stop])
        weight, cell = self.weight[rows], self.cell[rows]
        z = np.zeros((len(weight), self.n_columns))
        z[np.arange(len(weight)), self.period[rows]] = 1.0
        z[:, self.n_periods :] = self.covariates[rows]
        z = np.column_stack([self.outcome[rows], z])
        entity = np.flatnonzero(np.diff(self.entity[rows], prepend=-1))
        free = np.where(cell < 0, weight, 0.0)
        mean = np.add.reduceat(z * free[:, None], entity) / np.add.reduceat(free, entity)[:, None]
        z -= np.repeat(mean, np.diff(entity, append=len(z)), axis=0)
        return Block(
            y=z[:, 0],
            z=z[:, 1:],
            weight=weight,
            weight_sq=self.weight_sq[rows],
            cell=cell,
            begin=self.begin[start : stop + 1] - self.begin[start],
            n_cells=self.n_cells,
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Block:
    """A few clusters, less the untreated means of their units.

    Parameters
    ----------
    y, weight, weight_sq : numpy.ndarray, shape (row,)
        Outcomes and weights.
    z : numpy.ndarray, shape (row, column)
        Periods and covariates.
    cell : numpy.ndarray of int, shape (row,)
        Treated cell, -1 if untreated.
    begin : numpy.ndarray of int, shape (cluster + 1,)
        First row of each cluster, and the end.
    n_cells : int
        How many treated cells there are.
    """

    y: np.ndarray
    z: np.ndarray
    weight: np.ndarray
    weight_sq: np.ndarray
    cell: np.ndarray
    begin: np.ndarray
    n_cells: int

    def by_cell(self, values: np.ndarray) -> np.ndarray:
        """Add up treated rows by cluster and cell.

        Parameters
        ----------
        values : numpy.ndarray, shape (row, ...)
            What to add up.

        Returns
        -------
        numpy.ndarray, shape (cluster, cell, ...)
            Sums.
        """
        n = len(self.begin) - 1
        kept = np.flatnonzero(self.cell >= 0)
        where = np.repeat(np.arange(n), np.diff(self.begin)) * self.n_cells + self.cell
        shape = (n * self.n_cells, len(self.cell))
        into = sparse.csr_array((np.ones(len(kept)), (where[kept], kept)), shape=shape)
        return (into @ values).reshape(n, self.n_cells, *values.shape[1:])

    def sums(self) -> Sums:
        """Add up what the estimates need, by cluster.

        Returns
        -------
        Sums
            With clusters as the leading axis.
        """
        free = np.where(self.cell < 0, self.weight, 0.0)
        weighted = self.z * free[:, None]
        pieces = [slice(a, b) for a, b in zip(self.begin[:-1], self.begin[1:], strict=True)]
        return Sums(
            normal=np.stack([weighted[s].T @ self.z[s] for s in pieces]),
            right=np.stack([weighted[s].T @ self.y[s] for s in pieces]),
            count=self.by_cell(self.weight),
            outcome=self.by_cell(self.weight * self.y),
            columns=self.by_cell(self.weight[:, None] * self.z),
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Sums:
    """What the estimates are functions of; sums over clusters add up.

    Parameters
    ----------
    normal, right : numpy.ndarray, shape (..., column, column) and (..., column)
        Normal equations of the untreated rows.
    count, outcome : numpy.ndarray, shape (..., cell)
        Weight and outcomes of the treated rows.
    columns : numpy.ndarray, shape (..., cell, column)
        Periods and covariates of the treated rows.
    """

    normal: np.ndarray
    right: np.ndarray
    count: np.ndarray
    outcome: np.ndarray
    columns: np.ndarray

    def total(self) -> Sums:
        """Add up the leading axis."""
        return Sums(**{name: values.sum(axis=0) for name, values in vars(self).items()})

    def __add__(self, other: Sums) -> Sums:
        return Sums(**{k: v + getattr(other, k) for k, v in vars(self).items()})

    def __sub__(self, other: Sums) -> Sums:
        return Sums(**{k: v - getattr(other, k) for k, v in vars(self).items()})

    def inverse(self) -> np.ndarray:
        """Pseudo-inverse of the normal equations, shape (..., column, column)."""
        return np.linalg.pinv(self.normal, rcond=RCOND, hermitian=True)

    def effects(self, coefficients: np.ndarray) -> np.ndarray:
        """Effect of every cell, given the coefficients.

        Parameters
        ----------
        coefficients : numpy.ndarray, shape (..., column)
            Period effects and coefficients.

        Returns
        -------
        numpy.ndarray, shape (..., cell)
            Mean outcome less mean untreated outcome; not a number in empty cells.
        """
        fitted = np.einsum("...cp,...p->...c", self.columns, coefficients)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(self.count > 0, (self.outcome - fitted) / self.count, np.nan)

    def seen(self, inverse: np.ndarray) -> np.ndarray:
        """Say in which cells the untreated outcome follows from the untreated rows.

        Parameters
        ----------
        inverse : numpy.ndarray, shape (..., column, column)
            Of the normal equations.

        Returns
        -------
        numpy.ndarray of bool, shape (..., cell)
            False where a period or covariate is not seen among the untreated, or nobody links
            the cell to them.
        """
        left = self.columns - self.columns @ inverse @ self.normal
        size = np.maximum(np.abs(self.columns).max(axis=-1), 1e-300)
        return (np.abs(left).max(axis=-1) < 1e-6 * size) & (self.count > 0)


def sum_rows(rows: Rows) -> Sums:
    """Add up all rows.

    Parameters
    ----------
    rows : Rows
        The design.

    Returns
    -------
    Sums
        Over all clusters.
    """
    blocks = rows.blocks()
    out = next(blocks).sums().total()
    for block in blocks:
        out = out + block.sums().total()
    return out


def by_cluster(table: pd.DataFrame) -> pd.DataFrame:
    """Sort rows by cluster, entity and period.

    Parameters
    ----------
    table : pandas.DataFrame
        As in `DidTable`.

    Returns
    -------
    pandas.DataFrame
        With codes from zero for ``cluster`` and ``entity``.

    Raises
    ------
    ClusterError
        If a unit lies in several clusters.
    """
    codes = {name: pd.factorize(table[name])[0] for name in ("cluster", "entity")}
    keys = [*codes, "time"]
    table = table.assign(**codes).sort_values(keys, kind="stable", ignore_index=True)
    entity = table["entity"].to_numpy()
    if np.count_nonzero(np.diff(entity)) + 1 > len(np.unique(entity)):
        raise ClusterError(
            "a unit or group lies in several clusters; leaving one out would cut it in two. Give a "
            "cluster that holds whole units, or none."
        )
    return table


def arrays(
    table: pd.DataFrame, covariates: Sequence[str], anticipation: int
) -> tuple[Rows, np.ndarray, np.ndarray]:
    """Bring a design into arrays.

    Parameters
    ----------
    table : pandas.DataFrame
        As in `DidTable`.
    covariates : sequence of str
        Its covariates. One that never changes within a unit may matter more or less in every
        period, as it does in trends that depend on it.
    anticipation : int
        Periods before treatment that count as treated.

    Returns
    -------
    rows : Rows
        The rows, sorted.
    cohort, period : numpy.ndarray, shape (cell,)
        What the treated cells are.

    Raises
    ------
    ClusterError
        If a unit lies in several clusters.
    """
    table = by_cluster(table)
    entity, time = table["entity"].to_numpy(), table["time"].to_numpy(dtype=float)
    periods, period = np.unique(time, return_inverse=True)
    first = table["first_treated"].to_numpy(dtype=float)
    treated = time >= first - anticipation
    cells, code = np.unique(np.column_stack([first, time])[treated], axis=0, return_inverse=True)
    cell = np.full(len(table), -1)
    cell[treated] = code.ravel()
    x, own = _columns(table[list(covariates)].to_numpy(dtype=float), entity, period, cell < 0)
    outcome = table["outcome"].to_numpy(dtype=float)
    rows = Rows(
        entity=entity,
        period=period,
        cluster=table["cluster"].to_numpy(),
        cell=cell,
        since=time - first,
        outcome=outcome - outcome.mean(),
        weight=table["weight"].to_numpy(dtype=float),
        weight_sq=table["weight_sq"].to_numpy(dtype=float),
        covariates=x,
        n_own=own,
        n_periods=len(periods),
        n_cells=len(cells),
    )
    return rows, cells[:, 0], cells[:, 1]


def _columns(
    x: np.ndarray, entity: np.ndarray, period: np.ndarray, free: np.ndarray
) -> tuple[np.ndarray, int]:
    """Standardize covariates; those that never change within a unit, once for every period."""
    x = (x - x.mean(axis=0)) / np.where(x.std(axis=0) > 0, x.std(axis=0), 1.0)
    same = np.diff(entity) == 0
    changes = (np.diff(x, axis=0)[same] != 0).any(axis=0)
    seen = np.unique(period[free])[1:]
    by_period = [x[:, ~changes] * (period == t)[:, None] for t in seen]
    return np.concatenate([x[:, changes], *by_period], axis=1), int(changes.sum())
