"""The door for frames: pandas, polars, pyarrow, a DuckDB relation or a PySpark frame.

Work on rows happens in the frame's own engine through narwhals; only small tables come out,
as pandas. Nothing here changes what it was given.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd

from cximpact.core.errors import (
    DtypeError,
    DuplicateColumnError,
    EmptyDataError,
    IdTypeError,
    MissingColumnError,
    MissingValueError,
    NonFiniteError,
    join_names,
    rows_phrase,
)

MAX_EXACT_INTEGER = 2**53
COUNT = "__count"


def open_frame(frame: Any) -> nw.LazyFrame[Any]:
    """Open any supported frame for lazy work in its own engine.

    Parameters
    ----------
    frame : frame
        A pandas, polars or pyarrow table, a DuckDB relation, a PySpark frame, or anything else
        that narwhals knows.

    Returns
    -------
    narwhals.LazyFrame
        A view; the frame itself is left alone.

    Raises
    ------
    DtypeError
        If it is not a frame.
    DuplicateColumnError
        If two columns share a name.
    """
    names = [str(name) for name in _names(frame)]
    doubled = sorted({name for name in names if names.count(name) > 1})
    if doubled:
        raise DuplicateColumnError(
            f"Column {join_names(doubled)} occurs more than once; rename one of them."
        )
    try:
        opened = nw.from_native(frame)
    except TypeError:
        raise DtypeError(
            f"a frame was expected, not {type(frame).__name__}: give a pandas, polars or pyarrow "
            "table, a DuckDB relation or a PySpark frame."
        ) from None
    return opened.lazy()


def _names(frame: Any) -> Iterable[Any]:
    """Return the column names of an engine that allows two of the same."""
    if hasattr(frame, "column_names"):  # pyarrow, whose `columns` are the values
        return frame.column_names
    return [] if hasattr(frame, "collect_schema") else getattr(frame, "columns", [])


def check_columns(frame: nw.LazyFrame[Any], roles: Mapping[str, str | None]) -> None:
    """Check that the columns that were named exist and are named once.

    Parameters
    ----------
    frame : narwhals.LazyFrame
        The frame.
    roles : mapping of str to str or None
        Role to column; None is passed over.

    Raises
    ------
    MissingColumnError
        With the closest name.
    """
    available = frame.collect_schema().names()
    for role, column in roles.items():
        if column is not None and column not in available:
            raise MissingColumnError.from_names([column], available, role=role)


def check_numeric(frame: nw.LazyFrame[Any], column: str, role: str) -> None:
    """Check that a column holds real numbers, not text, bool or objects.

    Parameters
    ----------
    frame : narwhals.LazyFrame
        The frame.
    column : str
        Column.
    role : str
        What it is for.

    Raises
    ------
    DtypeError
        With the type that was found.
    """
    dtype = frame.collect_schema()[column]
    if dtype.is_numeric():
        return
    fix = "convert it explicitly, for instance with pandas.to_numeric"
    if dtype == nw.Boolean:
        fix = "write it as 0 and 1 if that is what is meant"
    raise DtypeError(
        f"Column {column!r} (role {role!r}) has type {dtype}; expected numbers: {fix}."
    )


def check_finite(frame: nw.LazyFrame[Any], column: str) -> None:
    """Check that a numeric column has no infinite values; missing ones pass.

    Parameters
    ----------
    frame : narwhals.LazyFrame
        The frame.
    column : str
        Column.

    Raises
    ------
    NonFiniteError
        With the rows.
    """
    if not frame.collect_schema()[column].is_float():
        return
    infinite = nw.col(column).abs() == float("inf")
    if n := count_where(frame, infinite):
        raise NonFiniteError(
            f"Column {column!r} is infinite in {where(frame, infinite, n)}; correct those values."
        )


def check_no_missing(frame: nw.LazyFrame[Any], columns: Iterable[str], fix: str) -> None:
    """Check that columns have no missing values.

    Parameters
    ----------
    frame : narwhals.LazyFrame
        The frame.
    columns : iterable of str
        Columns to check.
    fix : str
        What to do about missing values.

    Raises
    ------
    MissingValueError
        With the column and the rows.
    """
    for column in dict.fromkeys(columns):
        missing = is_missing(frame, column)
        if n := count_where(frame, missing):
            raise MissingValueError(
                f"Column {column!r} is missing in {where(frame, missing, n)}; {fix}."
            )


def check_ids(frame: nw.LazyFrame[Any], column: str) -> None:
    """Check a column of identifiers: present, and whole numbers where they are floats.

    Parameters
    ----------
    frame : narwhals.LazyFrame
        The frame.
    column : str
        Column of identifiers.

    Raises
    ------
    IdTypeError
        For missing ids, fractional ids, and floats beyond 2**53, which have lost digits.
    """
    missing = is_missing(frame, column)
    if n := count_where(frame, missing):
        raise IdTypeError(
            f"Identifier {column!r} is missing in {where(frame, missing, n)}; every row needs one."
        )
    if not frame.collect_schema()[column].is_float():
        return
    value = nw.col(column)
    lossy = (value != value.round(0)) | (value.abs() > MAX_EXACT_INTEGER)
    if n := count_where(frame, lossy):
        raise IdTypeError(
            f"Identifier {column!r} is a float with lost or fractional digits in "
            f"{where(frame, lossy, n)}; read it as text or integer."
        )


def is_missing(frame: nw.LazyFrame[Any], column: str) -> nw.Expr:
    """Return an expression that is true where a column is null or NaN.

    Parameters
    ----------
    frame : narwhals.LazyFrame
        The frame.
    column : str
        Column.

    Returns
    -------
    narwhals.Expr
        Boolean and never null.
    """
    missing = nw.col(column).is_null()
    if frame.collect_schema()[column].is_float():
        missing = missing | nw.col(column).is_nan().fill_null(True)
    return missing


def count_rows(frame: nw.LazyFrame[Any]) -> int:
    """Count the rows.

    Parameters
    ----------
    frame : narwhals.LazyFrame
        The frame.

    Returns
    -------
    int
        How many.

    Raises
    ------
    EmptyDataError
        If there are none.
    """
    n = int(collect(frame.select(n=nw.len()))["n"].iloc[0])
    if n == 0:
        raise EmptyDataError("the frame has 0 rows; expected at least 1.")
    return n


def count_where(frame: nw.LazyFrame[Any], condition: nw.Expr) -> int:
    """Count the rows in which a condition holds.

    Parameters
    ----------
    frame : narwhals.LazyFrame
        The frame.
    condition : narwhals.Expr
        Boolean expression; null counts as false.

    Returns
    -------
    int
        How many.
    """
    counted = frame.select(n=condition.cast(nw.Float64).sum())
    value = collect(counted)["n"].iloc[0]
    return 0 if pd.isna(value) else int(value)


def where(frame: nw.LazyFrame[Any], condition: nw.Expr, n: int) -> str:
    """Say in which rows a condition holds; engines without row order give the count alone.

    Parameters
    ----------
    frame : narwhals.LazyFrame
        The frame.
    condition : narwhals.Expr
        Boolean expression.
    n : int
        How many rows there are.

    Returns
    -------
    str
        For a message.
    """
    if not _has_row_order(frame):
        return f"{n} row{'s' if n > 1 else ''} (this engine keeps no row positions)"
    hit = collect(frame.select(hit=condition))["hit"].to_numpy(dtype=bool, na_value=False)
    return rows_phrase(np.flatnonzero(hit))


def collect(frame: nw.LazyFrame[Any]) -> pd.DataFrame:
    """Bring a small table into memory as pandas.

    Parameters
    ----------
    frame : narwhals.LazyFrame
        The table.

    Returns
    -------
    pandas.DataFrame
        With a fresh row index.
    """
    return frame.collect().to_pandas().reset_index(drop=True)


def select(frame: nw.LazyFrame[Any], columns: Mapping[str, str]) -> nw.LazyFrame[Any]:
    """Pick columns under new names.

    Parameters
    ----------
    frame : narwhals.LazyFrame
        The frame.
    columns : mapping of str to str
        New name to column.

    Returns
    -------
    narwhals.LazyFrame
        With those columns, in that order.
    """
    return frame.select(**{new: nw.col(old) for new, old in columns.items()})


def group_sums(
    frame: nw.LazyFrame[Any], keys: Sequence[str], values: Mapping[str, nw.Expr]
) -> pd.DataFrame:
    """Count and sum by group, once, in the frame's engine.

    Parameters
    ----------
    frame : narwhals.LazyFrame
        The frame.
    keys : sequence of str
        Grouping columns; missing keys form a group of their own. None gives one row.
    values : mapping of str to narwhals.Expr
        Name to a value a row, summed as float.

    Returns
    -------
    pandas.DataFrame
        The keys, ``COUNT``, then the sums; sorted by the keys.
    """
    rows = frame.select(
        *[nw.col(key) for key in keys],
        **{name: expr.cast(nw.Float64) for name, expr in values.items()},
    )
    sums = [nw.len().alias(COUNT), *[nw.col(name).sum() for name in values]]
    if not keys:
        return collect(frame.select(nw.len().alias(COUNT)) if not values else rows.select(*sums))
    grouped = collect(rows.group_by(*keys, drop_null_keys=False).agg(*sums))
    floats = {name: float for name in (COUNT, *values)}
    return grouped.astype(floats).sort_values(list(keys), kind="stable", ignore_index=True)


def _has_row_order(frame: nw.LazyFrame[Any]) -> bool:
    implementation = frame.implementation
    return implementation.is_pandas() or implementation.is_polars() or implementation.is_pyarrow()
