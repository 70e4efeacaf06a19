"""From the survey to the money, step by step."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from cximpact.core import wording
from cximpact.core.errors import DataError, EmptyDataError
from cximpact.core.units import check_currency
from cximpact.core.validate import check_choice
from cximpact.plots import style
from cximpact.plots.canvas import prepare
from cximpact.plots.dots import height_of, name_rows, pad_values
from cximpact.plots.labels import number_axis, unit_of
from cximpact.plots.steps import join_rows, write_beside
from cximpact.plots.tables import checked

_KINDS = ("step", "total")


def waterfall(
    table: pd.DataFrame,
    *,
    currency: str,
    ax: Axes | None = None,
    title: str | None = None,
) -> Axes:
    """Draw how a survey becomes money: people and effects in words, money in bars.

    Parameters
    ----------
    table : pandas.DataFrame
        In reading order, columns ``label``, ``value`` and ``kind``: a ``"step"`` adds to the
        running sum, a ``"total"`` states it. An optional column ``unit`` marks the rows that
        are no money, such as ``customers`` or ``pp``; they are written, not drawn as bars. A
        missing unit is money. Optional ``conf_low`` and ``conf_high`` are drawn on totals.
    currency : str
        ISO code of the bars.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.
    title : str, optional
        Title.

    Returns
    -------
    matplotlib.axes.Axes
        Where it was drawn.

    Raises
    ------
    DataError
        If a total is not the sum of the steps before it.
    """
    check_currency(currency)
    ends = [c for c in ("conf_low", "conf_high") if isinstance(table, pd.DataFrame) and c in table]
    rows = checked(table, keys=["label"], numbers=["value", *ends], others=["kind"])
    absent = [c for c in ("unit", "conf_low", "conf_high") if c not in rows]
    rows = _bars(rows.reindex(columns=[*rows.columns, *absent]), currency)
    money = rows[rows["is_money"]]
    if money.empty:
        raise EmptyDataError(f"no row of the waterfall is money in {currency}.")
    ax = prepare(ax, title=title, height=height_of(len(rows)) + 0.2)
    name_rows(ax, list(rows["label"]))
    pad_values(ax, money[["start", "end", "conf_low", "conf_high"]].to_numpy(), include=[0.0])
    for at, row in enumerate(rows.to_dict("records")):
        _draw_row(ax, at, row, currency)
    join_rows(ax, money.index.to_numpy(), money["end"].to_numpy())
    ax.vlines(0.0, money.index[0] - 0.5, money.index[-1] + 0.5, color=style.INK, linewidth=1.0)
    number_axis(ax.xaxis, currency)
    return ax


def _bars(rows: pd.DataFrame, currency: str) -> pd.DataFrame:
    """Add where each bar starts and ends; a total must be the running sum."""
    running, started, spans = 0.0, False, []
    is_money = rows["unit"].isna() | (rows["unit"] == currency)
    for i, row in enumerate(rows.to_dict("records")):
        kind = check_choice(row["kind"], "kind", _KINDS)
        if not is_money[i]:
            spans.append((np.nan, np.nan))
            continue
        value = float(row["value"])
        if not np.isfinite(value):
            raise DataError(f"the waterfall has no value at position {i}; expected an amount.")
        if kind == "total" and started and not np.isclose(value, running, rtol=1e-6, atol=1e-6):
            raise DataError(
                f"the total at position {i} is {value:,.6g}, but the steps before it sum to "
                f"{running:,.6g}; hand in unrounded numbers, or mark it as a step."
            )
        start = 0.0 if kind == "total" else running
        running = start + value
        spans.append((start, running))
        started = True
    return rows.assign(is_money=is_money, start=[s for s, _ in spans], end=[e for _, e in spans])


def _draw_row(ax: Axes, at: int, row: dict[Any, Any], currency: str) -> None:
    is_total = row["kind"] == "total"
    if not row["is_money"]:
        unit = unit_of(str(row["unit"]))
        text = f"{unit.show(row['value'], signed=unit.factor != 1)} {unit.name}"
        write_beside(ax, at, text, style.text_color(style.INK))
        return
    color = style.INK if is_total else (style.BLUE if row["value"] >= 0 else style.ORANGE)
    left, width = min(row["start"], row["end"]), abs(row["end"] - row["start"])
    ax.barh(at, width, 0.62, left=left, color=color, alpha=0.85, zorder=3)
    if is_total and np.isfinite([row["conf_low"], row["conf_high"]]).all():
        ax.hlines(at, row["conf_low"], row["conf_high"], color=style.MUTED, linewidth=2, zorder=4)
        ax.vlines(
            [row["conf_low"], row["conf_high"]],
            at - 0.14,
            at + 0.14,
            color=style.MUTED,
            linewidth=2,
            zorder=4,
        )
    text = wording.money(row["value"], currency, signed=not is_total)
    write_beside(ax, at, text, style.text_color(color), "bold" if is_total else "normal")
