"""Estimates of an effect, whatever their dimensions."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes

from cximpact.plots import style
from cximpact.plots.canvas import prepare
from cximpact.plots.compare import over_time
from cximpact.plots.dots import (
    MAX_WITH_NUMBERS,
    draw_dots,
    height_of,
    name_rows,
    pad_values,
    write_numbers,
)
from cximpact.plots.event_time import event_study
from cximpact.plots.labels import number_axis, unit_of
from cximpact.plots.lines import looks
from cximpact.plots.tables import INTERVAL, checked, dimensions_of, joined_labels

_TIMES = ("period", "year", "quarter", "month", "week", "day", "date")


def effect(
    table: pd.DataFrame,
    *,
    ax: Axes | None = None,
    title: str | None = None,
    unit: str = "",
) -> Axes:
    """Draw effect estimates with their intervals against no effect.

    Parameters
    ----------
    table : pandas.DataFrame
        Any label columns, then ``estimate``, ``conf_low``, ``conf_high``, as a result's
        ``.summary()`` gives it. With a column ``event_time`` it becomes an event study, with a
        column such as ``period`` a curve over time, otherwise one row a label.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.
    title : str, optional
        Title.
    unit : str, default ""
        Unit of the effect: a scale of `Estimand` such as ``"pp"`` (fractions, shown times
        100) or ``"points"``, or a currency.

    Returns
    -------
    matplotlib.axes.Axes
        Where it was drawn. The zero line is always in view.
    """
    rows = checked(table)
    dims = dimensions_of(rows)
    if "event_time" in dims:
        return event_study(table, ax=ax, title=title, unit=unit)
    times = [d for d in dims if d in _TIMES]
    if times and rows[times[0]].nunique() > 1:
        return _curves(rows, dims, times[0], ax, title, unit)
    labels = joined_labels(rows, dims)
    at = pd.Series(range(len(rows)), dtype=float).to_numpy()
    ax = prepare(ax, title=title, height=height_of(len(rows)))
    name_rows(ax, labels)
    pad_values(ax, rows[list(INTERVAL)].to_numpy(), include=[0.0])
    draw_dots(ax, at, rows, {"color": style.BLUE, "marker": "o"})
    style.reference_line(ax, 0.0, vertical=True, color=style.INK)
    number_axis(ax.xaxis, unit, name="effect")
    if len(rows) <= MAX_WITH_NUMBERS:
        write_numbers(ax, at, rows, unit_of(unit))
    return ax


def _curves(
    rows: pd.DataFrame, dims: list[str], time: str, ax: Axes | None, title: str | None, unit: str
) -> Axes:
    others = [d for d in dims if d != time]
    rows = rows.assign(_group=joined_labels(rows, others))
    rows = checked(rows, keys=[time, "_group"])
    groups: list[object] = list(dict.fromkeys(rows["_group"])) if others else [None]
    ax = prepare(ax, title=title)
    by = "_group" if others else None
    band = len(groups) <= len(style.PALETTE)
    over_time(ax, rows, looks(groups), x=time, by=by, unit=unit, band=band, name="effect")
    low, high = ax.get_ylim()
    ax.set_ylim(min(low, 0.0), max(high, 0.0))
    style.reference_line(ax, 0.0, vertical=False, color=style.INK)
    return ax
