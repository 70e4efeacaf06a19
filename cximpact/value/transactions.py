"""From a list of transactions to what models of repeat buying need, with its traps closed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Hashable
from dataclasses import dataclass, field, replace
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd

from cximpact.core.errors import (
    CLVInputError,
    ConfigError,
    DtypeError,
    EmptyDataError,
    MissingColumnError,
    MissingValueError,
    rows_phrase,
    warn_data,
)
from cximpact.core.fingerprint import fingerprint
from cximpact.core.validate import as_floats, check_choice
from cximpact.data import frames

DAYS = {"day": 1.0, "week": 7.0, "month": 365.25 / 12, "quarter": 365.25 / 4, "year": 365.25}
REFUNDS = ("refuse", "net", "drop")
COLUMNS = ("frequency", "recency", "T")
_OTHER_NAMES = {"frequency": "x", "recency": "t_x", "monetary": "m"}


@dataclass(frozen=True, kw_only=True, eq=False)
class PurchaseHistory:
    """Customers by their purchases: how many again, the last one when, watched for how long.

    Parameters
    ----------
    table : pandas.DataFrame
        One row a customer: ``frequency`` (repeat purchases, the first not counted), ``recency``
        (time from the first to the last purchase), ``T`` (time from the first purchase to the
        end) and, where amounts are known, ``monetary`` (mean amount of the *repeat*
        purchases; NaN without one).
    period : str
        Unit of time.
    notes : tuple of str
        What a reader must know: purchases merged, refunds, rows left out.
    """

    table: pd.DataFrame = field(repr=False)
    period: str
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_choice(self.period, "period", tuple(DAYS))

    @property
    def n(self) -> int:
        """Customers."""
        return len(self.table)

    @property
    def data_hash(self) -> str:
        """Fingerprint of the numbers, without the identifiers."""
        return fingerprint(self.table[[c for c in (*COLUMNS, "monetary") if c in self.table]])

    def repeaters(self) -> PurchaseHistory:
        """Return the customers who bought again.

        Returns
        -------
        PurchaseHistory
            A part of this one.
        """
        return replace(self, table=self.table[self.table["frequency"] > 0])

    def _repr_html_(self) -> str:
        rows = self.table.describe().to_html(float_format=lambda v: f"{v:.4g}")
        return f"<div><strong>{self.n:,} customers, time in {self.period}s</strong>{rows}</div>"


def purchase_history(
    data: Any,
    *,
    customer: str,
    date: str,
    amount: str | None = None,
    until: Any = None,
    period: str = "week",
    refunds: str = "refuse",
    free: str = "count",
) -> PurchaseHistory:
    """Count repeat purchases of every customer.

    Parameters
    ----------
    data : frame
        One row a transaction; any engine.
    customer, date : str
        Columns with the customer and the date.
    amount : str, optional
        Column with the money.
    until : date or Timestamp, optional
        Last day of the observation; the last date of the data by default. Later transactions
        are left out and counted, so the same call with two dates gives calibration and holdout.
    period : {"day", "week", "month", "quarter", "year"}
        Unit of time of the result.
    refunds : {"refuse", "net", "drop"}
        What to do with amounts below 0: refuse them, add them to the purchases of their day
        (a day that they net to 0 or less is no purchase), or leave their rows out.
    free : {"count", "drop"}
        Whether rows with an amount of 0 count as purchases, as in the published fits of CDNOW, or
        are left out. A customer whose repeat purchases were all free has no mean amount above 0,
        which `GammaGamma` refuses.

    Returns
    -------
    PurchaseHistory
        One row a customer who bought by ``until``.

    Raises
    ------
    CLVInputError
        For negative or zero amounts, with their rows.
    MissingValueError, DtypeError, EmptyDataError
        If a customer, date or amount is missing, dates are not dates, or nothing is left.

    Notes
    -----
    Several purchases of a customer on one day count as one: a till that splits a basket must
    not look like loyalty. The first purchase is no repeat purchase, and its amount does not
    enter the mean spend. Time runs from a customer's own first purchase.
    """
    check_choice(period, "period", tuple(DAYS))
    check_choice(refunds, "refunds", REFUNDS)
    check_choice(free, "free", ("count", "drop"))
    rows = _rows(data, customer, date, amount)
    notes: list[str] = []
    if amount is not None:
        rows = _without_refunds(rows, amount, refunds, notes)
        rows = _free(rows, amount, free, notes)
    days = rows.groupby(["customer", "date"], sort=True, as_index=False).sum()
    if "refunded" in days and (none := (days["refunded"] > 0) & (days["amount"] <= 0)).any():
        days = days[~none]
        notes.append(f"{int(none.sum())} days net to nothing by refunds and are no purchases.")
    if merged := len(rows) - len(days):
        notes.append(f"{merged:,} transactions share customer and day with another; counted once.")
    end = days["date"].max() if until is None else _day(until, date)
    if late := int((days["date"] > end).sum()):
        days = days[days["date"] <= end]
        notes.append(f"{late:,} days of purchase after {end.date()} are left out.")
    if days.empty:
        raise EmptyDataError(f"no transaction is left up to {end.date()}; expected at least 1.")
    return PurchaseHistory(
        table=_counted(days, end, DAYS[period], amount is not None),
        period=period,
        notes=tuple(notes),
    )


def as_history(data: Any, *, monetary: bool = False, period: str = "week") -> PurchaseHistory:
    """Accept a history, or a frame with its columns, and check that customers can be like that.

    Parameters
    ----------
    data : PurchaseHistory or frame
        Columns ``frequency``, ``recency``, ``T`` and ``monetary``, or ``x``, ``t_x``, ``T``, ``m``.
    monetary : bool, default False
        Ask for frequency and monetary alone, as a spend model does.
    period : str, default "week"
        Unit of time of a frame.

    Returns
    -------
    PurchaseHistory
        Checked.

    Raises
    ------
    CLVInputError
        For negative or fractional frequencies, a recency beyond T, a recency without a repeat
        purchase, or spend of a repeater that is not above 0.
    """
    wanted = ("frequency", "monetary") if monetary else COLUMNS
    if isinstance(data, PurchaseHistory):
        history = data
        if missing := [c for c in wanted if c not in history.table]:
            raise ConfigError(f"the history has no {missing}; give amount= to purchase_history.")
    else:
        history = PurchaseHistory(table=_named(data, wanted), period=period)
    columns = {c: as_floats(history.table[c], c) for c in wanted}
    for name, values in columns.items():
        blank = np.isnan(values) & ((columns["frequency"] > 0) | (name != "monetary"))
        _refuse(blank, f"Column {name!r} is missing", "Leave such customers out explicitly.")
    x = columns["frequency"]
    _refuse((x < 0) | (x != np.rint(x)), "frequency is negative or no whole number", _REPEATS)
    if monetary:
        bad = (x > 0) & ~(columns["monetary"] > 0)
        _refuse(
            bad,
            "monetary is not above 0 for a repeater",
            "Net or drop refunds, and drop free purchases, in purchase_history.",
        )
        return history
    t_x, age = columns["recency"], columns["T"]
    _refuse(~np.isfinite(t_x + age) | (t_x < 0), "recency or T is negative or infinite", _TIMES)
    _refuse(t_x > age + 1e-9, "recency lies beyond T", _TIMES)
    _refuse((x == 0) & (t_x > 0), "recency is above 0 without a repeat purchase", _REPEATS)
    _refuse((x > 0) & (t_x == 0), "recency is 0 with a repeat purchase", _TIMES)
    return history


_REPEATS = "Frequency counts repeat purchases: the first is not one."
_TIMES = "Recency is the time from first to last purchase, T from first purchase to the end."


def _refuse(bad: np.ndarray, what: str, fix: str) -> None:
    if (rows := np.flatnonzero(bad)).size:
        raise CLVInputError(f"{what} in {rows_phrase(rows)}. {fix}")


def _named(data: Any, wanted: tuple[str, ...]) -> pd.DataFrame:
    opened = frames.open_frame(data)
    available = opened.collect_schema().names()
    names = {c: _OTHER_NAMES.get(c, c) if c not in available else c for c in wanted}
    names = {c: n if n in available else c for c, n in names.items()}
    if "frequency" in wanted and names["frequency"] not in available:
        known = MissingColumnError.from_names(["frequency"], available, role="purchase history")
        raise MissingColumnError(f"{known} Make a history of transactions by purchase_history.")
    frames.check_columns(opened, dict(names))
    for column in names.values():
        frames.check_numeric(opened, column, "purchase history")
    return frames.collect(frames.select(opened, {new: old for new, old in names.items()}))


def _rows(data: Any, customer: str, date: str, amount: str | None) -> pd.DataFrame:
    opened = frames.open_frame(data)
    roles = {"customer": customer, "date": date, "amount": amount}
    frames.check_columns(opened, roles)
    schema = opened.collect_schema()
    if not isinstance(schema[date], nw.Date | nw.Datetime):
        raise DtypeError(
            f"Column {date!r} has type {schema[date]}; expected dates. Parse them explicitly, so "
            "that day and month are not mixed up."
        )
    if amount is not None:
        frames.check_numeric(opened, amount, "amount")
    rows = frames.collect(frames.select(opened, {k: v for k, v in roles.items() if v is not None}))
    if rows.empty:
        raise EmptyDataError("the transactions have 0 rows; expected at least 1.")
    for role, column in roles.items():
        if column is not None and (missing := np.flatnonzero(rows[role].isna())).size:
            raise MissingValueError(f"Column {column!r} is missing in {rows_phrase(missing)}.")
    if amount is not None:
        rows["amount"] = rows["amount"].astype(float)
    when = pd.to_datetime(rows["date"])
    if when.dt.tz is not None:
        when = when.dt.tz_localize(None)
    return rows.assign(date=when.dt.normalize())


def _without_refunds(
    rows: pd.DataFrame, amount: str, refunds: str, notes: list[str]
) -> pd.DataFrame:
    value = rows["amount"].to_numpy(float)
    _refuse(~np.isfinite(value), f"Column {amount!r} is infinite", "Correct these amounts.")
    back = value < 0
    if refunds == "refuse":
        _refuse(back, f"Column {amount!r} is negative", "Choose refunds='net' or 'drop'.")
    if refunds == "drop" and back.any():
        notes.append(f"{int(back.sum()):,} refunds were left out.")
        rows = rows[~back]
    return rows.assign(refunded=rows["amount"] < 0) if refunds == "net" else rows


def _free(rows: pd.DataFrame, amount: str, free: str, notes: list[str]) -> pd.DataFrame:
    nothing = rows["amount"].to_numpy(float) == 0
    if not nothing.any():
        return rows
    if free == "drop":
        notes.append(f"{int(nothing.sum()):,} rows with an amount of 0 were left out.")
        return rows[~nothing]
    warn_data(
        f"Column {amount!r} is 0 in {int(nothing.sum())} rows; they count as purchases. Leave them "
        "out with free='drop' if nothing was bought."
    )
    return rows


def _counted(days: pd.DataFrame, end: pd.Timestamp, unit: float, spend: bool) -> pd.DataFrame:
    grouped = days.groupby("customer", sort=True)
    first, last = grouped["date"].min(), grouped["date"].max()
    table = pd.DataFrame(
        {
            "frequency": grouped.size() - 1,
            "recency": (last - first).dt.days / unit,
            "T": (end - first).dt.days / unit,
        }
    )
    if spend:
        opening = days.drop_duplicates("customer").set_index("customer")["amount"]
        repeat = grouped["amount"].sum() - opening
        table["monetary"] = (repeat / table["frequency"]).where(table["frequency"] > 0)
    return table


def _day(until: Hashable, date: str) -> pd.Timestamp:
    if not isinstance(until, str | dt.date | pd.Timestamp | np.datetime64):
        raise DtypeError(f"until is {until!r}; expected a date, as column {date!r} has.")
    try:
        return pd.Timestamp(until).normalize()
    except ValueError:
        raise DtypeError(f"until is {until!r}; expected a date such as '1997-09-30'.") from None
