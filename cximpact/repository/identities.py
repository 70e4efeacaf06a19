"""From the identifiers of a source system to customers."""

from __future__ import annotations

from typing import Any

import duckdb
import pandas as pd

from cximpact.core.errors import (
    ColumnError,
    DanglingReferenceError,
    IdTypeError,
    rows_phrase,
)
from cximpact.core.validate import check_choice
from cximpact.data.frames import check_columns, collect, open_frame
from cximpact.repository import checks
from cximpact.repository.columns import target
from cximpact.repository.contracts import CONTRACTS
from cximpact.repository.reading import POSITION, read_frame
from cximpact.repository.sql import sql
from cximpact.repository.staging import STAGED, Incoming, staged
from cximpact.repository.store import META, fetch, get_meta


def resolve(
    connection: duckdb.DuckDBPyConnection, frame: Any, source: str, column: str, unknown: str
) -> pd.DataFrame:
    """Look up the customers behind a column of identifiers.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The store.
    frame : frame
        Any engine.
    source : str
        The system.
    column : str
        Its identifiers.
    unknown : {"refuse", "null"}
        What to do with identifiers that nobody has mapped.

    Returns
    -------
    pandas.DataFrame
        The rows with a further column ``customer``.

    Raises
    ------
    ColumnError
        If the frame has a column ``customer`` already.
    IdTypeError
        If identifiers are missing, or text here and numbers there.
    DanglingReferenceError
        With the rows that nobody has mapped.
    """
    check_choice(unknown, "unknown", ("refuse", "null"))
    opened = open_frame(frame)
    check_columns(opened, {"column": column})
    table = frame.copy() if isinstance(frame, pd.DataFrame) else collect(opened)
    if "customer" in table.columns:
        raise ColumnError("Column 'customer' is in the frame already; rename it first.")
    expected = get_meta(connection, f"source_type:{source}")
    if expected is None:
        sources = connection.execute(
            sql("SELECT substr(key, 13) FROM {m} WHERE key LIKE 'source_type:%'", m=META)
        ).fetchall()
        check_choice(source, "source", [s for (s,) in sources])
    rows = read_frame(table[[column]])
    contract = CONTRACTS["identities"].column("source_id")
    made = target("source_id", rows.schema.field(column).type, contract)
    if made is None:
        raise IdTypeError(f"Identifier {column!r} has no values; every row needs one.")
    with staged(connection, Incoming(rows=rows, names={column: "source_id"})):
        checks.check_rules(connection, STAGED, made.rules)
        checks.check_id_type(made.sql_type, expected, column, f"the identifier of {source!r}")
        statement = sql(
            "SELECT known.customer FROM "
            "(SELECT {position}, CAST({value} AS VARCHAR) AS id FROM {staged}) AS asked "
            "LEFT JOIN identities AS known ON known.source = ? AND known.source_id = asked.id "
            "ORDER BY asked.{position}",
            staged=STAGED,
            value=made.value,
            position=POSITION,
        )
        found = fetch(connection, statement, [source])["customer"]
    lost = found.isna().to_numpy().nonzero()[0]
    if len(lost) and unknown == "refuse":
        raise DanglingReferenceError(
            f"Column {column!r} has identifiers of source {source!r} that are not in the table "
            f"identities: {rows_phrase(lost)}. Add them there, or say unknown='null'."
        )
    return table.assign(customer=found.array)
