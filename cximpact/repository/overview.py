"""What is in the repository: whole tables, batches, and whom each table knows."""

from __future__ import annotations

from typing import Any

import duckdb
import pandas as pd

from cximpact.core.validate import check_choice
from cximpact.repository.contracts import CONTRACTS, Contract, Kind
from cximpact.repository.sql import sql
from cximpact.repository.store import BATCHES, fetch, stored_types

_TIMES = (Kind.MOMENT, Kind.TIME, Kind.PERIOD)


def table(connection: duckdb.DuckDBPyConnection, name: str) -> pd.DataFrame:
    """Return a table, ordered by its key.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The store.
    name : str
        Its name.

    Returns
    -------
    pandas.DataFrame
        A copy: contract columns, then attributes by name.
    """
    contract = CONTRACTS[check_choice(name, "table", tuple(CONTRACTS))]
    names = list(stored_types(connection, name))
    if not names:
        return pd.DataFrame(columns=list(contract.names))
    order = [sql("{k} NULLS FIRST", k=k) for k in contract.key]
    statement = sql("SELECT {names} FROM {t} ORDER BY {o}", names=names, t=name, o=order)
    return fetch(connection, statement)


def batches(connection: duckdb.DuckDBPyConnection) -> pd.DataFrame:
    """Return the batches that were added.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The store.

    Returns
    -------
    pandas.DataFrame
        ``table, batch, rows``, in the order they came.
    """
    return fetch(
        connection,
        sql(
            'SELECT table_name AS "table", batch, n_rows AS "rows" FROM {t} ORDER BY rowid',
            t=BATCHES,
        ),
    )


def coverage(connection: duckdb.DuckDBPyConnection) -> pd.DataFrame:
    """Say which share of the customers each table knows.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The store.

    Returns
    -------
    pandas.DataFrame
        ``table, rows, customers, share, first, last``.
    """
    everyone = 0
    rows = []
    for contract in CONTRACTS.values():
        row = _cover(connection, contract)
        if contract.table == "customers":
            everyone = row["customers"]
        known = row["customers"]
        row["share"] = known / everyone if everyone and known is not None else float("nan")
        rows.append(row)
    columns = ["table", "rows", "customers", "share", "first", "last"]
    found = pd.DataFrame(rows, columns=columns)
    return found.astype({"customers": "Int64", "first": object, "last": object})


def _cover(connection: duckdb.DuckDBPyConnection, contract: Contract) -> dict[str, Any]:
    empty: dict[str, Any] = {
        "table": contract.table,
        "rows": 0,
        "customers": None,
        "first": None,
        "last": None,
    }
    has_customer = "customer" in contract.names
    if not stored_types(connection, contract.table):
        return empty | {"customers": 0 if has_customer else None}
    time = next((c.name for c in contract.columns if c.kind in _TIMES), None)
    statement = sql(
        'SELECT count(*) AS "rows", {customers} AS customers, {first} AS first, {last} AS last '
        "FROM {table}",
        customers=sql("count(DISTINCT customer)") if has_customer else sql("NULL"),
        first=sql("min({t})", t=time) if time else sql("NULL"),
        last=sql("max({t})", t=time) if time else sql("NULL"),
        table=contract.table,
    )
    found = fetch(connection, statement).astype(object).iloc[0]
    values = {str(name): value for name, value in found.items()}
    return empty | {name: None if pd.isna(value) else value for name, value in values.items()}
