"""Treated units beside their synthetic control."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from cximpact.core.errors import ConfigError
from cximpact.plots import style
from cximpact.plots.canvas import prepare
from cximpact.plots.dots import padded
from cximpact.plots.labels import NumberFormatter, number_axis
from cximpact.plots.lines import label_ends
from cximpact.plots.tables import checked


def synthetic_control(
    table: pd.DataFrame,
    *,
    cohort: float | None = None,
    ax: Axes | None = None,
    title: str | None = None,
    unit: str = "",
) -> Axes:
    """Draw the mean of the treated and of the controls that are weighted to move like them.

    Parameters
    ----------
    table : pandas.DataFrame
        Columns ``cohort``, ``period``, ``treated``, ``synthetic`` (moved to the level of the
        treated) and ``weight`` of the period, as ``SyntheticDiD(...).fit(...).details["paths"]``
        gives them.
    cohort : float, optional
        Which cohort, where there are several.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.
    title : str, optional
        Title.
    unit : str, default ""
        Unit of the outcome.

    Returns
    -------
    matplotlib.axes.Axes
        Bars at the bottom are the weights of the periods before treatment.

    Raises
    ------
    ConfigError
        If there are several cohorts and none is named.
    """
    numbers = ["cohort", "period", "treated", "synthetic", "weight"]
    rows = checked(table, keys=["cohort", "period"], numbers=numbers)
    cohorts = np.unique(rows["cohort"])
    if cohort is None and len(cohorts) > 1:
        raise ConfigError(
            f"there are {len(cohorts)} cohorts; name one, such as cohort={cohorts[0]:g}."
        )
    first = float(cohorts[0] if cohort is None else cohort)
    part = rows[rows["cohort"] == first].sort_values("period")
    if part.empty:
        raise ConfigError(f"there is no cohort {first:g}; there are {cohorts.tolist()}.")
    ax = prepare(ax, title=title)
    x = part["period"].to_numpy()
    step = float(np.diff(x).min())
    low, high = padded(part[["treated", "synthetic"]].to_numpy())
    low -= 0.18 * (high - low)
    _bars(ax, x, part["weight"].to_numpy(), step, (low, high))
    ax.axvspan(x[0] - step, first - 0.5 * step, color=style.SHADE, linewidth=0, zorder=0)
    looks = (("synthetic", style.MUTED, (0, (4, 2))), ("treated", style.BLUE, "-"))
    ends = {}
    for name, color, dash in looks:
        y = part[name].to_numpy()
        ax.plot(x, y, color=color, linestyle=dash, linewidth=2.0, zorder=4)
        ends[name] = (float(y[-1]), color)
    after = part[part["period"] >= first]
    ax.fill_between(
        after["period"].to_numpy(),
        after["treated"].to_numpy(),
        after["synthetic"].to_numpy(),
        color=style.BLUE,
        alpha=0.12,
        linewidth=0,
    )
    ax.set_xlim(x[0] - 0.4 * step, x[-1] + 0.2 * step)
    ax.set_ylim(low, high)
    label_ends(ax, ends)
    number_axis(ax.yaxis, unit, name="Outcome")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.xaxis.set_major_formatter(NumberFormatter(separate=False))
    ax.set_xlabel("Period")
    return ax


def _bars(
    ax: Axes, x: np.ndarray, weight: np.ndarray, step: float, ends: tuple[float, float]
) -> None:
    """Draw the weights of periods along the bottom."""
    low, high = ends
    shown = weight > 1e-4
    height = 0.16 * (high - low) * weight / weight.max()
    ax.bar(
        x[shown], height[shown], 0.8 * step, bottom=low, color=style.PALETTE[4], alpha=0.6, zorder=2
    )
    ax.annotate(
        "weight of the period",
        (x[shown][0] - 0.6 * step, low),
        xytext=(0, 4),
        textcoords="offset points",
        ha="right",
        fontsize=style.SMALL,
        color=style.MUTED,
    )
