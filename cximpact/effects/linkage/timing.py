"""Order in time: what is to be explained must come after what explains it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from cximpact.core.errors import DtypeError, MissingValueError, TimeOrderError, rows_phrase
from cximpact.data import frames


def check_time_order(
    frame: Any, first: str, then: str, *, what: str = "the outcome", cause: str = "the score"
) -> None:
    """Refuse rows in which what should come second was measured first.

    Parameters
    ----------
    frame : frame
        One row a customer; any engine.
    first, then : str
        Columns with the dates, or numbers of the periods, of the cause and of what follows.
    what, cause : str
        How the message calls what follows and what it follows.

    Raises
    ------
    TimeOrderError
        With the first such row and its dates.
    DtypeError, MissingValueError
        If the columns are no dates or numbers of one kind, or lack values.
    """
    opened = frames.open_frame(frame)
    frames.check_columns(opened, {"first": first, "then": then})
    table = frames.collect(frames.select(opened, {"first": first, "then": then}))
    for role, column in (("first", first), ("then", then)):
        if (missing := np.flatnonzero(table[role].isna().to_numpy())).size:
            raise MissingValueError(
                f"Column {column!r} is missing in {rows_phrase(missing)}; without dates nobody "
                "can say what came first."
            )
    kinds = [_kind(table["first"], first), _kind(table["then"], then)]
    if kinds[0] != kinds[1]:
        raise DtypeError(f"Column {first!r} holds {kinds[0]} and {then!r} {kinds[1]}; use one.")
    wrong = np.flatnonzero((table["then"] < table["first"]).to_numpy())
    if wrong.size:
        row = table.iloc[wrong[0]]
        raise TimeOrderError(
            f"{what} was measured before {cause} in {rows_phrase(wrong)}: in the first of them "
            f"{then!r} is {_shown(row['then'])} and {first!r} is {_shown(row['first'])}. What "
            f"came before cannot be a consequence; use a later outcome, or {cause} that is earlier."
        )


def _kind(column: pd.Series, name: str) -> str:
    if pd.api.types.is_datetime64_any_dtype(column):
        return "dates"
    if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
        return "numbers"
    inferred = pd.api.types.infer_dtype(column)
    if inferred in ("date", "datetime"):
        return "dates"
    raise DtypeError(f"Column {name!r} holds {inferred} values; expected parsed dates or periods.")


def _shown(value: Any) -> str:
    return f"{value:%Y-%m-%d}" if hasattr(value, "strftime") else f"{value:g}"
