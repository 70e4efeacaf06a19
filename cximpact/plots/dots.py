"""Estimates with intervals as dots, one row a category."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from cximpact.plots import style
from cximpact.plots.labels import Unit, interval_text, wrapped
from cximpact.plots.lines import Look

MAX_WITH_NUMBERS = 45


def height_of(rows: int, groups: int = 1) -> float:
    """Return a figure height in inches at which rows do not touch.

    Parameters
    ----------
    rows : int
        Categories.
    groups : int, default 1
        Dots a category.

    Returns
    -------
    float
        Between 1.7 and 40 inches.
    """
    each = max(0.34 if rows <= 20 else 0.25, 0.17 * groups + 0.1)
    return float(min(max(1.1 + each * rows, 1.7), 40.0))


def draw_dots(ax: Axes, y: np.ndarray, rows: pd.DataFrame, look: Look) -> None:
    """Draw dots with interval lines; hollow where there is no interval.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where.
    y : numpy.ndarray
        Row of each dot.
    rows : pandas.DataFrame
        Columns estimate, conf_low, conf_high.
    look : mapping
        Color and marker; ``fill`` overrides the color inside the marker.
    """
    color = str(look["color"])
    estimate = rows["estimate"].to_numpy()
    low, high = rows["conf_low"].to_numpy(), rows["conf_high"].to_numpy()
    known = np.isfinite(low) & np.isfinite(high) & np.isfinite(estimate)
    ax.hlines(y[known], low[known], high[known], color=color, linewidth=2.2, alpha=0.55, zorder=3)
    for where, fill in ((known, str(look.get("fill", color))), (~known, "white")):
        ax.plot(
            estimate[where],
            y[where],
            linestyle="none",
            marker=str(look["marker"]),
            markersize=6.5,
            color=color,
            markerfacecolor=fill,
            markeredgewidth=1.4,
            zorder=4,
        )


def name_rows(ax: Axes, names: Sequence[object], *, first_at_top: bool = True) -> None:
    """Write category names beside the rows, with faint guide lines.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Rows are at 0, 1, 2 and so on.
    names : sequence
        Any labels, long ones are broken.
    first_at_top : bool, default True
        Whether row 0 is on top.
    """
    dense = len(names) > 20
    texts = [wrapped(n, 34 if dense else 28, 1 if dense else 2) for n in names]
    ax.set_yticks(range(len(names)), texts)
    ax.tick_params(axis="y", labelsize=style.SMALL if dense else style.BODY)
    style.hide_spine(ax, "left")
    ax.hlines(
        range(len(names)),
        0,
        1,
        transform=ax.get_yaxis_transform(),
        color=style.FAINT,
        linewidth=0.6,
    )
    edge = 0.6 if len(names) > 1 else 0.8
    ax.set_ylim(-edge, len(names) - 1 + edge)
    if first_at_top:
        ax.invert_yaxis()


def write_numbers(ax: Axes, y: np.ndarray, rows: pd.DataFrame, unit: Unit) -> None:
    """Write the numbers of each row at the right edge.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where.
    y : numpy.ndarray
        Row of each number.
    rows : pandas.DataFrame
        Columns estimate, conf_low, conf_high.
    unit : Unit
        How numbers are shown.
    """
    numbers = rows[["estimate", "conf_low", "conf_high"]].itertuples(index=False)
    for at, (estimate, low, high) in zip(y, numbers, strict=True):
        ax.annotate(
            interval_text(unit, estimate, low, high),
            (1.0, at),
            xycoords=("axes fraction", "data"),
            xytext=(8, 0),
            textcoords="offset points",
            va="center",
            fontsize=style.SMALL,
            color=style.MUTED,
            annotation_clip=False,
        )


def pad_values(ax: Axes, values: np.ndarray, include: Sequence[float] = ()) -> None:
    """Set the x limits around values with a margin.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where.
    values : numpy.ndarray
        What must be seen; NaN is passed over.
    include : sequence of float
        Further values that must be seen, such as zero.
    """
    ax.set_xlim(*padded(values, include))


def padded(values: np.ndarray, include: Sequence[float] = ()) -> tuple[float, float]:
    """Return limits around values with a margin of 6 %.

    Parameters
    ----------
    values : numpy.ndarray
        What must be seen; NaN is passed over.
    include : sequence of float
        Further values that must be seen.

    Returns
    -------
    tuple of float
        Lower and upper limit, never equal.
    """
    seen = np.append(np.asarray(values, dtype=float).ravel(), np.asarray(include, dtype=float))
    seen = seen[np.isfinite(seen)]
    if seen.size == 0:
        return 0.0, 1.0
    low, high = float(seen.min()), float(seen.max())
    margin = 0.06 * (high - low) or 0.1 * abs(high) or 1.0
    return low - margin, high + margin
