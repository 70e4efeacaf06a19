"""How units pass through the periods: seen when, treated when; units that are alike are counted."""

from __future__ import annotations

import math
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd

from cximpact.core.errors import (
    DuplicateKeyError,
    NoControlError,
    NoTreatedError,
    TreatmentError,
    TreatmentReversalError,
)
from cximpact.data import frames

NEVER = float("inf")
_MAX_BITS = 50  # sums of so many distinct powers of two are exact as floats
_MAX_ROUNDED = 40  # exponentials below this power of two are exact once their sum is rounded


def paths(rows: nw.LazyFrame[Any], who: str, bit: nw.Expr | None = None) -> pd.DataFrame:
    """Count units that are alike, in the engine of the frame.

    Parameters
    ----------
    rows : narwhals.LazyFrame
        Rows under the names of their roles.
    who : {"unit", "group"}
        Whom to summarize.
    bit : narwhals.Expr, optional
        A number a row, to be summed.

    Returns
    -------
    pandas.DataFrame
        ``rows`` a unit, ``first`` and ``last`` and how many ``units`` have these. With a column
        ``first_treated``, first and last are its least and greatest value; with ``treated``, the
        first treated and the last untreated period. And the sum ``bits``, if asked for.
    """
    marks: dict[str, nw.Expr]
    if "first_treated" in rows.collect_schema().names():
        marks = {"first": nw.col("first_treated"), "last": nw.col("first_treated")}
    else:
        on, period = nw.col("treated") == 1, nw.col("period")
        marks = {"first": nw.when(on).then(period), "last": nw.when(~on).then(period)}
    sums = {}
    if bit is not None:
        marks["bits"], sums["bits"] = bit, nw.col("bits").sum()
    per_unit = (
        rows.select(nw.col(who), **marks)
        .group_by(who)
        .agg(nw.len().alias("rows"), nw.col("first").min(), nw.col("last").max(), **sums)
        .with_columns(
            nw.col("first").fill_null(NEVER),
            nw.col("last").fill_null(-NEVER),
            *[nw.col(name).round(0) for name in sums],
        )
    )
    keys = ["rows", "first", "last", *sums]
    alike = frames.collect(per_unit.group_by(*keys).agg(nw.len().alias("units")))
    return alike.astype({"rows": "int64", "units": "int64"})


def panel_paths(
    rows: nw.LazyFrame[Any], seen: pd.Series, keys: tuple[str, str]
) -> tuple[pd.DataFrame, tuple[float, ...]]:
    """Summarize the units of a panel, and refuse a unit that is seen twice in a period.

    Parameters
    ----------
    rows : narwhals.LazyFrame
        Rows under the names of their roles.
    seen : pandas.Series
        ``first`` and ``last`` period, and how many are ``fractional``.
    keys : tuple of str
        How the message calls unit and period.

    Returns
    -------
    tuple of DataFrame and tuple of float
        As `paths`, and the periods that occur, ascending.

    Raises
    ------
    DuplicateKeyError
        If a unit has two rows in a period.

    Notes
    -----
    Whole periods in a short range become powers of two: n of them add up to a number with n bits
    exactly if no two are equal, which saves a group-by as large as the panel. Powers come from
    the exponential, which engines compute faster; below 2**40 the sum of 50 of them is off by
    less than a quarter, and rounding it makes it exact.
    """
    first = float(seen["first"])
    if seen["fractional"] or seen["last"] - first >= _MAX_BITS:
        _check_unique(rows, keys)
        return paths(rows, "unit"), distinct_periods(rows)
    position = nw.col("period") - first
    short = seen["last"] - first < _MAX_ROUNDED
    bit = (position * math.log(2.0)).exp() if short else nw.lit(2.0) ** position
    alike = paths(rows, "unit", bit)
    bits = np.where(alike["bits"] < 2.0**_MAX_BITS, alike["bits"], 0.0).astype(np.int64)
    if (np.bitwise_count(bits) != alike["rows"]).any():
        _check_unique(rows, keys)
    union = int(np.bitwise_or.reduce(bits))
    return alike, tuple(first + i for i in range(_MAX_BITS) if union >> i & 1)


def distinct_periods(rows: nw.LazyFrame[Any]) -> tuple[float, ...]:
    """List the periods that occur.

    Parameters
    ----------
    rows : narwhals.LazyFrame
        Rows under the names of their roles.

    Returns
    -------
    tuple of float
        Ascending.
    """
    found = frames.collect(rows.select("period").unique())["period"]
    return tuple(sorted(float(p) for p in found))


def check_paths(alike: pd.DataFrame, who: str, *, by_period: bool) -> None:
    """Refuse a start of treatment that changes, and treatment that ends.

    Parameters
    ----------
    alike : pandas.DataFrame
        From `paths`.
    who : {"unit", "group"}
        For the message.
    by_period : bool
        Whether treatment was given by period rather than by its start.

    Raises
    ------
    TreatmentError, TreatmentReversalError
        With the number of units.
    """
    total = int(alike["units"].sum())
    if by_period:
        if n := int(alike["units"][alike["last"] >= alike["first"]].sum()):
            raise TreatmentReversalError(
                f"{n} of {total} {who}s are untreated in or after their first treated period; "
                "these estimators need treatment that is the same for the whole unit and stays. "
                "Give first_treated for the effect of having been treated, or remove those units "
                "explicitly."
            )
    elif n := int(alike["units"][alike["last"] != alike["first"]].sum()):
        raise TreatmentError(
            f"first_treated changes within {n} of {total} {who}s; it must be one period for all "
            f"rows of a {who}."
        )


def cohorts(alike: pd.DataFrame) -> pd.DataFrame:
    """Count units by their first treated period.

    Parameters
    ----------
    alike : pandas.DataFrame
        From `paths`.

    Returns
    -------
    pandas.DataFrame
        ``first_treated`` (infinite for never) and ``units``, ascending.

    Raises
    ------
    NoTreatedError, NoControlError
        If nobody is treated, or everybody from the same period on.
    """
    counts = alike.groupby("first")["units"].sum()
    treated, total = np.isfinite(counts.index.to_numpy(dtype=float)), int(counts.sum())
    if not treated.any():
        raise NoTreatedError(
            f"none of {total} units is ever treated: first_treated is missing, infinite or 0 "
            "everywhere, or treated is 0 everywhere."
        )
    if treated.sum() == len(counts) == 1:
        raise NoControlError(
            f"all {total} units are treated from the same period on; there is no untreated "
            "comparison."
        )
    return counts.rename_axis("first_treated").reset_index().astype({"first_treated": float})


def _check_unique(rows: nw.LazyFrame[Any], keys: tuple[str, str]) -> None:
    counted = rows.group_by("unit", "period").agg(nw.len().alias("n"))
    n = int(frames.collect(counted.filter(nw.col("n") > 1).select(n=nw.len()))["n"].iloc[0])
    if n:
        raise DuplicateKeyError(
            f"{n} pair{'s' if n > 1 else ''} of {keys[0]!r} and {keys[1]!r} occur more than once; "
            "aggregate them to one row a unit and period first."
        )
