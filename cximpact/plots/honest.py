"""Effects when trends are not parallel: intervals by bound, and drifts that a test would miss."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FixedFormatter, FixedLocator

from cximpact.core.wording import number
from cximpact.plots import style
from cximpact.plots.canvas import prepare
from cximpact.plots.dots import padded
from cximpact.plots.event_time import event_study
from cximpact.plots.labels import number_axis
from cximpact.plots.tables import checked

_SET, _INTERVAL = ["set_low", "set_high"], ["conf_low", "conf_high"]


def honest(
    table: pd.DataFrame,
    *,
    original: tuple[float, float, float],
    breakdown: float = float("nan"),
    name: str = "Bound",
    ax: Axes | None = None,
    title: str | None = None,
    unit: str = "",
) -> Axes:
    """Draw intervals of an effect by how far trends may differ.

    Parameters
    ----------
    table : pandas.DataFrame
        Columns ``bound``, ``conf_low`` and ``conf_high``, and if they are to be seen ``set_low``
        and ``set_high``, as `HonestBounds.tidy` gives them.
    original : tuple of float
        Estimate, lower and upper end under parallel trends.
    breakdown : float, optional
        The bound up to which the sign is certain; marked where it lies among the bounds.
    name : str
        What the bound is.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.
    title : str, optional
        Title.
    unit : str, default ""
        Unit of the effect.

    Returns
    -------
    matplotlib.axes.Axes
        The interval under parallel trends is on the left; thick lines are identified sets.
    """
    ends = [*_INTERVAL, *(column for column in _SET if column in table)]
    rows = checked(table, numbers=["bound", *ends]).sort_values("bound")
    ax = prepare(ax, title=title)
    bounds = rows["bound"].to_numpy()
    step = float(np.diff(bounds).min()) if len(bounds) > 1 else 1.0
    first = bounds[0] - 1.2 * step
    estimate, low, high = original
    ax.vlines(first, low, high, color=style.MUTED, linewidth=2.2)
    ax.plot([first], [estimate], "o", color=style.MUTED, markersize=7)
    ax.vlines(bounds, rows["conf_low"], rows["conf_high"], color=style.BLUE, linewidth=1.8)
    ax.vlines(bounds, rows["set_low"], rows["set_high"], color=style.BLUE, linewidth=7, alpha=0.35)
    style.reference_line(ax, 0.0, vertical=False, color=style.INK)
    ax.set_ylim(*padded(rows[ends].to_numpy(), include=[0.0, low, high]))
    ax.set_xlim(first - 0.7 * step, bounds[-1] + 0.7 * step)
    if bounds[0] < breakdown < bounds[-1]:
        style.reference_line(
            ax, breakdown, vertical=True, color=style.ORANGE, linestyle=(0, (4, 3))
        )
        ax.annotate(
            f"sign certain up to {number(breakdown)}",
            (breakdown, 1.0),
            xycoords=("data", "axes fraction"),
            xytext=(4, -2),
            textcoords="offset points",
            va="top",
            fontsize=style.SMALL,
            color=style.text_color(style.ORANGE),
        )
    number_axis(ax.yaxis, unit, name="Effect")
    shown = bounds if len(bounds) <= 9 else bounds[:: int(np.ceil(len(bounds) / 9))]
    ax.xaxis.set_major_locator(FixedLocator([first, *shown]))
    ax.xaxis.set_major_formatter(
        FixedFormatter(["parallel\ntrends", *(f"{bound:.3g}" for bound in shown)])
    )
    ax.set_xlabel(name)
    return ax


def pretrend_power(
    table: pd.DataFrame,
    *,
    label: str = "",
    ax: Axes | None = None,
    title: str | None = None,
    unit: str = "",
) -> Axes:
    """Draw an event study with a drift that a test of trends would find so often.

    Parameters
    ----------
    table : pandas.DataFrame
        Columns ``event_time``, ``estimate``, ``conf_low``, ``conf_high`` and ``drift``.
    label : str
        What the drift is.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.
    title : str, optional
        Title.
    unit : str, default ""
        Unit of the effect.

    Returns
    -------
    matplotlib.axes.Axes
        The drift is a dashed line through the reference.
    """
    rows = checked(table, numbers=["event_time", "estimate", "conf_low", "conf_high", "drift"])
    ax = event_study(rows.drop(columns="drift"), ax=ax, title=title, unit=unit)
    x, y = rows["event_time"].to_numpy(), rows["drift"].to_numpy()
    ax.plot(x, y, color=style.ORANGE, linestyle=(0, (5, 3)), linewidth=1.6, zorder=5)
    ax.set_ylim(*padded(rows[["conf_low", "conf_high", "drift"]].to_numpy(), include=[0.0]))
    at = int(np.argmax(x))
    ax.annotate(
        label,
        (x[at], y[at]),
        xytext=(0, -8 if y[at] >= 0 else 8),
        textcoords="offset points",
        ha="right",
        va="top" if y[at] >= 0 else "bottom",
        fontsize=style.SMALL,
        color=style.text_color(style.ORANGE),
    )
    return ax
