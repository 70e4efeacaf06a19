"""A graph of KPIs: levels from left to right, effects on the arrows."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from matplotlib.path import Path

from cximpact.core.wording import fixed
from cximpact.plots import style
from cximpact.plots.canvas import prepare, say_above
from cximpact.plots.labels import wrapped
from cximpact.plots.layers import layered
from cximpact.plots.tables import checked

_HALF_WIDTH, _HALF_HEIGHT, _GAP = 0.29, 0.19, 0.03
_SPOTS = (0.5, 0.4, 0.6, 0.3, 0.7, 0.22, 0.78)
_CONTEXT = "context"
_LEGEND = (
    "Blue raises, orange lowers, dashed where the interval holds 0; gray is adjusted for.",
    "Change of the effect, in its standard deviations, per standard deviation of the cause.",
)


def kpi_graph(
    nodes: pd.DataFrame,
    arrows: pd.DataFrame,
    *,
    ax: Axes | None = None,
    title: str | None = None,
) -> Axes:
    """Draw a graph of KPIs with what each arrow passes on.

    Parameters
    ----------
    nodes : pandas.DataFrame
        Columns ``node`` and ``level``, causes first.
    arrows : pandas.DataFrame
        Columns ``parent, child, estimate, conf_low, conf_high`` and ``standardized``.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.
    title : str, optional
        Title.

    Returns
    -------
    matplotlib.axes.Axes
        Where it was drawn. An arrow is as wide as its effect in standard deviations is large,
        and dashed where its interval holds 0. Arrows from the level ``context`` are thin and gray.
    """
    nodes = checked(nodes, keys=["node"], numbers=[], others=["level"])
    numbers = ["estimate", "conf_low", "conf_high", "standardized"]
    arrows = checked(arrows, keys=["parent", "child"], numbers=numbers)
    levels = list(dict.fromkeys(nodes["level"]))
    groups = {str(n): levels.index(level) for n, level in nodes[["node", "level"]].to_numpy()}
    parents = {n: list(arrows.loc[arrows["child"] == n, "parent"]) for n in groups}
    layers = layered(groups, parents)
    heights = [y for route in layers.route.values() for _, y in route]
    heights += [y for _, y in layers.place.values()]
    low, high = min(heights), max(heights)
    ax = prepare(ax, title=title, height=float(np.clip(1.9 + 0.85 * (high - low), 2.6, 9.0)))
    ax.set_xlim(-0.5, max(x for x, _ in layers.place.values()) + 0.5)
    ax.set_ylim(low - 0.4, high + 0.85)
    ax.set_axis_off()
    taken: list[np.ndarray] = []
    context = set(nodes.loc[nodes["level"] == _CONTEXT, "node"])
    for row in arrows.to_dict("records"):
        route = layers.route[row["parent"], row["child"]]
        _draw_arrow(ax, route, row, taken, adjusted=row["parent"] in context)
    for name, (x, y) in layers.place.items():
        _draw_node(ax, name, x, y)
    _name_levels(ax, layers.place, groups, levels, high + 0.6)
    for k, text in enumerate(_LEGEND):
        say_above(ax, text, line=k, fontsize=style.SMALL, color=style.MUTED)
    return ax


def _draw_node(ax: Axes, name: str, x: float, y: float) -> None:
    box = FancyBboxPatch(
        (x - _HALF_WIDTH, y - _HALF_HEIGHT),
        2 * _HALF_WIDTH,
        2 * _HALF_HEIGHT,
        boxstyle="round,pad=0,rounding_size=0.08",
        facecolor="white",
        edgecolor=style.MUTED,
        linewidth=1.0,
        zorder=4,
    )
    ax.add_patch(box)
    ax.text(
        x,
        y,
        wrapped(name, 10, 2),
        ha="center",
        va="center",
        fontsize=style.SMALL,
        color=style.INK,
        zorder=6,
    )


def _draw_arrow(
    ax: Axes,
    route: list[tuple[float, float]],
    row: Mapping[str, Any],
    taken: list[np.ndarray],
    *,
    adjusted: bool,
) -> None:
    points = _curve(route)
    path = Path(points, [Path.MOVETO] + [Path.CURVE4] * (len(points) - 1))
    sure = row["conf_low"] > 0 or row["conf_high"] < 0
    color = style.BLUE if row["standardized"] >= 0 else style.ORANGE
    width = 0.9 + 5 * min(abs(row["standardized"]), 0.6)
    if adjusted:
        color, width, sure = style.FAINT, 0.9, True
    ax.add_patch(
        FancyArrowPatch(
            path=path,
            arrowstyle="-|>",
            mutation_scale=9 + 1.5 * width,
            linewidth=width,
            linestyle="-" if sure else (0, (3, 2)),
            facecolor=color,
            edgecolor=color,
            alpha=0.8,
            zorder=1 if adjusted else 2,
        )
    )
    if adjusted:
        return
    at = _free_spot(path, taken)
    taken.append(at)
    ax.text(
        at[0],
        at[1],
        fixed(row["standardized"], 2, signed=True),
        fontsize=style.SMALL,
        color=style.text_color(color),
        ha="center",
        va="center",
        zorder=5,
        bbox={"boxstyle": "round,pad=0.1", "fc": "white", "ec": "none", "alpha": 0.85},
    )


def _curve(route: list[tuple[float, float]]) -> np.ndarray:
    """Run through the points of a route, level at each of them."""
    places = np.array(route)
    places[0, 0] += _HALF_WIDTH
    places[-1, 0] -= _HALF_WIDTH + _GAP
    points = [places[0]]
    for a, b in pairwise(places):
        middle = (a[0] + b[0]) / 2
        points += [np.array([middle, a[1]]), np.array([middle, b[1]]), b]
    return np.array(points)


def _free_spot(path: Path, taken: list[np.ndarray]) -> np.ndarray:
    """Choose a place on the curve that is not near another number."""
    line = np.asarray(path.to_polygons(closed_only=False)[0], dtype=float)
    along = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(line, axis=0).T))])
    spots = [
        np.array([np.interp(s * along[-1], along, line[:, k]) for k in (0, 1)]) for s in _SPOTS
    ]

    def room(spot: np.ndarray) -> float:
        if not taken:
            return 1.0
        gaps = np.abs(np.array(taken) - spot) / (0.42, 0.22)
        return min(1.0, float(gaps.max(axis=1).min()))

    return max(spots, key=room)


def _name_levels(
    ax: Axes,
    place: Mapping[str, tuple[float, float]],
    groups: Mapping[str, int],
    levels: list[str],
    top: float,
) -> None:
    for k, level in enumerate(levels):
        columns = [place[name][0] for name, group in groups.items() if group == k]
        ax.text(
            (min(columns) + max(columns)) / 2,
            top,
            level,
            ha="center",
            fontsize=style.SMALL,
            color=style.MUTED,
        )
        if max(columns) > min(columns):
            ax.plot(
                [min(columns) - 0.3, max(columns) + 0.3],
                [top - 0.08] * 2,
                color=style.FAINT,
                linewidth=0.8,
            )
