"""How often each answer was given, beside what the model expects."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from cximpact.plots import style
from cximpact.plots.canvas import prepare
from cximpact.plots.labels import axis_name, number_axis
from cximpact.plots.tables import INTERVAL, checked

_OUTSIDE = "#eeb08c"


def answer_distribution(
    table: pd.DataFrame,
    *,
    ax: Axes | None = None,
    title: str | None = None,
    unit: str = "share",
    name: str = "answer",
) -> Axes:
    """Draw how often each answer was given, with the interval that the model predicts for it.

    Parameters
    ----------
    table : pandas.DataFrame
        One row an answer: ``answer``, ``observed``, and the prediction for the same people as
        ``estimate``, ``conf_low``, ``conf_high``.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.
    title : str, optional
        Title.
    unit : str, default "share"
        Unit of the numbers.
    name : str, default "answer"
        What was answered.

    Returns
    -------
    matplotlib.axes.Axes
        Where it was drawn.
    """
    rows = checked(table, keys=["answer"], numbers=["answer", "observed", *INTERVAL])
    rows = rows.sort_values("answer", ignore_index=True)
    at = np.arange(len(rows))
    ax = prepare(ax, title=title, pad=27)
    low, high = rows["conf_low"].to_numpy(), rows["conf_high"].to_numpy()
    observed = rows["observed"].to_numpy()
    outside = (observed < low) | (observed > high)
    colors = np.where(outside, _OUTSIDE, style.FAINT)
    ax.bar(at, observed, width=0.8, color=colors, zorder=2)
    ax.vlines(at, low, high, color=style.BLUE, linewidth=2.4, zorder=3)
    ax.plot(
        at, rows["estimate"], linestyle="none", marker="o", markersize=5.5, color=style.BLUE,
        zorder=4,
    )  # fmt: skip
    ax.set_xticks(at, [f"{answer:g}" for answer in rows["answer"]])
    ax.set_xlabel(axis_name(name))
    ax.set_ylim(0, 1.06 * float(np.nanmax(rows[["observed", *INTERVAL]].to_numpy())))
    number_axis(ax.yaxis, unit, name="share of answers" if unit == "share" else "answers")
    ax.yaxis.grid(True, color=style.FAINT, linewidth=0.6)
    _key(ax, bool(outside.any()))
    return ax


def _key(ax: Axes, outside: bool) -> None:
    handles = [Patch(color=style.FAINT, label="observed")]
    if outside:
        handles.append(Patch(color=_OUTSIDE, label="observed, outside the interval"))
    predicted = Line2D([], [], color=style.BLUE, marker="o", linewidth=2.4, label="predicted")
    ax.legend(
        handles=[*handles, predicted],
        loc="lower left",
        bbox_to_anchor=(0.0, 1.0),
        ncols=3,
        frameon=False,
        fontsize=style.SMALL,
        columnspacing=1.4,
        borderaxespad=0.2,
    )
