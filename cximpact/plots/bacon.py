"""What a two-way fixed-effects coefficient is made of."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from cximpact.plots import style
from cximpact.plots.canvas import prepare
from cximpact.plots.dots import padded
from cximpact.plots.labels import number_axis
from cximpact.plots.lines import label_ends, looks
from cximpact.plots.tables import checked


def bacon(
    table: pd.DataFrame, *, ax: Axes | None = None, title: str | None = None, unit: str = ""
) -> Axes:
    """Draw the comparisons of cohorts by their weight and estimate.

    Parameters
    ----------
    table : pandas.DataFrame
        Columns ``kind``, ``treated``, ``control``, ``weight`` and ``estimate``, as
        `BaconDecomposition.tidy` gives them.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.
    title : str, optional
        Title.
    unit : str, default ""
        Unit of the effect.

    Returns
    -------
    matplotlib.axes.Axes
        One point a comparison; the line is the average of all, which is the coefficient.
    """
    rows = checked(table, numbers=["weight", "estimate"], others=["kind"])
    ax = prepare(ax, title=title)
    kinds = list(dict.fromkeys(rows["kind"]))
    for kind, look in looks(kinds).items():
        part = rows[rows["kind"] == kind]
        share = part["weight"].sum()
        ax.plot(
            part["weight"].to_numpy(),
            part["estimate"].to_numpy(),
            linestyle="none",
            marker=str(look["marker"]),
            markersize=7.5,
            color=str(look["color"]),
            markeredgecolor="white",
            markeredgewidth=0.6,
            label=f"{kind} ({share:.0%})",
            zorder=3,
            clip_on=False,
        )
    total = float(np.average(rows["estimate"], weights=rows["weight"]))
    style.reference_line(ax, 0.0, vertical=False, color=style.INK)
    style.reference_line(ax, total, vertical=False, color=style.INK, linestyle=(0, (4, 3)))
    ax.set_ylim(*padded(rows[["estimate"]].to_numpy(), include=[0.0, total]))
    ax.set_xlim(0.0, 1.08 * float(rows["weight"].max()))
    label_ends(ax, {f"coefficient {total:.3g}": (total, style.INK)})
    number_axis(ax.yaxis, unit, name="Estimate")
    ax.xaxis.set_major_locator(MaxNLocator(nbins=6))
    number_axis(ax.xaxis, "", name="Weight")
    legend = ax.legend(
        loc="upper center",
        bbox_to_anchor=(0.5, -0.16),
        ncols=1,
        frameon=False,
        fontsize=style.BODY,
    )
    legend.set_zorder(5)
    return ax


def two_way_weights(
    table: pd.DataFrame, *, ax: Axes | None = None, title: str | None = None
) -> Axes:
    """Draw the weight of every treated cell in a two-way fixed-effects coefficient.

    Parameters
    ----------
    table : pandas.DataFrame
        Columns ``cohort``, ``period`` and ``weight``, as `effects.did.two_way_weights` and
        ``TwoByTwo(...).fit(...).details["weights"]`` give them.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.
    title : str, optional
        Title.

    Returns
    -------
    matplotlib.axes.Axes
        One line a cohort; weights below zero are on shaded ground.
    """
    rows = checked(table, keys=["cohort", "period"], numbers=["cohort", "period", "weight"])
    ax = prepare(ax, title=title)
    cohorts = [float(g) for g in np.unique(rows["cohort"])]
    low, high = padded(rows[["weight"]].to_numpy(), include=[0.0])
    ax.axhspan(min(low, 0.0), 0.0, color=style.SHADE, linewidth=0, zorder=0)
    ends = {}
    for cohort, look in looks(list(cohorts)).items():
        part = rows[rows["cohort"] == cohort].sort_values("period")
        x, y = part["period"].to_numpy(), part["weight"].to_numpy()
        color = str(look["color"])
        ax.plot(x, y, color=color, marker=str(look["marker"]), markersize=6, linewidth=1.6)
        ends[f"from {cohort:g}"] = (float(y[-1]), color)
    style.reference_line(ax, 0.0, vertical=False, color=style.INK)
    ax.set_ylim(low, high)
    label_ends(ax, ends)
    number_axis(ax.yaxis, "", name="Weight in the coefficient")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set_xlabel("Period")
    return ax
