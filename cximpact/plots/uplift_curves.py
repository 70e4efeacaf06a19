"""What a ranking of customers brings, the first of them treated, then more and more."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from cximpact.core.errors import ConfigError
from cximpact.core.validate import check_choice
from cximpact.plots import style
from cximpact.plots.canvas import prepare
from cximpact.plots.complete import check_complete
from cximpact.plots.dots import padded
from cximpact.plots.keys import ROW, key_row, rows_of
from cximpact.plots.labels import number_axis, wrapped
from cximpact.plots.tables import INTERVAL, checked

NAMES = {
    "toc": "effect above the average",
    "uplift": "gain per customer",
    "qini": "gain among the treated",
}
_MANY = 3
"""Above so many rankings bands would hide each other."""
_NOISY = 0.05
"""Below this share of customers a curve is too noisy to set the height of the picture."""
_RANDOM: dict[str, Any] = {"color": style.MUTED, "linewidth": 1.3, "linestyle": (0, (4, 3))}
_PERFECT: dict[str, Any] = {"color": style.INK, "linewidth": 1.1, "linestyle": (0, (1, 2))}


def uplift_curve(
    table: pd.DataFrame,
    *,
    kind: str = "toc",
    by: str | None = None,
    ax: Axes | None = None,
    title: str | None = None,
    unit: str = "",
) -> Axes:
    """Draw the curve of one ranking of customers, or of several on one picture.

    Parameters
    ----------
    table : pandas.DataFrame
        ``fraction`` treated, ``estimate``, ``conf_low``, ``conf_high``; ``random``, the curve of
        a random ranking, and ``perfect``, that of the best one, are drawn where they are given.
        ``conf_level`` names the interval.
    kind : {"toc", "uplift", "qini"}
        What the curve is: by how much the average effect of the first exceeds that of all, or
        what treating the first brings.
    by : str, optional
        Column with the name of the ranking.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.
    title : str, optional
        Title.
    unit : str, default ""
        Unit of the estimates, ``"pp"`` for rates.

    Returns
    -------
    matplotlib.axes.Axes
        Where it was drawn.

    Raises
    ------
    DataError
        If the table lacks a column, repeats a row or holds no numbers.
    ConfigError
        If there are more rankings than colors, or a fraction is below 0 or above 1.

    Notes
    -----
    The height is set by what comes after the first 5% of customers; of fewer, noise may leave the
    picture. With more than three rankings no bands are drawn.
    """
    check_choice(kind, "kind", tuple(NAMES))
    more = [c for c in ("random", "perfect") if c in table]
    keys = ["fraction"] if by is None else [by, "fraction"]
    rows = checked(table, keys=keys, numbers=["fraction", *INTERVAL, *more])
    check_complete(rows, ["estimate"])
    groups = [None] if by is None else list(dict.fromkeys(rows[by]))
    _check(rows, groups)
    band = len(groups) <= _MANY
    handles = _handles(groups, rows, band=band)
    ax = prepare(ax, title=title, height=4.2, pad=12 + ROW * rows_of(len(handles)))
    for i, group in enumerate(groups):
        own = rows if by is None else rows[rows[by] == group]
        _draw(ax, own.sort_values("fraction"), style.PALETTE[i], band=band)
    _set_limits(ax, rows, more, band=band)
    style.reference_line(ax, 0.0, vertical=False, linewidth=0.8)
    ax.yaxis.grid(True, color=style.FAINT, linewidth=0.6)
    number_axis(ax.xaxis, "share", name="customers treated, highest scores first")
    number_axis(ax.yaxis, unit, name=NAMES[kind])
    key_row(ax, handles)
    return ax


def _check(rows: pd.DataFrame, groups: list[Any]) -> None:
    if len(groups) > len(style.PALETTE):
        raise ConfigError(
            f"there are {len(groups)} rankings; at most {len(style.PALETTE)} can be told apart. "
            "Draw fewer."
        )
    if not rows["fraction"].between(0, 1).all():
        low, high = rows["fraction"].min(), rows["fraction"].max()
        raise ConfigError(f"fraction goes from {low:g} to {high:g}; expected shares from 0 to 1.")


def _draw(ax: Axes, rows: pd.DataFrame, color: str, *, band: bool) -> None:
    at = rows["fraction"].to_numpy()
    if band:
        ends = rows["conf_low"], rows["conf_high"]
        ax.fill_between(at, *ends, color=color, alpha=0.15, linewidth=0, zorder=2)
    ax.plot(at, rows["estimate"].to_numpy(), color=color, linewidth=2.0, zorder=4)
    for column, look in (("random", _RANDOM), ("perfect", _PERFECT)):
        if column in rows:
            ax.plot(at, rows[column].to_numpy(), zorder=3, **look)


def _set_limits(ax: Axes, rows: pd.DataFrame, more: list[str], *, band: bool) -> None:
    steady = rows[rows["fraction"] >= _NOISY]
    shown = (rows if steady.empty else steady)[[*(INTERVAL if band else ["estimate"]), *more]]
    ax.set_xlim(0.0, 1.0)
    ax.set_ylim(*padded(shown.to_numpy(), include=[0.0]))


def _handles(groups: list[Any], rows: pd.DataFrame, *, band: bool) -> list[Artist]:
    color = style.PALETTE[0]
    alone = groups == [None]
    handles: list[Artist] = [
        Line2D([], [], color=c, linewidth=2.0, label=wrapped("ranking" if alone else g, 24, 1))
        for g, c in zip(groups, style.PALETTE, strict=False)
    ]
    if band:
        level = f"{rows['conf_level'].iloc[0]:.0%} " if "conf_level" in rows else ""
        shade = color if alone else style.MUTED
        handles.append(Patch(color=shade, alpha=0.2, label=f"{level}interval at each point"))
    for column, look, label in (
        ("random", _RANDOM, "in random order"),
        ("perfect", _PERFECT, "best possible order"),
    ):
        if column in rows:
            handles.append(Line2D([], [], label=label, **look))
    return handles
