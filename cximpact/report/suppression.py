"""Keeping single persons out of tables: small groups are not shown."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from cximpact.core.errors import DtypeError, MissingColumnError
from cximpact.core.validate import check_count

HIDDEN = "hidden"


def suppress_small_cells(
    frame: pd.DataFrame,
    *,
    n: str = "n",
    threshold: int = 10,
    keys: Sequence[str] | None = None,
    within: Sequence[str] = (),
) -> pd.DataFrame:
    """Blank the numbers of rows that few persons stand behind.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row a group.
    n : str, default "n"
        Column with the number of persons.
    threshold : int, default 10
        Rows with ``0 < n < threshold`` are blanked.
    keys : sequence of str, optional
        Columns that stay as they are. By default those left of ``estimate``, or left of ``n``
        when there is no such column, and all text.
    within : sequence of str
        Columns such as a period within which totals may be known.

    Returns
    -------
    pandas.DataFrame
        A new table: in blanked rows ``n`` reads ``<10`` and other numbers are NaN. Where one
        row alone would be blanked, so that a total gives it away, the next smallest is blanked
        as well and its ``n`` reads ``hidden``.

    Raises
    ------
    MissingColumnError, DtypeError
        If ``n`` is not there or holds no numbers.

    Notes
    -----
    Hand the blanked table to the plots too: a dot shows what a cell hides.
    """
    check_count(threshold, "threshold", low=1)
    if missing := [c for c in (n, *within, *(keys or ())) if c not in frame.columns]:
        raise MissingColumnError.from_names(missing, map(str, frame.columns))
    if not pd.api.types.is_numeric_dtype(frame[n]):
        raise DtypeError(f"column {n!r} has type {frame[n].dtype}; expected counts.")
    out = frame.copy()
    counts = out[n].to_numpy(dtype=float, na_value=np.nan)
    small = (counts > 0) & (counts < threshold)
    extra = _complements(out, counts, small, within)
    if not small.any():
        return out
    hidden = small | extra
    kept = set(_keys(out, n) if keys is None else keys) | set(within)
    for column in out.columns:
        if column not in kept and column != n and pd.api.types.is_numeric_dtype(out[column]):
            out[column] = out[column].astype(float).mask(hidden)
    labels = np.where(small, f"<{threshold}", HIDDEN)
    out[n] = out[n].astype(object).mask(hidden, pd.Series(labels, index=out.index))
    return out


def _complements(
    frame: pd.DataFrame, counts: np.ndarray, small: np.ndarray, within: Sequence[str]
) -> np.ndarray:
    """Find the next smallest row of each block in which one row alone is blanked."""
    extra = np.zeros(len(frame), dtype=bool)
    if within:
        blocks = frame.groupby(list(within), dropna=False, sort=False).ngroup().to_numpy()
    else:
        blocks = np.zeros(len(frame), dtype=int)
    for block in np.unique(blocks[small]):
        mine = blocks == block
        others = np.flatnonzero(mine & ~small & (counts > 0))
        if (mine & small).sum() == 1 and others.size:
            extra[others[np.argmin(counts[others])]] = True
    return extra


def _keys(frame: pd.DataFrame, n: str) -> list[str]:
    columns = list(frame.columns)
    return columns[: columns.index("estimate" if "estimate" in columns else n)]
