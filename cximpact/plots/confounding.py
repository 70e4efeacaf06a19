"""How strong something unmeasured must be to take an estimate away."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from cximpact.core.errors import ConfigError
from cximpact.core.validate import check_number
from cximpact.plots import style
from cximpact.plots.canvas import prepare, say_above
from cximpact.plots.complete import check_complete
from cximpact.plots.labels import number_axis, unit_of, wrapped
from cximpact.plots.positions import spread
from cximpact.plots.tables import checked

_STRENGTH = ("r2_treatment", "r2_outcome")
_MOST_NAMES = 4


def confounding_contour(
    table: pd.DataFrame,
    benchmarks: pd.DataFrame | None = None,
    *,
    threshold: float = 0.0,
    ax: Axes | None = None,
    title: str | None = None,
    unit: str = "",
) -> Axes:
    """Draw an estimate as an omitted variable of any strength would leave it.

    Parameters
    ----------
    table : pandas.DataFrame
        A full grid of ``r2_treatment`` and ``r2_outcome``, the shares that the variable explains,
        with the ``estimate`` that it would leave.
    benchmarks : pandas.DataFrame, optional
        ``benchmark``, ``k``, ``r2_treatment``, ``r2_outcome``: variables k times as strong as one
        at hand. The strongest four are named; those outside the grid are not drawn.
    threshold : float, default 0
        Value at which the conclusion changes, drawn in orange.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.
    title : str, optional
        Title.
    unit : str, default ""
        Unit of the estimate.

    Returns
    -------
    matplotlib.axes.Axes
        Where it was drawn.

    Raises
    ------
    DataError
        If a table lacks a column, repeats a row or holds no numbers.
    ConfigError
        If the grid has gaps or fewer than two values on a side.
    """
    threshold = check_number(threshold, "threshold")
    rows = checked(table, keys=_STRENGTH, numbers=[*_STRENGTH, "estimate"])
    check_complete(rows, ["estimate"])
    grid = rows.pivot_table(index="r2_outcome", columns="r2_treatment", values="estimate")
    if grid.isna().any(axis=None) or min(grid.shape) < 2 or grid.size != len(rows):
        raise ConfigError("the strengths do not make a full grid of two by two or more.")
    x, y = grid.columns.to_numpy(float), grid.index.to_numpy(float)
    ax = prepare(ax, title=title, height=4.8, pad=27)
    _contours(ax, x, y, grid.to_numpy(), threshold, unit)
    ax.set_xlim(x[0], x[-1])
    ax.set_ylim(y[0], y[-1])
    if benchmarks is not None:
        _benchmarks(ax, benchmarks)
    number_axis(ax.xaxis, "share", name="share of the treatment it explains")
    number_axis(ax.yaxis, "share", name="share of the outcome it explains")
    _say(ax, grid.to_numpy(), threshold, unit_of(unit).show(threshold))
    return ax


def _contours(
    ax: Axes, x: np.ndarray, y: np.ndarray, values: np.ndarray, threshold: float, unit: str
) -> None:
    low, high = float(values.min()), float(values.max())
    levels = np.asarray(MaxNLocator(nbins=8, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high))
    levels = levels[(levels > low) & (levels < high) & ~np.isclose(levels, threshold)]
    shown = unit_of(unit)
    font: dict[str, Any] = {"fontsize": style.SMALL, "inline_spacing": 4, "fmt": shown.show}
    if levels.size:
        lines = ax.contour(x, y, values, levels=levels, colors=style.MUTED, linewidths=0.9)
        ax.clabel(lines, **font)
    if low < threshold < high:
        crossing = ax.contour(
            x, y, values, levels=[threshold], colors=style.ORANGE, linewidths=2.2, linestyles="-"
        )
        ax.clabel(crossing, **font)


def _say(ax: Axes, values: np.ndarray, threshold: float, shown: str) -> None:
    reached = values.min() < threshold < values.max()
    where = f"orange: it is {shown}" if reached else f"nothing in the picture takes it to {shown}"
    say_above(ax, f"The estimate with something omitted added; {where}", color=style.MUTED)


def _benchmarks(ax: Axes, table: pd.DataFrame) -> None:
    rows = checked(table, keys=["benchmark", "k"], numbers=["k", *_STRENGTH]).dropna(
        subset=list(_STRENGTH)
    )
    right, top = ax.get_xlim()[1], ax.get_ylim()[1]
    rows = rows[(rows["r2_treatment"] <= right) & (rows["r2_outcome"] <= top)]
    if rows.empty:
        return
    strength = (rows["r2_treatment"] * rows["r2_outcome"]).groupby(rows["benchmark"]).max()
    names = list(strength.sort_values(ascending=False, kind="stable").index[:_MOST_NAMES])
    last = {}
    for name in names:
        own = rows[rows["benchmark"] == name].sort_values("k")
        ax.plot(*(own[c] for c in _STRENGTH), color=style.BLUE, linewidth=0.9, zorder=4)
        ax.plot(
            *(own[c] for c in _STRENGTH), linestyle="none", marker="D", markersize=5.5,
            color=style.BLUE, clip_on=False, zorder=5,
        )  # fmt: skip
        last[name] = own.iloc[-1]
    heights = spread(np.array([row["r2_outcome"] for row in last.values()]), 0.05 * top)
    heights += max(0.0, 0.03 * top - heights.min())
    for (name, row), at in zip(last.items(), heights, strict=True):
        ax.annotate(
            f"{row['k']:g} × {wrapped(name, 22, 1)}",
            (row["r2_treatment"], at),
            xytext=(8, 0),
            textcoords="offset points",
            va="center",
            fontsize=style.SMALL,
            color=style.text_color(style.BLUE),
            bbox={"facecolor": "white", "alpha": 0.8, "linewidth": 0, "pad": 0.8},
            zorder=6,
        )
