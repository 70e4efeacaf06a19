"""Rows of a linkage analysis: named numbers, covariates, weights and clusters, checked once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from cximpact.core.errors import (
    ClusterError,
    ColumnError,
    ConfigError,
    EmptyDataError,
    MissingValueError,
    ZeroVarianceError,
    join_names,
    rows_phrase,
)
from cximpact.core.fingerprint import fingerprint
from cximpact.core.validate import check_choice, check_weights
from cximpact.data import checks, frames
from cximpact.effects.overlap.columns import Column, split_columns

MISSING = ("raise", "drop")


@dataclass(frozen=True, kw_only=True, eq=False)
class LinkedRows:
    """Rows as arrays, one entry a row that is used.

    Parameters
    ----------
    numbers : mapping of str to numpy.ndarray, shape (row,)
        The numeric columns by role.
    covariates : tuple of Column
        What is adjusted for; categories by their levels, without the first.
    weight : numpy.ndarray, shape (row,)
        What each row counts for.
    cluster : numpy.ndarray of int, shape (row,)
        Number of the cluster at which rows are dependent; the row itself by default.
    kept : numpy.ndarray of int, shape (row,)
        Position of each row in the frame.
    n_dropped : int
        Rows that were left out, as asked.
    data_hash : str
        Fingerprint of all that is used.
    notes : tuple of str
        What a reader must know.
    """

    numbers: Mapping[str, np.ndarray] = field(repr=False)
    covariates: tuple[Column, ...] = field(repr=False)
    weight: np.ndarray = field(repr=False)
    cluster: np.ndarray = field(repr=False)
    kept: np.ndarray = field(repr=False)
    n_dropped: int
    data_hash: str
    notes: tuple[str, ...]

    @property
    def n(self) -> int:
        """How many rows are used."""
        return self.kept.size

    @property
    def n_clusters(self) -> int:
        """How many clusters there are."""
        return int(self.cluster.max()) + 1

    @property
    def is_clustered(self) -> bool:
        """Whether several rows share a cluster."""
        return self.n_clusters < self.n

    @property
    def terms(self) -> tuple[str, ...]:
        """Names of the columns of `design`."""
        return tuple(f"{c.variable}[{c.level}]" if c.level else c.variable for c in self.covariates)

    @property
    def design(self) -> np.ndarray:
        """Covariates with mean 0 and standard deviation 1, shape (row, term); no constant."""
        if not self.covariates:
            return np.empty((self.n, 0))
        x = np.column_stack([c.values for c in self.covariates])
        center = np.average(x, axis=0, weights=self.weight)
        return (x - center) / np.sqrt(np.average((x - center) ** 2, axis=0, weights=self.weight))


def link_rows(
    frame: Any,
    numbers: Mapping[str, str],
    covariates: Sequence[str] = (),
    *,
    weight: str | None = None,
    cluster: str | None = None,
    missing: str = "raise",
    varying: Sequence[str] | None = None,
) -> LinkedRows:
    """Bring the columns of a linkage analysis into memory, checked.

    Parameters
    ----------
    frame : frame
        One row a customer or an answer; any engine.
    numbers : mapping of str to str
        Role to numeric column, such as ``{"score": "nps", "outcome": "spend"}``.
    covariates : sequence of str
        Columns to adjust for, known before the score; numbers or categories.
    weight, cluster : str, optional
        Columns of weights, and of clusters at which errors are dependent.
    missing : {"raise", "drop"}
        What to do with rows that lack a value.
    varying : sequence of str, optional
        Roles whose column must vary; all by default.

    Returns
    -------
    LinkedRows
        Arrays, in the order of the frame.

    Raises
    ------
    DataError, DesignError
        If a column is missing, no number, infinite or constant, has two roles, or lacks values
        where ``missing`` does not say what to do.
    """
    check_choice(missing, "missing", MISSING)
    names = frames.column_names(covariates, "covariates")
    opened = frames.open_frame(frame)
    roles = dict(numbers) | {f"covariates[{i}]": c for i, c in enumerate(names)}
    extra = {"weight": weight, "cluster": cluster}
    frames.check_columns(opened, roles | extra)
    _check_one_role(roles)
    for role, column in [*numbers.items(), *(("weight", w) for w in (weight,) if w)]:
        frames.check_numeric(opened, column, role)
        checks.check_finite(opened, column)
    frames.check_keys(opened, [c for c in (cluster,) if c])
    wanted = {c: c for c in dict.fromkeys([*roles.values(), *(v for v in extra.values() if v)])}
    table = frames.collect(frames.select(opened, wanted))
    if table.empty:
        raise EmptyDataError("the frame has 0 rows; expected at least 1.")
    total = len(table)
    kept = _complete(table, missing)
    table = table.iloc[kept].reset_index(drop=True)
    found = {role: table[column].to_numpy(dtype=float) for role, column in numbers.items()}
    for role in numbers if varying is None else varying:
        _check_varies(found[role], f"Column {numbers[role]!r} (role {role!r})")
    columns = split_columns(table, names, drop_first=True) if names else []
    for column in columns:
        _check_varies(column.values, f"the covariate {column.variable!r}")
    n_dropped = total - kept.size
    note = f"{n_dropped:,} of {total:,} rows lacked a value and were left out, as asked."
    return LinkedRows(
        numbers=MappingProxyType(found),
        covariates=tuple(columns),
        weight=check_weights(None if weight is None else table[weight], kept.size, repr(weight)),
        cluster=_clusters(table, cluster),
        kept=kept,
        n_dropped=n_dropped,
        data_hash=fingerprint(table),
        notes=(note,) if n_dropped else (),
    )


def _check_one_role(roles: Mapping[str, str]) -> None:
    columns = list(roles.values())
    if twice := [c for i, c in enumerate(columns) if c in columns[:i]]:
        raise ConfigError(f"Column {join_names(twice)} has two roles; give every column one.")


def _complete(table: pd.DataFrame, missing: str) -> np.ndarray:
    """Return the positions of the rows that have all values."""
    lacking = table.isna().to_numpy()
    bad = lacking.any(axis=1)
    if bad.any() and missing == "raise":
        name = table.columns[int(np.argmax(lacking.any(axis=0)))]
        rows = np.flatnonzero(lacking[:, int(np.argmax(lacking.any(axis=0)))])
        raise MissingValueError(
            f"Column {str(name)!r} is missing in {rows_phrase(rows)}; impute it, or say "
            "missing='drop'."
        )
    if bad.all():
        counts = lacking.sum(axis=0)
        raise ColumnError(
            f"all {len(table):,} rows lack a value; most are missing in column "
            f"{str(table.columns[int(np.argmax(counts))])!r} ({counts.max():,})."
        )
    return np.flatnonzero(~bad)


def _check_varies(values: np.ndarray, what: str) -> None:
    if np.ptp(values) == 0:
        raise ZeroVarianceError(
            f"{what} is {values[0]:g} in all {values.size:,} rows; nothing can go together with it."
        )


def _clusters(table: pd.DataFrame, cluster: str | None) -> np.ndarray:
    if cluster is None:
        return np.arange(len(table))
    codes = pd.factorize(table[cluster])[0].astype(np.int64)
    if codes.max() == 0:
        raise ClusterError(f"Column {cluster!r} has one cluster; an error needs at least two.")
    return codes
