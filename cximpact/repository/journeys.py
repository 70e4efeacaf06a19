"""Contacts in order: the journey of a customer, and what the contacts of each add up to."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb
import pandas as pd

from cximpact.core.errors import (
    ConfigError,
    DanglingReferenceError,
    DataError,
    IdTypeError,
    TimezoneError,
)
from cximpact.core.validate import check_number
from cximpact.repository.sql import sql
from cximpact.repository.store import fetch, get_meta, stored_types


def journey(connection: duckdb.DuckDBPyConnection, customer: str | int) -> pd.DataFrame:
    """Return the contacts of a customer in order.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The store.
    customer : str or int
        The customer.

    Returns
    -------
    pandas.DataFrame
        Ordered by time, then event; contacts without an event come first.

    Raises
    ------
    DanglingReferenceError
        If there is no such customer.
    IdTypeError
        If it is text and customers are numbers, or the other way round.
    """
    kind = {"BIGINT": int, "VARCHAR": str}.get(get_meta(connection, "customer_type") or "")
    if kind is None:
        raise DanglingReferenceError("there are no customers yet; add the table customers first.")
    if isinstance(customer, bool) or not isinstance(customer, kind):
        raise IdTypeError(
            f"customer is given as {type(customer).__name__}, but customers are stored as "
            f"{kind.__name__}."
        )
    known = connection.execute("SELECT 1 FROM customers WHERE customer = ?", [customer])
    if known.fetchone() is None:
        raise DanglingReferenceError("this customer is not in the table customers.")
    names = stored_types(connection, "interactions")
    if not names:
        return pd.DataFrame()
    statement = sql(
        "SELECT {names} FROM interactions WHERE customer = ? ORDER BY time, event NULLS FIRST",
        names=list(names),
    )
    return fetch(connection, statement, [customer])


def contact_features(
    connection: duckdb.DuckDBPyConnection, start: Any, end: Any, repeat_within: float
) -> pd.DataFrame:
    """Add up the contacts of every customer.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The store.
    start, end : datetime-like or None
        From (included) and until (excluded).
    repeat_within : float
        Days within which another contact counts as a repeat.

    Returns
    -------
    pandas.DataFrame
        One row a customer.

    Raises
    ------
    ConfigError
        If the window or ``repeat_within`` cannot be used.
    DataError
        If there are no interactions.
    """
    days = check_number(repeat_within, "repeat_within", low=0, open_low=True)
    if days > 36500:
        raise ConfigError(f"repeat_within is {repeat_within!r}; expected days, at most 36500.")
    if not stored_types(connection, "interactions"):
        raise DataError("there are no interactions yet; add the table interactions first.")
    low, high = window(connection, start, end)
    statement = sql(
        """
        WITH contacts AS (
            SELECT customer, time, channel, transfers, wait, resolved,
                lag(time) OVER consecutive AS time_before,
                lag(channel) OVER consecutive AS channel_before
            FROM interactions
            WHERE ($low IS NULL OR time >= $low) AND ($high IS NULL OR time < $high)
            WINDOW consecutive AS (PARTITION BY customer ORDER BY time, event NULLS FIRST)
        )
        SELECT customers.customer,
            count(contacts.time) AS contacts,
            count(DISTINCT channel) AS channels,
            count(*) FILTER (WHERE channel <> channel_before) AS channel_hops,
            coalesce(sum(transfers), 0)::BIGINT AS transfers,
            count(transfers) AS transfers_known,
            coalesce(sum(wait), 0) AS wait,
            count(wait) AS wait_known,
            count(*) FILTER (WHERE contacts.time - time_before <= $within) AS repeat_contacts,
            avg(CASE WHEN resolved THEN 0.0 ELSE 1.0 END) FILTER (WHERE resolved IS NOT NULL)
                AS unresolved_share,
            count(resolved) AS resolved_known
        FROM customers LEFT JOIN contacts ON customers.customer = contacts.customer
        GROUP BY customers.customer ORDER BY customers.customer
        """
    )
    values = {"low": low, "high": high, "within": timedelta(days=days)}
    return fetch(connection, statement, values)


def window(
    connection: duckdb.DuckDBPyConnection, start: Any, end: Any
) -> tuple[datetime | None, datetime | None]:
    """Check the bounds of a window in time.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The store.
    start, end : datetime-like or None
        From (included) and until (excluded).

    Returns
    -------
    tuple of datetime or None
        As the store keeps times.

    Raises
    ------
    TimezoneError
        If the bounds have a zone and the times do not, or the other way round.
    ConfigError
        If a bound is no time, or nothing lies between them.
    """
    zone = get_meta(connection, "time_zone")
    low, high = _moment(start, zone, "start"), _moment(end, zone, "end")
    if low is not None and high is not None and low >= high:
        raise ConfigError("start is not before end; no time lies between them.")
    return low, high


def _moment(value: Any, zone: str | None, name: str) -> datetime | None:
    if value is None:
        return None
    if isinstance(value, bool | int | float):
        raise ConfigError(f"{name} is {value!r}; expected a date or time.")
    try:
        moment = pd.Timestamp(value)
    except (ValueError, TypeError):
        moment = pd.NaT
    if not isinstance(moment, pd.Timestamp):
        raise ConfigError(f"{name} is {value!r}; expected a date or time such as '2024-03-01'.")
    if (moment.tzinfo is not None) != bool(zone):
        raise TimezoneError(
            f"{name} has {'a' if moment.tzinfo else 'no'} time zone, but times in the repository "
            f"are in {zone or 'no zone'}; give {name} in the same way."
        )
    if moment.tzinfo is not None:
        moment = moment.tz_convert(UTC).tz_localize(None)
    return moment.to_pydatetime(warn=False)
