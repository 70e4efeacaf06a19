"""The path of a score over periods: everybody as a band, respondents as points beside it."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from cximpact.core.errors import DataError, join_names
from cximpact.plots import style
from cximpact.plots.canvas import prepare
from cximpact.plots.compare import Looks, key_above
from cximpact.plots.dots import padded
from cximpact.plots.labels import number_axis, wrapped
from cximpact.plots.lines import draw_line
from cximpact.plots.positions import time_axis, times_of
from cximpact.plots.tables import INTERVAL, checked

_LOOKS: Looks = {
    "everyone": {"color": style.BLUE, "marker": "o"},
    "respondents": {"color": style.ORANGE, "marker": "s", "fill": "white"},
}


def score_path(
    table: pd.DataFrame,
    *,
    x: str,
    ax: Axes | None = None,
    title: str | None = None,
    unit: str = "",
) -> Axes:
    """Draw the path of everybody's score with its band, and each period's respondents beside it.

    Parameters
    ----------
    table : pandas.DataFrame
        Columns ``x``, ``who`` (``"everyone"`` or ``"respondents"``), ``estimate``, ``conf_low``,
        ``conf_high``.
    x : str
        Column of the periods: years, dates, or text such as ``2024-05``. Other labels stand in
        the order of the table.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.
    title : str, optional
        Title.
    unit : str, default ""
        Unit of the scores.

    Returns
    -------
    matplotlib.axes.Axes
        Where it was drawn.

    Raises
    ------
    DataError
        If ``who`` holds anything else, or nobody's path is there.
    """
    rows = checked(table, keys=[x, "who"])
    strangers = sorted(set(map(str, rows["who"])) - set(_LOOKS))
    if strangers or not (rows["who"] == "everyone").any():
        raise DataError(
            f"column 'who' holds {join_names(sorted(set(map(str, rows['who']))))}; expected "
            "'everyone' and perhaps 'respondents'."
        )
    times = times_of(rows[x])
    at = pd.factorize(rows[x])[0].astype(float) if times is None else times
    rows = rows.assign(_at=at).sort_values("_at", kind="stable")
    ax = prepare(ax, title=title, pad=27)
    everyone = rows[rows["who"] == "everyone"]
    answered = rows[rows["who"] == "respondents"]
    ax.set_ylim(*padded(rows[list(INTERVAL)].to_numpy()))
    draw_line(ax, everyone["_at"].to_numpy(), everyone, _LOOKS["everyone"], band=True)
    places = np.unique(rows["_at"].to_numpy())
    apart = float(np.diff(places).min()) if len(places) > 1 else 1.0
    if len(answered):
        _points(ax, answered["_at"].to_numpy() + 0.16 * apart, answered)
    low, high = ax.get_ylim()
    if low < 0 < high:
        style.reference_line(ax, 0.0, vertical=False)
    ax.set_xlim(places[0] - 0.35 * apart, places[-1] + 0.35 * apart)
    ax.yaxis.grid(True, color=style.FAINT, linewidth=0.6)
    time_axis(ax, rows[x].drop_duplicates(), x)
    if times is None:
        labels = rows.drop_duplicates("_at")
        ax.set_xticks(labels["_at"].to_numpy(), [wrapped(label, 18, 2) for label in labels[x]])
    number_axis(ax.yaxis, unit)
    key_above(ax, {who: look for who, look in _LOOKS.items() if (rows["who"] == who).any()})
    return ax


def _points(ax: Axes, at: np.ndarray, rows: pd.DataFrame) -> None:
    look = _LOOKS["respondents"]
    color = str(look["color"])
    ax.vlines(at, rows["conf_low"], rows["conf_high"], color=color, linewidth=1.4, alpha=0.7)
    ax.plot(
        at,
        rows["estimate"],
        linestyle="none",
        marker=str(look["marker"]),
        markersize=5.5,
        color=color,
        markerfacecolor="white",
        markeredgewidth=1.4,
        zorder=4,
    )
