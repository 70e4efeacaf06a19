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
    ConfigError,
    DtypeError,
    DuplicateColumnError,
    EmptyDataError,
    MissingColumnError,
    join_names,
    rows_phrase,
)

COUNT = "__count"
_NO_KEYS = (nw.Object, nw.Unknown, nw.Binary)


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
    ConfigError
        If a name is no text, or one that is used inside.
    MissingColumnError
        With the closest name.
    """
    available = frame.collect_schema().names()
    for role, column in roles.items():
        if column is None:
            continue
        if not isinstance(column, str) or column.startswith("__"):
            raise ConfigError(
                f"{role} is {column!r}; expected the name of a column, as text that does not "
                "start with two underscores."
            )
        if column not in available:
            raise MissingColumnError.from_names([column], available, role=role)


def column_names(columns: Any, role: str) -> tuple[str, ...]:
    """Check a list of column names, each named once.

    Parameters
    ----------
    columns : sequence of str
        Names.
    role : str
        What they are for.

    Returns
    -------
    tuple of str
        The names.

    Raises
    ------
    DtypeError
        If it is a text or no list.
    DuplicateColumnError
        If a name occurs twice.
    """
    if isinstance(columns, str) or not isinstance(columns, Iterable):
        raise DtypeError(f"{role} is {columns!r}; expected a list of columns.")
    names = tuple(columns)
    if doubled := [name for i, name in enumerate(names) if name in names[:i]]:
        raise DuplicateColumnError(f"{role} names {join_names(doubled)} more than once.")
    return names


def check_keys(frame: nw.LazyFrame[Any], columns: Iterable[str]) -> None:
    """Check that columns can form groups: text, numbers, dates or categories, not objects.

    Parameters
    ----------
    frame : narwhals.LazyFrame
        The frame.
    columns : iterable of str
        Columns to group by.

    Raises
    ------
    DtypeError
        With the type that was found.
    """
    schema = frame.collect_schema()
    for column in columns:
        if (dtype := schema[column]) in _NO_KEYS or dtype.is_nested():
            raise DtypeError(
                f"Column {column!r} has type {dtype}, such as values of several types; expected "
                "text, whole numbers, dates or categories: convert it explicitly."
            )


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
    elif dtype.is_temporal():
        fix = "number the periods, for instance 12 * year + month"
    raise DtypeError(
        f"Column {column!r} (role {role!r}) has type {dtype}; expected numbers: {fix}."
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


def known(frame: nw.LazyFrame[Any], column: str) -> nw.Expr:
    """Return a numeric column as float, null where it is missing.

    Engines differ in how NaN compares with a number; a null compares with nothing.

    Parameters
    ----------
    frame : narwhals.LazyFrame
        The frame.
    column : str
        Numeric column.

    Returns
    -------
    narwhals.Expr
        Float, without NaN.
    """
    value = nw.col(column).cast(nw.Float64)
    return nw.when(~is_missing(frame, column)).then(value)


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
        The keys, ``COUNT``, then the sums; sorted by the keys. Categories come out as their
        labels, so that every engine gives the same order.
    """
    counted = nw.len().alias(COUNT)
    if not keys and not values:
        return collect(frame.select(counted))
    floats = {name: expr.cast(nw.Float64) for name, expr in values.items()}
    rows = frame.select(*[nw.col(key) for key in keys], **floats)
    sums = [counted, *[nw.col(name).sum() for name in values]]
    if not keys:
        return collect(rows.select(*sums))
    grouped = collect(rows.group_by(*keys, drop_null_keys=False).agg(*sums))
    types: dict[str, Any] = {name: float for name in (COUNT, *values)}
    for key in keys:
        if isinstance(dtype := grouped[key].dtype, pd.CategoricalDtype):
            types[key] = dtype.categories.dtype
    return grouped.astype(types).sort_values(list(keys), kind="stable", ignore_index=True)


def _has_row_order(frame: nw.LazyFrame[Any]) -> bool:
    implementation = frame.implementation
    return implementation.is_pandas() or implementation.is_polars() or implementation.is_pyarrow()
