"""Tables as text with sensible digits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from cximpact.core import wording

MAX_ROWS = 60
_SCALED = ("estimate", "conf_low", "conf_high", "std_error", "mcse", "value")
_HEADS = {"std_error": "Std. error", "mcse": "Simulation error", "n": "n", "p_value": "p"}


@dataclass(frozen=True, kw_only=True)
class Display:
    """A table as text.

    Parameters
    ----------
    heads : tuple of str
        Column headings.
    rows : tuple of tuple of str
        Cells, unescaped.
    is_number : tuple of bool
        Which columns are set flush right.
    n_left_out : int
        Rows that were not printed.
    """

    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    is_number: tuple[bool, ...]
    n_left_out: int = 0


def display(frame: pd.DataFrame, *, unit: str = "", max_rows: int = MAX_ROWS) -> Display:
    """Turn a table of results into text with sensible digits.

    Parameters
    ----------
    frame : pandas.DataFrame
        A tidy table. Estimates get two significant digits of their standard error, and none
        below their simulation error where the column ``mcse`` is there. ``term`` is left out
        where other columns label the rows, and ``conf_level`` where the headings say it.
    unit : str, default ""
        Unit of the estimates; a column ``unit`` gives it row by row. Fractions such as
        ``"pp"`` are shown times 100.
    max_rows : int, default 60
        Rows to print.

    Returns
    -------
    Display
        The cells.
    """
    whole, frame = len(frame), frame.head(max_rows).reset_index(drop=True)
    level = frame["conf_level"].dropna().unique() if "conf_level" in frame else []
    shown = [str(c) for c in frame.columns if not (c == "conf_level" and len(level) == 1)]
    if "term" in shown and shown.index("term") > 0:
        shown.remove("term")
    with np.errstate(over="ignore"):  # what no float can hold is shown as infinite
        frame = _scaled(frame, unit)
        decimals = _row_decimals(frame)
    columns = [_cells(frame, c, decimals) for c in shown]
    return Display(
        heads=tuple(_head(c, level, unit) for c in shown),
        rows=tuple(zip(*columns, strict=True)),
        is_number=tuple(_is_number(frame[c]) or _is_count(c) for c in shown),
        n_left_out=whole - len(frame),
    )


def _scaled(frame: pd.DataFrame, unit: str) -> pd.DataFrame:
    """Multiply fractions by 100 and write their units in words."""
    units = frame["unit"] if "unit" in frame else pd.Series([unit] * len(frame), dtype=object)
    is_fraction = units.isin(list(wording.FRACTION_UNITS)).to_numpy()
    if not is_fraction.any():
        return frame
    out = frame.copy()
    for column in _SCALED:
        if column in out and _is_number(out[column]):
            out[column] = out[column].astype(float) * np.where(is_fraction, 100.0, 1.0)
    if "unit" in out:
        out["unit"] = units.map(lambda u: wording.FRACTION_UNITS.get(u, u))
    return out


def _row_decimals(frame: pd.DataFrame) -> list[int | None]:
    """Return decimals for each row, one number for all where their errors are alike."""
    if "std_error" in frame and _is_number(frame["std_error"]):
        errors = _floats(frame["std_error"])
    elif all(c in frame and _is_number(frame[c]) for c in ("conf_low", "conf_high")):
        errors = (_floats(frame["conf_high"]) - _floats(frame["conf_low"])) / 3.3
    else:
        return [None] * len(frame)
    errors = np.where(_is_noise(errors, frame), np.nan, errors)
    known = errors[np.isfinite(errors) & (errors > 0)]
    if known.size and known.max() / 30 <= known.min():
        return [wording.decimals_for(float(np.quantile(known, 0.5, method="lower")))] * len(frame)
    return [wording.decimals_for(e) if np.isfinite(e) and e > 0 else None for e in errors]


def _is_noise(errors: np.ndarray, frame: pd.DataFrame) -> np.ndarray:
    """Return where an error is nothing but rounding of the estimate in the machine."""
    estimate = _floats(frame["estimate"]) if "estimate" in frame else np.zeros(len(frame))
    return errors < 1e-9 * np.abs(np.where(np.isfinite(estimate), estimate, 0.0))


def _cells(frame: pd.DataFrame, name: str, decimals: list[int | None]) -> list[str]:
    values = frame[name]
    if not _is_number(values):
        return [_text(v, separate=_is_count(name)) for v in values]
    if pd.api.types.is_integer_dtype(values) and name not in _SCALED:
        return [_text(v, separate=_is_count(name)) for v in values]
    numbers = _floats(values)
    if name == "std_error":
        numbers = np.where(_is_noise(numbers, frame), 0.0, numbers)
    if name in ("estimate", "conf_low", "conf_high", "std_error"):
        by_mcse = "mcse" in frame and _is_number(frame["mcse"])
        mcse = _floats(frame["mcse"]) if by_mcse else np.zeros(len(frame))
        return [_estimate(v, d, e) for v, d, e in zip(numbers, decimals, mcse, strict=True)]
    return [wording.number(v) for v in numbers]


def _estimate(value: float, decimals: int | None, mcse: float) -> str:
    if np.isfinite(value) and np.isfinite(mcse) and mcse > 0:
        place = wording.smallest_place(mcse)
        if decimals is None or decimals > -place:
            return wording.format_number(value, mcse)
    return wording.number(value) if decimals is None else wording.fixed(value, decimals)


def _text(value: Any, *, separate: bool = False) -> str:
    if pd.api.types.is_scalar(value) and pd.isna(value):
        return wording.MISSING
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, int | np.integer):
        return f"{value:,}" if separate else f"{value}"
    if isinstance(value, float | np.floating):
        return wording.number(float(value))
    return wording.plain(value)


def _floats(column: pd.Series) -> np.ndarray:
    return column.to_numpy(dtype=float, na_value=np.nan)


def _is_count(name: str) -> bool:
    return name == "n" or name.startswith("n_")


def _is_number(column: pd.Series) -> bool:
    dtype = column.dtype
    return pd.api.types.is_numeric_dtype(dtype) and not pd.api.types.is_bool_dtype(dtype)


def _head(name: str, level: Any, unit: str) -> str:
    if name in ("conf_low", "conf_high"):
        mass = f"{100 * float(level[0]):g}%" if len(level) == 1 else "Interval"
        return f"{mass} {'low' if name == 'conf_low' else 'high'}"
    if name == "estimate" and unit in wording.FRACTION_UNITS:
        return f"Estimate, {wording.FRACTION_UNITS[unit]}"
    text = wording.plain(name).replace("_", " ")
    return _HEADS.get(name, text[:1].upper() + text[1:])
