"""Pictures for a decision: what the answer hangs on, what knowing is worth, and the frontier."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from cximpact.core.units import check_currency
from cximpact.core.wording import number
from cximpact.plots import style
from cximpact.plots.canvas import prepare, say_above
from cximpact.plots.compare import categories
from cximpact.plots.dots import height_of, name_rows, pad_values, padded
from cximpact.plots.labels import number_axis, unit_of, wrapped
from cximpact.plots.lines import looks
from cximpact.plots.positions import spread
from cximpact.plots.tables import checked


def tornado(
    table: pd.DataFrame,
    *,
    expected: float,
    currency: str,
    ax: Axes | None = None,
    title: str | None = None,
) -> Axes:
    """Draw how far the expected NPV moves with each input held low and high.

    Parameters
    ----------
    table : pandas.DataFrame
        ``input, low, high, npv_low, npv_high``, widest first; an optional ``unit`` of low and high.
    expected : float
        Expected NPV as drawn.
    currency : str
        ISO code.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.
    title : str, optional
        Title.

    Returns
    -------
    matplotlib.axes.Axes
        Where it was drawn.
    """
    check_currency(currency)
    rows = checked(
        table,
        keys=["input"],
        numbers=["low", "high", "npv_low", "npv_high"],
        others=[c for c in ("unit",) if c in table],
    ).reset_index(drop=True)
    ax = prepare(ax, title=title, height=height_of(len(rows)) + 0.4, pad=27)
    name_rows(ax, list(rows["input"]))
    ends = rows[["npv_low", "npv_high"]].to_numpy()
    low, high = padded(ends, include=[expected, 0.0])
    room = 0.2 * (high - low)
    ax.set_xlim(low - room, high + room)
    for at, row in enumerate(rows.to_dict("records")):
        for end, color in (("low", style.ORANGE), ("high", style.BLUE)):
            to = float(row[f"npv_{end}"])
            ax.barh(at, to - expected, left=expected, height=0.5, color=color, zorder=3)
            in_points = row.get("unit", "") == "pp"
            shown = f"{number(100 * row[end])} pp" if in_points else number(row[end])
            _at_end(ax, to, at, shown, ahead=to >= expected, color=color)
    style.reference_line(ax, expected, vertical=True, color=style.INK)
    if ax.get_xlim()[0] < 0 < ax.get_xlim()[1]:
        style.reference_line(ax, 0.0, vertical=True, linestyle=(0, (2, 3)))
    number_axis(ax.xaxis, currency, name="expected net present value")
    say_above(ax, "One input held at its low or high value, the others as drawn", color=style.MUTED)
    return ax


def bars(
    table: pd.DataFrame, *, unit: str = "", ax: Axes | None = None, title: str | None = None
) -> Axes:
    """Draw amounts as bars, largest first.

    Parameters
    ----------
    table : pandas.DataFrame
        ``label, value``.
    unit : str
        Unit of the values.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.
    title : str, optional
        Title.

    Returns
    -------
    matplotlib.axes.Axes
        Where it was drawn.
    """
    rows = checked(table, keys=["label"], numbers=["value"])
    rows = rows.sort_values("value", ascending=False, ignore_index=True)
    ax = prepare(ax, title=title, height=height_of(len(rows)) + 0.2)
    name_rows(ax, list(rows["label"]))
    pad_values(ax, rows["value"].to_numpy(), include=[0.0])
    low, high = ax.get_xlim()
    ax.set_xlim(min(low, 0.0) if rows["value"].min() < 0 else 0.0, high + 0.12 * (high - low))
    ax.barh(range(len(rows)), rows["value"], height=0.5, color=style.BLUE, zorder=3)
    for at, value in enumerate(rows["value"]):
        shown = number(value * unit_of(unit).factor)
        _at_end(ax, float(value), at, shown, ahead=value >= 0, color=style.BLUE)
    number_axis(ax.xaxis, unit)
    return ax


def intervals(
    table: pd.DataFrame, *, unit: str = "", ax: Axes | None = None, title: str | None = None
) -> Axes:
    """Draw estimates with intervals in the order of the table.

    Parameters
    ----------
    table : pandas.DataFrame
        ``label, estimate, conf_low, conf_high``.
    unit : str
        Unit of the estimates.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.
    title : str, optional
        Title.

    Returns
    -------
    matplotlib.axes.Axes
        Where it was drawn.
    """
    rows = checked(table, keys=["label"])
    order = list(dict.fromkeys(rows["label"]))
    rows = rows.assign(label=pd.Categorical(rows["label"], categories=order, ordered=True))
    look = looks([None])
    ax = categories(ax, rows, look, x="label", by=None, unit=unit, title=title)
    low, high = ax.get_xlim()
    if low < 0 < high:
        style.reference_line(ax, 0.0, vertical=True)
    return ax


def frontier(
    table: pd.DataFrame,
    *,
    chosen: tuple[float, float],
    currency: str,
    ax: Axes | None = None,
    title: str | None = None,
) -> Axes:
    """Draw the best NPV that each amount of money can buy.

    Parameters
    ----------
    table : pandas.DataFrame
        ``cost, npv, initiatives``, cheapest first.
    chosen : tuple of float
        Cost and NPV of the choice.
    currency : str
        ISO code.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.
    title : str, optional
        Title.

    Returns
    -------
    matplotlib.axes.Axes
        Where it was drawn.
    """
    check_currency(currency)
    rows = checked(table, keys=["initiatives"], numbers=["cost", "npv"]).sort_values("cost")
    cost, npv = rows["cost"].to_numpy(float), rows["npv"].to_numpy(float)
    ax = prepare(ax, title=title, height=4.2, pad=12)
    right = max(cost.max(), chosen[0]) * 1.08 + 1e-9
    ax.step([*cost, right], [*npv, npv[-1]], where="post", color=style.MUTED, linewidth=1.4)
    ax.plot(cost, npv, linestyle="none", marker="o", markersize=4.5, color=style.MUTED, zorder=3)
    ax.plot(*chosen, marker="o", markersize=10, color=style.BLUE, zorder=4)
    ax.set_xlim(0, right)
    ax.set_ylim(*padded(npv, include=[0.0, chosen[1]]))
    ax.yaxis.grid(True, color=style.FAINT, linewidth=0.6)
    number_axis(ax.xaxis, currency, name="expected cost")
    number_axis(ax.yaxis, currency, name="expected net present value")
    left = chosen[0] < 0.55 * right
    ax.annotate(
        "chosen",
        chosen,
        xytext=(12 if left else -12, -4),
        textcoords="offset points",
        ha="left" if left else "right",
        va="top",
        fontsize=style.BODY,
        fontweight="bold",
        color=style.text_color(style.BLUE),
    )
    return ax


def study_size(
    table: pd.DataFrame, *, currency: str = "", ax: Axes | None = None, title: str | None = None
) -> Axes:
    """Draw what a study is worth, what it costs and its net gain, by its size.

    Parameters
    ----------
    table : pandas.DataFrame
        ``n, evsi, cost, net_gain``.
    currency : str
        ISO code.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.
    title : str, optional
        Title.

    Returns
    -------
    matplotlib.axes.Axes
        Where it was drawn.
    """
    rows = checked(table, numbers=["n", "evsi", "cost", "net_gain"]).sort_values("n")
    at = rows["n"].to_numpy(float)
    ax = prepare(ax, title=title, height=4.0, pad=12)
    ends = {}
    for name, color, width in (
        ("evsi", style.MUTED, 1.4),
        ("cost", style.ORANGE, 1.4),
        ("net_gain", style.BLUE, 2.2),
    ):
        values = rows[name].to_numpy(float)
        ax.plot(at, values, color=color, linewidth=width, zorder=3)
        ends[name] = (values[-1], color)
    ax.set_xlim(at[0], at[-1])
    ax.set_ylim(*padded(rows[["evsi", "cost", "net_gain"]].to_numpy(), include=[0.0]))
    style.reference_line(ax, 0.0, vertical=False)
    best = int(rows["net_gain"].to_numpy().argmax())
    top = float(rows["net_gain"].iloc[best])
    if top > 0:
        ax.plot([at[best]], [top], marker="o", markersize=8, color=style.BLUE, zorder=4)
        ax.annotate(
            f"best: n = {at[best]:,.0f}",
            (at[best], top),
            xytext=(0, 9),
            textcoords="offset points",
            ha="center",
            fontsize=style.SMALL,
            color=style.text_color(style.BLUE),
        )
    _name_ends(ax, ends)
    ax.yaxis.grid(True, color=style.FAINT, linewidth=0.6)
    number_axis(ax.xaxis, name="size of the study (n)")
    number_axis(ax.yaxis, currency)
    return ax


def _name_ends(ax: Axes, ends: dict[str, tuple[float, str]]) -> None:
    words = {"evsi": "worth", "cost": "cost", "net_gain": "net gain"}
    low, high = ax.get_ylim()
    places = spread(np.array([v for v, _ in ends.values()]), 0.06 * (high - low))
    for place, (name, (_, color)) in zip(places, ends.items(), strict=True):
        ax.annotate(
            wrapped(words[name]),
            (1.0, place),
            xycoords=("axes fraction", "data"),
            xytext=(6, 0),
            textcoords="offset points",
            va="center",
            fontsize=style.SMALL,
            color=style.text_color(color),
            annotation_clip=False,
        )


def _at_end(ax: Axes, x: float, y: float, text: str, *, ahead: bool, color: str) -> None:
    ax.annotate(
        text,
        (x, y),
        xytext=(4 if ahead else -4, 0),
        textcoords="offset points",
        ha="left" if ahead else "right",
        va="center",
        fontsize=style.SMALL,
        color=style.text_color(color),
    )
