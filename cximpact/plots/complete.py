"""Refuse gaps where a picture has no place for them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from cximpact.core.errors import MissingValueError, rows_phrase


def check_complete(rows: pd.DataFrame, columns: Sequence[str]) -> None:
    """Refuse a table with missing numbers in some columns.

    Parameters
    ----------
    rows : pandas.DataFrame
        A table that `checked` returned.
    columns : sequence of str
        Columns that every row needs.

    Raises
    ------
    MissingValueError
        With the column and the rows.
    """
    for column in columns:
        if (gaps := np.flatnonzero(rows[column].isna())).size:
            raise MissingValueError(
                f"column {column!r} is missing in {rows_phrase(gaps)}; expected a number in every "
                "row. Leave these rows out."
            )
