"""Opening what a user hands in as one stream of Arrow batches, in the order of its rows."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from numbers import Integral, Real
from pathlib import Path
from typing import Any

import narwhals as nw
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from cximpact.core.errors import (
    ColumnError,
    ConfigError,
    DataError,
    DtypeError,
    DuplicateColumnError,
    MissingColumnError,
    TimezoneError,
    closest,
    join_names,
    rows_phrase,
)
from cximpact.data.frames import open_frame
from cximpact.repository.contracts import Contract

RESERVED = "_cximpact"
POSITION = "_cximpact_position"


def read_frame(frame: Any) -> pa.RecordBatchReader:
    """Open a frame of any engine.

    Parameters
    ----------
    frame : frame
        pandas, polars, pyarrow, a DuckDB relation, or anything else that narwhals knows.

    Returns
    -------
    pyarrow.RecordBatchReader
        Its rows; the frame is left alone.

    Raises
    ------
    DtypeError, TimezoneError
        If a column mixes types, or times with and without a zone.
    """
    opened = open_frame(frame)
    if isinstance(frame, pd.DataFrame):
        return _read_pandas(frame)
    if opened.implementation.is_polars():
        objects = [c for c, dtype in opened.collect_schema().items() if dtype == nw.Object]
        if objects:
            raise DtypeError(f"Column {join_names(objects)} holds Python objects; convert it.")
    if not hasattr(frame, "__arrow_c_stream__"):
        frame = opened.collect("pyarrow").to_native()
    return pa.RecordBatchReader.from_stream(frame)


def read_parquet(path: Path) -> pa.RecordBatchReader:
    """Open a Parquet file.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    pyarrow.RecordBatchReader
        Its rows, read in batches.

    Raises
    ------
    DataError
        If it is no Parquet file.
    """
    try:
        file = pq.ParquetFile(path)
    except pa.ArrowInvalid:
        raise DataError(f"{path.name} is not a readable Parquet file; write it again.") from None
    return pa.RecordBatchReader.from_batches(file.schema_arrow, file.iter_batches())


def rename(
    found: list[str], columns: Mapping[str, str] | None, contract: Contract, given: set[str]
) -> dict[str, str]:
    """Match the columns that came in with the contract.

    Parameters
    ----------
    found : list of str
        Names that came in.
    columns : mapping of str to str, optional
        Their name to ours.
    contract : Contract
        The table.
    given : set of str
        Required columns that are supplied in another way.

    Returns
    -------
    dict of str to str
        Their name to ours, in the order they came.

    Raises
    ------
    MissingColumnError
        If a column that was named or is required is not there.
    DuplicateColumnError
        If two names are equal, letters' case aside.
    ColumnError
        If a column has no place in the table; with the closest name.
    ConfigError
        If ``columns`` is no mapping of text to text.
    """
    columns = {} if columns is None else columns
    if not isinstance(columns, Mapping) or not all(isinstance(v, str) for v in columns.values()):
        raise ConfigError("columns is not a mapping of their names to ours; give a dict of texts.")
    if unknown := [c for c in columns if c not in found]:
        raise MissingColumnError.from_names(unknown, found, role="columns=")
    names = {name: columns.get(name, name) for name in found}
    for these in (found, [*names.values()]):
        folded = [name.casefold() for name in these]
        if doubled := sorted(
            {n for n, f in zip(these, folded, strict=True) if folded.count(f) > 1}
        ):
            raise DuplicateColumnError(
                f"Column {join_names(doubled)} occurs more than once (upper and lower case "
                "count as equal); rename or remove one of them."
            )
    lacking = [
        c.name
        for c in contract.columns
        if c.required and c.name not in names.values() and c.name not in given
    ]
    if lacking:
        raise MissingColumnError.from_names(lacking, found, role=f"table {contract.table}")
    _check_extra(list(names.values()), contract)
    return names


def _check_extra(names: list[str], contract: Contract) -> None:
    own = {c.casefold(): c for c in contract.names}
    for name in names:
        if name in contract.names:
            continue
        reserved = name.casefold().startswith(RESERVED) or name.casefold() in contract.reserved
        if reserved or not name:
            raise ColumnError(f"Column {name!r} cannot be stored under this name; rename it.")
        if name.casefold() in own or not contract.attributes:
            best = closest(name, contract.names)
            hint = f" Did you mean {best!r}?" if best else ""
            raise ColumnError(
                f"Column {name!r} has no place in the table {contract.table}, which holds "
                f"{join_names(contract.names)}.{hint} Rename it with columns=, or leave it out."
            )


def _read_pandas(frame: pd.DataFrame) -> pa.RecordBatchReader:
    for position, name in enumerate(frame.columns):
        column = frame.iloc[:, position]
        if column.dtype == object:
            _check_objects(str(name), column)
    named = frame.set_axis([str(c) for c in frame.columns], axis=1)
    try:
        return pa.Table.from_pandas(named, preserve_index=False).to_reader()
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        raise DtypeError(
            "a column holds values that have no common type; convert each column to numbers, "
            "text, dates or true and false."
        ) from None


def _check_objects(name: str, column: pd.Series) -> None:
    given = column.notna().to_numpy()
    kinds = [_kind(value) if ok else None for value, ok in zip(column, given, strict=True)]
    found = {kind for kind in kinds if kind is not None}
    if "other" in found or len(found) > 1:
        first = next(kind for kind in kinds if kind is not None)
        odd = [i for i, kind in enumerate(kinds) if kind not in (None, first)] or [
            i for i, kind in enumerate(kinds) if kind == "other"
        ]
        raise DtypeError(
            f"Column {name!r} mixes types or holds objects in {rows_phrase(odd)}; convert it "
            "to numbers, text, dates or true and false."
        )
    if found == {"datetime"}:
        zones = [str(value.tzinfo) if ok else None for value, ok in zip(column, given, strict=True)]
        first = next(zone for zone in zones if zone is not None)
        if odd := [i for i, zone in enumerate(zones) if zone not in (None, first)]:
            raise TimezoneError(
                f"Column {name!r} mixes times with and without a zone, or several zones: "
                f"{rows_phrase(odd)} differ from the first; convert them to one zone."
            )


def _kind(value: Any) -> str:
    if isinstance(value, bool) or type(value).__name__ == "bool":
        return "bool"
    for kind, types in _KINDS:
        if isinstance(value, types):
            return kind
    return "other"


_KINDS: tuple[tuple[str, type | tuple[type, ...]], ...] = (
    ("text", str),
    ("number", (Integral, Real, Decimal)),
    ("datetime", datetime),
    ("date", date),
)
