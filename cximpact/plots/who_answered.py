"""Who answered, against who was asked."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from cximpact.core.errors import DataError, rows_phrase
from cximpact.plots import style
from cximpact.plots.canvas import prepare
from cximpact.plots.compare import Looks, key_above
from cximpact.plots.dots import height_of, name_rows, pad_values
from cximpact.plots.labels import number_axis
from cximpact.plots.positions import category_order
from cximpact.plots.tables import checked

_LOOKS: Looks = {
    "everyone in the frame": {"color": style.MUTED, "marker": "o", "fill": "white"},
    "those who answered": {"color": style.BLUE, "marker": "o"},
}
_SHARES = ("frame_share", "respondent_share", "response_rate")


def who_answered(
    table: pd.DataFrame, *, x: str, ax: Axes | None = None, title: str | None = None
) -> Axes:
    """Draw each level's share of the frame against its share of those who answered.

    Parameters
    ----------
    table : pandas.DataFrame
        One row a level: ``x``, ``frame_share``, ``respondent_share`` and ``response_rate``, as
        fractions.
    x : str
        Column of the levels. They are sorted by their share of the frame, or keep the order of
        an ordered category.
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
        If a share is outside 0 to 1.
    """
    rows = checked(table, keys=[x], numbers=_SHARES)
    for column in _SHARES:
        if (wrong := np.flatnonzero(~rows[column].between(0, 1 + 1e-9))).size:
            raise DataError(
                f"column {column!r} is missing or outside 0 to 1 in {rows_phrase(wrong)}; "
                "expected fractions."
            )
    order = category_order(rows[x], rows["frame_share"])
    rows = rows.set_index(rows[x].astype(object)).loc[order]
    ax = prepare(ax, title=title, height=height_of(len(rows)) + 0.35, pad=27)
    name_rows(ax, order)
    at = np.arange(len(rows))
    frame, answered = rows["frame_share"].to_numpy(), rows["respondent_share"].to_numpy()
    less = answered < frame
    for mine, color in ((less, style.ORANGE), (~less, style.BLUE)):
        ax.hlines(
            at[mine], frame[mine], answered[mine], color=color, linewidth=2.2, alpha=0.55, zorder=3
        )
    for (_, look), values in zip(_LOOKS.items(), (frame, answered), strict=True):
        ax.plot(
            values,
            at,
            linestyle="none",
            marker=str(look["marker"]),
            markersize=6.5,
            color=str(look["color"]),
            markerfacecolor=str(look.get("fill", look["color"])),
            markeredgewidth=1.4,
            clip_on=False,
            zorder=4,
        )
    pad_values(ax, np.concatenate([frame, answered]), include=[0.0])
    ax.set_xlim(left=0.0)
    number_axis(ax.xaxis, "share", name="share of people")
    _write_response(ax, at, rows["response_rate"].to_numpy())
    key_above(ax, _LOOKS)
    return ax


def _write_response(ax: Axes, at: np.ndarray, rates: np.ndarray) -> None:
    look = {"textcoords": "offset points", "fontsize": style.SMALL, "annotation_clip": False}
    ax.annotate(
        "response rate",
        (1.0, 1.0),
        xycoords="axes fraction",
        xytext=(8, 4),
        va="bottom",
        color=style.MUTED,
        **look,
    )
    for y, rate in zip(at, rates, strict=True):
        ax.annotate(
            f"{rate:.1%}",
            (1.0, y),
            xycoords=("axes fraction", "data"),
            xytext=(8, 0),
            va="center",
            color=style.INK,
            **look,
        )
