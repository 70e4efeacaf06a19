"""The treatment list: who is contacted how, and what that is expected to bring."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
from scipy import stats

from cximpact.core.errors import DataError, DuplicateKeyError, IdTypeError, rows_phrase
from cximpact.core.validate import check_prob
from cximpact.effects.uplift.allocation import Allocation

EXACT_BELOW = 2**53


def treatment_list(
    ids: Any,
    allocation: Allocation,
    gain: np.ndarray,
    cost: np.ndarray,
    *,
    gain_error: np.ndarray | None = None,
    arms: Sequence[Any] = ("treated",),
    prob: float = 0.9,
) -> pd.DataFrame:
    """List the customers to contact, most worthwhile first.

    Parameters
    ----------
    ids : Series, Index, array_like or None
        Identifiers, kept exactly as they are; None takes the row number.
    allocation : Allocation
        Who gets which arm.
    gain, cost : numpy.ndarray, shape (customer, arm)
        Expected money.
    gain_error : numpy.ndarray, shape (customer, arm), optional
        Standard error of each gain.
    arms : sequence, default ("treated",)
        Labels of the arms.
    prob : float, default 0.9
        Mass of the interval.

    Returns
    -------
    pandas.DataFrame
        One row a customer on the list: ``rank``, the identifier, ``arm, share, expected_gain,
        cost, expected_profit, conf_low, conf_high, conf_level``. The interval is that of the
        profit of this customer, at expected money; missing without standard errors.

    Raises
    ------
    IdTypeError, DuplicateKeyError, DataError
        If identifiers are missing, have lost digits, occur twice, or are not one a customer.

    Notes
    -----
    With a binding budget customers are ranked by profit per unit of cost, otherwise by profit;
    those who are equal stay in the order of the rows. A customer who is split between arms is
    listed with the larger part. Nothing else about a customer is in the list.
    """
    names = _identifiers(ids, len(gain))
    share = allocation.share
    rows = np.flatnonzero(share > 0)
    arm = allocation.treat[rows] - 1
    at = (rows, arm)
    profit = gain[at] - cost[at]
    by_cost = "budget" in allocation.binds
    free = cost[at] == 0
    merit = np.where(free, np.inf, profit / np.where(free, 1.0, cost[at])) if by_cost else profit
    order = np.argsort(-merit, kind="stable")
    half = np.full(rows.size, np.nan)
    if gain_error is not None:
        half = stats.norm.ppf((1 + check_prob(prob)) / 2) * gain_error[at]
    labels = pd.Series([arms[a] for a in range(len(arms))])
    table = pd.DataFrame(
        {
            "arm": labels.iloc[arm].to_numpy(),
            "share": share[rows],
            "expected_gain": gain[at],
            "cost": cost[at],
            "expected_profit": profit,
            "conf_low": profit - half,
            "conf_high": profit + half,
            "conf_level": check_prob(prob),
        }
    )
    name = str(names.name) if names.name is not None else "customer"
    if name in table.columns or name == "rank":
        raise DataError(f"the identifier is named {name!r}, like a column of the list; rename it.")
    table.insert(0, name, names.iloc[rows].reset_index(drop=True))
    table = table.iloc[order].reset_index(drop=True)
    table.insert(0, "rank", np.arange(1, len(table) + 1))
    return table


def _identifiers(ids: Any, n: int) -> pd.Series:
    """Take identifiers as they are, and refuse those that name nobody or several."""
    if ids is None:
        return pd.Series(np.arange(n), name="row")
    series = ids if isinstance(ids, pd.Series) else _series(ids)
    if len(series) != n:
        raise DataError(f"ids has {len(series)} values for {n} customers; expected one each.")
    if (missing := np.flatnonzero(series.isna())).size:
        raise IdTypeError(f"ids is missing in {rows_phrase(missing)}; every customer needs one.")
    if pd.api.types.is_float_dtype(series):
        value = series.to_numpy(dtype=float)
        lossy = np.flatnonzero((value != np.round(value)) | (np.abs(value) >= EXACT_BELOW))
        if lossy.size:
            raise IdTypeError(
                f"ids is a float with lost or fractional digits in {rows_phrase(lossy)}; read it "
                "as text or integer."
            )
    if (again := np.flatnonzero(series.duplicated())).size:
        raise DuplicateKeyError(
            f"ids repeats in {rows_phrase(again)}; expected each customer once. Choose the list "
            "on one row a customer."
        )
    return series


def _series(ids: Any) -> pd.Series:
    if isinstance(ids, pd.Index | np.ndarray | list | tuple | pd.api.extensions.ExtensionArray):
        return pd.Series(ids)
    try:
        return nw.from_native(ids, series_only=True).to_pandas()
    except TypeError as error:
        raise IdTypeError(
            f"ids is of type {type(ids).__name__}; expected a column of identifiers."
        ) from error
