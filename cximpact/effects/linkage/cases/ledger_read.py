"""Dates of cases, checked: what closed before it opened is no case."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from cximpact.core.errors import (
    DataError,
    DtypeError,
    DuplicateKeyError,
    EmptyDataError,
    MissingValueError,
    TimeOrderError,
    TimezoneError,
    closest,
    join_names,
    rows_phrase,
)
from cximpact.data import frames

OPEN = -1
_DAY = 86400.0


def read_cases(
    frame: Any, roles: Mapping[str, str | None], outcomes: Sequence[str], at: Any
) -> tuple[pd.DataFrame, pd.DataFrame, float]:
    """Read cases and check them.

    Parameters
    ----------
    frame : frame
        One row a case.
    roles : mapping of str to str or None
        Columns by role: ``case, opened, closed, started, due, outcome``.
    outcomes : sequence of str
        How a case can end.
    at : date or number
        When the ledger was drawn up.

    Returns
    -------
    cases : pandas.DataFrame
        ``opened, closed, started, due`` in days or periods since the first opening, with NaN
        where there is none, and ``outcome``, the number of the outcome, -1 while open.
    whole : pandas.DataFrame
        All columns of the frame, in memory.
    moment : float
        ``at`` on the same scale.

    Raises
    ------
    DataError, DesignError
        With the rows and the dates at fault.
    """
    opened = frames.open_frame(frame)
    frames.check_columns(opened, roles)
    whole = frames.collect(opened)
    if whole.empty:
        raise EmptyDataError("the ledger has 0 rows; expected at least 1 case.")
    _check_ids(whole[roles["case"]], str(roles["case"]))
    times = {r: c for r in ("opened", "started", "closed", "due") if (c := roles.get(r))}
    clean = {role: _times(whole[column], column) for role, column in times.items()}
    _check_one_kind(clean, times)
    _check_present(clean["opened"], times["opened"])
    origin = clean["opened"].min()
    moment = _moment(at, origin)
    cases = pd.DataFrame({role: _since(column, origin) for role, column in clean.items()})
    for role in ("started", "due"):
        if role not in cases:
            cases[role] = np.nan
    _check_order(cases, clean, times, at, moment)
    cases["outcome"] = _outcomes(whole, roles.get("outcome"), outcomes, cases["closed"])
    return cases, whole, moment


def moment_of(at: Any, origin: Any, last: float) -> float:
    """Place a moment on the scale of a ledger.

    Parameters
    ----------
    at : date or number
        The moment.
    origin : date or number
        Where the scale starts.
    last : float
        When the ledger was drawn up.

    Returns
    -------
    float
        Days or periods since the origin.

    Raises
    ------
    TimeOrderError
        If the ledger was drawn up before.
    """
    moment = _moment(at, origin)
    if moment > last:
        raise TimeOrderError(
            f"at is {_shown(at)}, after the ledger was drawn up; nobody knows yet what is open "
            "then."
        )
    return moment


def _check_ids(ids: pd.Series, column: str) -> None:
    if (gaps := np.flatnonzero(ids.isna().to_numpy())).size:
        raise MissingValueError(
            f"Column {column!r} is missing in {rows_phrase(gaps)}; every case needs a key."
        )
    if (twice := np.flatnonzero(ids.duplicated(keep=False).to_numpy())).size:
        raise DuplicateKeyError(
            f"Column {column!r} repeats in {rows_phrase(twice)}; expected one row a case. Keep "
            "the last state of each."
        )


def _times(column: pd.Series, name: str) -> pd.Series:
    if isinstance(column.dtype, pd.DatetimeTZDtype) or pd.api.types.is_datetime64_any_dtype(column):
        return column
    if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
        values = column.astype(float)
        if (bad := np.flatnonzero(np.isinf(values.to_numpy()))).size:
            raise DtypeError(
                f"Column {name!r} is infinite in {rows_phrase(bad)}; leave it missing while the "
                "case is open."
            )
        return values
    known = column.dropna()
    if known.empty:
        return pd.Series(np.nan, index=column.index)
    if pd.api.types.infer_dtype(known) not in ("date", "datetime", "datetime64"):
        raise DtypeError(
            f"Column {name!r} holds {pd.api.types.infer_dtype(known)} values; expected parsed "
            "dates, or numbers of days or periods."
        )
    zones = {str(getattr(value, "tzinfo", None)) for value in known}
    if len(zones) > 1:
        raise TimezoneError(
            f"Column {name!r} mixes times of the zones {join_names(sorted(zones))}; bring them to "
            "one, for instance with pandas.to_datetime(..., utc=True)."
        )
    return pd.to_datetime(column)


def _check_one_kind(clean: Mapping[str, pd.Series], times: Mapping[str, str]) -> None:
    kinds = {}
    for role, column in clean.items():
        if column.isna().all() and not pd.api.types.is_datetime64_any_dtype(column):
            continue
        dates = pd.api.types.is_datetime64_any_dtype(column)
        kinds[times[role]] = str(getattr(column.dtype, "tz", None)) if dates else "numbers"
    found = set(kinds.values())
    if len(found) < 2:
        return
    text = ", ".join(f"{name!r}: {kind}" for name, kind in kinds.items())
    if "numbers" in found:
        raise DtypeError(f"some times are dates and others numbers ({text}); use one.")
    raise TimezoneError(f"times are in different zones ({text}; None is without); use one.")


def _check_present(opened: pd.Series, column: str) -> None:
    if (gaps := np.flatnonzero(opened.isna().to_numpy())).size:
        raise MissingValueError(
            f"Column {column!r} is missing in {rows_phrase(gaps)}; every case was opened once."
        )


def _moment(at: Any, origin: Any) -> float:
    dated = isinstance(origin, pd.Timestamp)
    try:
        moment = pd.Timestamp(at) if dated else float(at)
        value = (moment - origin).total_seconds() / _DAY if dated else moment - origin
    except (TypeError, ValueError):
        zone = f" with the zone {origin.tz}" if dated and origin.tz else " without a zone"
        kind = f"a date{zone}" if dated else "a number, as the times of the cases"
        raise DtypeError(f"at is {at!r}; expected {kind}.") from None
    if not np.isfinite(value):
        raise DtypeError(f"at is {at!r}; expected a moment.")
    return float(value)


def _since(column: pd.Series, origin: Any) -> np.ndarray:
    if column.isna().all():
        return np.full(len(column), np.nan)
    gap = column - origin
    if isinstance(origin, pd.Timestamp):
        return (gap.dt.total_seconds() / _DAY).to_numpy(dtype=float)
    return gap.to_numpy(dtype=float)


def _check_order(
    cases: pd.DataFrame,
    clean: Mapping[str, pd.Series],
    times: Mapping[str, str],
    at: Any,
    moment: float,
) -> None:
    for role in ("closed", "started", "due"):
        if role not in times:
            continue
        wrong = np.flatnonzero((cases[role] < cases["opened"]).to_numpy())
        if wrong.size:
            first, then = (_shown(clean[r].iloc[wrong[0]]) for r in ("opened", role))
            raise TimeOrderError(
                f"cases were {_WORDS[role]} before they were opened in {rows_phrase(wrong)}: in "
                f"the first {times[role]!r} is {then} and {times['opened']!r} is {first}. Correct "
                "the dates."
            )
    for role in ("opened", "started", "closed"):
        if role not in times:
            continue
        wrong = np.flatnonzero((cases[role] > moment).to_numpy())
        if wrong.size:
            raise TimeOrderError(
                f"{times[role]!r} is after the moment of the ledger, {_shown(at)}, in "
                f"{rows_phrase(wrong)}; the first is {_shown(clean[role].iloc[wrong[0]])}. Give a "
                "later at=, or correct the dates."
            )


_WORDS = {"closed": "closed", "started": "taken up", "due": "due"}


def _outcomes(
    whole: pd.DataFrame, column: str | None, outcomes: Sequence[str], closed: pd.Series
) -> np.ndarray:
    is_closed = closed.notna().to_numpy()
    if column is None:
        return np.where(is_closed, 0, OPEN)
    values = whole[column]
    known = values.notna().to_numpy()
    names = [str(v) for v in values[known]]
    if unknown := sorted(set(names) - set(outcomes)):
        rows = np.flatnonzero(values.astype(str).isin(unknown).to_numpy() & known)
        best = closest(unknown[0], outcomes)
        hint = f" Did you mean {best!r}?" if best else ""
        raise DataError(
            f"Column {column!r} has the unknown outcome {join_names(unknown, 5)} in "
            f"{rows_phrase(rows)}; expected one of {join_names(list(outcomes))}.{hint}"
        )
    if (odd := np.flatnonzero(known & ~is_closed)).size:
        raise DataError(
            f"Column {column!r} has an outcome in {rows_phrase(odd)} that are still open; leave it "
            "missing until the case is closed, or give the date of closing."
        )
    if (odd := np.flatnonzero(~known & is_closed)).size:
        raise MissingValueError(
            f"Column {column!r} is missing in {rows_phrase(odd)} that are closed; say how they "
            "ended."
        )
    codes = np.full(len(values), OPEN)
    place = {name: k for k, name in enumerate(outcomes)}
    codes[known] = [place[name] for name in names]
    return codes


def _shown(value: Any) -> str:
    if hasattr(value, "strftime"):
        return f"{value:%Y-%m-%d %H:%M}" if getattr(value, "hour", 0) else f"{value:%Y-%m-%d}"
    return f"{value:g}" if isinstance(value, int | float | np.number) else str(value)
