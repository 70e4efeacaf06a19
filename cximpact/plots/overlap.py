"""Propensities of the treated above, of the untreated below: where the arms overlap."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from cximpact.core.errors import ConfigError
from cximpact.core.validate import check_number
from cximpact.plots import style
from cximpact.plots.canvas import prepare, say_above
from cximpact.plots.complete import check_complete
from cximpact.plots.labels import NumberFormatter, number_axis
from cximpact.plots.tables import checked

ARMS = {"treated": (style.BLUE, 1.0), "untreated": (style.ORANGE, -1.0)}


def overlap_histogram(
    table: pd.DataFrame,
    *,
    edge: float | None = None,
    ax: Axes | None = None,
    title: str | None = None,
) -> Axes:
    """Draw the propensities of two arms as histograms that mirror each other.

    Parameters
    ----------
    table : pandas.DataFrame
        ``arm`` ("treated" or "untreated"), ``low``, ``high`` (ends of the bin) and ``share`` of
        the arm in the bin.
    edge : float, optional
        Propensities below it, and above 1 less it, are shaded as extreme.
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
    ConfigError
        If an arm has another name.
    """
    rows = checked(table, keys=["arm", "low"], numbers=["low", "high", "share"])
    check_complete(rows, ["low", "high", "share"])
    if strange := sorted(set(map(str, rows["arm"])) - set(ARMS)):
        raise ConfigError(f"an arm is named {strange[0]!r}; expected 'treated' or 'untreated'.")
    ax = prepare(ax, title=title, pad=27 if edge is not None else 12)
    top = 1.12 * max(float(rows["share"].max()), 1e-9)
    ax.set_xlim(0.0, 1.0)
    ax.set_ylim(-top, top)
    if edge is not None:
        edge = check_number(edge, "edge", low=0, high=0.5)
        for ends in ((0.0, edge), (1 - edge, 1.0)):
            ax.axvspan(*ends, color=style.SHADE, linewidth=0, zorder=0)
        words = f"Shaded: chances below {edge:.0%} or above {1 - edge:.0%}"
        say_above(ax, words, color=style.MUTED)
    for arm, (color, sign) in ARMS.items():
        own = rows[rows["arm"] == arm]
        ax.bar(
            own["low"],
            sign * own["share"],
            width=own["high"] - own["low"],
            align="edge",
            color=color,
            alpha=0.75,
            edgecolor="white",
            linewidth=0.6,
        )
        _name(ax, arm, sign, color)
    style.reference_line(ax, 0.0, vertical=False, color=style.INK, zorder=3)
    number_axis(ax.xaxis, "share", name="chance of treatment")
    number_axis(ax.yaxis, "share", name="customers of the arm")
    ax.yaxis.set_major_formatter(_Unsigned(100.0))
    return ax


class _Unsigned(NumberFormatter):
    def format_ticks(self, values: object) -> list[str]:
        return super().format_ticks(np.abs(np.asarray(values, dtype=float)))  # type: ignore[arg-type]


def _name(ax: Axes, arm: str, sign: float, color: str) -> None:
    ax.annotate(
        arm,
        (1.0, 0.5 + 0.25 * sign),
        xycoords="axes fraction",
        xytext=(6, 0),
        textcoords="offset points",
        va="center",
        fontsize=style.BODY,
        fontweight="bold",
        color=style.text_color(color),
        annotation_clip=False,
    )
