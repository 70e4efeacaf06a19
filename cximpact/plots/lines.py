"""Estimates with intervals along a line: one curve a group, labelled at its end."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from cximpact.plots import style
from cximpact.plots.labels import wrapped
from cximpact.plots.positions import spread

MAX_COLORED = 7
Look = Mapping[str, object]


def looks(groups: list[object]) -> dict[object, Look]:
    """Give each group a color and a marker; many groups share a quiet gray.

    Parameters
    ----------
    groups : list
        Groups in order.

    Returns
    -------
    dict
        Options ``color`` and ``marker`` for each group.
    """
    if len(groups) > MAX_COLORED:
        return {g: {"color": style.MUTED, "marker": "o"} for g in groups}
    return {
        g: {"color": style.PALETTE[i], "marker": style.MARKERS[i]} for i, g in enumerate(groups)
    }


def draw_line(ax: Axes, x: np.ndarray, rows: pd.DataFrame, look: Look, *, band: bool) -> None:
    """Draw one curve with its interval.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where.
    x : numpy.ndarray
        Positions, in order; NaN estimates leave a gap.
    rows : pandas.DataFrame
        Columns estimate, conf_low, conf_high, in the order of ``x``.
    look : mapping
        Color, marker and other line properties.
    band : bool
        Whether the interval is drawn.
    """
    color = str(look["color"])
    low, high = rows["conf_low"].to_numpy(), rows["conf_high"].to_numpy()
    estimate = rows["estimate"].to_numpy()
    if band:
        ax.fill_between(x, low, high, color=color, alpha=0.15, linewidth=0, zorder=2)
        alone = np.isfinite(low) & np.isfinite(high) & ~_has_neighbor(np.isfinite(low + high))
        ax.vlines(x[alone], low[alone], high[alone], color=color, alpha=0.5, linewidth=2)
    ax.plot(x, estimate, color=color, linewidth=1.8 if band else 1.0, zorder=3)
    bare = np.isnan(low) | np.isnan(high)
    marker = str(look["marker"])
    size = 5.5 if band else 3.0
    for where, fill in ((~bare, str(look.get("fill", color))), (bare, "white")):
        if band or where is not bare or bare.all():
            ax.plot(
                x[where],
                estimate[where],
                linestyle="none",
                marker=marker,
                markersize=size,
                color=color,
                markerfacecolor=fill,
                zorder=4,
            )


def label_ends(ax: Axes, ends: Mapping[object, tuple[float, str]]) -> None:
    """Write each curve's name beside its last point, moved apart where they collide.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Its y limits must have been set.
    ends : mapping of str to (float, str)
        Name to the height of the last point and the color.
    """
    kept = {name: end for name, end in ends.items() if np.isfinite(end[0])}
    if not kept:
        return
    size = style.SMALL if len(kept) <= 14 else 7.5
    names = {name: wrapped(name, 24, 2 if len(kept) <= 8 else 1) for name in kept}
    lines = max(text.count("\n") + 1 for text in names.values())
    low, high = ax.get_ylim()
    figure = ax.get_figure(root=True)
    height = 288.0 if figure is None else figure.get_size_inches()[1] * 72
    gap = (high - low) * size * 1.25 * lines / (height * 0.72 * ax.get_position().height / 0.77)
    heights = spread(np.array([end[0] for end in kept.values()]), gap)
    heights -= max(0.0, heights.max() - high)
    heights += max(0.0, low - heights.min())
    for (name, (_, color)), at in zip(kept.items(), heights, strict=True):
        ax.annotate(
            names[name],
            (1.0, at),
            xycoords=("axes fraction", "data"),
            xytext=(6, 0),
            textcoords="offset points",
            va="center",
            fontsize=size,
            color=style.text_color(color),
            annotation_clip=False,
        )


def _has_neighbor(known: np.ndarray) -> np.ndarray:
    before, after = np.roll(known, 1), np.roll(known, -1)
    before[0] = after[-1] = False
    return known & (before | after)
