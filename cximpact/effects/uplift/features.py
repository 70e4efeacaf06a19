"""Features as numbers: what was learned from one frame and is applied to the next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from cximpact.core.errors import (
    DtypeError,
    EmptyDataError,
    MissingColumnError,
    MissingValueError,
    NonFiniteError,
    UnseenLevelError,
    join_names,
    rows_phrase,
)

MAX_LEVELS = 30
"""Levels of a text column beyond this are put together as one."""
OTHER = "(other)"
MISSING = "(missing)"


@dataclass(frozen=True, kw_only=True, eq=False)
class FeatureEncoder:
    """How features become columns of numbers.

    Parameters
    ----------
    columns : tuple of str
        Columns of the frame.
    levels : mapping of str to tuple
        Levels of text columns; each but the first gets a column of 0 and 1, or all where there
        is no natural first.
    medians : mapping of str to float
        What fills in missing numbers, where that was asked for.
    allow_missing : bool
        Whether missing values are filled in and marked.
    """

    columns: tuple[str, ...]
    levels: Mapping[str, tuple[Any, ...]]
    medians: Mapping[str, float] = field(repr=False)
    allow_missing: bool

    @classmethod
    def learn(cls, table: pd.DataFrame, *, allow_missing: bool = False) -> FeatureEncoder:
        """Learn levels and medians.

        Parameters
        ----------
        table : pandas.DataFrame
            Features, one row a customer.
        allow_missing : bool, default False
            Whether missing values will be filled in and marked.

        Returns
        -------
        FeatureEncoder
            To be applied to this and to other tables.

        Raises
        ------
        EmptyDataError
            If there is no feature.
        DtypeError
            For a column of dates or objects.
        """
        if not table.shape[1]:
            raise EmptyDataError("there are no features; name at least one column in features=.")
        levels, medians = {}, {}
        for name in table.columns:
            column = table[name]
            if _is_number(column, str(name)):
                values = column.to_numpy(dtype=float, na_value=np.nan)
                medians[name] = float(np.nanmedian(values))
            else:
                levels[name] = _levels(column, with_missing=allow_missing)
        return cls(
            columns=tuple(map(str, table.columns)),
            levels=MappingProxyType(levels),
            medians=MappingProxyType(medians),
            allow_missing=allow_missing,
        )

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns of the matrix."""
        out: list[str] = []
        for column in self.columns:
            if column in self.levels:
                out += [f"{column}[{level}]" for level in self.levels[column]]
            else:
                out += [column, *([f"{column} is missing"] if self.allow_missing else [])]
        return tuple(out)

    def encode(self, table: pd.DataFrame) -> np.ndarray:
        """Turn a table into numbers.

        Parameters
        ----------
        table : pandas.DataFrame
            With the columns that were learned.

        Returns
        -------
        numpy.ndarray of float, shape (row, column)
            Columns as in `names`.

        Raises
        ------
        MissingColumnError, MissingValueError, NonFiniteError, UnseenLevelError
            If the table cannot be read the way the first one was.
        """
        available = [str(c) for c in table.columns]
        if missing := [c for c in self.columns if c not in available]:
            raise MissingColumnError.from_names(missing, available, role="features")
        parts: list[np.ndarray] = []
        for name in self.columns:
            parts += (
                self._dummies(name, table[name])
                if name in self.levels
                else self._numbers(name, table[name])
            )
        return np.column_stack(parts)

    def _numbers(self, name: str, column: pd.Series) -> list[np.ndarray]:
        if not _is_number(column, name):
            raise DtypeError(
                f"feature {name!r} was a number when fitted and is now {column.dtype}."
            )
        values = column.to_numpy(dtype=float, na_value=np.nan)
        if (bad := np.flatnonzero(np.isinf(values))).size:
            raise NonFiniteError(f"feature {name!r} is infinite in {rows_phrase(bad)}.")
        missing = np.isnan(values)
        if missing.any() and not self.allow_missing:
            raise _missing(name, missing)
        filled = np.where(missing, self.medians[name], values)
        return [filled, missing.astype(float)] if self.allow_missing else [filled]

    def _dummies(self, name: str, column: pd.Series) -> list[np.ndarray]:
        known = self.levels[name]
        missing = column.isna().to_numpy()
        if missing.any() and MISSING not in known:
            raise _missing(name, missing)
        values = column.astype(object).where(~missing, MISSING)
        codes = pd.Index(known, dtype=object).get_indexer(pd.Index(values, dtype=object))
        if OTHER in known:
            codes[codes < 0] = known.index(OTHER)
        if (unseen := np.flatnonzero(codes < 0)).size:
            raise UnseenLevelError(
                f"feature {name!r} has levels that the fit never met in {rows_phrase(unseen)}; it "
                f"knows {join_names(list(known))}. Give them a known level explicitly."
            )
        return [(codes == k).astype(float) for k in range(len(known))]


def _is_number(column: pd.Series, name: str) -> bool:
    if pd.api.types.is_datetime64_any_dtype(column) or column.dtype.kind in "mM":
        raise DtypeError(
            f"feature {name!r} is a date; turn it into numbers first, such as days since then."
        )
    if pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column):
        return True
    if isinstance(column.dtype, pd.CategoricalDtype) or pd.api.types.is_string_dtype(column):
        return False
    kinds = {type(v) for v in column.dropna().head(1000)}
    if kinds <= {str}:
        return False
    raise DtypeError(
        f"feature {name!r} holds {', '.join(sorted(k.__name__ for k in kinds))}; expected numbers "
        "or text."
    )


def _levels(column: pd.Series, *, with_missing: bool) -> tuple[Any, ...]:
    """Return the levels, the rarest put together where there are many."""
    counts = column.astype(object).value_counts()
    names = sorted(counts.index, key=str)
    if len(names) > MAX_LEVELS:
        names = [*sorted(counts.index[: MAX_LEVELS - 1], key=str), OTHER]
    return (*names, *([MISSING] if with_missing else []))


def _missing(name: Sequence[Any] | str, missing: np.ndarray) -> MissingValueError:
    return MissingValueError(
        f"feature {name!r} is missing in {rows_phrase(np.flatnonzero(missing))}; impute it, or say "
        "missing_features='indicator' in the CrossSection."
    )
