"""Closing the loop: the ledger through time, how cases end, and the effect at a threshold."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D

from cximpact.core.errors import ConfigError
from cximpact.plots import style
from cximpact.plots.canvas import WIDTH, NotebookFigure, prepare, say_above
from cximpact.plots.dots import padded
from cximpact.plots.keys import key_row
from cximpact.plots.labels import axis_name, interval_text, number_axis, title_text, unit_of
from cximpact.plots.lines import MAX_COLORED, label_ends
from cximpact.plots.positions import time_axis, times_of
from cximpact.plots.tables import checked

_DASHES = (0, (3, 2))
_STOCK = {"open": style.BLUE, "overdue": style.ORANGE}
_FLOW = {"opened": style.PALETTE[6], "closed": style.PALETTE[2]}


def recovery_timeline(
    flow: pd.DataFrame,
    closing: pd.DataFrame,
    *,
    unit: str = "days",
    title: str | None = None,
) -> Figure:
    """Draw a ledger of cases through time, and how long its cases take to close.

    Parameters
    ----------
    flow : pandas.DataFrame
        Columns ``at, opened, closed`` (up to then), ``open`` and ``overdue`` (at that moment).
    closing : pandas.DataFrame
        Columns ``outcome, time, estimate, conf_low, conf_high``; shares.
    unit : str, default "days"
        Unit of the time to close.
    title : str, optional
        Title.

    Returns
    -------
    matplotlib.figure.Figure
        Three pictures below each other.
    """
    rows = checked(flow, keys=["at"], numbers=[*_FLOW, *_STOCK])
    engine = ConstrainedLayoutEngine(w_pad=0.1, h_pad=0.1, hspace=0.05)
    figure = NotebookFigure(figsize=(WIDTH, 7.4), layout=engine)
    if title:
        look = {"fontsize": style.LARGE, "fontweight": "bold", "color": style.INK}
        figure.suptitle(title_text(title), x=0.012, ha="left", **look)
    sums, stocks, curves = figure.subplots(3, 1)
    for ax, lines, head in (
        (sums, _FLOW, "Cases opened and closed up to each moment"),
        (stocks, _STOCK, "Cases open, and overdue among them, at each moment"),
    ):
        style.apply(ax)
        _lines(ax, rows, lines)
        say_above(ax, head, fontweight="bold")
    style.apply(curves)
    say_above(curves, "How cases end, with 90% bands", fontweight="bold")
    _curves(curves, closing, unit)
    return figure


def closing_curves(
    table: pd.DataFrame,
    *,
    unit: str = "days",
    ax: Axes | None = None,
    title: str | None = None,
) -> Axes:
    """Draw which share of cases is closed in each way by each time.

    Parameters
    ----------
    table : pandas.DataFrame
        Columns ``outcome, time, estimate, conf_low, conf_high``; shares.
    unit : str, default "days"
        Unit of time.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.
    title : str, optional
        Title.

    Returns
    -------
    matplotlib.axes.Axes
        Where it was drawn.

    Raises
    ------
    ConfigError
        If there are more than seven outcomes.
    """
    ax = prepare(ax, title=title)
    _curves(ax, table, unit)
    return ax


def recovery_cutoff(
    cells: pd.DataFrame,
    effect: pd.DataFrame,
    *,
    cutoff: float,
    unit: str = "",
    name: str = "mean outcome",
    ax: Axes | None = None,
    title: str | None = None,
) -> Axes:
    """Draw means by score on both sides of an alert threshold, with the jump at the cutoff.

    Parameters
    ----------
    cells : pandas.DataFrame
        Columns ``score, alert, estimate, std_error, fit``; at the cutoff one row for each side.
    effect : pandas.DataFrame
        One row with ``estimate, conf_low, conf_high``.
    cutoff : float
        Last score with an alert.
    unit : str, default ""
        Unit of the outcome, such as ``"pp"`` for a share.
    name : str, default "mean outcome"
        What is measured.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.
    title : str, optional
        Title.

    Returns
    -------
    matplotlib.axes.Axes
        Bars are two standard errors to each side. Lines bend no more than the bound.
    """
    rows = checked(
        cells, keys=["score", "alert"], numbers=["score", "estimate", "std_error", "fit"]
    )
    found = checked(effect).iloc[0]
    ax = prepare(ax, title=title, height=4.4, pad=44)
    half = 2 * rows["std_error"]
    rows = rows.assign(low=rows["estimate"] - half, high=rows["estimate"] + half)
    if unit == "pp":  # shares end at 0 and 1
        rows[["low", "high", "fit"]] = rows[["low", "high", "fit"]].clip(0.0, 1.0)
    ax.set_ylim(*padded(rows[["low", "high", "fit"]].to_numpy()))
    ax.set_xlim(*padded(rows["score"].to_numpy()))
    for alert, color in ((True, style.ORANGE), (False, style.BLUE)):
        _side(ax, rows[rows["alert"] == alert].sort_values("score"), color)
    at = rows[rows["score"] == cutoff].set_index("alert")["fit"]
    if len(at) == 2:
        ends = (float(at[False]), float(at[True]))
        ax.vlines(cutoff, min(ends), max(ends), color=style.INK, linewidth=2.2, zorder=5)
    score, alert = rows["score"].to_numpy(), rows["alert"].to_numpy(dtype=bool)
    step = min(b - a for a, b in pairwise(np.unique(score).tolist()))
    toward = 0.5 * step * np.sign(score[~alert].mean() - score[alert].mean())
    style.reference_line(ax, cutoff + toward, vertical=True, linestyle=(0, (2, 2)))
    ax.yaxis.grid(True, color=style.FAINT, linewidth=0.6)
    ax.set_xlabel("Score (bars: two standard errors to each side)")
    number_axis(ax.yaxis, "share" if unit == "pp" else unit, name=name)
    shown = unit_of(unit)
    words = interval_text(shown, *(float(found[k]) for k in ("estimate", "conf_low", "conf_high")))
    say_above(ax, f"Jump at the cutoff (dark line): {words} {shown.name}".rstrip(), line=1)
    handles = [_key(style.ORANGE, "with an alert"), _key(style.BLUE, "without an alert")]
    ahead = {"color": style.MUTED, "linewidth": 1.6, "linestyle": _DASHES}
    key_row(ax, [*handles, Line2D([], [], label="carried on to the cutoff", **ahead)])
    return ax


def _lines(ax: Axes, rows: pd.DataFrame, colors: dict[str, str]) -> None:
    at = times_of(rows["at"])
    if at is None:
        raise ConfigError("column 'at' holds no times; expected dates or numbers.")
    ax.set_ylim(0, 1.06 * max(float(rows[list(colors)].to_numpy().max()), 1.0))
    for name, color in colors.items():
        ax.plot(at, rows[name], color=color, linewidth=1.8, zorder=3)
    first, second = (rows[name] for name in colors)
    ax.fill_between(at, first, second, color=style.FAINT, alpha=0.45, linewidth=0, zorder=1)
    ax.set_xlim(at.min(), at.max())
    ax.yaxis.grid(True, color=style.FAINT, linewidth=0.6)
    time_axis(ax, rows["at"], "")
    number_axis(ax.yaxis, name="cases", ticks=4)
    ends = {f"{name} {rows[name].iloc[-1]:,.0f}": name for name in colors}
    label_ends(ax, {k: (float(rows[n].iloc[-1]), colors[n]) for k, n in ends.items()})


def _curves(ax: Axes, table: pd.DataFrame, unit: str) -> None:
    rows = checked(
        table, keys=["outcome", "time"], numbers=["time", "estimate", "conf_low", "conf_high"]
    )
    outcomes = list(dict.fromkeys(rows["outcome"]))
    if len(outcomes) > MAX_COLORED:
        raise ConfigError(f"{len(outcomes)} outcomes cannot be told apart; join some of them.")
    colors = (style.PALETTE[2], style.PALETTE[5], style.PALETTE[3], *style.PALETTE)
    ends: dict[object, tuple[float, str]] = {}
    ax.set_ylim(0, min(1.0, 1.1 * float(rows["conf_high"].to_numpy().max())))
    for outcome, color in zip(outcomes, colors, strict=False):
        own = rows[rows["outcome"] == outcome].sort_values("time")
        first = pd.DataFrame({"time": [0.0], "estimate": 0.0, "conf_low": 0.0, "conf_high": 0.0})
        own = pd.concat([first, own[first.columns]], ignore_index=True)
        x = own["time"].to_numpy()
        ax.fill_between(
            x, own["conf_low"], own["conf_high"], step="post", color=color, alpha=0.18, linewidth=0
        )
        ax.step(x, own["estimate"], where="post", color=color, linewidth=1.8, zorder=3)
        last = float(own["estimate"].iloc[-1])
        ends[f"{outcome} {100 * last:.0f}%"] = (last, color)
    ax.set_xlim(0, float(rows["time"].max()))
    ax.yaxis.grid(True, color=style.FAINT, linewidth=0.6)
    ax.set_xlabel(axis_name(f"{unit} since the case was opened"))
    number_axis(ax.yaxis, "share", name="cases", ticks=4)
    label_ends(ax, ends)


def _side(ax: Axes, rows: pd.DataFrame, color: str) -> None:
    seen = rows[rows["estimate"].notna()]
    x, y = seen["score"].to_numpy(), seen["estimate"].to_numpy()
    ax.vlines(x, seen["low"], seen["high"], color=color, linewidth=1.4, alpha=0.6, zorder=3)
    ax.plot(x, y, linestyle="none", marker="o", markersize=6, color=color, zorder=4)
    inside = rows["score"].between(seen["score"].min(), seen["score"].max())
    ax.plot(rows["score"][inside], rows["fit"][inside], color=color, linewidth=1.6, zorder=2)
    dashed = {"color": color, "linewidth": 1.6, "linestyle": _DASHES, "zorder": 2}
    for ahead in (rows["score"] <= x.min(), rows["score"] >= x.max()):
        if ahead.sum() > 1:
            ax.plot(rows["score"][ahead], rows["fit"][ahead], **dashed)


def _key(color: str, label: str) -> Line2D:
    return Line2D([], [], color=color, marker="o", markersize=6, linewidth=1.6, label=label)
