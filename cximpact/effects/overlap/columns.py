"""Columns of a frame as numbers: categories become shares of their levels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from cximpact.core.errors import DtypeError, MissingValueError, NonFiniteError, rows_phrase
from cximpact.data import frames

_MANY_LEVELS = 100


@dataclass(frozen=True, kw_only=True, eq=False)
class Column:
    """Numbers of one column, or whether each row has one level of a category.

    Parameters
    ----------
    variable : str
        Name of the column.
    level : str
        Level of the category; empty for numbers.
    values : numpy.ndarray, shape (n,)
        Numbers.
    is_share : bool
        Whether they are all 0 or 1.
    """

    variable: str
    level: str
    values: np.ndarray = field(repr=False)
    is_share: bool


def split_columns(
    frame: Any, names: Sequence[str] | None = None, *, drop_first: bool = False
) -> list[Column]:
    """Turn columns of a frame into numbers, without gaps.

    Parameters
    ----------
    frame : frame
        One row a customer; any engine.
    names : sequence of str, optional
        Columns; all of them by default.
    drop_first : bool, default False
        Leave out the first level of a category, as a regression with a constant needs.

    Returns
    -------
    list of Column
        In the order of the columns; levels are sorted.

    Raises
    ------
    MissingValueError, NonFiniteError
        If a value is missing or infinite.
    DtypeError
        For dates and nested values, and for text that differs in nearly every row, such as an
        identifier.
    """
    opened = frames.open_frame(frame)
    available = opened.collect_schema().names()
    wanted = available if names is None else list(frames.column_names(names, "columns"))
    frames.check_columns(opened, {f"column {i + 1}": name for i, name in enumerate(wanted)})
    if not wanted:
        return []
    table = frames.collect(frames.select(opened, {name: name for name in wanted}))
    return [part for name in wanted for part in _parts(table[name], name, drop_first)]


def _parts(series: pd.Series, name: str, drop_first: bool) -> list[Column]:
    if (missing := np.flatnonzero(series.isna().to_numpy())).size:
        raise MissingValueError(
            f"Column {name!r} is missing in {rows_phrase(missing)}; impute it, or add a column "
            "that says where it is missing."
        )
    if pd.api.types.is_bool_dtype(series) or pd.api.types.is_numeric_dtype(series):
        values = series.to_numpy(dtype=float)
        if (infinite := np.flatnonzero(np.isinf(values))).size:
            raise NonFiniteError(
                f"Column {name!r} is infinite in {rows_phrase(infinite)}; correct those values."
            )
        share = bool(np.isin(values, (0, 1)).all())
        return [Column(variable=name, level="", values=values, is_share=share)]
    return _levels(series, name, drop_first)


def _levels(series: pd.Series, name: str, drop_first: bool) -> list[Column]:
    if isinstance(series.dtype, pd.CategoricalDtype):
        series = series.astype(series.cat.categories.dtype)
    inferred = pd.api.types.infer_dtype(series, skipna=False)
    if inferred not in ("string", "integer", "floating", "boolean"):
        raise DtypeError(
            f"Column {name!r} holds {inferred} values; expected numbers, text or categories: "
            "convert it explicitly."
        )
    codes, levels = pd.factorize(series, sort=True)
    if not drop_first and len(levels) > max(_MANY_LEVELS, len(series) / 2):
        raise DtypeError(
            f"Column {name!r} has {len(levels):,} different values in {len(series):,} rows, like "
            "an identifier; leave it out."
        )
    return [
        Column(variable=name, level=str(level), values=(codes == k).astype(float), is_share=True)
        for k, level in enumerate(levels)
        if not (drop_first and k == 0)
    ]
