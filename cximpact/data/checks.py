"""Checks of rows, many of them counted in one scan of the frame's own engine."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import pandas as pd

from cximpact.core.errors import (
    DataError,
    EmptyDataError,
    IdTypeError,
    MissingValueError,
    NonFiniteError,
    WeightError,
    warn_data,
)
from cximpact.data import frames

EXACT_BELOW = 2**53
ROWS = "__rows"


@dataclass(frozen=True, kw_only=True, eq=False)
class RowCheck:
    """A condition that no row may meet.

    Parameters
    ----------
    fails : narwhals.Expr
        True in the rows at fault; null counts as false.
    error : type
        What to raise.
    found, fix : str
        The message before and after the rows.
    """

    fails: nw.Expr
    error: type[Exception]
    found: str
    fix: str


def run(
    frame: nw.LazyFrame[Any],
    checks: Sequence[RowCheck],
    values: Mapping[str, nw.Expr] | None = None,
) -> pd.Series:
    """Count the rows that fail each check, and take further aggregates, in one scan.

    Parameters
    ----------
    frame : narwhals.LazyFrame
        The frame.
    checks : sequence of RowCheck
        In the order in which they are reported.
    values : mapping of str to narwhals.Expr, optional
        Further aggregates.

    Returns
    -------
    pandas.Series
        The further aggregates, and the number of rows as ``ROWS``.

    Raises
    ------
    EmptyDataError
        If there are no rows.
    """
    counts = {f"__check{i}": c.fails.cast(nw.Float64).sum() for i, c in enumerate(checks)}
    row = frames.collect(frame.select(**{ROWS: nw.len()}, **counts, **(values or {}))).iloc[0]
    if row[ROWS] == 0:
        raise EmptyDataError("the frame has 0 rows; expected at least 1.")
    for name, check in zip(counts, checks, strict=True):
        if not pd.isna(row[name]) and (n := int(row[name])):
            places = frames.where(frame, check.fails, n)
            raise check.error(f"{check.found} {places}; {check.fix}.")
    return row.drop(list(counts))


def present(
    frame: nw.LazyFrame[Any],
    column: str,
    fix: str,
    error: type[DataError] = MissingValueError,
) -> RowCheck:
    """Let no value be missing.

    Parameters
    ----------
    frame : narwhals.LazyFrame
        The frame.
    column : str
        Column.
    fix : str
        What to do about it.
    error : type, default MissingValueError
        What to raise.

    Returns
    -------
    RowCheck
        The check.
    """
    missing = frames.is_missing(frame, column)
    return RowCheck(fails=missing, error=error, found=f"Column {column!r} is missing in", fix=fix)


def finite(
    frame: nw.LazyFrame[Any], column: str, error: type[DataError] = NonFiniteError
) -> list[RowCheck]:
    """Let no number be infinite; missing ones pass.

    Parameters
    ----------
    frame : narwhals.LazyFrame
        The frame.
    column : str
        Numeric column.
    error : type, default NonFiniteError
        What to raise.

    Returns
    -------
    list of RowCheck
        The check; none for a column of integers.
    """
    if not frame.collect_schema()[column].is_float():
        return []
    infinite = RowCheck(
        fails=frames.known(frame, column).abs() == float("inf"),
        error=error,
        found=f"Column {column!r} is infinite in",
        fix="correct those values",
    )
    return [infinite]


def exact_ids(frame: nw.LazyFrame[Any], column: str) -> list[RowCheck]:
    """Let every row have an identifier, and a float one be whole and below 2**53.

    Parameters
    ----------
    frame : narwhals.LazyFrame
        The frame.
    column : str
        Column of identifiers.

    Returns
    -------
    list of RowCheck
        The checks; they raise `IdTypeError`.
    """
    checks = [present(frame, column, "every row needs an identifier", IdTypeError)]
    if frame.collect_schema()[column].is_float():
        value = frames.known(frame, column)
        lossy = (value != value.round(0)) | (value.abs() >= EXACT_BELOW)
        found = f"Identifier {column!r} is a float with lost or fractional digits in"
        fix = "read it as text or integer"
        checks.append(RowCheck(fails=lossy, error=IdTypeError, found=found, fix=fix))
    return checks


def warn_float_ids(frame: nw.LazyFrame[Any], column: str) -> None:
    """Warn of identifiers that are whole but stored as floats.

    Parameters
    ----------
    frame : narwhals.LazyFrame
        The frame.
    column : str
        Column of identifiers.
    """
    if frame.collect_schema()[column].is_float():
        warn_data(
            f"Identifier {column!r} is stored as a float; it is whole here, but read it as "
            "integer or text before digits get lost."
        )


def sound_weights(frame: nw.LazyFrame[Any], column: str) -> list[RowCheck]:
    """Let every row have a finite weight of at least 0.

    Parameters
    ----------
    frame : narwhals.LazyFrame
        The frame.
    column : str
        Column of weights.

    Returns
    -------
    list of RowCheck
        The checks; they raise `WeightError`.
    """
    frames.check_numeric(frame, column, "weight")
    negative = RowCheck(
        fails=frames.known(frame, column) < 0,
        error=WeightError,
        found=f"Column {column!r} is negative in",
        fix="weights start at 0",
    )
    every = "give every row a weight, 0 to leave it out"
    return [
        *finite(frame, column, WeightError),
        present(frame, column, every, WeightError),
        negative,
    ]


def check_weight_sum(total: float, column: str) -> None:
    """Check that some row has a weight.

    Parameters
    ----------
    total : float
        Sum of the weights.
    column : str
        Column of weights.

    Raises
    ------
    WeightError
        If all are zero.
    """
    if not total > 0:
        raise WeightError(f"Column {column!r} sums to 0; at least one row needs a weight.")


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
    if to_check := finite(frame, column):
        run(frame, to_check)


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
    if to_check := [present(frame, column, fix) for column in dict.fromkeys(columns)]:
        run(frame, to_check)
