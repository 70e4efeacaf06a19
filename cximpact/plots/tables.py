"""Checks of what a picture is asked to show."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from cximpact.core.draws import SAMPLE, check_values
from cximpact.core.errors import (
    AlignmentError,
    DtypeError,
    DuplicateColumnError,
    DuplicateKeyError,
    EmptyDataError,
    MissingColumnError,
    NonFiniteError,
    join_names,
    rows_phrase,
)

INTERVAL = ("estimate", "conf_low", "conf_high")
_NOT_DIMENSIONS = ("term", "std_error", "conf_low", "conf_high", "conf_level", "mcse", "n")


def checked(
    table: Any,
    *,
    keys: Sequence[str] = (),
    numbers: Sequence[str] = INTERVAL,
    others: Sequence[str] = (),
) -> pd.DataFrame:
    """Check a table and return a copy with its numbers as floats.

    Parameters
    ----------
    table : pandas.DataFrame
        What to show.
    keys : sequence of str
        Columns that together name a row; none may be missing.
    numbers : sequence of str
        Numeric columns. Missing and infinite interval ends become NaN.
    others : sequence of str
        Further columns that must be there.

    Returns
    -------
    pandas.DataFrame
        A new table with a fresh index.

    Raises
    ------
    DataError
        With the column and the rows at fault.
    """
    if not isinstance(table, pd.DataFrame):
        raise DtypeError(f"the table is a {type(table).__name__}; expected a pandas DataFrame.")
    if (doubled := table.columns[table.columns.duplicated()]).size:
        raise DuplicateColumnError(f"column {join_names(list(doubled))} occurs twice in the table.")
    if missing := [c for c in (*keys, *numbers, *others) if c not in table.columns]:
        raise MissingColumnError.from_names(missing, map(str, table.columns))
    if table.empty:
        raise EmptyDataError("the table has 0 rows; expected at least 1 to draw.")
    out = table.reset_index(drop=True).copy()
    for column in numbers:
        out[column] = _floats(out[column], column)
    for column in keys:
        if (gaps := np.flatnonzero(out[column].isna())).size:
            raise EmptyDataError(
                f"column {column!r} has no label in {rows_phrase(gaps)}; name every row."
            )
        if pd.api.types.is_float_dtype(out[column]):
            _floats(out[column], column)
    if keys and (twice := np.flatnonzero(out.duplicated(list(keys)))).size:
        raise DuplicateKeyError(
            f"columns {join_names(list(keys))} repeat in {rows_phrase(twice)}; "
            "expected one row for each combination. Select or aggregate first."
        )
    return out


def dimensions_of(table: pd.DataFrame) -> list[str]:
    """Return the columns that label the rows of a summary: those left of ``estimate``.

    Parameters
    ----------
    table : pandas.DataFrame
        A summary or tidy table.

    Returns
    -------
    list of str
        ``term`` only where nothing else labels the rows.
    """
    columns = [str(c) for c in table.columns]
    left = columns[: columns.index("estimate")] if "estimate" in columns else []
    return [c for c in left if c not in _NOT_DIMENSIONS] or [c for c in left if c == "term"]


def joined_labels(rows: pd.DataFrame, dims: Sequence[str]) -> list[str]:
    """Return one label a row from several label columns.

    Parameters
    ----------
    rows : pandas.DataFrame
        The table.
    dims : sequence of str
        Its label columns; a number is named after its column.

    Returns
    -------
    list of str
        Labels joined by a middle dot; empty text without label columns.
    """
    numbered = [d for d in dims if pd.api.types.is_numeric_dtype(rows[d])]
    parts = rows[list(dims)].astype(object)
    for dim in numbered:
        parts[dim] = [f"{dim} {value}" for value in parts[dim]]
    return [" · ".join(map(str, row)) for row in parts.itertuples(index=False)] or [""] * len(rows)


def checked_draws(draws: Any, others: int) -> xr.DataArray:
    """Check labelled draws and return them with ``sample`` first.

    Parameters
    ----------
    draws : xarray.DataArray
        With the dimension ``sample``.
    others : int
        How many further dimensions there must be.

    Returns
    -------
    xarray.DataArray
        Finite numbers, ``sample`` first.

    Raises
    ------
    DtypeError, AlignmentError, NonFiniteError
        If it is no such array.
    """
    if not isinstance(draws, xr.DataArray):
        raise DtypeError(f"draws are a {type(draws).__name__}; expected an xarray DataArray.")
    found = tuple(str(d) for d in draws.dims)
    if SAMPLE not in found or len(found) != 1 + others:
        raise AlignmentError(
            f"draws have the dimensions {found}; expected {SAMPLE!r} and {others} other. "
            "Select one element of the rest, or sum over them, first."
        )
    if draws.size == 0:
        raise EmptyDataError("there are 0 draws; expected at least 1.")
    return check_values(draws.transpose(SAMPLE, ...))


def _floats(column: pd.Series, name: str) -> np.ndarray:
    numeric = pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)
    if not (numeric or column.isna().all()) or pd.api.types.is_complex_dtype(column):
        raise DtypeError(f"column {name!r} has type {column.dtype}; expected numbers.")
    values = pd.to_numeric(column).to_numpy(dtype=float, na_value=np.nan)
    infinite = np.isinf(values)
    if infinite.any() and name not in ("conf_low", "conf_high"):
        raise NonFiniteError(
            f"column {name!r} is infinite in {rows_phrase(np.flatnonzero(infinite))}; correct it."
        )
    return np.where(infinite, np.nan, values)
