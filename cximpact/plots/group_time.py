"""Effects by cohort and period, one strip a cohort."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import MaxNLocator

from cximpact.core.errors import ConfigError
from cximpact.plots import style
from cximpact.plots.canvas import WIDTH, NotebookFigure
from cximpact.plots.dots import padded
from cximpact.plots.labels import NumberFormatter, number_axis, title_text
from cximpact.plots.tables import INTERVAL, checked

MAX_COHORTS = 12


def group_time(table: pd.DataFrame, *, title: str | None = None, unit: str = "") -> Figure:
    """Draw effects by period, one strip for each cohort, all on one scale.

    Parameters
    ----------
    table : pandas.DataFrame
        Columns ``cohort`` (first treated period), ``period``, ``estimate``, ``conf_low``,
        ``conf_high``, as a group-time result's ``.tidy()`` gives them.
    title : str, optional
        Title.
    unit : str, default ""
        Unit of the effect.

    Returns
    -------
    matplotlib.figure.Figure
        Periods before treatment are shaded and their markers hollow.

    Raises
    ------
    ConfigError
        If there are more than twelve cohorts: aggregate by event time.
    """
    rows = checked(table, keys=["cohort", "period"], numbers=[*INTERVAL, "cohort", "period"])
    cohorts = np.unique(rows["cohort"])
    if len(cohorts) > MAX_COHORTS:
        raise ConfigError(
            f"{len(cohorts)} cohorts cannot be read in one picture; draw .aggregate('event'), or "
            f"select at most {MAX_COHORTS}."
        )
    engine = ConstrainedLayoutEngine(w_pad=0.1, h_pad=0.06, hspace=0.03)
    figure = NotebookFigure(figsize=(WIDTH, 0.9 + 1.3 * len(cohorts)), layout=engine)
    if title:
        look = {"fontsize": style.LARGE, "fontweight": "bold", "color": style.INK}
        figure.suptitle(title_text(title), x=0.012, ha="left", **look)
    strips = figure.subplots(len(cohorts), 1, sharex=True, sharey=True, squeeze=False)[:, 0]
    periods = np.unique(rows["period"])
    step = float(np.diff(periods).min()) if len(periods) > 1 else 1.0
    low, high = padded(rows[list(INTERVAL)].to_numpy(), include=[0.0])
    for ax, cohort in zip(strips, cohorts, strict=True):
        _strip(ax, rows[rows["cohort"] == cohort], float(cohort), step)
        number_axis(ax.yaxis, unit, name="")
        ax.yaxis.set_major_locator(MaxNLocator(nbins=4, steps=[1, 2, 2.5, 5, 10]))
        ax.set_ylim(low, high)
        ax.set_xlim(periods[0] - 0.6 * step, periods[-1] + 0.6 * step)
        if ax is not strips[-1]:
            style.hide_spine(ax, "bottom")
    strips[-1].set_xticks(periods)
    strips[-1].xaxis.set_major_formatter(NumberFormatter(separate=False))
    strips[-1].set_xlabel("Period")
    return figure


def _strip(ax: Axes, part: pd.DataFrame, cohort: float, step: float) -> None:
    """Draw the effects of one cohort."""
    style.apply(ax)
    ax.axvspan(-1e9, cohort - 0.5 * step, color=style.SHADE, linewidth=0, zorder=0)
    style.reference_line(ax, 0.0, vertical=False, color=style.INK)
    for before, fill in ((True, "white"), (False, style.BLUE)):
        shown = part[(part["period"] < cohort) == before]
        x = shown["period"].to_numpy()
        ax.vlines(
            x, shown["conf_low"], shown["conf_high"], color=style.BLUE, linewidth=1.8, zorder=3
        )
        ax.plot(
            x,
            shown["estimate"].to_numpy(),
            linestyle="none",
            marker="o",
            markersize=6.5,
            color=style.BLUE,
            markerfacecolor=fill,
            zorder=4,
        )
    ax.annotate(
        f"treated from {cohort:g}",
        (0.0, 1.0),
        xycoords="axes fraction",
        xytext=(0, 3),
        textcoords="offset points",
        va="bottom",
        fontsize=style.BODY,
        color=style.INK,
    )
