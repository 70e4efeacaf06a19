"""Effects by segment: each by itself, and pooled with the others."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from cximpact.core.errors import ConfigError
from cximpact.plots import style
from cximpact.plots.canvas import prepare
from cximpact.plots.dots import (
    MAX_WITH_NUMBERS,
    draw_dots,
    height_of,
    name_rows,
    padded,
    write_numbers,
)
from cximpact.plots.labels import number_axis, unit_of
from cximpact.plots.tables import INTERVAL, checked, dimensions_of

_GAP = 0.17
"""Half the distance of the two dots of a segment."""


def segments(
    pooled: pd.DataFrame,
    own: pd.DataFrame,
    *,
    mean: tuple[float, float, float] | None = None,
    ax: Axes | None = None,
    title: str | None = None,
    unit: str = "",
) -> Axes:
    """Draw effects by segment as each shows it by itself, and as pooled with the others.

    Parameters
    ----------
    pooled : pandas.DataFrame
        A column of segments, then ``estimate``, ``conf_low``, ``conf_high``, as the ``.summary()``
        of a hierarchical result gives it.
    own : pandas.DataFrame
        The same columns for the segments by themselves, as its ``details["own"]``.
    mean : tuple of float, optional
        Mean over segments with the ends of its interval, drawn as a band.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.
    title : str, optional
        Title.
    unit : str, default ""
        Unit of the effect.

    Returns
    -------
    matplotlib.axes.Axes
        Segments from the greatest pooled effect down; numbers at the right are the pooled ones.

    Raises
    ------
    ConfigError
        If the tables do not hold the same segments.
    """
    by = _dimension(pooled)
    rows = checked(pooled, keys=[by]).sort_values("estimate", ascending=False, kind="stable")
    raw = checked(own, keys=[by]).set_index(by)
    if set(rows[by]) != set(raw.index):
        raise ConfigError(f"the tables differ in their {by}s; give both of one result.")
    raw = raw.loc[list(rows[by])].reset_index()
    n = len(rows)
    ax = prepare(ax, title=title, height=height_of(n, 2) + 0.3, pad=27)
    at = np.arange(n, dtype=float)
    name_rows(ax, list(rows[by]))
    band = [] if mean is None else list(mean)
    shown = np.concatenate([rows[list(INTERVAL)].to_numpy(), raw[list(INTERVAL)].to_numpy()])
    ax.set_xlim(*padded(shown, include=[0.0, *band]))
    if mean is not None:
        ax.axvspan(mean[1], mean[2], color=style.BLUE, alpha=0.1, linewidth=0, zorder=0)
        style.reference_line(ax, mean[0], vertical=True, color=style.BLUE, linewidth=1.2)
    style.reference_line(ax, 0.0, vertical=True, color=style.INK)
    draw_dots(ax, at - _GAP, raw, {"color": style.MUTED, "marker": "o", "fill": "white"})
    draw_dots(ax, at + _GAP, rows, {"color": style.BLUE, "marker": "o"})
    number_axis(ax.xaxis, unit, name="effect")
    if n <= MAX_WITH_NUMBERS:
        write_numbers(ax, at, rows, unit_of(unit))
    _key(ax, with_mean=mean is not None)
    return ax


def _dimension(pooled: pd.DataFrame) -> str:
    found = dimensions_of(checked(pooled))
    if len(found) != 1:
        raise ConfigError(f"the table has the dimensions {found}; expected one column of segments.")
    return found[0]


def _key(ax: Axes, *, with_mean: bool) -> None:
    """Name hollow and filled dots and the band above the picture."""
    dot = {"linestyle": "none", "marker": "o", "markeredgewidth": 1.4}
    handles: list[Line2D | Patch] = [
        Line2D([], [], color=style.MUTED, markerfacecolor="white", label="by itself", **dot),
        Line2D([], [], color=style.BLUE, label="pooled", **dot),
    ]
    if with_mean:
        handles.append(Patch(color=style.BLUE, alpha=0.2, label="mean over segments"))
    ax.legend(
        handles=handles,
        loc="lower left",
        bbox_to_anchor=(0.0, 1.0),
        ncols=3,
        frameon=False,
        fontsize=style.SMALL,
        handletextpad=0.4,
        columnspacing=1.4,
        borderaxespad=0.2,
    )
