"""Ratings as columns without gaps: where nobody rated, the mean and a column that says so."""

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
    DtypeError,
    InsufficientDataError,
    ZeroVarianceError,
    join_names,
    rows_phrase,
)
from cximpact.core.validate import check_choice
from cximpact.data import checks, frames
from cximpact.effects.linkage.rows import LinkedRows, link_rows

MISSING = ("raise", "drop", "indicator")
INDICATOR = "indicator"


@dataclass(frozen=True, kw_only=True, eq=False)
class RatingColumns:
    """Outcome, ratings and covariates of the rows that are used.

    Parameters
    ----------
    rows : LinkedRows
        Weights, clusters and covariates.
    outcome : str
        Its column.
    ratings : tuple of str
        Columns of ratings, in the order that was asked for.
    marks : mapping of str to tuple of str
        Columns beside each rating that say where it is blank or was never used.
    fills : mapping of str to float
        What stands where a rating is blank.
    """

    rows: LinkedRows = field(repr=False)
    outcome: str
    ratings: tuple[str, ...]
    marks: Mapping[str, tuple[str, ...]]
    fills: Mapping[str, float]

    def column(self, name: str) -> np.ndarray:
        """Return the values of a rating, a mark or the outcome.

        Parameters
        ----------
        name : str
            Its column.

        Returns
        -------
        numpy.ndarray, shape (row,)
            Values.
        """
        return self.rows.numbers[name]


def open_ratings(
    frame: Any,
    outcome: str,
    ratings: Sequence[str],
    covariates: Sequence[str],
    *,
    weight: str | None,
    cluster: str | None,
    missing: str,
    never_used: Mapping[str, str] | str | None,
) -> RatingColumns:
    """Bring ratings into memory, checked and without gaps.

    Parameters
    ----------
    frame : frame
        One row a customer; any engine.
    outcome : str
        Numeric column of what is explained.
    ratings : sequence of str
        Numeric columns.
    covariates : sequence of str
        Columns that are always in.
    weight, cluster : str or None
        Columns of weights and clusters.
    missing : {"raise", "drop", "indicator"}
        What to do with gaps.
    never_used : mapping of str to str, "indicator" or None
        Columns that are 1 where a rating is blank because its touchpoint was not used;
        ``"indicator"`` takes every blank rating for that.

    Returns
    -------
    RatingColumns
        Arrays.

    Raises
    ------
    DataError, DesignError, ConfigError
        If columns cannot be used.
    """
    check_choice(missing, "missing", MISSING)
    names = frames.column_names(ratings, "ratings")
    if len(names) < 2:
        raise ConfigError(f"there is {len(names)} rating; expected at least 2 to compare.")
    if outcome in names:
        raise ConfigError(
            f"the outcome {outcome!r} is among the ratings; a column cannot explain itself."
        )
    extra = frames.column_names(covariates, "covariates")
    if both := [name for name in names if name in extra]:
        raise ConfigError(f"{join_names(both)} is rating and covariate; give every column one.")
    used = _never_used(never_used, names)
    table = _collected(frame, {"outcome": outcome}, names, used, [*extra, weight, cluster])
    marks: dict[str, tuple[str, ...]] = {}
    fills: dict[str, float] = {}
    for name in names:
        own = _mark_blanks(table, name, used.get(name), missing, never_used == INDICATOR)
        marks[name] = tuple(own)
        if own:
            fills[name] = float(table[name].mean())
            table.loc[table[own].sum(axis=1) > 0, name] = fills[name]
    roles = {c: c for c in (outcome, *names, *(m for own in marks.values() for m in own))}
    rows = link_rows(
        table,
        roles,
        extra,
        weight=weight,
        cluster=cluster,
        missing="drop" if missing == "drop" else "raise",
        varying=[outcome, *names],
    )
    kept = {
        name: tuple(mark for mark in own if np.ptp(rows.numbers[mark]) > 0)
        for name, own in marks.items()
    }
    _check_enough(rows, len(names) + sum(map(len, kept.values())))
    for name in (outcome, *names):
        if np.ptp(rows.numbers[name][rows.weight > 0]) == 0:
            raise ZeroVarianceError(
                f"Column {name!r} is the same in all rows that have a weight; leave it out."
            )
    return RatingColumns(
        rows=rows,
        outcome=outcome,
        ratings=names,
        marks=MappingProxyType(kept),
        fills=MappingProxyType(fills),
    )


