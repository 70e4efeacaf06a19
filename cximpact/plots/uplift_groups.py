"""Effects by group of a score: whether those who come first gain more."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from cximpact.core.validate import check_number
from cximpact.plots import style
from cximpact.plots.canvas import prepare, say_above
from cximpact.plots.complete import check_complete
from cximpact.plots.dots import padded
from cximpact.plots.labels import number_axis, unit_of
from cximpact.plots.tables import INTERVAL, checked

_MANY = 20


def uplift_deciles(
    table: pd.DataFrame,
    *,
    average: float | None = None,
    ax: Axes | None = None,
    title: str | None = None,
    unit: str = "",
) -> Axes:
    """Draw the average effect in groups of customers, from the highest scores to the lowest.

    Parameters
    ----------
    table : pandas.DataFrame
        ``group`` (1 has the highest scores), ``estimate``, ``conf_low``, ``conf_high``;
        ``conf_level`` names the interval.
    average : float, optional
        Average effect on all customers, drawn as a line.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.
    title : str, optional
        Title.
    unit : str, default ""
        Unit of the estimates, ``"pp"`` for rates.

    Returns
    -------
    matplotlib.axes.Axes
        Where it was drawn. Groups whose effect is below 0 are orange.

    Raises
    ------
    DataError
        If the table lacks a column, repeats a group or holds no numbers.
    """
    rows = checked(table, keys=["group"], numbers=["group", *INTERVAL]).sort_values("group")
    check_complete(rows, ["estimate"])
    values = rows[list(INTERVAL)].to_numpy()
    include = [0.0] if average is None else [0.0, check_number(average, "average")]
    ax = prepare(ax, title=title, pad=27)
    at = np.arange(len(rows))
    ax.set_xlim(-0.6, len(rows) - 0.4)
    ax.set_ylim(*padded(values, include=include))
    style.reference_line(ax, 0.0, vertical=False, color=style.INK)
    if average is not None:
        _average(ax, average, unit)
    estimate, low, high = values.T
    colors = np.where(estimate < 0, style.ORANGE, style.BLUE)
    ax.vlines(at, low, high, color=list(colors), linewidth=2.4, alpha=0.55, zorder=3)
    ax.scatter(at, estimate, s=46, c=list(colors), zorder=4)
    few = len(rows) <= _MANY
    shown = slice(None) if few else slice(None, None, -(-len(rows) // 10))
    ax.set_xticks(at[shown], [f"{g:g}" for g in rows["group"].to_numpy()[shown]])
    style.hide_spine(ax, "bottom")
    ax.yaxis.grid(True, color=style.FAINT, linewidth=0.6)
    ax.set_xlabel("Group of customers, from the highest scores to the lowest")
    number_axis(ax.yaxis, unit, name="effect")
    level = f"{rows['conf_level'].iloc[0]:.0%} " if "conf_level" in rows else ""
    say_above(ax, f"Average effect in each group, with its {level}interval", color=style.MUTED)
    return ax


def _average(ax: Axes, average: float, unit: str) -> None:
    style.reference_line(ax, average, vertical=False, color=style.BLUE, linestyle=(0, (4, 3)))
    ax.annotate(
        f"all customers\n{unit_of(unit).show(average)}",
        (1.0, average),
        xycoords=("axes fraction", "data"),
        xytext=(6, 0),
        textcoords="offset points",
        va="center",
        fontsize=style.SMALL,
        color=style.text_color(style.BLUE),
        annotation_clip=False,
    )
