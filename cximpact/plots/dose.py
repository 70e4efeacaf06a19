"""Behavior by score, with the probability of a threshold on the same axis."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import MaxNLocator

from cximpact.plots import style
from cximpact.plots.canvas import WIDTH, NotebookFigure, say_above
from cximpact.plots.complete import check_complete
from cximpact.plots.dots import padded
from cximpact.plots.labels import NumberFormatter, number_axis, title_text
from cximpact.plots.lines import draw_line
from cximpact.plots.tables import INTERVAL, checked

LEVEL = "score_level"
_MANY = 14


def dose_curve(
    table: pd.DataFrame,
    thresholds: pd.DataFrame | None = None,
    *,
    score: str = "score",
    outcome: str = "outcome",
    standing: str = "",
    title: str | None = None,
    unit: str = "",
) -> Figure:
    """Draw mean behavior by level of a score, and below it where a threshold may lie.

    Parameters
    ----------
    table : pandas.DataFrame
        Columns ``score_level``, ``estimate``, ``conf_low``, ``conf_high``; ``conf_level`` names the
        band.
    thresholds : pandas.DataFrame, optional
        Columns ``threshold`` and ``probability``.
    score, outcome : str
        What is on the axes.
    standing : str, optional
        What the link may be taken for, such as "associational"; written above the curve.
    title : str, optional
        Title.
    unit : str, default ""
        Unit of the behavior, ``"pp"`` for rates.

    Returns
    -------
    matplotlib.figure.Figure
        One or two panels on one axis of the score.

    Raises
    ------
    DataError
        If a table lacks a column, repeats a level or holds no numbers.
    """
    rows = checked(table, keys=[LEVEL], numbers=[*INTERVAL, LEVEL])
    check_complete(rows, ["estimate"])
    rows = rows.sort_values(LEVEL, ignore_index=True)
    bars = None
    if thresholds is not None:
        bars = checked(thresholds, keys=["threshold"], numbers=["threshold", "probability"])
        check_complete(bars, ["probability"])
    engine = ConstrainedLayoutEngine(w_pad=0.1, h_pad=0.08, hspace=0.04)
    figure = NotebookFigure(figsize=(WIDTH, 3.7 if bars is None else 5.0), layout=engine)
    if title:
        look: dict[str, Any] = {"fontsize": style.LARGE, "fontweight": "bold", "color": style.INK}
        figure.suptitle(title_text(title), x=0.012, ha="left", **look)
    ratios = [1.0] if bars is None else [2.2, 1.0]
    panels = figure.subplots(
        len(ratios), 1, sharex=True, squeeze=False, gridspec_kw={"height_ratios": ratios}
    )[:, 0]
    _curve(panels[0], rows, unit, f"mean {outcome}")
    _say(panels[0], rows, standing)
    ends = rows[LEVEL].to_numpy()
    if bars is not None:
        _bars(panels[1], bars, _gap(ends))
        style.hide_spine(panels[0], "bottom")
        ends = np.append(ends, bars["threshold"].to_numpy())
    panels[0].set_xlim(ends.min() - 0.6 * _gap(ends), ends.max() + 0.6 * _gap(ends))
    _score_axis(panels[-1], np.unique(ends), score)
    return figure


def _curve(ax: Axes, rows: pd.DataFrame, unit: str, name: str) -> None:
    style.apply(ax)
    draw_line(ax, rows[LEVEL].to_numpy(), rows, {"color": style.BLUE, "marker": "o"}, band=True)
    ax.set_ylim(*padded(rows[list(INTERVAL)].to_numpy()))
    ax.yaxis.grid(True, color=style.FAINT, linewidth=0.6)
    number_axis(ax.yaxis, unit, name=name)


def _say(ax: Axes, rows: pd.DataFrame, standing: str) -> None:
    """Write what the band is, and in orange what the link may not be taken for."""
    level = f"{rows['conf_level'].iloc[0]:.0%} " if "conf_level" in rows else ""
    if np.isfinite(rows["conf_low"]).any():
        say_above(ax, f"Line: mean; band: {level}interval", color=style.MUTED)
    if standing:
        color = style.ORANGE if standing == "associational" else style.MUTED
        say_above(ax, f"The link is {standing}", line=1, color=style.text_color(color))


def _bars(ax: Axes, bars: pd.DataFrame, gap: float) -> None:
    style.apply(ax)
    at, p = bars["threshold"].to_numpy(), bars["probability"].to_numpy()
    color = [style.ORANGE if v == p.max() else style.MUTED for v in p]
    ax.bar(at, p, width=0.62 * gap, color=color, zorder=3)
    ax.set_ylim(0, 1.14 * max(float(p.max()), 0.05))
    best = int(np.argmax(p))
    ax.annotate(
        f"{at[best]:g}: {p[best]:.2f}" if p[best] < 0.995 else f"{at[best]:g}: above 0.99",
        (at[best], p[best]),
        xytext=(0, 2),
        textcoords="offset points",
        ha="center",
        va="bottom",
        fontsize=style.SMALL,
        color=style.text_color(style.ORANGE),
    )
    ax.yaxis.grid(True, color=style.FAINT, linewidth=0.6)
    ax.yaxis.set_major_locator(MaxNLocator(nbins=3))
    ax.set_ylabel("Probability\nof the threshold", fontsize=style.BODY, color=style.INK)


def _score_axis(ax: Axes, levels: np.ndarray, score: str) -> None:
    if levels.size <= _MANY:
        ax.set_xticks(levels)
    ax.xaxis.set_major_formatter(NumberFormatter(separate=False))
    ax.set_xlabel(score, fontsize=style.BODY, color=style.INK)


def _gap(levels: np.ndarray) -> float:
    unique = np.unique(levels)
    return float(np.diff(unique).min()) if unique.size > 1 else 1.0
