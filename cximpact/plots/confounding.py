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
from cximpact.plots.tables import checked

_STRENGTH = ("r2_treatment", "r2_outcome")
_MOST_NAMES = 4
_HARMLESS = 0.005
"""Share of the picture: what is nearer to an axis hardly moves the estimate."""


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
        at hand. Of those inside the grid the strongest four are drawn, named at their largest k;
        one that explains next to nothing of treatment or outcome is left out.
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
    _say(ax, grid, threshold, unit)
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
        lines = ax.contour(
            x, y, values, levels=levels, colors=style.MUTED, linewidths=0.9, linestyles="-"
        )
        ax.clabel(lines, **font)
    if low < threshold < high:
        crossing = ax.contour(
            x, y, values, levels=[threshold], colors=style.ORANGE, linewidths=2.2, linestyles="-"
        )
        ax.clabel(crossing, **font)


def _say(ax: Axes, grid: pd.DataFrame, threshold: float, unit: str) -> None:
    values, shown = grid.to_numpy(), unit_of(unit)
    now = f", {shown.show(values[0, 0])}," if grid.index[0] == grid.columns[0] == 0 else ""
    reached = values.min() < threshold < values.max()
    aim = shown.show(threshold)
    end = f"orange: {aim}" if reached else f"{aim} is out of reach"
    say_above(ax, f"The estimate{now} once an omitted variable is added; {end}", color=style.MUTED)


def _benchmarks(ax: Axes, table: pd.DataFrame) -> None:
    numbers = ["k", *_STRENGTH]
    rows = checked(table, keys=["benchmark", "k"], numbers=numbers).dropna(subset=list(_STRENGTH))
    right, top = ax.get_xlim()[1], ax.get_ylim()[1]
    rows = rows[(rows["r2_treatment"] <= right) & (rows["r2_outcome"] <= top)].sort_values("k")
    last = rows.groupby("benchmark", sort=False).tail(1)
    last = last[np.minimum(last["r2_treatment"] / right, last["r2_outcome"] / top) > _HARMLESS]
    strongest = (last["r2_treatment"] * last["r2_outcome"]).nlargest(_MOST_NAMES).index
    last = last.loc[strongest].sort_values("r2_outcome")
    for name in last["benchmark"]:
        x, y = (rows.loc[rows["benchmark"] == name, c].to_numpy() for c in _STRENGTH)
        ax.plot(x, y, color=style.BLUE, linewidth=0.9, zorder=4)
        ax.plot(
            x, y, linestyle="none", marker="D", markersize=5.5, color=style.BLUE,
            clip_on=False, zorder=7,
        )  # fmt: skip
    _name(ax, last, right, top)


def _name(ax: Axes, rows: pd.DataFrame, right: float, top: float) -> None:
    """Name points from the lowest up, each clear of the names written before."""
    placed: list[tuple[float, float]] = []
    for row in rows.to_dict("records"):
        x, y = float(row["r2_treatment"]), float(row["r2_outcome"])
        at = max(y, 0.03 * top)
        for other, height in sorted(placed, key=lambda p: p[1]):
            if abs(other - x) < 0.25 * right and abs(height - at) < 0.055 * top:
                at = height + 0.055 * top
        placed.append((x, at))
        beyond = x > 0.75 * right
        ax.annotate(
            f"{row['k']:g} × {wrapped(row['benchmark'], 22, 1)}",
            (x, at),
            xytext=(-8 if beyond else 8, 0),
            textcoords="offset points",
            ha="right" if beyond else "left",
            va="center",
            fontsize=style.SMALL,
            color=style.text_color(style.BLUE),
            bbox={"facecolor": "white", "alpha": 0.8, "linewidth": 0, "pad": 0.8},
            zorder=6,
        )
