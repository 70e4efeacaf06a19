"""Risk against uplift: why the customers most at risk are not those to contact."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from cximpact.core.errors import ConfigError
from cximpact.core.validate import check_number
from cximpact.core.wording import percent
from cximpact.plots import style
from cximpact.plots.canvas import prepare
from cximpact.plots.complete import check_complete
from cximpact.plots.customer_map import MOST_DOTS, cell_edges, draw_cells, draw_customers
from cximpact.plots.dots import padded
from cximpact.plots.keys import ROW, key_row
from cximpact.plots.labels import number_axis, unit_of
from cximpact.plots.positions import spread
from cximpact.plots.tables import checked

COLORS = {
    "persuadables": style.BLUE,
    "sure things": "#009e73",
    "lost causes": "#777777",
    "sleeping dogs": style.ORANGE,
}
_TAIL = 0.001


def risk_uplift_map(
    table: pd.DataFrame,
    *,
    risk_cut: float | None = None,
    break_even: float | None = None,
    ax: Axes | None = None,
    title: str | None = None,
    unit: str = "",
    risk_unit: str = "share",
) -> Axes:
    """Draw customers by their risk and by what a contact changes.

    Parameters
    ----------
    table : pandas.DataFrame
        One row a customer: ``risk``, ``uplift`` and ``quadrant``, one of "persuadables",
        "sure things", "lost causes" and "sleeping dogs".
    risk_cut : float, optional
        Risk that parts sure things from lost causes, drawn as a line.
    break_even : float, optional
        Uplift from which a contact pays, drawn as a line.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.
    title : str, optional
        Title.
    unit : str, default ""
        Unit of the uplift, ``"pp"`` for rates.
    risk_unit : str, default "share"
        Unit of the risk.

    Returns
    -------
    matplotlib.axes.Axes
        Where it was drawn: dots for up to 2,000 customers, else cells that are darker where there
        are more. What a contact harms lies below the line at 0.

    Raises
    ------
    DataError
        If the table lacks a column or holds no numbers.
    ConfigError
        If a quadrant has another name.

    Notes
    -----
    Of more than 2,000 customers the outermost thousandth at each end of both axes may lie outside
    the picture; the key counts all of them.
    """
    rows = checked(table, numbers=["risk", "uplift"], others=["quadrant"])
    check_complete(rows, ["risk", "uplift"])
    kind = _kinds(rows)
    x, y = rows["risk"].to_numpy(), rows["uplift"].to_numpy()
    upright = [] if risk_cut is None else [check_number(risk_cut, "risk_cut")]
    level = [0.0] if break_even is None else [0.0, check_number(break_even, "break_even")]
    ax = prepare(ax, title=title, height=4.8, pad=12 + 2 * ROW)
    ax.set_xlim(*_limits(x, []))
    ax.set_ylim(*_limits(y, level))
    palette = list(COLORS.values())
    if x.size <= MOST_DOTS:
        draw_customers(ax, x, y, kind, palette)
    else:
        edges = cell_edges(*ax.get_xlim(), upright), cell_edges(*ax.get_ylim(), level)
        draw_cells(ax, x, y, kind, palette, edges=edges)
    _lines(ax, risk_cut, break_even, unit, risk_unit)
    number_axis(ax.xaxis, risk_unit, name="risk without a contact")
    number_axis(ax.yaxis, unit, name="effect of a contact")
    key_row(ax, _handles(kind), columns=2)
    return ax


def _kinds(rows: pd.DataFrame) -> np.ndarray:
    place = {name: k for k, name in enumerate(COLORS)}
    kind = rows["quadrant"].astype(object).map(place)
    if (strange := kind.isna()).any():
        found = rows["quadrant"][strange].iloc[0]
        raise ConfigError(
            f"quadrant is {found!r} in {int(strange.sum()):,} rows; expected one of "
            f"{', '.join(map(repr, COLORS))}."
        )
    return kind.to_numpy(int)


def _limits(values: np.ndarray, include: list[float]) -> tuple[float, float]:
    tail = _TAIL if values.size > MOST_DOTS else 0.0
    return padded(np.quantile(values, [tail, 1 - tail]), include=include)


def _lines(
    ax: Axes, risk_cut: float | None, break_even: float | None, unit: str, risk_unit: str
) -> None:
    """Draw the two cut-offs and the line below which a contact harms, named at the edges."""
    low, high = ax.get_ylim()
    ax.axhspan(low, 0.0, color=style.ORANGE, alpha=0.07, linewidth=0, zorder=0)
    style.reference_line(ax, 0.0, vertical=False, color=style.INK, zorder=4)
    look = {"color": style.INK, "linestyle": (0, (4, 3)), "zorder": 4}
    names = {"harms below 0": 0.0}
    if break_even is not None:
        style.reference_line(ax, break_even, vertical=False, **look)
        names[f"pays from {unit_of(unit).show(break_even)}"] = break_even
    if risk_cut is not None:
        style.reference_line(ax, risk_cut, vertical=True, **look)
        ax.annotate(
            f"risk {unit_of(risk_unit).show(risk_cut)}",
            (risk_cut, high),
            xytext=(4, -3),
            textcoords="offset points",
            va="top",
            fontsize=style.SMALL,
            color=style.INK,
            bbox={"facecolor": "white", "alpha": 0.8, "linewidth": 0, "pad": 1.0},
            zorder=5,
        )
    heights = spread(np.array(list(names.values())), 0.055 * (high - low))
    for (name, at), height in zip(names.items(), heights, strict=True):
        ax.annotate(
            name,
            (1.0, height),
            xycoords=("axes fraction", "data"),
            xytext=(6, 0),
            textcoords="offset points",
            va="center",
            fontsize=style.SMALL,
            color=style.text_color(style.ORANGE) if at == 0 else style.INK,
            annotation_clip=False,
        )


def _handles(kind: np.ndarray) -> list[Artist]:
    n = np.bincount(kind, minlength=len(COLORS))
    return [
        Line2D(
            [],
            [],
            linestyle="none",
            marker="s",
            markersize=7,
            color=color,
            label=f"{name}: {count:,} ({percent(count / n.sum())})",
        )
        for (name, color), count in zip(COLORS.items(), n, strict=True)
    ]
