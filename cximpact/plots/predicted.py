"""Predicted against found: whether predictions have the right level and spread."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from cximpact.plots import style
from cximpact.plots.canvas import prepare, say_above
from cximpact.plots.complete import check_complete
from cximpact.plots.dots import padded
from cximpact.plots.labels import number_axis
from cximpact.plots.tables import checked

_NUMBERS = ("predicted", "observed", "conf_low", "conf_high")


def calibration(
    table: pd.DataFrame,
    *,
    what: str = "effect",
    ax: Axes | None = None,
    title: str | None = None,
    unit: str = "",
) -> Axes:
    """Draw what was found against what was predicted, one dot a group.

    Parameters
    ----------
    table : pandas.DataFrame
        ``group``, ``predicted``, ``observed`` with its interval ``conf_low``, ``conf_high``;
        ``conf_level`` names the interval.
    what : str, default "effect"
        What is predicted.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.
    title : str, optional
        Title.
    unit : str, default ""
        Unit of both, ``"pp"`` for effects on rates.

    Returns
    -------
    matplotlib.axes.Axes
        Where it was drawn. Groups whose interval misses the prediction are orange.

    Raises
    ------
    DataError
        If the table lacks a column, repeats a group or holds no numbers.
    """
    rows = checked(table, keys=["group"], numbers=_NUMBERS)
    check_complete(rows, ["predicted", "observed"])
    predicted, observed, low, high = (rows[c].to_numpy() for c in _NUMBERS)
    ax = prepare(ax, title=title, height=4.4, pad=27)
    ax.set_xlim(*padded(predicted))
    inside = np.array(padded(predicted))
    ax.set_ylim(*padded(np.concatenate([observed, low, high, inside])))
    ends = np.array([*ax.get_xlim(), *ax.get_ylim()])
    line = [ends.min(), ends.max()]
    ax.plot(line, line, color=style.INK, linewidth=1.0, zorder=1.5, scalex=False, scaley=False)
    ax.annotate(
        "as predicted",
        (ends[1], ends[1]),
        xytext=(6, 0),
        textcoords="offset points",
        va="center",
        fontsize=style.SMALL,
        color=style.MUTED,
        annotation_clip=False,
    )
    if ax.get_ylim()[0] < 0 < ax.get_ylim()[1]:
        style.reference_line(ax, 0.0, vertical=False, linewidth=0.8, linestyle=(0, (2, 3)))
    missed = (predicted < low) | (predicted > high)
    colors = list(np.where(missed, style.ORANGE, style.BLUE))
    ax.vlines(predicted, low, high, color=colors, linewidth=2.4, alpha=0.55, zorder=3)
    ax.scatter(predicted, observed, s=46, c=colors, zorder=4)
    ax.yaxis.grid(True, color=style.FAINT, linewidth=0.6)
    number_axis(ax.xaxis, unit, name=f"predicted {what}")
    number_axis(ax.yaxis, unit, name=f"{what} found")
    say_above(ax, _words(rows, missed), color=style.MUTED)
    return ax


def _words(rows: pd.DataFrame, missed: np.ndarray) -> str:
    level = f"{rows['conf_level'].iloc[0]:.0%} " if "conf_level" in rows else ""
    count = int(missed.sum())
    if not count:
        return f"All {len(rows)} {level}intervals hold the prediction"
    return f"{count} of {len(rows)} {level}intervals miss the prediction (orange)"
