"""Drivers: how much of an outcome each rating can claim, and importance against performance."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from cximpact.core.errors import ConfigError, DtypeError
from cximpact.plots import style
from cximpact.plots.canvas import prepare, say_above
from cximpact.plots.complete import check_complete
from cximpact.plots.dots import MAX_WITH_NUMBERS, height_of, name_rows, padded, write_numbers
from cximpact.plots.keys import key_row
from cximpact.plots.labels import number_axis, unit_of
from cximpact.plots.tables import INTERVAL, checked
from cximpact.plots.tags import write_tags

QUADRANT_COLORS = {
    "fix first": style.ORANGE,
    "keep up": style.BLUE,
    "low priority": "#777777",
    "possible overkill": "#009e73",
}
WHAT = "share of the variance of the outcome"
_SURE = 0.8


def driver_importance(
    table: pd.DataFrame,
    *,
    ax: Axes | None = None,
    title: str | None = None,
    unit: str = "share",
    what: str = WHAT,
) -> Axes:
    """Draw the share that each driver can claim, the stable ones in color.

    Parameters
    ----------
    table : pandas.DataFrame
        ``driver, estimate, conf_low, conf_high`` and ``selected``, true for stable drivers; an
        optional ``own`` is the share beyond what all ratings have in common.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.
    title : str, optional
        Title.
    unit : str, default "share"
        Unit of the shares.
    what : str
        What is shared out, for the axis.

    Returns
    -------
    matplotlib.axes.Axes
        Bars with intervals, the longest on top; a diamond is the share beyond the common part.

    Raises
    ------
    DataError
        If the table lacks a column, repeats a driver or holds no numbers.
    """
    with_own = "own" in table
    numbers = [*INTERVAL, *(["own"] if with_own else [])]
    rows = checked(table, keys=["driver"], numbers=numbers, others=["selected"])
    check_complete(rows, ["estimate"])
    if not pd.api.types.is_bool_dtype(rows["selected"]):
        raise DtypeError("column 'selected' is not true or false; say which drivers are stable.")
    rows = rows.sort_values("estimate", ascending=False, kind="stable", ignore_index=True)
    ax = prepare(ax, title=title, height=height_of(len(rows)) + 0.5, pad=27)
    at = np.arange(len(rows), dtype=float)
    name_rows(ax, list(rows["driver"]))
    ax.set_xlim(0.0, padded(rows[numbers].to_numpy(), include=[0.0])[1])
    stable = rows["selected"].to_numpy(dtype=bool)
    color = np.where(stable, style.BLUE, "#b5b5b5")
    ax.barh(at, rows["estimate"], height=0.58, color=list(color), zorder=2)
    ax.hlines(at, rows["conf_low"], rows["conf_high"], color=style.INK, linewidth=1.4, zorder=4)
    if with_own:
        look = {
            "marker": "D",
            "markersize": 5.5,
            "linestyle": "none",
            "zorder": 5,
            "clip_on": False,
        }
        ax.plot(rows["own"], at, color=style.INK, markerfacecolor="white", **look)
    number_axis(ax.xaxis, unit, name=what)
    if len(rows) <= MAX_WITH_NUMBERS:
        write_numbers(ax, at, rows, unit_of(unit))
    key_row(ax, _importance_key(rows, with_own=with_own), columns=4)
    return ax


def _importance_key(rows: pd.DataFrame, *, with_own: bool) -> list[Artist]:
    level = f"{rows['conf_level'].iloc[0]:.0%} interval" if "conf_level" in rows else "interval"
    handles: list[Artist] = []
    if rows["selected"].any():
        handles.append(Patch(color=style.BLUE, label="stable"))
    if not rows["selected"].all():
        handles.append(Patch(color="#b5b5b5", label="not stable"))
    handles.append(Line2D([], [], color=style.INK, linewidth=1.4, label=level))
    if with_own:
        look = {"marker": "D", "markersize": 5.5, "linestyle": "none", "markerfacecolor": "white"}
        label = "beyond what all ratings share"
        handles.append(Line2D([], [], color=style.INK, label=label, **look))
    return handles


def driver_quadrants(
    table: pd.DataFrame,
    *,
    ax: Axes | None = None,
    title: str | None = None,
    unit: str = "share",
    performance_unit: str = "points",
    what: str = WHAT,
) -> Axes:
    """Draw drivers by performance and importance, in four quadrants.

    Parameters
    ----------
    table : pandas.DataFrame
        ``driver, importance, performance`` with ``_low`` and ``_high`` of both, ``quadrant`` and
        its ``probability``, as `DriverImportance.quadrants` gives them.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.
    title : str, optional
        Title.
    unit : str, default "share"
        Unit of importance.
    performance_unit : str, default "points"
        Unit of performance; ``"share"`` after scales were given.
    what : str
        What importance is, for the axis.

    Returns
    -------
    matplotlib.axes.Axes
        Dots with intervals both ways; hollow where the quadrant has a probability below 80%.

    Raises
    ------
    DataError
        If the table lacks a column, repeats a driver or holds no numbers.
    ConfigError
        If a quadrant has another name.
    """
    names = [f"{a}{end}" for a in ("importance", "performance") for end in ("", "_low", "_high")]
    limits = table.attrs.get("limits") if isinstance(table, pd.DataFrame) else None
    rows = checked(table, keys=["driver"], numbers=[*names, "probability"], others=["quadrant"])
    check_complete(rows, ["importance", "performance", "probability"])
    if strange := [q for q in rows["quadrant"] if q not in QUADRANT_COLORS]:
        raise ConfigError(
            f"quadrant is {strange[0]!r}; expected one of {', '.join(map(repr, QUADRANT_COLORS))}."
        )
    ax = prepare(ax, title=title, height=5.0, pad=27)
    ax.set_xlim(*padded(rows[names[3:]].to_numpy()))
    ax.set_ylim(*_tall(padded(rows[names[:3]].to_numpy(), include=[0.0])))
    means = (float(rows["importance"].mean()), float(rows["performance"].mean()))
    _name_quadrants(ax, *(limits or means))
    x, y = rows["performance"].to_numpy(), rows["importance"].to_numpy()
    color = [QUADRANT_COLORS[q] for q in rows["quadrant"]]
    fill = [c if p >= _SURE else "white" for c, p in zip(color, rows["probability"], strict=True)]
    faint = {"color": color, "linewidth": 1.6, "alpha": 0.4, "zorder": 3}
    ax.hlines(y, rows["performance_low"], rows["performance_high"], **faint)
    ax.vlines(x, rows["importance_low"], rows["importance_high"], **faint)
    ax.scatter(x, y, s=44, c=fill, edgecolors=color, linewidths=1.6, zorder=4)
    number_axis(ax.xaxis, performance_unit, name="mean rating")
    number_axis(ax.yaxis, unit, name=what)
    write_tags(ax, x, y, list(rows["driver"]))
    say_above(
        ax,
        f"Lines are means over drivers; hollow: quadrant less than {_SURE:.0%} probable",
        fontsize=style.SMALL,
        color=style.MUTED,
    )
    return ax


def _tall(limits: tuple[float, float]) -> tuple[float, float]:
    """Leave room for the names of the quadrants above and below the dots."""
    room = 0.09 * (limits[1] - limits[0])
    return limits[0] - room, limits[1] + room


def _name_quadrants(ax: Axes, importance: float, performance: float) -> None:
    look = {"color": style.MUTED, "linewidth": 0.9, "linestyle": (0, (4, 3))}
    style.reference_line(ax, performance, vertical=True, **look)
    style.reference_line(ax, importance, vertical=False, **look)
    corners = {"fix first": (0, 1), "keep up": (1, 1), "low priority": (0, 0),
               "possible overkill": (1, 0)}  # fmt: skip
    for name, (right, top) in corners.items():
        ax.annotate(
            name,
            (right, top),
            xycoords="axes fraction",
            xytext=(-6 if right else 6, -6 if top else 6),
            textcoords="offset points",
            ha="right" if right else "left",
            va="top" if top else "bottom",
            fontsize=style.BODY,
            fontweight="bold",
            color=style.text_color(QUADRANT_COLORS[name]),
        )
