"""From columns to the terms of a regression, the same way for fitting and predicting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from cximpact.core.errors import UnseenLevelError, ZeroVarianceError, join_names
from cximpact.data import checks, frames


@dataclass(frozen=True, kw_only=True, eq=False)
class Design:
    """How columns become terms.

    Parameters
    ----------
    columns : tuple of str
        Covariates, in order.
    numbers : mapping of str to tuple of float
        Mean and standard deviation of the numeric ones.
    levels : mapping of str to tuple
        Levels of the others; the first is the reference.
    group : str or None
        Column whose levels are shrunk.
    group_levels : tuple
        Its levels.
    """

    columns: tuple[str, ...]
    numbers: Mapping[str, tuple[float, float]] = field(repr=False)
    levels: Mapping[str, tuple[Any, ...]] = field(repr=False)
    group: str | None
    group_levels: tuple[Any, ...] = field(repr=False)

    @property
    def names(self) -> list[str]:
        """Names of the terms, the constant first."""
        names = ["constant"]
        for column in self.columns:
            if column in self.numbers:
                names.append(column)
            else:
                names += [f"{column}[{level}]" for level in self.levels[column][1:]]
        return names

    def collect(self, frame: Any) -> pd.DataFrame:
        """Bring the columns of a frame into memory.

        Parameters
        ----------
        frame : frame
            With all columns of the design.

        Returns
        -------
        pandas.DataFrame
            Those columns.

        Raises
        ------
        MissingColumnError, MissingValueError
            If a column is not there, or has gaps.
        """
        opened = frames.open_frame(frame)
        columns = [*self.columns, *([self.group] if self.group else [])]
        if not columns:
            return pd.DataFrame(index=range(frames.count_rows(opened)))
        check_covariates(opened, columns)
        return frames.collect(frames.select(opened, {c: c for c in columns}))

    def matrix(self, table: pd.DataFrame) -> np.ndarray:
        """Build the design matrix.

        Parameters
        ----------
        table : pandas.DataFrame
            With the columns of the design.

        Returns
        -------
        numpy.ndarray, shape (row, term)
            Constant, numbers in standard deviations, and one 0/1 column a further level.
        """
        parts = [np.ones((len(table), 1))]
        for column in self.columns:
            if column in self.numbers:
                mean, sd = self.numbers[column]
                parts.append(((table[column].to_numpy(dtype=float) - mean) / sd)[:, None])
            else:
                codes = _codes(table[column], self.levels[column])
                parts.append(np.eye(len(self.levels[column]))[codes, 1:])
        return np.hstack(parts)

    def group_codes(self, table: pd.DataFrame) -> np.ndarray | None:
        """Return the number of each row's group.

        Parameters
        ----------
        table : pandas.DataFrame
            With the group column, if there is one.

        Returns
        -------
        numpy.ndarray of int, shape (row,), or None
            None without a group.
        """
        return None if self.group is None else _codes(table[self.group], self.group_levels)


def check_covariates(opened: Any, columns: Sequence[str]) -> None:
    """Check that covariates exist, have no gaps and are finite.

    Parameters
    ----------
    opened : narwhals.LazyFrame
        The frame.
    columns : sequence of str
        Columns to check.
    """
    frames.check_columns(opened, {f"covariates[{i}]": c for i, c in enumerate(columns)})
    checks.check_no_missing(opened, columns, "impute it or give those rows a level of their own")
    for column in columns:
        checks.check_finite(opened, column)


def read_design(table: pd.DataFrame, covariates: Sequence[str], group: str | None) -> Design:
    """Read from a table how its columns become terms.

    Parameters
    ----------
    table : pandas.DataFrame
        Patterns with their ``count``.
    covariates : sequence of str
        Covariates.
    group : str or None
        Column whose levels are shrunk.

    Returns
    -------
    Design
        For these columns.

    Raises
    ------
    ZeroVarianceError
        If a covariate is constant.
    """
    numbers, levels, n = {}, {}, table["count"].to_numpy()
    for column in covariates:
        values = table[column]
        if values.nunique() < 2:
            raise ZeroVarianceError(f"covariate {column!r} is constant; leave it out.")
        if pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values):
            numeric = values.to_numpy(dtype=float)
            mean = float(n @ numeric / n.sum())
            numbers[column] = (mean, float(np.sqrt(n @ (numeric - mean) ** 2 / n.sum())))
        else:
            levels[column] = _levels(values)
    return Design(
        columns=tuple(covariates),
        numbers=numbers,
        levels=levels,
        group=group,
        group_levels=() if group is None else _levels(table[group]),
    )


def _levels(values: pd.Series) -> tuple[Any, ...]:
    return tuple(sorted(values.unique(), key=str))


def _codes(values: pd.Series, levels: tuple[Any, ...]) -> np.ndarray:
    codes = pd.Index(levels).get_indexer(pd.Index(values))
    if (unseen := values[codes < 0]).size:
        raise UnseenLevelError(
            f"column {values.name!r} has {unseen.nunique()} levels in {len(unseen)} rows that the "
            f"fit never met; it knows {join_names(levels)}. Merge them into known levels."
        )
    return codes
