"""How a conclusion moves with an assumption, and where it tips."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from cximpact.core import wording
from cximpact.core.validate import check_number
from cximpact.plots import style
from cximpact.plots.canvas import prepare, say_above
from cximpact.plots.dots import padded
from cximpact.plots.labels import NumberFormatter, axis_name, number_axis, unit_of, wrapped
from cximpact.plots.lines import draw_line
from cximpact.plots.tables import INTERVAL, checked


def sensitivity_curve(
    table: pd.DataFrame,
    *,
    x: str,
    threshold: float,
    ax: Axes | None = None,
    title: str | None = None,
    unit: str = "",
) -> Axes:
    """Draw an estimate against an assumption that cannot be tested, with its tipping points.

    Parameters
    ----------
    table : pandas.DataFrame
        Columns ``x``, ``estimate``, ``conf_low``, ``conf_high``; one row for each ``x``.
    x : str
        Numeric column of the assumption, such as ``delta``.
    threshold : float
        Value at which the conclusion changes, such as zero or a goal.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.
    title : str, optional
        Title.
    unit : str, default ""
        Unit of the estimate.

    Returns
    -------
    matplotlib.axes.Axes
        Where it was drawn.

    Notes
    -----
    The tipping points are where the estimate crosses the threshold, linear between rows.
    """
    rows = checked(table, keys=[x], numbers=[x, *INTERVAL]).sort_values(x)
    threshold = check_number(threshold, "threshold")
    at, estimate = rows[x].to_numpy(), rows["estimate"].to_numpy()
    ax = prepare(ax, title=title, pad=26)
    ax.set_ylim(*padded(rows[list(INTERVAL)].to_numpy(), include=[threshold]))
    draw_line(ax, at, rows, {"color": style.BLUE, "marker": "o"}, band=True)
    style.reference_line(ax, threshold, vertical=False, color=style.INK)
    ax.annotate(
        f"threshold {unit_of(unit).show(threshold)}",
        (1.0, threshold),
        xycoords=("axes fraction", "data"),
        xytext=(6, 0),
        textcoords="offset points",
        va="center",
        fontsize=style.SMALL,
        color=style.MUTED,
        annotation_clip=False,
    )
    points = crossings(at, estimate, threshold)
    for point in points:
        ax.plot(
            [point],
            [threshold],
            marker="D",
            markersize=8,
            color=style.ORANGE,
            zorder=5,
            label="tipping point",
        )
    _say(ax, points, at, x)
    ax.set_xlabel(axis_name(x))
    ax.xaxis.set_major_formatter(NumberFormatter())
    number_axis(ax.yaxis, unit)
    return ax


def crossings(x: np.ndarray, y: np.ndarray, threshold: float) -> list[float]:
    """Return where a curve crosses a threshold, linear between its points.

    Parameters
    ----------
    x, y : numpy.ndarray, shape (n,)
        The curve, ``x`` increasing. Segments with NaN are passed over.
    threshold : float
        The level.

    Returns
    -------
    list of float
        In increasing order; touching without passing counts once.
    """
    gap = np.asarray(y, dtype=float) - threshold
    found = [float(v) for v in np.asarray(x, dtype=float)[gap == 0]]
    for i in np.flatnonzero(gap[:-1] * gap[1:] < 0):
        found.append(float(x[i] - gap[i] * (x[i + 1] - x[i]) / (gap[i + 1] - gap[i])))
    return sorted(found)


def _say(ax: Axes, points: list[float], x: np.ndarray, name: str) -> None:
    label = wrapped(name, 30, 1).replace("_", " ")
    if points:
        where = " and ".join(wording.number(p, digits=2) for p in points[:3])
        text = f"The conclusion tips at {label} = {where}"
    else:
        span = f"{wording.number(x.min())} to {wording.number(x.max())}"
        text = f"The conclusion does not tip for {label} from {span}"
    say_above(ax, text, color=style.text_color(style.ORANGE))
