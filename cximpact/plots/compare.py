"""The two ways of comparing groups: curves over time and dots by category."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from cximpact.plots import style
from cximpact.plots.canvas import prepare
from cximpact.plots.dots import (
    MAX_WITH_NUMBERS,
    draw_dots,
    height_of,
    name_rows,
    pad_values,
    padded,
    write_numbers,
)
from cximpact.plots.labels import number_axis, unit_of, wrapped
from cximpact.plots.lines import Look, draw_line, label_ends
from cximpact.plots.positions import category_order, time_axis, times_of
from cximpact.plots.tables import INTERVAL

Looks = Mapping[object, Look]


def over_time(
    ax: Axes,
    rows: pd.DataFrame,
    looks: Looks,
    *,
    x: str,
    by: str | None,
    unit: str,
    band: bool,
    name: str = "",
) -> None:
    """Draw one curve a group over time, labelled at its end.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where.
    rows : pandas.DataFrame
        Checked table.
    looks : mapping
        Look of each group; the key None without groups.
    x, by : str
        Columns of periods and groups.
    unit : str
        Unit of the estimates.
    band : bool
        Whether intervals are drawn.
    name : str, default ""
        What is measured.
    """
    times = times_of(rows[x])
    rows = rows.assign(_at=times)
    shown = rows[list(INTERVAL) if band else ["estimate"]].to_numpy()
    ax.set_ylim(*padded(shown))
    ends: dict[object, tuple[float, str]] = {}
    for group, look in looks.items():
        part = rows if by is None else rows[rows[by] == group]
        part = part.sort_values("_at")
        draw_line(ax, part["_at"].to_numpy(), part, look, band=band)
        known = part["estimate"].dropna()
        if by is not None and len(known):
            ends[group] = (float(known.iloc[-1]), str(look["color"]))
    low, high = ax.get_ylim()
    if low < 0 < high:
        style.reference_line(ax, 0.0, vertical=False)
    ax.set_xlim(*padded(rows["_at"].to_numpy()) if rows["_at"].nunique() > 1 else (None, None))
    ax.yaxis.grid(True, color=style.FAINT, linewidth=0.6)
    time_axis(ax, rows.sort_values("_at")[x], x)
    number_axis(ax.yaxis, unit, name=name)
    label_ends(ax, ends)


def categories(
    ax: Axes | None,
    rows: pd.DataFrame,
    looks: Looks,
    *,
    x: str,
    by: str | None,
    unit: str,
    title: str | None,
    joined: bool = False,
) -> Axes:
    """Draw dots, one row a category, groups beside each other.

    Parameters
    ----------
    ax : matplotlib.axes.Axes or None
        Where; a new figure of fitting height for None.
    rows : pandas.DataFrame
        Checked table.
    looks : mapping
        Look of each group; the key None without groups.
    x, by : str
        Columns of categories and groups.
    unit : str
        Unit of the estimates.
    title : str or None
        Title.
    joined : bool, default False
        Whether a thin line joins the dots of a category.

    Returns
    -------
    matplotlib.axes.Axes
        Where it was drawn.
    """
    order = category_order(rows[x], rows["estimate"])
    place = {category: i for i, category in enumerate(order)}
    at = rows[x].astype(object).map(place).to_numpy(dtype=float)
    lines = 0 if by is None else -(-len(looks) // 4)
    height = height_of(len(order), len(looks)) + 0.25 * lines
    ax = prepare(ax, title=title, height=height, pad=12 + 15 * lines)
    name_rows(ax, order)
    pad_values(ax, rows[list(INTERVAL)].to_numpy())
    offsets = _offsets(len(looks))
    for (group, look), offset in zip(looks.items(), offsets, strict=True):
        mine = np.ones(len(rows), bool) if by is None else (rows[by] == group).to_numpy()
        draw_dots(ax, at[mine] + offset, rows[mine], look)
        if joined and offset == offsets[0]:
            _join(ax, rows, at, by, list(looks), offsets)
    low, high = ax.get_xlim()
    if low < 0 < high:
        style.reference_line(ax, 0.0, vertical=True)
    number_axis(ax.xaxis, unit)
    if by is None and len(order) <= MAX_WITH_NUMBERS:
        write_numbers(ax, at, rows, unit_of(unit))
    if by is not None:
        key_above(ax, looks)
    return ax


def key_above(ax: Axes, looks: Looks) -> None:
    """Name the groups in a row above the picture, in their colors.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where.
    looks : mapping
        Look of each group.
    """
    handles = [
        Line2D(
            [],
            [],
            linestyle="none",
            marker=str(look["marker"]),
            color=str(look["color"]),
            markerfacecolor=str(look.get("fill", look["color"])),
            label=wrapped(group, 24, 1) or " ",
        )
        for group, look in looks.items()
    ]
    ax.legend(
        handles=handles,
        loc="lower left",
        bbox_to_anchor=(0.0, 1.0),
        ncols=min(len(handles), 4),
        frameon=False,
        fontsize=style.SMALL,
        handletextpad=0.2,
        columnspacing=1.2,
        borderaxespad=0.2,
    )


def _offsets(groups: int) -> np.ndarray:
    return np.zeros(1) if groups == 1 else np.linspace(-1, 1, groups) * min(0.28, 0.08 * groups)


def _join(
    ax: Axes,
    rows: pd.DataFrame,
    at: np.ndarray,
    by: str | None,
    groups: list[object],
    offsets: np.ndarray,
) -> None:
    shift = rows[by].map(dict(zip(groups, offsets, strict=True))).to_numpy(dtype=float)
    for category in np.unique(at):
        mine = at == category
        ax.plot(
            rows["estimate"][mine],
            at[mine] + shift[mine],
            color=style.MUTED,
            linewidth=0.9,
            zorder=2,
        )
