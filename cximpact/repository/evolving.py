"""Making room for new columns and wider types, in the same transaction as the rows."""

from __future__ import annotations

from collections.abc import Mapping

import duckdb

from cximpact.core.errors import ColumnError, DtypeError
from cximpact.repository.columns import MAX_EXACT_INTEGER
from cximpact.repository.contracts import Contract
from cximpact.repository.sql import sql, type_name
from cximpact.repository.staging import CLEAN
from cximpact.repository.store import create_table, stored_types

_NUMBERS = {"BIGINT", "DOUBLE"}


def evolve(
    connection: duckdb.DuckDBPyConnection, contract: Contract, types: Mapping[str, str]
) -> None:
    """Create the table, or fit its columns to a new batch.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The store, with the clean view.
    contract : Contract
        The table.
    types : mapping of str to str
        Columns that came in and their types.

    Raises
    ------
    DtypeError
        If a column has another type than before. Integers and floats go together as floats.
    ColumnError
        If an attribute differs from a stored one only in upper and lower case.
    """
    stored = stored_types(connection, contract.table)
    if not stored:
        create_table(connection, contract, dict(types))
        stored = stored_types(connection, contract.table)
    folded = {name.casefold(): name for name in stored}
    for name, found in types.items():
        if name in stored:
            _fit(connection, contract.table, name, found, stored[name])
            continue
        if name.casefold() in folded:
            raise ColumnError(
                f"Column {name!r} is stored as {folded[name.casefold()]!r}; use one spelling."
            )
        statement = sql(
            "ALTER TABLE {table} ADD COLUMN {name} {type}",
            table=contract.table,
            name=name,
            type=type_name(found),
        )
        connection.execute(statement)


def _fit(
    connection: duckdb.DuckDBPyConnection, table: str, name: str, found: str, known: str
) -> None:
    if found == known:
        return
    count = sql("SELECT count({name}) FROM {table}", name=name, table=table)
    is_empty = connection.execute(count).fetchone() == (0,)
    if {found, known} == _NUMBERS:
        integers = table if known == "BIGINT" else CLEAN
        _check_exact(connection, integers, name)
        wanted = "DOUBLE"
    elif is_empty:
        wanted = found
    else:
        words = {"VARCHAR": "text", "BIGINT": "integer", "DOUBLE": "number", "BOOLEAN": "flag"}
        raise DtypeError(
            f"Column {name!r} of table {table} comes as {words.get(found, found.lower())}, but is "
            f"stored as {words.get(known, known.lower())}; convert it explicitly."
        )
    if wanted != known:
        statement = sql(
            "ALTER TABLE {table} ALTER COLUMN {name} TYPE {type}",
            table=table,
            name=name,
            type=type_name(wanted),
        )
        connection.execute(statement)


def _check_exact(connection: duckdb.DuckDBPyConnection, table: str, name: str) -> None:
    statement = sql("SELECT count(*) FROM {t} WHERE abs({c}) > ?", t=table, c=name)
    if connection.execute(statement, [MAX_EXACT_INTEGER]).fetchone() != (0,):
        raise DtypeError(
            f"Column {name!r} has integers that a float cannot hold, and floats; give it as text."
        )
