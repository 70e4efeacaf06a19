"""Scores by wave or by segment, with intervals."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.axes import Axes

from cximpact.plots import style
from cximpact.plots.canvas import prepare, say_above
from cximpact.plots.compare import categories, over_time
from cximpact.plots.lines import looks
from cximpact.plots.positions import times_of
from cximpact.plots.tables import checked


def scores(
    table: pd.DataFrame,
    *,
    x: str,
    by: str | None = None,
    ax: Axes | None = None,
    title: str | None = None,
    unit: str = "",
) -> Axes:
    """Draw scores with their intervals, over time or by category.

    Parameters
    ----------
    table : pandas.DataFrame
        Columns ``x``, ``by`` if given, ``estimate``, ``conf_low``, ``conf_high``; one row for
        each combination. A row without an interval is drawn hollow.
    x : str
        Column of periods (numbers, dates, periods, text such as ``2019-05``), drawn as a line,
        or of categories, drawn as sorted dots. An ordered pandas categorical keeps its order.
    by : str, optional
        Column of groups. More than seven are drawn as quiet lines without intervals.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.
    title : str, optional
        Title.
    unit : str, default ""
        Unit of the scores, such as ``"points"``, or ``"share"`` for fractions shown in percent.

    Returns
    -------
    matplotlib.axes.Axes
        Where it was drawn.

    Raises
    ------
    DataError
        If the table lacks a column, repeats a row or holds no numbers.
    """
    keys = [x] if by is None else [x, by]
    rows = checked(table, keys=keys)
    groups = [] if by is None else list(dict.fromkeys(rows[by]))
    options: dict[str, Any] = {"x": x, "by": by, "unit": unit}
    many = len(groups) > len(style.PALETTE)
    if times_of(rows[x]) is not None:
        ax = prepare(ax, title=title, height=max(4.0, 0.16 * len(groups) + 1.4))
        over_time(ax, rows, looks(groups or [None]), band=not many, **options)
        if many:
            text = f"{len(groups)} groups; their intervals are not drawn"
            say_above(ax, text, fontsize=style.SMALL, color=style.MUTED)
        return ax
    if many:
        rows = rows.assign(**{x: rows[x].astype(str) + " · " + rows[by].astype(str)})
        groups, options["by"] = [], None
    return categories(ax, rows, looks(groups or [None]), title=title, **options)
