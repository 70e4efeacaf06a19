"""The score of those who answered, of everybody, and where a decision would tip."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from cximpact.core.validate import check_number
from cximpact.core.wording import fixed
from cximpact.plots import style
from cximpact.plots.canvas import prepare
from cximpact.plots.compare import Looks, key_above
from cximpact.plots.dots import height_of, name_rows, pad_values
from cximpact.plots.labels import number_axis, unit_of
from cximpact.plots.positions import category_order
from cximpact.plots.tables import checked

_LOOKS: Looks = {
    "respondents": {"color": style.ORANGE, "marker": "s", "fill": "white"},
    "everyone": {"color": style.BLUE, "marker": "o"},
    "at the tipping point": {"color": style.INK, "marker": "D", "fill": "white"},
}
_SCORES = ("respondents", "everyone", "tipped")


def tipping_dumbbell(
    table: pd.DataFrame,
    *,
    x: str,
    threshold: float | None = None,
    ax: Axes | None = None,
    title: str | None = None,
    unit: str = "",
) -> Axes:
    """Draw how far each segment's score would move until a decision tips.

    Parameters
    ----------
    table : pandas.DataFrame
        One row a segment: ``x``, ``respondents`` (score of those who answered), ``everyone``,
        ``tipped`` (score of everybody at the tipping point; missing where nothing tips it), and
        where known ``delta``: how much less satisfied the silent must be, on the latent scale.
        ``conf_low`` and ``conf_high``, where they are there, are the interval of ``everyone``.
    x : str
        Column of the segments; sorted by the score of everybody.
    threshold : float, optional
        Score at which the decision flips.
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
    """
    ends = [c for c in ("conf_low", "conf_high", "delta") if c in getattr(table, "columns", ())]
    rows = checked(table, keys=[x], numbers=[*_SCORES, *ends])
    order = category_order(rows[x], rows["everyone"])
    rows = rows.set_index(rows[x].astype(object)).loc[order]
    ax = prepare(ax, title=title, height=height_of(len(rows)) + 0.35, pad=27)
    name_rows(ax, order)
    shown = rows[[*_SCORES, *[c for c in ends if c != "delta"]]].to_numpy()
    extra = [] if threshold is None else [check_number(threshold, "threshold")]
    pad_values(ax, shown, include=extra)
    at = np.arange(len(rows))
    if {"conf_low", "conf_high"} <= set(ends):
        ax.hlines(
            at, rows["conf_low"], rows["conf_high"], color=style.BLUE, linewidth=7, alpha=0.2,
            zorder=2,
        )  # fmt: skip
    ax.hlines(
        at, np.nanmin(shown[:, :3], axis=1), np.nanmax(shown[:, :3], axis=1), color=style.MUTED,
        linewidth=1.1, zorder=2.5,
    )  # fmt: skip
    for (_, look), column in zip(_LOOKS.items(), _SCORES, strict=True):
        ax.plot(
            rows[column],
            at,
            linestyle="none",
            marker=str(look["marker"]),
            markersize=6.5,
            color=str(look["color"]),
            markerfacecolor=str(look.get("fill", look["color"])),
            markeredgewidth=1.4,
            zorder=4,
        )
    _mark_threshold(ax, threshold, unit)
    number_axis(ax.xaxis, unit)
    if "delta" in ends:
        _write_deltas(ax, at, rows["delta"].to_numpy())
    key_above(ax, _LOOKS)
    return ax


def _mark_threshold(ax: Axes, threshold: float | None, unit: str) -> None:
    if threshold is None:
        return
    style.reference_line(ax, threshold, vertical=True, color=style.INK, linestyle=(0, (4, 3)))
    ax.annotate(
        f"threshold {unit_of(unit).show(threshold)}",
        (threshold, 0.0),
        xycoords=("data", "axes fraction"),
        xytext=(4, 4),
        textcoords="offset points",
        fontsize=style.SMALL,
        color=style.MUTED,
    )


def _write_deltas(ax: Axes, at: np.ndarray, deltas: np.ndarray) -> None:
    look: dict[str, Any] = {"textcoords": "offset points", "annotation_clip": False}
    look["fontsize"] = style.SMALL
    ax.annotate(
        "tips at shift", (1.0, 1.0), xycoords="axes fraction", xytext=(8, 4), va="bottom",
        color=style.MUTED, **look,
    )  # fmt: skip
    for y, delta in zip(at, deltas, strict=True):
        text = fixed(delta, 2, signed=True) if np.isfinite(delta) else "nowhere"
        ax.annotate(
            text, (1.0, y), xycoords=("axes fraction", "data"), xytext=(8, 0), va="center",
            color=style.INK, **look,
        )  # fmt: skip
