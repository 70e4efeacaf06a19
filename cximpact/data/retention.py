"""Retention by cohort of joiners: everybody who joined is counted, whoever left since."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from cximpact.core.errors import (
    DataError,
    EmptyDataError,
    MissingValueError,
    TimezoneError,
    rows_phrase,
    warn_data,
)
from cximpact.core.validate import check_count
from cximpact.data import frames


def retained_after(
    customers: Any, *, joined: str, left: str, until: Any, months: int = 12
) -> pd.DataFrame:
    """Say of every joiner whether they were still a customer some months later.

    Parameters
    ----------
    customers : frame
        One row a customer; any engine.
    joined, left : str
        Columns with the dates on which they joined and left; missing ``left`` is still here.
        Integers count months.
    until : date, Timestamp or int
        The last day (or month) that was observed.
    months : int, default 12
        How long they are followed.

    Returns
    -------
    pandas.DataFrame
        The columns as they were, with ``retained`` (0 or 1) and ``joined_month``, a whole number
        that counts calendar months from the earliest as 1; one row a customer who could be
        followed. It is a repeated cross-section whose period is the month of joining.

    Raises
    ------
    MissingValueError
        If somebody has no date of joining.
    DataError
        If somebody left before they joined.
    TimezoneError
        If the dates are in different time zones, or only some have one.
    EmptyDataError
        If nobody could be followed.

    Warns
    -----
    DataWarning
        If some joined too recently to be followed; they are left out and counted.

    Notes
    -----
    A rate among those who are still customers is a rate among survivors: who is easily put off is
    gone, so that churn falls by itself, and a fix that keeps such people makes it rise. Cohorts
    of joiners have no survivors. Those who joined up to ``months`` before a fix had it for part
    of the time: they are neither untreated nor treated in full. Where it acts on joining alone
    that does not matter; else ``anticipation=months`` in the estimator sets them apart.
    """
    check_count(months, "months")
    opened = frames.open_frame(customers)
    frames.check_columns(opened, {"joined": joined, "left": left})
    table = frames.collect(opened)
    end = pd.Series([until])
    _check_zones(table[joined], table[left], end)
    began, ended = (_months(table[column], column) for column in (joined, left))
    _check(began, ended, joined, left)
    last = _months(end, "until")
    recent = began + months > last.iloc[0]
    if recent.all():
        raise EmptyDataError(
            f"nobody joined {months} months before {until!s}, so nobody can be followed that long; "
            "ask for fewer months."
        )
    if recent.any():
        warn_data(
            f"{int(recent.sum()):,} of {len(table):,} customers joined less than {months} months "
            f"before {until!s} and were left out: whether they stay is not known yet."
        )
    start = np.floor(began)
    out = table.assign(
        joined_month=(start - start.min() + 1).astype(int),
        retained=(ended.isna() | (ended >= began + months)).astype(int),
    )
    return out[~recent].reset_index(drop=True)


def _months(values: pd.Series, column: str) -> pd.Series:
    """Count months by the calendar of the zone that dates are in; a day is a 31st of a month."""
    if pd.api.types.is_numeric_dtype(values):
        return values.astype(float)
    try:
        dates = pd.to_datetime(values, format="ISO8601")
    except (ValueError, TypeError) as error:
        raise DataError(
            f"Column {column!r} holds what is not a date, such as 2026-01-31: {error}."
        ) from None
    parts = dates.dt
    seconds = (dates - dates.dt.normalize()).dt.total_seconds()
    day = (parts.day - 1 + seconds / 86_400) / 31
    return (parts.year * 12 + parts.month + day).astype(float)


def _check_zones(*columns: pd.Series) -> None:
    zones = {str(getattr(c.dtype, "tz", None)) for c in columns if c.notna().any()}
    if len(zones) > 1:
        raise TimezoneError(
            f"dates of joining, leaving and the end are in different time zones ({', '.join(zones)}"
            "); bring them to one with .dt.tz_convert(zone), or take the zone off all of them."
        )


def _check(began: pd.Series, ended: pd.Series, joined: str, left: str) -> None:
    missing = began.isna().to_numpy()
    if missing.any():
        raise MissingValueError(
            f"Column {joined!r} is missing in {rows_phrase(np.flatnonzero(missing))}; every "
            "customer needs a date of joining."
        )
    early = (ended < began).to_numpy()
    if early.any():
        raise DataError(
            f"{left!r} is before {joined!r} in {rows_phrase(np.flatnonzero(early))}; correct the "
            "dates."
        )
