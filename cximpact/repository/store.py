"""The file of a repository: opening, recognizing, locking and remembering facts about it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd

from cximpact.core.errors import BatchError, StoreLockedError
from cximpact.core.files import write_whole
from cximpact.repository.contracts import CONTRACTS, Contract, Kind
from cximpact.repository.sql import Fragment, sql, type_name

SCHEMA_VERSION = 1
META, BATCHES, SCALES = "cximpact_meta", "cximpact_batches", "cximpact_scales"
# Nothing in a file that somebody sent can reach other files, the network or these settings.
_CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "enable_external_access": "false",
    "python_enable_replacements": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "lock_configuration": "true",
}
_SQL_TYPES = {
    Kind.ID: "BIGINT",
    Kind.TEXT: "VARCHAR",
    Kind.FLAG: "BOOLEAN",
    Kind.NUMBER: "DOUBLE",
    Kind.COUNT: "BIGINT",
    Kind.MOMENT: "TIMESTAMP",
    Kind.PERIOD: "DATE",
    Kind.TIME: "TIMESTAMP",
}


def open_store(path: Path | None) -> duckdb.DuckDBPyConnection:
    """Open a repository, or make a new one.

    Parameters
    ----------
    path : Path or None
        Its file; None keeps it in memory.

    Returns
    -------
    duckdb.DuckDBPyConnection
        Without access to any other file, and with its settings locked.

    Raises
    ------
    BatchError
        If the file is not a repository of ours, or of a newer version.
    StoreLockedError
        If another process has it open.
    """
    if path is None:
        connection = duckdb.connect(config=_CONFIG)
        _create_schema(connection)
        return connection
    path = path.resolve()
    if not path.exists():
        write_whole(path, _create_file)
    connection = _connect(path)
    try:
        _check_ours(connection, path)
    except BatchError:
        connection.close()
        raise
    return connection


@contextmanager
def transaction(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Keep everything that is done inside, or nothing.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The store.

    Yields
    ------
    None
        To work in.
    """
    connection.execute("BEGIN TRANSACTION")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def fetch(
    connection: duckdb.DuckDBPyConnection, statement: Fragment, values: Any = None
) -> pd.DataFrame:
    """Run a query and return its rows; times come out in the zone of the repository.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The store.
    statement : Fragment
        The query.
    values : sequence or mapping, optional
        Values to bind.

    Returns
    -------
    pandas.DataFrame
        One row a row.
    """
    relation = connection.execute(statement, values)
    times = [d[0] for d in relation.description or [] if str(d[1]) == "TIMESTAMP"]
    table = relation.df()
    zone = get_meta(connection, "time_zone")
    if zone:
        for name in times:
            table[name] = table[name].dt.tz_localize("UTC").dt.tz_convert(zone)
    return table


def get_meta(connection: duckdb.DuckDBPyConnection, key: str) -> str | None:
    """Return a fact about the repository, or None.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The store.
    key : str
        Such as ``time_zone``, which is empty for times without a zone.

    Returns
    -------
    str or None
        The fact.
    """
    statement = sql("SELECT value FROM {meta} WHERE key = ?", meta=META)
    row = connection.execute(statement, [key]).fetchone()
    return None if row is None else str(row[0])


def set_meta(connection: duckdb.DuckDBPyConnection, key: str, value: str) -> None:
    """Remember a fact that was not known before.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The store.
    key, value : str
        The fact.
    """
    connection.execute(sql("INSERT INTO {meta} VALUES (?, ?)", meta=META), [key, value])


def stored_types(connection: duckdb.DuckDBPyConnection, table: str) -> dict[str, str]:
    """Return the columns of a table and their types; none when it has no rows yet.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The store.
    table : str
        Its name.

    Returns
    -------
    dict of str to str
        Column to type, contract first, then attributes by name.
    """
    if get_meta(connection, f"table:{table}") is None:
        return {}
    rows = connection.execute(sql("DESCRIBE {table}", table=table)).fetchall()
    types = {row[0]: row[1] for row in rows}
    own = CONTRACTS[table].names
    attributes = sorted(name for name in types if name not in own)
    return {name: types[name] for name in (*own, *attributes) if name in types}


def create_table(
    connection: duckdb.DuckDBPyConnection, contract: Contract, types: dict[str, str]
) -> None:
    """Create the table of a contract.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The store.
    contract : Contract
        The table.
    types : dict of str to str
        Types that the first batch decided; the others take their default.
    """
    columns = [
        sql(
            "{name} {type}",
            name=column.name,
            type=type_name(types.get(column.name, _SQL_TYPES[column.kind])),
        )
        for column in contract.columns
    ]
    statement = sql("CREATE TABLE {table} ({columns})", table=contract.table, columns=columns)
    connection.execute(statement)
    set_meta(connection, f"table:{contract.table}", "created")


def _connect(path: Path) -> duckdb.DuckDBPyConnection:
    try:
        return duckdb.connect(str(path), config=_CONFIG)
    except duckdb.IOException as error:
        if "lock" in str(error):
            raise StoreLockedError(
                f"{path} is open in another process; a repository has one at a time. Close it "
                "there, or work on a copy."
            ) from None
        raise _not_ours(path, "it is no DuckDB file, or a damaged one") from error
    except duckdb.Error as error:
        raise _not_ours(path, "DuckDB cannot read it") from error


def _create_file(path: Path) -> None:
    path.unlink()
    connection = duckdb.connect(str(path), config=_CONFIG)
    _create_schema(connection)
    connection.close()


def _create_schema(connection: duckdb.DuckDBPyConnection) -> None:
    with transaction(connection):
        connection.execute(sql("CREATE TABLE {t} (key VARCHAR, value VARCHAR)", t=META))
        connection.execute(
            sql(
                "CREATE TABLE {t} (table_name VARCHAR, batch VARCHAR, content VARCHAR, "
                "n_rows BIGINT)",
                t=BATCHES,
            )
        )
        connection.execute(
            sql("CREATE TABLE {t} (survey VARCHAR, question VARCHAR, scale VARCHAR)", t=SCALES)
        )
        set_meta(connection, "schema_version", str(SCHEMA_VERSION))


def _check_ours(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    try:
        version = get_meta(connection, "schema_version")
    except duckdb.Error:
        version = None
    if version is None or not version.isdigit():
        raise _not_ours(path, "it is a DuckDB file without our table of versions")
    if int(version) != SCHEMA_VERSION:
        raise BatchError(
            f"{path} has schema version {version}; this release reads version {SCHEMA_VERSION}. "
            "Use the release that wrote it, or add the data to a new repository."
        )


def _not_ours(path: Path, why: str) -> BatchError:
    return BatchError(
        f"{path} is not a cximpact repository: {why}. Nothing was changed; give another path "
        "for a new repository."
    )
