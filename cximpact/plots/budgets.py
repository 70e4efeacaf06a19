"""Profit against budget: what a ranking earns, and how much money it is worth."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from cximpact.core.errors import ConfigError
from cximpact.core.units import check_currency
from cximpact.core.wording import money
from cximpact.plots import style
from cximpact.plots.canvas import prepare, say_above
from cximpact.plots.complete import check_complete
from cximpact.plots.dots import padded
from cximpact.plots.labels import number_axis
from cximpact.plots.lines import label_ends, looks
from cximpact.plots.tables import INTERVAL, checked


def policy_curve(
    table: pd.DataFrame,
    *,
    currency: str,
    chosen: tuple[float, float] | None = None,
    ax: Axes | None = None,
    title: str | None = None,
) -> Axes:
    """Draw the profit after cost that each budget brings, one line a way to choose customers.

    Parameters
    ----------
    table : pandas.DataFrame
        ``policy``, ``budget``, ``estimate``, ``conf_low``, ``conf_high``. The first policy has a
        band, and its highest point is marked. ``conf_level`` names the interval.
    currency : str
        ISO code.
    chosen : tuple of float, optional
        Cost and profit of a list that was chosen, drawn as a diamond.
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
    DataError
        If the table lacks a column, repeats a row or holds no numbers.
    UnitsError
        If the currency is no code.
    ConfigError
        If a budget is not above 0.

    Notes
    -----
    Every line starts at no budget and no profit. The highest of several estimates is a little too
    high, as it is chosen for being so.
    """
    check_currency(currency)
    rows = checked(table, keys=["policy", "budget"], numbers=["budget", *INTERVAL])
    check_complete(rows, ["estimate"])
    if (rows["budget"] <= 0).any():
        raise ConfigError(f"the smallest budget is {rows['budget'].min():g}; expected above 0.")
    policies = list(dict.fromkeys(rows["policy"]))
    look = looks(policies)
    best = _best(rows[rows["policy"] == policies[0]])
    ax = prepare(ax, title=title, height=4.4, pad=42)
    shown = rows.loc[rows["policy"] == policies[0], list(INTERVAL)].to_numpy().ravel()
    also = [0.0, *rows["estimate"]] + ([] if chosen is None else [chosen[1]])
    ax.set_ylim(*padded(shown, include=also))
    right = max([rows["budget"].max()] + ([] if chosen is None else [chosen[0]]))
    ax.set_xlim(0.0, 1.02 * right)
    ends = {}
    for policy in policies:
        own = rows[rows["policy"] == policy].sort_values("budget")
        first = policy == policies[0]
        _draw(ax, own, str(look[policy]["color"]), first=first)
        ends[policy] = (float(own["estimate"].iloc[-1]), str(look[policy]["color"]))
    style.reference_line(ax, 0.0, vertical=False, color=style.INK)
    if chosen is not None:
        ax.plot(*chosen, marker="D", markersize=5.5, color=style.INK, zorder=6)
    _say(ax, best, currency, with_list=chosen is not None)
    ax.yaxis.grid(True, color=style.FAINT, linewidth=0.6)
    number_axis(ax.xaxis, currency, name="budget for contacts")
    number_axis(ax.yaxis, currency, name="profit after cost")
    label_ends(ax, ends)
    return ax


def _best(own: pd.DataFrame) -> pd.Series | None:
    """Row with the highest profit and, of several, the smallest budget; None if none pays."""
    own = own.sort_values("budget", ignore_index=True)
    row = own.loc[own["estimate"].idxmax()]
    return row if row["estimate"] > 0 else None


def _draw(ax: Axes, own: pd.DataFrame, color: str, *, first: bool) -> None:
    at = np.append(0.0, own["budget"])
    if first:
        low, high = (np.append(0.0, own[c]) for c in ("conf_low", "conf_high"))
        ax.fill_between(at, low, high, color=color, alpha=0.15, linewidth=0, zorder=2)
    width = 2.2 if first else 1.5
    ax.plot(at, np.append(0.0, own["estimate"]), color=color, linewidth=width, zorder=4)


def _say(ax: Axes, best: pd.Series | None, currency: str, *, with_list: bool) -> None:
    if with_list:
        say_above(ax, "◆ the list chosen", line=1, color=style.MUTED, fontsize=style.SMALL)
    if best is None:
        say_above(ax, "No budget pays: profit is never above 0", color=style.MUTED)
        return
    at, top = float(best["budget"]), float(best["estimate"])
    ring = {"markersize": 13, "markerfacecolor": "white", "markeredgewidth": 2.0}
    ax.plot([at], [top], marker="o", color=style.BLUE, zorder=5, **ring)
    low, high = float(best["conf_low"]), float(best["conf_high"])
    text = f"○ most: {money(top, currency)} with a budget of {money(at, currency)}"
    if np.isfinite([low, high]).all():
        level = f"{best['conf_level']:.0%} " if "conf_level" in best else ""
        text += f" ({level}interval {money(low, currency)} to {money(high, currency)})"
    say_above(ax, text, color=style.text_color(style.BLUE), fontsize=style.SMALL)
