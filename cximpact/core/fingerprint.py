"""Fingerprints of data: equal content gives equal text, whatever the row index or engine."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, cast

import numpy as np
import pandas as pd
import xarray as xr
from pandas.util import hash_pandas_object

from cximpact.core.errors import DtypeError

_PLAIN = (type(None), bool, int, float, str, bytes, dt.date, dt.time, dt.timedelta)
_hash_rows = cast("Callable[..., pd.Series]", hash_pandas_object)
_CHUNK = 1_000_000
_EXACT = 2**53


def fingerprint(*parts: Any) -> str:
    """Return a short, stable fingerprint of tables, arrays and plain values.

    Parameters
    ----------
    *parts : frame, Series, array, mapping, sequence or plain value
        What to fingerprint. A frame may be of any eager engine. The order of parts, rows and
        columns matters; the index of a frame does not. Missing values equal each other, 1
        equals 1.0, and a categorical equals its labels.

    Returns
    -------
    str
        Sixteen hexadecimal digits, the same in every process.

    Raises
    ------
    DtypeError
        For an object whose content cannot be read, such as a lazy frame.
    """
    digest = hashlib.sha256()
    for part in parts:
        for piece in _pieces(part):
            digest.update(piece)
    return digest.hexdigest()[:16]


def _pieces(part: Any) -> Iterator[bytes]:
    if isinstance(part, np.generic) and part.dtype.kind in "biuf":
        yield from _pieces(part.item())
    elif isinstance(part, _PLAIN):
        yield _tagged("value", repr(part))
    elif isinstance(part, pd.DataFrame):
        yield from _table(cast("pd.DataFrame", part))
    elif isinstance(part, pd.Series | pd.Index | pd.api.extensions.ExtensionArray):
        yield from _column(pd.Series(cast("Any", part)))
    elif isinstance(part, np.ndarray | np.generic):
        array = np.asarray(part)
        yield _tagged("array", repr(array.shape))
        yield from _column(pd.Series(array.ravel()))
    elif isinstance(part, xr.DataArray):
        coords = {str(k): v.values for k, v in part.coords.items()}
        yield from _several("draws", [part.dims, coords, part.values])
    elif isinstance(part, Mapping):
        pairs = cast("Mapping[Any, Any]", part)
        ordered = sorted(pairs.items(), key=lambda pair: str(pair[0]))
        yield from _several("mapping", [x for pair in ordered for x in pair])
    elif isinstance(part, list | tuple):
        yield from _several("list", cast("list[Any]", part))
    else:
        yield from _pieces(_as_pandas(part))


def _table(frame: pd.DataFrame) -> Iterator[bytes]:
    yield _tagged("frame", repr([str(c) for c in frame.columns]))
    for c in range(frame.shape[1]):
        yield from _column(frame.iloc[:, c])


def _several(kind: str, parts: Any) -> Iterator[bytes]:
    yield _tagged(kind, str(len(parts)))
    for part in parts:
        yield from _pieces(part)


def _as_pandas(part: Any) -> pd.DataFrame | pd.Series:
    """Collect a table of another engine."""
    import narwhals as nw

    try:
        return nw.from_native(part, eager_only=True, allow_series=True).to_pandas()
    except TypeError as error:
        raise DtypeError(
            f"a {type(part).__name__} has no fingerprint; expected a frame in memory, an array "
            "or plain values. Collect a lazy frame first."
        ) from error


def _column(column: pd.Series) -> Iterator[bytes]:
    yield _tagged("column", str(column.size))
    for start in range(0, column.size, _CHUNK):
        chunk = column.iloc[start : start + _CHUNK]
        yield (_numbers(chunk) if _is_real(chunk) else _hashes(chunk)).tobytes()


def _is_real(column: pd.Series) -> bool:
    types = pd.api.types
    return types.is_numeric_dtype(column) and not types.is_complex_dtype(column)


def _numbers(column: pd.Series) -> np.ndarray:
    if pd.api.types.is_integer_dtype(column) and (column.abs() > _EXACT).any():
        return _hashes(column)
    values = column.to_numpy(dtype=float, na_value=np.nan)
    return (np.where(np.isnan(values), np.nan, values) + 0.0).astype("<f8")


def _hashes(column: pd.Series) -> np.ndarray:
    missing = column.isna().to_numpy()
    if pd.api.types.is_datetime64_any_dtype(column):
        column = column.dt.as_unit("us")
    try:
        hashed = _hash_rows(column, index=False)
    except TypeError:
        hashed = _hash_rows(column.map(repr), index=False)
    return np.where(missing, 0, hashed.to_numpy()).astype("<u8")


def _tagged(kind: str, text: str) -> bytes:
    return f"{kind}:{len(text)}:{text};".encode()
