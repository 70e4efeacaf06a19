"""Reading CSV without guessing: text first, then each column as its contract says."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.csv as pacsv

from cximpact.core.errors import (
    DataError,
    DtypeError,
    EmptyDataError,
    TimezoneError,
    rows_phrase,
)
from cximpact.repository.contracts import Contract, Kind
from cximpact.repository.reading import POSITION
from cximpact.repository.sql import Fragment, sql

_DELIMITERS = (",", ";", "\t", "|")
_WHOLE = "^(0|-?[1-9][0-9]{0,17})$"
_PLAIN_NUMBER = "^-?(0|[1-9][0-9]*)([.][0-9]+)?([eE][-+]?[0-9]+)?$"
_DATE = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
_LOCAL = f"^{_DATE}([ T][0-9:.]+)?$"
_ZONED = f"^{_DATE}[ T][0-9:.]+ ?(Z|[-+][0-9]{{2}}(:?[0-9]{{2}})?)$"


def read_text(path: Path) -> pa.RecordBatchReader:
    """Open a CSV file with every column as text.

    Parameters
    ----------
    path : Path
        UTF-8, with a header; separated by comma, semicolon, tab or bar, whichever the header has
        most of.

    Returns
    -------
    pyarrow.RecordBatchReader
        Its rows; an empty field is missing.

    Raises
    ------
    DataError
        If it cannot be read whole: no line is ever skipped.
    """
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            header = file.readline()
        if not header.strip():
            raise EmptyDataError(f"{path.name} has no header line; expected column names.")
        delimiter = max(_DELIMITERS, key=header.count)
        parse = pacsv.ParseOptions(delimiter=delimiter, newlines_in_values=True)
        names = pacsv.open_csv(path, parse_options=parse).schema.names
        convert = pacsv.ConvertOptions(
            column_types={name: pa.string() for name in names},
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=True,
        )
        return pacsv.open_csv(path, parse_options=parse, convert_options=convert)
    except (pa.ArrowInvalid, UnicodeDecodeError):
        raise _unreadable(path) from None


def type_columns(
    reader: pa.RecordBatchReader,
    names: Mapping[str, str],
    contract: Contract,
    stored: Mapping[str, str],
    path: Path,
) -> pa.RecordBatchReader:
    """Give the columns of a CSV file their types.

    Parameters
    ----------
    reader : pyarrow.RecordBatchReader
        Every column as text.
    names : mapping of str to str
        Their name to ours.
    contract : Contract
        The table.
    stored : mapping of str to str
        Types that identifiers and attributes already have in the repository; text stays text.
    path : Path
        For messages.

    Returns
    -------
    pyarrow.RecordBatchReader
        Typed, under their names.

    Raises
    ------
    DtypeError
        If a field is not what its column must hold. Numbers have a decimal point, dates are ISO.
    TimezoneError
        If times with and without a zone are mixed.
    """
    scratch = duckdb.connect(config={"enable_external_access": "false"})
    scratch.execute("SET TimeZone = 'UTC'")
    scratch.register("text", reader)
    try:
        scratch.execute(
            sql(
                "CREATE TABLE raw AS SELECT row_number() OVER () - 1 AS {position}, * FROM text",
                position=POSITION,
            )
        )
    except (duckdb.Error, pa.ArrowInvalid):
        raise _unreadable(path) from None
    values = []
    for theirs, ours in names.items():
        column = contract.column(ours)
        kind = None if column is None else column.kind
        value = _typed(scratch, theirs, ours, kind, stored.get(ours))
        values.append(sql("{value} AS {name}", value=value, name=theirs))
    statement = sql("SELECT {values} FROM raw ORDER BY {p}", values=values, p=POSITION)
    return scratch.sql(statement).to_arrow_reader()


def _typed(
    scratch: duckdb.DuckDBPyConnection,
    theirs: str,
    ours: str,
    kind: Kind | None,
    stored: str | None,
) -> Fragment:
    text = sql("{c}", c=theirs)
    if kind in (Kind.NUMBER, Kind.COUNT):
        _check(scratch, text, _PLAIN_NUMBER, ours, "is not a number", "write 7.5, not 7,5")
        return sql("CAST({c} AS DOUBLE)", c=text)
    if kind is Kind.FLAG:
        flag = "(?i)^(0|1|true|false|0[.]0|1[.]0)$"
        _check(scratch, text, flag, ours, "is not a flag", "write 1 and 0, or true and false")
        return sql("lower({c}) IN ('1', 'true', '1.0')", c=text)
    if kind is Kind.TEXT or stored == "VARCHAR":
        return text
    if kind in (Kind.MOMENT, Kind.TIME, Kind.PERIOD):
        return _time(scratch, text, ours, kind)
    if _fits(scratch, text, _WHOLE):
        return sql("CAST({c} AS BIGINT)", c=text)
    if kind is None and _fits(scratch, text, _PLAIN_NUMBER):
        return sql("CAST({c} AS DOUBLE)", c=text)
    return text


def _time(scratch: duckdb.DuckDBPyConnection, text: Fragment, name: str, kind: Kind) -> Fragment:
    if kind is not Kind.MOMENT and _fits(scratch, text, _WHOLE):
        return sql("CAST({c} AS BIGINT)", c=text)
    fix = "write ISO dates such as 2024-03-01 or 2024-03-01T09:30:00"
    _check(scratch, text, f"{_LOCAL}|{_ZONED}", name, "is not an ISO date", fix)
    sql_type = sql("TIMESTAMP")
    if zoned := _positions(scratch, text, _LOCAL):
        sql_type = sql("TIMESTAMPTZ")
        if _positions(scratch, text, _ZONED):
            raise TimezoneError(
                f"Column {name!r} mixes times with and without a zone: {rows_phrase(zoned)} have "
                "one; write all of them in one way."
            )
    value = sql("TRY_CAST({c} AS {type})", c=text, type=sql_type)
    wrong = sql("{c} IS NOT NULL AND {value} IS NULL", c=text, value=value)
    if bad := _where(scratch, wrong):
        raise DtypeError(f"Column {name!r} is not an ISO date in {rows_phrase(bad)}; {fix}.")
    return value


def _check(
    scratch: duckdb.DuckDBPyConnection,
    text: Fragment,
    pattern: str,
    name: str,
    found: str,
    fix: str,
) -> None:
    if bad := _positions(scratch, text, pattern):
        raise DtypeError(f"Column {name!r} {found} in {rows_phrase(bad)}; {fix}.")


def _any(scratch: duckdb.DuckDBPyConnection, text: Fragment) -> bool:
    row = scratch.execute(sql("SELECT count({c}) FROM raw", c=text)).fetchone()
    return row is not None and row[0] > 0


def _fits(scratch: duckdb.DuckDBPyConnection, text: Fragment, pattern: str) -> bool:
    return _any(scratch, text) and not _positions(scratch, text, pattern)


def _positions(scratch: duckdb.DuckDBPyConnection, text: Fragment, pattern: str) -> list[int]:
    return _where(scratch, sql("NOT regexp_matches({c}, ?)", c=text), pattern)


def _where(scratch: duckdb.DuckDBPyConnection, when: Fragment, *values: str) -> list[int]:
    statement = sql("SELECT {p} FROM raw WHERE {when} ORDER BY 1", p=POSITION, when=when)
    return [row[0] for row in scratch.execute(statement, list(values)).fetchall()]


def _unreadable(path: Path) -> DataError:
    return DataError(
        f"{path.name} cannot be read whole as CSV: expected UTF-8 text with a header and the same "
        "number of fields in every line; no line is skipped."
    )
