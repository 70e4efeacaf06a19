"""From the trend without improvement to the goal, rule by rule."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes

from cximpact.core.results import quantile
from cximpact.core.summaries import interval
from cximpact.core.validate import check_number
from cximpact.plots import style
from cximpact.plots.canvas import prepare
from cximpact.plots.dots import height_of, name_rows, pad_values, padded
from cximpact.plots.labels import number_axis, unit_of
from cximpact.plots.tables import checked, checked_draws

type Show = Callable[..., str]


def goal_ladder(
    candidates: pd.DataFrame,
    *,
    baseline: float | xr.DataArray,
    target: float,
    current: float | None = None,
    limits: tuple[float, float] | None = None,
    ax: Axes | None = None,
    title: str | None = None,
    unit: str = "points",
) -> Axes:
    """Draw the goal that each rule proposes, and which of them binds.

    Parameters
    ----------
    candidates : pandas.DataFrame
        Columns ``rule`` (text), ``target`` (score units) and ``binding`` (bool).
    baseline : float or xarray.DataArray
        Forecast without improvement; draws ``(sample,)`` show their 90 % interval.
    target : float
        The goal that was set.
    current : float, optional
        Score today.
    limits : tuple of float, optional
        Ends of the score scale; the picture does not reach beyond.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.
    title : str, optional
        Title.
    unit : str, default "points"
        Unit of the score.

    Returns
    -------
    matplotlib.axes.Axes
        Where it was drawn.
    """
    rows = checked(candidates, keys=["rule"], numbers=["target"], others=["binding"])
    target = check_number(target, "target")
    base, low, high = _baseline(baseline)
    names = ([] if current is None else ["Today"]) + ["Trend, if nothing changes"]
    first = len(names)
    ax = prepare(ax, title=title, height=height_of(first + len(rows)) + 0.3, pad=24)
    name_rows(ax, [*names, *rows["rule"]])
    known = [base, low, high, target] + ([] if current is None else [current])
    pad_values(ax, rows["target"].to_numpy(), include=known)
    _clip(ax, limits)
    show = _shower(ax, unit)
    if current is not None:
        _dot(ax, current, 0, style.MUTED, show(current))
    ax.hlines(first - 1, low, high, color=style.MUTED, linewidth=5, alpha=0.35, zorder=3)
    _dot(ax, base, first - 1, style.INK, _baseline_text(show, base, low, high))
    style.reference_line(ax, base, vertical=True, linestyle=(0, (2, 3)))
    for i, row in enumerate(rows.to_dict("records")):
        _step(ax, base, row, first + i, show)
    style.reference_line(ax, target, vertical=True, color=style.BLUE, linewidth=1.4)
    ax.annotate(
        f"goal {show(target)}",
        (target, 1.0),
        xycoords=("data", "axes fraction"),
        xytext=(0, 3),
        textcoords="offset points",
        ha="center",
        fontsize=style.BODY,
        fontweight="bold",
        color=style.text_color(style.BLUE),
    )
    number_axis(ax.xaxis, unit)
    return ax


def _step(ax: Axes, base: float, row: dict[Any, Any], at: float, show: Show) -> None:
    goal = float(row["target"])
    color = style.BLUE if row["binding"] else style.MUTED
    weight = "bold" if row["binding"] else "normal"
    if not np.isfinite(goal):
        _right_text(ax, at, "does not apply", style.MUTED)
        return
    ax.annotate(
        "",
        (goal, at),
        (base, at),
        arrowprops={
            "arrowstyle": "-|>",
            "color": color,
            "linewidth": 2.2,
            "shrinkA": 0,
            "shrinkB": 0,
        },
        zorder=3,
    )
    ending = ", binding" if row["binding"] else ""
    text = f"{show(goal)} ({show(goal - base, signed=True)}{ending})"
    _right_text(ax, at, text, style.text_color(color), weight)


def _dot(ax: Axes, x: float, at: float, color: str, text: str) -> None:
    ax.plot([x], [at], linestyle="none", marker="o", markersize=7, color=color, zorder=4)
    _right_text(ax, at, text, style.text_color(color))


def _right_text(ax: Axes, at: float, text: str, color: str, weight: str = "normal") -> None:
    ax.annotate(
        text,
        (1.0, at),
        xycoords=("axes fraction", "data"),
        xytext=(8, 0),
        textcoords="offset points",
        va="center",
        fontsize=style.SMALL,
        fontweight=weight,
        color=color,
        annotation_clip=False,
    )


def _baseline(baseline: float | xr.DataArray) -> tuple[float, float, float]:
    if isinstance(baseline, xr.DataArray):
        draws = checked_draws(baseline, 0)
        low, high = interval(draws, 0.9)
        return float(draws.mean()), float(low), float(high)
    value = check_number(baseline, "baseline")
    return value, value, value


def _baseline_text(show: Show, base: float, low: float, high: float) -> str:
    if low == high:
        return show(base)
    return f"{show(base)} ({show(low)} to {show(high)})"


def _shower(ax: Axes, unit: str) -> Show:
    left, right = ax.get_xlim()
    shown = unit_of(unit)
    return partial(shown.show, decimals=shown.decimals((right - left) / 3))


def _clip(ax: Axes, limits: tuple[float, float] | None) -> None:
    if limits is None:
        return
    low, high = (check_number(value, "limits") for value in limits)
    left, right = ax.get_xlim()
    margin = 0.02 * (right - left)
    ax.set_xlim(max(left, low - margin), min(right, high + margin))


def attainment_curve(
    table: pd.DataFrame,
    *,
    target: float,
    ax: Axes | None = None,
    title: str | None = None,
    unit: str = "points",
) -> Axes:
    """Draw the probability of attaining each goal, with and without initiatives.

    Parameters
    ----------
    table : pandas.DataFrame
        ``target``, ``status_quo`` and, where there are initiatives, ``with_initiatives``: shares.
    target : float
        The goal that was set.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.
    title : str, optional
        Title.
    unit : str, default "points"
        Unit of the score.

    Returns
    -------
    matplotlib.axes.Axes
        Where it was drawn.
    """
    columns = [c for c in ("status_quo", "with_initiatives") if c in table]
    rows = checked(table, numbers=["target", *columns]).sort_values("target")
    at = rows["target"].to_numpy(float)
    ax = prepare(ax, title=title, height=4.0, pad=12)
    words = {"status_quo": "if nothing changes", "with_initiatives": "with the initiatives"}
    colors = {"status_quo": style.MUTED, "with_initiatives": style.BLUE}
    for column in columns:
        values = rows[column].to_numpy(float)
        ax.plot(at, values, color=colors[column], linewidth=2.0, zorder=3)
        middle = int(np.abs(values - 0.5).argmin())
        ax.annotate(
            words[column],
            (at[middle], values[middle]),
            xytext=(8, 4),
            textcoords="offset points",
            fontsize=style.SMALL,
            color=style.text_color(colors[column]),
        )
    ax.set_xlim(at[0], at[-1])
    ax.set_ylim(0, 1.02)
    style.reference_line(ax, target, vertical=True, color=style.INK, linestyle=(0, (2, 3)))
    ax.yaxis.grid(True, color=style.FAINT, linewidth=0.6)
    for column in columns:
        chance = float(np.interp(target, at, rows[column]))
        ax.plot([target], [chance], marker="o", markersize=7, color=colors[column], zorder=4)
    number_axis(ax.xaxis, unit, name="goal")
    number_axis(ax.yaxis, "share", name="probability to attain it")
    return ax


def segment_goals(
    table: pd.DataFrame,
    *,
    limits: tuple[float, float],
    ax: Axes | None = None,
    title: str | None = None,
    unit: str = "points",
) -> Axes:
    """Draw where each segment stands and where it must get.

    Parameters
    ----------
    table : pandas.DataFrame
        ``segment, score, target``.
    limits : tuple of float
        Ends of the score scale.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.
    title : str, optional
        Title.
    unit : str, default "points"
        Unit of the score.

    Returns
    -------
    matplotlib.axes.Axes
        Where it was drawn.
    """
    rows = checked(table, keys=["segment"], numbers=["score", "target"]).reset_index(drop=True)
    ax = prepare(ax, title=title, height=height_of(len(rows)) + 0.3)
    name_rows(ax, list(rows["segment"]))
    pad_values(ax, rows[["score", "target"]].to_numpy())
    _clip(ax, limits)
    show = _shower(ax, unit)
    for at, row in enumerate(rows.to_dict("records")):
        start, goal = float(row["score"]), float(row["target"])
        ax.hlines(at, start, goal, color=style.BLUE, linewidth=2.2, zorder=3)
        ax.plot([start], [at], marker="o", markersize=6, color=style.MUTED, zorder=4)
        ax.plot([goal], [at], marker="D", markersize=6.5, color=style.BLUE, zorder=5)
        _right_text(ax, at, f"{show(start)} → {show(goal)}", style.text_color(style.BLUE))
    number_axis(ax.xaxis, unit)
    return ax


def goal_fan(
    history: pd.DataFrame,
    draws: xr.DataArray,
    *,
    target: float,
    limits: tuple[float, float],
    ax: Axes | None = None,
    title: str | None = None,
    unit: str = "points",
) -> Axes:
    """Draw the scores seen, the fan of the baseline, and the goal over it.

    Parameters
    ----------
    history : pandas.DataFrame
        ``period, estimate`` and, where they are known, ``std_error``.
    draws : xarray.DataArray
        Baseline, dimensions ``(sample, period)``.
    target : float
        The goal, for the last period.
    limits : tuple of float
        Ends of the score scale.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.
    title : str, optional
        Title.
    unit : str, default "points"
        Unit of the score.

    Returns
    -------
    matplotlib.axes.Axes
        Where it was drawn.
    """
    seen = history["estimate"].to_numpy(float)
    bands = np.quantile(checked_draws(draws, 1).values, [0.05, 0.25, 0.5, 0.75, 0.95], axis=0)
    start = np.full((5, 1), seen[-1])
    bands = np.concatenate([start, bands], axis=1)
    ahead = seen.size - 1 + np.arange(bands.shape[1])
    ax = prepare(ax, title=title, height=4.2, pad=12)
    for low, high, alpha in ((0, 4, 0.16), (1, 3, 0.30)):
        ax.fill_between(ahead, bands[low], bands[high], color=style.MUTED, alpha=alpha, linewidth=0)
    ax.plot(ahead, bands[2], color=style.MUTED, linewidth=1.8)
    half = np.zeros(seen.size)
    if "std_error" in history and history["std_error"].notna().all():
        half = quantile(None, 0.95) * history["std_error"].to_numpy(float)
        ax.vlines(range(seen.size), seen - half, seen + half, color=style.INK, linewidth=1.2)
    ax.plot(range(seen.size), seen, color=style.INK, marker="o", markersize=4.5, linewidth=1.2)
    ax.plot([ahead[-1]], [target], marker="D", markersize=9, color=style.BLUE, zorder=5)
    ax.set_ylim(*padded(np.concatenate([seen - half, seen + half, bands.ravel(), [target]])))
    low, high = ax.get_ylim()
    ax.set_ylim(max(low, limits[0]), min(high, limits[1] + 0.02 * (limits[1] - limits[0])))
    names = [str(p) for p in [*history["period"], *draws[str(draws.dims[1])].values]]
    step = max(len(names) // 10, 1)
    ax.set_xticks(range(0, len(names), step), names[::step])
    for text, y, color in (
        ("goal", target, style.BLUE),
        ("if nothing changes", bands[2, -1], style.MUTED),
    ):
        ax.annotate(
            text,
            (1.0, y),
            xycoords=("axes fraction", "data"),
            xytext=(6, 0),
            textcoords="offset points",
            va="center",
            fontsize=style.SMALL,
            color=style.text_color(color),
            annotation_clip=False,
        )
    ax.set_xlim(-0.4, len(names) - 0.6)
    ax.yaxis.grid(True, color=style.FAINT, linewidth=0.6)
    number_axis(ax.yaxis, unit)
    return ax
