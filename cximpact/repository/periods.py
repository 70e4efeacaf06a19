"""Calendar periods: labels to read and numbers to reckon with."""

from __future__ import annotations

import duckdb

from cximpact.core.errors import ConfigError
from cximpact.core.validate import check_choice
from cximpact.repository.sql import Fragment, sql
from cximpact.repository.store import get_meta

UNITS = ("number", "year", "quarter", "month", "week", "day")


def local_day(connection: duckdb.DuckDBPyConnection, time: Fragment, sql_type: str) -> Fragment:
    """Return the calendar day of a stored time, where the customers live.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The store.
    time : Fragment
        The column.
    sql_type : str
        DATE or TIMESTAMP.

    Returns
    -------
    Fragment
        An expression with the parameter ``$zone`` where the repository has a time zone.
    """
    if sql_type == "TIMESTAMP" and get_meta(connection, "time_zone"):
        return sql("CAST(timezone($zone, timezone('UTC', {t})) AS DATE)", t=time)
    return sql("CAST({t} AS DATE)", t=time)


def check_unit(unit: str, sql_type: str, what: str) -> bool:
    """Check that a unit of periods suits a column.

    Parameters
    ----------
    unit : str
        One of `UNITS`.
    sql_type : str
        Type of the column.
    what : str
        How the message calls the column.

    Returns
    -------
    bool
        Whether the periods are numbered.

    Raises
    ------
    ConfigError
        If dates are to be taken as numbers, or numbers as dates.
    """
    check_choice(unit, "period", UNITS)
    is_numbered = sql_type == "BIGINT"
    if is_numbered and unit != "number":
        raise ConfigError(f"{what} is numbered; say period='number', not {unit!r}.")
    if not is_numbered and unit == "number":
        raise ConfigError(f"{what} has dates; say period='month' or another of {UNITS[1:]}.")
    return is_numbered


def label(day: Fragment, unit: str) -> Fragment:
    """Return the name of the period that a day lies in; names sort by time.

    Parameters
    ----------
    day : Fragment
        A date.
    unit : str
        One of `UNITS` but ``"number"``.

    Returns
    -------
    Fragment
        The year as a number; else ``2024-Q1``, ``2024-01``, ``2024-W05`` or ``2024-01-31``.
    """
    if unit == "year":
        return sql("CAST(year({d}) AS BIGINT)", d=day)
    if unit == "quarter":
        return sql("year({d}) || '-Q' || quarter({d})", d=day)
    if unit == "month":
        return sql("strftime({d}, '%Y-%m')", d=day)
    if unit == "week":
        return sql("strftime({d}, '%G-W%V')", d=day)
    return sql("strftime({d}, '%Y-%m-%d')", d=day)


def number(day: Fragment, unit: str) -> Fragment:
    """Return the number of the period that a day lies in; neighbors differ by 1.

    Parameters
    ----------
    day : Fragment
        A date.
    unit : str
        One of `UNITS` but ``"number"``.

    Returns
    -------
    Fragment
        The year; quarters (``4 year + quarter - 1``) or months (``12 year + month - 1``) since
        year 0; weeks (from Monday) or days since 1 January of year 1. Never 0.
    """
    if unit == "year":
        return sql("CAST(year({d}) AS BIGINT)", d=day)
    if unit == "quarter":
        return sql("CAST(4 * year({d}) + quarter({d}) - 1 AS BIGINT)", d=day)
    if unit == "month":
        return sql("CAST(12 * year({d}) + month({d}) - 1 AS BIGINT)", d=day)
    if unit == "week":
        return sql(
            "CAST(date_diff('day', DATE '0001-01-01', date_trunc('week', {d})) // 7 AS BIGINT)",
            d=day,
        )
    return sql("CAST(date_diff('day', DATE '0001-01-01', {d}) AS BIGINT)", d=day)
