"""From the tables to a panel: behavior by customer and period, and when each was first reached."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb

from cximpact.core.errors import (
    ColumnError,
    DataError,
    DtypeError,
    DuplicateKeyError,
    MissingColumnError,
    TreatmentError,
    warn_data,
)
from cximpact.core.validate import check_choice
from cximpact.data import Panel
from cximpact.data.frames import column_names
from cximpact.repository import periods
from cximpact.repository.sql import Fragment, sql
from cximpact.repository.store import fetch, get_meta, stored_types

OUTCOMES = ("retained", "orders", "spend", "margin")


@dataclass(frozen=True, kw_only=True)
class PanelRequest:
    """Which panel is wanted.

    Parameters
    ----------
    outcome : {"retained", "orders", "spend", "margin"}
        Column of the table behavior.
    initiative : str
        Whose exposures count as treatment.
    period : str
        Unit of periods.
    cluster : str, optional
        Attribute of customers at which errors are dependent.
    covariates : sequence of str
        Attributes of customers.
    missing : {"raise", "drop"}
        What to do with rows without an outcome.
    """

    outcome: str
    initiative: str
    period: str
    cluster: str | None
    covariates: Sequence[str]
    missing: str

    def __post_init__(self) -> None:
        check_choice(self.outcome, "outcome", OUTCOMES)
        object.__setattr__(self, "covariates", column_names(self.covariates, "covariates"))

    @property
    def attributes(self) -> list[str]:
        """Attributes of customers that go along."""
        return list(dict.fromkeys([*([self.cluster] if self.cluster else []), *self.covariates]))


def panel(connection: duckdb.DuckDBPyConnection, request: PanelRequest) -> Panel:
    """Assemble a panel.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The store.
    request : PanelRequest
        Which panel.

    Returns
    -------
    Panel
        One row a customer and period of the table behavior.

    Raises
    ------
    DuplicateKeyError
        If the unit of periods is coarser than behavior was stored.
    TreatmentError
        If an exposure lies in period 0.
    """
    _check_request(connection, request)
    when, start = _period_of(connection, request, "behavior", "period")
    first, _ = _period_of(connection, request, "exposures", "time")
    statement = sql(
        "WITH treated AS (SELECT customer, min({first}) AS first_treated FROM exposures "
        "WHERE initiative = $initiative GROUP BY customer) "
        "SELECT behavior.customer, {when} AS period, {start} AS period_start, "
        "CAST({outcome} AS DOUBLE) AS {outcome}, {attributes} "
        "CAST(treated.first_treated AS DOUBLE) AS first_treated "
        "FROM behavior JOIN customers ON behavior.customer = customers.customer "
        "LEFT JOIN treated ON behavior.customer = treated.customer "
        "ORDER BY behavior.customer, behavior.period",
        first=first,
        when=when,
        start=start,
        outcome=request.outcome,
        attributes=_attribute_list(request),
    )
    values = {"initiative": request.initiative}
    if "$zone" in statement:
        values["zone"] = get_meta(connection, "time_zone") or ""
    frame = fetch(connection, statement, values)
    if frame.duplicated(["customer", "period"]).any():
        raise DuplicateKeyError(
            f"the table behavior has several rows of a customer in one {request.period}; choose "
            "the unit of its periods, or add them up before."
        )
    if (frame["first_treated"] == 0).any():
        raise TreatmentError("an exposure has period 0, which means never; number from 1.")
    _warn_unseen(connection, request)
    return Panel(
        frame,
        unit="customer",
        period="period",
        outcome=request.outcome,
        first_treated="first_treated",
        cluster=request.cluster,
        covariates=request.covariates,
        missing=request.missing,
    )


def _check_request(connection: duckdb.DuckDBPyConnection, request: PanelRequest) -> None:
    for table in ("behavior", "exposures"):
        if not stored_types(connection, table):
            raise DataError(f"there are no rows in {table} yet; add the table {table} first.")
    rows = connection.execute("SELECT DISTINCT initiative FROM exposures ORDER BY 1")
    check_choice(request.initiative, "initiative", [name for (name,) in rows.fetchall()])
    attributes = list(stored_types(connection, "customers"))[1:]
    if lost := [a for a in request.attributes if a not in attributes]:
        raise MissingColumnError.from_names(lost, attributes, role="attribute of customers")
    if request.outcome in request.attributes:
        raise ColumnError(
            f"{request.outcome!r} is the outcome and an attribute of customers; rename the latter."
        )
    kinds = {
        stored_types(connection, "behavior")["period"] == "BIGINT",
        stored_types(connection, "exposures")["time"] == "BIGINT",
    }
    if len(kinds) > 1 and request.period != "year":
        raise DtypeError(
            "of the periods in behavior and the times in exposures, one is numbered and the other "
            "has dates; give both in the same way, or say period='year' where numbers are years."
        )


def _period_of(
    connection: duckdb.DuckDBPyConnection, request: PanelRequest, table: str, column: str
) -> tuple[Fragment, Fragment]:
    """Return the number of the period of a row and, where it has one, its first day."""
    sql_type = stored_types(connection, table)[column]
    time = sql("{t}.{c}", t=table, c=column)
    if sql_type == "BIGINT" and request.period == "year":
        return time, sql("make_date({t}, 1, 1)", t=time)
    if periods.check_unit(request.period, sql_type, f"Column {column!r} of table {table}"):
        return time, sql("CAST(NULL AS DATE)")
    day = periods.local_day(connection, time, sql_type)
    return periods.number(day, request.period), day


def _attribute_list(request: PanelRequest) -> Fragment:
    names = sql("{names}", names=[sql("customers.{c}", c=c) for c in request.attributes])
    return sql("{names},", names=names) if request.attributes else names


def _warn_unseen(connection: duckdb.DuckDBPyConnection, request: PanelRequest) -> None:
    statement = (
        "SELECT count(DISTINCT customer) FROM exposures ANTI JOIN behavior USING (customer) "
        "WHERE initiative = ?"
    )
    (unseen,) = connection.execute(statement, [request.initiative]).fetchone() or (0,)
    if unseen:
        warn_data(
            f"{unseen} customers were exposed to {request.initiative!r} but have no row in the "
            "table behavior, so the panel lacks them; add their behavior, zeros included."
        )
