"""Units from the best down: shrunken scores, raw scores, and how sure their ranks are."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from cximpact.core.validate import check_count
from cximpact.plots import style
from cximpact.plots.canvas import prepare
from cximpact.plots.complete import check_complete
from cximpact.plots.dots import draw_dots, height_of, name_rows, padded
from cximpact.plots.labels import number_axis
from cximpact.plots.steps import write_beside
from cximpact.plots.tables import INTERVAL, checked

_RANKS = ("rank", "rank_low", "rank_high")


def unit_ranks(
    table: pd.DataFrame,
    *,
    most: int = 40,
    ax: Axes | None = None,
    title: str | None = None,
    unit: str = "",
) -> Axes:
    """Draw a league table: what each unit's score can be trusted to be, and its rank.

    Parameters
    ----------
    table : pandas.DataFrame
        ``unit, raw, estimate, conf_low, conf_high, rank, rank_low, rank_high``, as
        `LeagueTable.table` gives it; an optional ``tier`` shades units that cannot be told apart.
    most : int, default 40
        Units that are drawn; of more, the best and the worst half of that number.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.
    title : str, optional
        Title.
    unit : str, default ""
        Unit of the score.

    Returns
    -------
    matplotlib.axes.Axes
        Filled dots are the shrunken scores with their intervals, hollow ones the raw scores; the
        interval of the rank is written at the right.

    Raises
    ------
    DataError
        If columns are missing or hold no numbers.
    """
    check_count(most, "most", low=2)
    rows = checked(table, keys=["unit"], numbers=["raw", *INTERVAL, *_RANKS])
    check_complete(rows, ["estimate", *_RANKS])
    rows = rows.sort_values("rank", kind="stable", ignore_index=True)
    shown = rows
    if len(rows) > most:
        shown = pd.concat([rows.head(most // 2), rows.tail(most - most // 2)], ignore_index=True)
    cut = most // 2 if len(rows) > most else len(shown) + 1
    at = np.arange(len(shown)) + (np.arange(len(shown)) >= cut)
    names = list(shown["unit"])
    if len(rows) > most:
        names.insert(cut, f"{len(rows) - most} more")
    ax = prepare(ax, title=title, height=height_of(len(names)) + 0.3, pad=27)
    name_rows(ax, names)
    ax.set_xlim(*padded(shown[["raw", *INTERVAL]].to_numpy()))
    if "tier" in shown:
        _shade(ax, at, shown["tier"].to_numpy())
    raw = shown.assign(estimate=shown["raw"], conf_low=np.nan, conf_high=np.nan)
    draw_dots(ax, at, raw, {"color": style.MUTED, "marker": "o"})
    draw_dots(ax, at, shown, {"color": style.BLUE, "marker": "o"})
    for y, row in zip(at, shown.to_dict("records"), strict=True):
        low, high = int(row["rank_low"]), int(row["rank_high"])
        text = f"rank {low}" if low == high else f"rank {low} to {high}"
        write_beside(ax, float(y), text, style.MUTED)
    number_axis(ax.xaxis, unit, name="score")
    _key(ax, tiers="tier" in shown)
    return ax


def _shade(ax: Axes, at: np.ndarray, tier: np.ndarray) -> None:
    """Shade every other tier."""
    for value in np.unique(tier)[1::2]:
        own = at[tier == value]
        ax.axhspan(own.min() - 0.5, own.max() + 0.5, color=style.SHADE, linewidth=0, zorder=0)


def _key(ax: Axes, *, tiers: bool) -> None:
    dot = {"linestyle": "none", "marker": "o", "markeredgewidth": 1.4}
    handles: list[Line2D | Patch] = [
        Line2D([], [], color=style.MUTED, markerfacecolor="white", label="raw score", **dot),
        Line2D([], [], color=style.BLUE, label="shrunken score, with interval", **dot),
    ]
    if tiers:
        text = "a band: not told apart from its first"
        handles.append(Patch(facecolor=style.SHADE, edgecolor=style.FAINT, label=text))
    ax.legend(
        handles=handles,
        loc="lower left",
        bbox_to_anchor=(0.0, 1.0),
        ncols=3,
        frameon=False,
        fontsize=style.SMALL,
        handletextpad=0.4,
        columnspacing=1.4,
        borderaxespad=0.2,
    )
