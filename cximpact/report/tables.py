"""Tables as CSV that no spreadsheet executes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from cximpact.core.errors import DtypeError
from cximpact.core.files import write_whole
from cximpact.report.suppression import suppress_small_cells as suppress_small_cells

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def write_csv(frame: pd.DataFrame, path: str | Path) -> Path:
    """Write a table as CSV that a spreadsheet shows and never executes.

    Parameters
    ----------
    frame : pandas.DataFrame
        The table. A named index becomes columns; an unnamed one is left out.
    path : str or Path
        File to write or replace.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    DtypeError
        If it is no table.

    Notes
    -----
    Text that starts with ``=``, ``+``, ``-``, ``@``, a tab or a line break gets a leading
    apostrophe, in cells and headings. Numbers stay numbers, negative ones too.
    """
    if not isinstance(frame, pd.DataFrame):
        raise DtypeError(f"the table is a {type(frame).__name__}; expected a pandas DataFrame.")
    named = any(name is not None for name in frame.index.names)
    out = frame.reset_index() if named else frame.copy()
    for i in range(out.shape[1]):
        if not pd.api.types.is_numeric_dtype(out.dtypes.iloc[i]):
            out.isetitem(i, out.iloc[:, i].astype(object).map(_disarmed, na_action="ignore"))
    out.columns = [_disarmed(str(c)) for c in out.columns]
    text = out.to_csv(index=False, lineterminator="\n").encode("utf-8", "replace")
    return write_whole(Path(path), lambda place: place.write_bytes(text))


def _disarmed(cell: Any) -> Any:
    if isinstance(cell, str) and cell.startswith(_FORMULA):
        return f"'{cell}"
    return cell