def _check_enough(rows: LinkedRows, columns: int) -> None:
    coefficients, n = columns + len(rows.terms) + 1, int((rows.weight > 0).sum())
    if n < coefficients + 2:
        raise InsufficientDataError(
            f"{n} rows for {coefficients} coefficients; expected at least 2 rows more than that."
        )
    if rows.n_clusters < 4:
        raise ClusterError(f"there are {rows.n_clusters} clusters; halves of them need at least 4.")


def _never_used(given: Mapping[str, str] | str | None, names: Sequence[str]) -> dict[str, str]:
    if given is None or given == INDICATOR:
        return {}
    if not isinstance(given, Mapping):
        raise ConfigError(
            f"never_used is {given!r}; expected 'indicator' or a mapping from a rating to the "
            "column that is 1 where it was not used."
        )
    if strangers := [name for name in given if name not in names]:
        raise ConfigError(f"never_used names {join_names(strangers)}, not among the ratings.")
    if clash := [mark for mark in given.values() if mark in names]:
        raise ConfigError(f"never_used gives {join_names(clash)}, which is itself a rating.")
    return dict(given)


def _collected(
    frame: Any,
    outcome: Mapping[str, str],
    names: Sequence[str],
    used: Mapping[str, str],
    others: Sequence[str | None],
) -> pd.DataFrame:
    """Check the columns and collect them, numbers as floats."""
    opened = frames.open_frame(frame)
    roles: dict[str, str | None] = dict(outcome)
    roles |= {f"ratings[{i}]": name for i, name in enumerate(names)}
    roles |= {f"never_used[{name!r}]": mark for name, mark in used.items()}
    roles |= {f"column {i}": name for i, name in enumerate(others)}
    frames.check_columns(opened, roles)
    numeric = [*outcome.values(), *names, *dict.fromkeys(used.values())]
    for column in numeric:
        frames.check_numeric(opened, column, "never_used" if column in used.values() else "ratings")
        checks.check_finite(opened, column)
    wanted = dict.fromkeys([*numeric, *(name for name in others if name)])
    table = frames.collect(frames.select(opened, {c: c for c in wanted})).copy()
    for column in numeric:
        table[column] = table[column].to_numpy(dtype=float, na_value=np.nan)
    return table


def _mark_blanks(
    table: pd.DataFrame, name: str, used: str | None, missing: str, all_blank: bool
) -> list[str]:
    """Add columns that say where a rating is blank, and return their names."""
    values = table[name]
    if len(table) and values.isna().all():
        raise ColumnError(
            f"Column {name!r} is blank in all {len(table):,} rows; nobody rated it. Leave it out."
        )
    marks: list[str] = []
    gaps = values.isna()
    if used is not None:
        flags = table[used]
        if not flags.isin([0, 1]).all():
            bad = np.flatnonzero(~flags.isin([0, 1]).to_numpy())
            raise DtypeError(
                f"Column {used!r} is not 0 or 1 in {rows_phrase(bad)}; 1 says that {name!r} was "
                "not used."
            )
        if (wrong := np.flatnonzero((~gaps & (flags == 1)).to_numpy())).size:
            raise ColumnError(
                f"Column {name!r} has a rating in {rows_phrase(wrong)} where {used!r} says that "
                "it was not used; make one of them right."
            )
        marks += _add_mark(table, f"{name} (never used)", flags == 1)
        gaps &= flags == 0
    if gaps.any() and (missing == INDICATOR or all_blank):
        marks += _add_mark(table, f"{name} (blank)", gaps)
    return marks


def _add_mark(table: pd.DataFrame, mark: str, where: pd.Series) -> list[str]:
    if mark in table:
        raise ConfigError(f"there is a column {mark!r}, a name that is used inside; rename it.")
    table[mark] = where.to_numpy(dtype=float)
    return [mark]
