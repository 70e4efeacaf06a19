"""A quick look at rows that are mostly sound: plain sums, counts and bounds of the columns.

Engines take these without evaluating anything row by row. A number that is missing or infinite
shows in the count or the sum, and only then, or where the look cannot tell, are the checks of
`roles.check_rows` counted row by row, which name the rows at fault.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import narwhals as nw
import numpy as np
import pandas as pd

from cximpact.data import checks, frames

if TYPE_CHECKING:
    from cximpact.data.panel import Panel, RepeatedCrossSection


def sound_rows(
    data: Panel | RepeatedCrossSection, opened: nw.LazyFrame[Any], who: str
) -> pd.Series | None:
    """Look whether every row is sound, without a condition on single rows.

    Parameters
    ----------
    data : Panel or RepeatedCrossSection
        Under construction; its roles were checked.
    opened : narwhals.LazyFrame
        Its frame.
    who : str
        Column of those who are treated.

    Returns
    -------
    pandas.Series or None
        ``first`` and ``last`` period, ``fractional`` ones (none) and ``low`` and ``high`` outcome;
        None if a row may be at fault.

    Notes
    -----
    The sum of numbers is finite only if each of them is: NaN and infinity pass into the sum, or,
    in pandas, NaN does not count.
    """
    schema = opened.collect_schema()
    needed = [who, data.period, data.outcome, data.treated, data.cluster, data.weight]
    columns = [c for c in dict.fromkeys([*needed, *data.covariates]) if c is not None]
    floats = [c for c in columns if schema[c].is_float()]
    bounded = {
        "period": data.period,
        "outcome": data.outcome,
        "treated": data.treated,
        "first_treated": data.first_treated,
        "weight": data.weight,
    }
    if schema[who].is_float() or schema[data.period].is_float():
        return None  # whole numbers are asked for
    if data.treated is not None and schema[data.treated].is_float():
        return None
    if schema[data.outcome].is_decimal() or not schema[data.period].is_integer():
        return None
    values = {f"count {c}": nw.col(c).count() for c in columns}
    values |= {f"sum {c}": nw.col(c).sum() for c in floats}
    for role, column in bounded.items():
        if column is not None:
            values |= {f"low {role}": nw.col(column).min(), f"high {role}": nw.col(column).max()}
    row = frames.collect(opened.select(**{checks.ROWS: nw.len()}, **values)).iloc[0]
    whole = all(row[f"count {c}"] == row[checks.ROWS] for c in columns)
    known = all(np.isfinite(float(row[f"sum {c}"])) for c in floats)
    if not (whole and known and _within(data, row)):
        return None
    return pd.Series(
        {
            "first": float(row["low period"]),
            "last": float(row["high period"]),
            "fractional": 0.0,
            "low": float(row["low outcome"]),
            "high": float(row["high outcome"]),
        }
    )


def _within(data: Panel | RepeatedCrossSection, row: pd.Series) -> bool:
    """Whether starts of treatment, treatment and weights lie where they must."""
    within = True
    if data.first_treated is not None:  # 0 means never, unless it is one of the periods
        low = row["low first_treated"]
        unclear = row["low period"] <= 0 <= row["high period"]
        within = not pd.isna(low) and float(low) > (0 if unclear else -np.inf)
    if data.treated is not None:
        within = within and row["low treated"] >= 0 and row["high treated"] <= 1
    if data.weight is not None:
        within = within and row["low weight"] >= 0 and row["high weight"] > 0
    return bool(within)
