"""A batch on its way in: staged raw, checked, then seen through its clean view."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
from pyarrow import types as pt

from cximpact.core.errors import (
    DataError,
    DtypeError,
    EmptyDataError,
    TimezoneError,
    join_names,
    warn_data,
)
from cximpact.repository.columns import Target, target
from cximpact.repository.contracts import Contract, Kind
from cximpact.repository.csv import read_text, type_columns
from cximpact.repository.reading import POSITION, read_frame, read_parquet, rename
from cximpact.repository.sql import sql
from cximpact.repository.store import transaction

STAGED, CLEAN, LINKS, INCOMING = "_staged", "_clean", "_links", "_incoming"
_UTC = ("Etc/UTC", "Etc/GMT", "GMT", "Z", "Zulu", "+00:00", "UTC")


@dataclass(frozen=True, kw_only=True)
class Incoming:
    """Rows that came in, opened and matched with a contract.

    Parameters
    ----------
    rows : pyarrow.RecordBatchReader
        The rows, to be read once.
    names : dict of str to str
        Their name to ours.
    """

    rows: pa.RecordBatchReader
    names: dict[str, str]

    @property
    def types(self) -> dict[str, pa.DataType]:
        """Type of each column that came in, under our names."""
        return {self.names[field.name]: field.type for field in self.rows.schema}


def open_rows(
    frame_or_path: Any,
    contract: Contract,
    columns: Any,
    given: set[str],
    stored: dict[str, str],
) -> Incoming:
    """Open a frame or a file and match its columns with the contract.

    Parameters
    ----------
    frame_or_path : frame, str or Path
        A frame of any engine, or a file ending in csv, parquet or pq.
    contract : Contract
        The table.
    columns : mapping of str to str or None
        Their name to ours.
    given : set of str
        Required columns that are supplied in another way.
    stored : dict of str to str
        Types of identifiers and attributes that are known already.

    Returns
    -------
    Incoming
        Opened.

    Raises
    ------
    DataError
        If there is no such file, or it is of another kind.
    """
    if not isinstance(frame_or_path, str | Path):
        rows = read_frame(frame_or_path)
        return Incoming(rows=rows, names=rename(rows.schema.names, columns, contract, given))
    path = Path(frame_or_path)
    suffix = path.suffix.lower()
    if suffix not in (".csv", ".parquet", ".pq"):
        raise DataError(f"{path.name} ends in {suffix!r}; expected a .csv or .parquet file.")
    if not _is_file(path):
        raise DataError(f"there is no file {path.name}; give an existing .csv or .parquet file.")
    rows = read_parquet(path) if suffix != ".csv" else read_text(path)
    names = rename(rows.schema.names, columns, contract, given)
    if suffix == ".csv":
        rows = type_columns(rows, names, contract, stored, path)
    return Incoming(rows=rows, names=names)


@contextmanager
def staged(connection: duckdb.DuckDBPyConnection, incoming: Incoming) -> Iterator[None]:
    """Open a transaction in which the rows stand in a temporary table, and leave nothing behind.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The store.
    incoming : Incoming
        The rows.

    Yields
    ------
    None
        The rows are there, under our names and with their positions.

    Raises
    ------
    EmptyDataError
        If there are none.
    DtypeError
        If they cannot be read.
    """
    try:
        with transaction(connection):
            _stage(connection, incoming)
            yield
            connection.execute(sql("DROP VIEW IF EXISTS {clean}", clean=CLEAN))
            connection.execute(sql("DROP TABLE IF EXISTS {links}", links=LINKS))
            connection.execute(sql("DROP TABLE {staged}", staged=STAGED))
    finally:
        connection.unregister(INCOMING)


def _stage(connection: duckdb.DuckDBPyConnection, incoming: Incoming) -> None:
    renamed = [sql("{a} AS {b}", a=a, b=b) for a, b in incoming.names.items()]
    try:
        connection.register(INCOMING, incoming.rows)
        connection.execute(
            sql(
                "CREATE TEMP TABLE {staged} AS "
                "SELECT row_number() OVER () - 1 AS {position}, {columns} FROM {incoming}",
                staged=STAGED,
                position=POSITION,
                columns=renamed,
                incoming=INCOMING,
            )
        )
    except (duckdb.DataError, duckdb.NotSupportedError, duckdb.ProgrammingError) as error:
        raise DtypeError(
            f"the rows could not be read ({type(error).__name__}); check the types of the columns "
            f"{join_names(list(incoming.names.values()))}."
        ) from None
    count = connection.execute(sql("SELECT count(*) FROM {staged}", staged=STAGED))
    if count.fetchone() == (0,):
        raise EmptyDataError("the batch has 0 rows; expected at least 1.")


def targets(incoming: Incoming, contract: Contract) -> list[Target]:
    """Decide how each column is stored.

    Parameters
    ----------
    incoming : Incoming
        The rows.
    contract : Contract
        The table.

    Returns
    -------
    list of Target
        Columns with values, in the order they came.
    """
    made = [target(name, t, contract.column(name)) for name, t in incoming.types.items()]
    return [t for t in made if t is not None]


def time_zone(incoming: Incoming, contract: Contract) -> str | None:
    """Return the one time zone of a batch.

    Parameters
    ----------
    incoming : Incoming
        The rows.
    contract : Contract
        The table.

    Returns
    -------
    str or None
        The zone, empty for times without one; None where the batch has no times.

    Raises
    ------
    TimezoneError
        If its columns differ.
    """
    zones: dict[str, str] = {}
    for name, found in incoming.types.items():
        column = contract.column(name)
        if column is not None and column.kind is Kind.PERIOD:
            continue
        if pt.is_timestamp(found):
            zones[name] = "UTC" if found.tz in _UTC else found.tz or ""
        elif pt.is_date(found) and column is not None:
            zones[name] = ""
    if len(set(zones.values())) > 1:
        shown = ", ".join(f"{name!r}: {zone or 'no zone'}" for name, zone in zones.items())
        raise TimezoneError(f"times are in several zones ({shown}); convert them to one.")
    return next(iter(zones.values()), None)


def drop_empty(connection: duckdb.DuckDBPyConnection, made: Sequence[Target]) -> list[Target]:
    """Leave out columns without any value; there is nothing to keep, and their type is a guess.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The store, with staged rows.
    made : list of Target
        Columns, of which the required ones have been checked.

    Returns
    -------
    list of Target
        Columns with values.
    """
    counts = [sql("count({value})", value=t.value) for t in made]
    statement = sql("SELECT {counts} FROM {staged}", counts=counts, staged=STAGED)
    found = connection.execute(statement).fetchone() or ()
    return [t for t, n in zip(made, found, strict=True) if n]


def create_clean_view(
    connection: duckdb.DuckDBPyConnection, made: Sequence[Target], source: str | None
) -> None:
    """Create the view of the staged rows as they will be stored.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The store, with staged rows.
    made : sequence of Target
        Columns.
    source : str or None
        System whose identifiers stand in ``customer``; they are replaced by customers.
    """
    values = [
        sql("{v} AS {n}", v=t.value, n=t.name)
        for t in made
        if source is None or t.name != "customer"
    ]
    if source is None:
        origin = sql("{staged}", staged=STAGED)
    else:
        connection.execute(
            sql(
                "CREATE TEMP TABLE {links} AS SELECT source_id AS _cximpact_id, "
                "customer AS _cximpact_customer FROM identities WHERE source = ?",
                links=LINKS,
            ),
            [source],
        )
        theirs = next(t for t in made if t.name == "customer")
        values.append(sql("_cximpact_customer AS customer"))
        origin = sql(
            "{staged} LEFT JOIN {links} ON CAST({id} AS VARCHAR) = _cximpact_id",
            staged=STAGED,
            links=LINKS,
            id=theirs.value,
        )
    connection.execute(
        sql(
            "CREATE TEMP VIEW {clean} AS SELECT {position}, {values} FROM {origin}",
            clean=CLEAN,
            position=POSITION,
            values=values,
            origin=origin,
        )
    )


def content_hash(connection: duckdb.DuckDBPyConnection, table: str, names: Sequence[str]) -> str:
    """Fingerprint the clean rows, whatever their order.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The store, with the clean view.
    table : str
        Where they go.
    names : sequence of str
        Columns with values.

    Returns
    -------
    str
        Hexadecimal.
    """
    names = sorted(names)
    texts = [sql("CAST({c} AS VARCHAR)", c=name) for name in names]
    fields = [sql("coalesce(length({t}) || ':' || {t}, '-')", t=text) for text in texts]
    statement = sql(
        "SELECT count(*), sum((md5_number(concat({fields})) >> 64)::HUGEINT) FROM {clean}",
        fields=fields,
        clean=CLEAN,
    )
    found = connection.execute(statement).fetchone()
    return hashlib.sha256(repr((table, names, found)).encode()).hexdigest()[:32]


def warn_float_ids(made: Sequence[Target]) -> None:
    """Warn of identifiers that came as floats, although none has lost digits.

    Parameters
    ----------
    made : sequence of Target
        Columns.
    """
    if names := [t.name for t in made if t.is_float_id]:
        warn_data(
            f"Identifier {join_names(names)} came as floats; all are whole, so they were taken as "
            "integers. Read them as integers or text."
        )


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False
