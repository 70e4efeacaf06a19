"""Curves over the age of customers: retention as seen and as fitted, and what adds up over time."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from cximpact.core.draws import SAMPLE
from cximpact.core.summaries import summarize
from cximpact.plots import style
from cximpact.plots.canvas import prepare, say_above
from cximpact.plots.compare import key_above
from cximpact.plots.dots import padded
from cximpact.plots.labels import axis_name, number_axis
from cximpact.plots.lines import looks
from cximpact.plots.tables import checked, checked_draws


def retention_curves(
    table: pd.DataFrame,
    seen: pd.DataFrame | None = None,
    *,
    ax: Axes | None = None,
    title: str | None = None,
) -> Axes:
    """Draw the retention by age as fitted, with what was seen as points.

    Parameters
    ----------
    table : pandas.DataFrame
        Columns ``segment, renewal, estimate, conf_low, conf_high``; shares.
    seen : pandas.DataFrame, optional
        Columns ``segment, period, retention``.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.
    title : str, optional
        Title.

    Returns
    -------
    matplotlib.axes.Axes
        Where it was drawn.
    """
    rows = checked(table, keys=["segment", "renewal"])
    segments = list(dict.fromkeys(rows["segment"]))
    look = looks(segments)
    ax = prepare(ax, title=title, pad=42)
    for segment in segments:
        own = rows[rows["segment"] == segment].sort_values("renewal")
        color = str(look[segment]["color"])
        at = own["renewal"].to_numpy(float)
        ax.fill_between(at, own["conf_low"], own["conf_high"], color=color, alpha=0.15, linewidth=0)
        ax.plot(at, own["estimate"], color=color, linewidth=1.8, zorder=3)
        if seen is not None:
            _points(ax, seen[seen["segment"] == segment], look[segment])
    shown = rows[["conf_low", "conf_high"]].to_numpy()
    lows = [shown.min()] + ([] if seen is None else [float(seen["retention"].min())])
    low, _ = padded(np.array([min(lows), shown.max()]))
    ax.set_ylim(max(low, 0.0), 1.0)
    ax.yaxis.grid(True, color=style.FAINT, linewidth=0.6)
    ax.xaxis.set_major_locator(MaxNLocator(nbins=9, integer=True))
    ax.set_xlabel(axis_name("renewal"))
    number_axis(ax.yaxis, "share", name="customers who renew")
    if len(segments) > 1:
        key_above(ax, dict(look))
    if seen is not None:
        words = "Points: seen. Line: fitted, with its 90% band."
        say_above(ax, words, line=1 if len(segments) > 1 else 0, color=style.MUTED)
    return ax


def growth(
    draws: xr.DataArray,
    *,
    period: str,
    what: str,
    ax: Axes | None = None,
    title: str | None = None,
) -> Axes:
    """Draw something that adds up over time, with its 90 % band.

    Parameters
    ----------
    draws : xarray.DataArray
        Dimensions ``(sample, time)``.
    period : str
        Unit of time.
    what : str
        What adds up, such as ``"repeat purchases"``.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.
    title : str, optional
        Title.

    Returns
    -------
    matplotlib.axes.Axes
        Where it was drawn.
    """
    draws = checked_draws(draws, 1).transpose(SAMPLE, ...)
    table = summarize(draws, 0.9)
    at = table[str(draws.dims[1])].to_numpy(float)
    ax = prepare(ax, title=title, pad=27)
    ax.fill_between(
        at, table["conf_low"], table["conf_high"], color=style.BLUE, alpha=0.16, linewidth=0
    )
    ax.plot(at, table["estimate"], color=style.BLUE, linewidth=2.0)
    ax.set_xlim(at[0], at[-1])
    ax.set_ylim(0, None)
    ax.yaxis.grid(True, color=style.FAINT, linewidth=0.6)
    ax.set_xlabel(axis_name(f"{period}s since the first purchase"))
    number_axis(ax.yaxis, name=f"{what} per customer")
    say_above(ax, "Mean and 90% band of the parameters", color=style.MUTED)
    return ax


def _points(ax: Axes, seen: pd.DataFrame, look: object) -> None:
    color, marker = (str(look[k]) for k in ("color", "marker"))  # type: ignore[index]
    ax.plot(
        seen["period"].to_numpy(float),
        seen["retention"].to_numpy(float),
        linestyle="none",
        marker=marker,
        markersize=5.5,
        color=color,
        markerfacecolor="white",
        markeredgewidth=1.4,
        zorder=4,
    )
