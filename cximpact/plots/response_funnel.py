"""Where answers are lost on the way from the invitation to the last question."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from cximpact.core.errors import DataError, rows_phrase
from cximpact.plots import style
from cximpact.plots.canvas import prepare
from cximpact.plots.labels import axis_name, number_axis
from cximpact.plots.tables import INTERVAL, checked

_COLUMNS = ((10, "passed, of those\nwho got there"), (128, "share of\nthe loss"))
"""Distance from the picture in points, and heading."""
_LOST = "#f6d9c6"


def response_funnel(
    table: pd.DataFrame, *, ax: Axes | None = None, title: str | None = None
) -> Axes:
    """Draw how many are left after each stage of a survey, and which stage loses them.

    Parameters
    ----------
    table : pandas.DataFrame
        One row a stage, in order, as `scores.funnel` gives it: ``stage``, ``estimate`` (share
        that passes, of those who got there), ``conf_low``, ``conf_high``, ``n`` (got there),
        ``cumulative`` (share of all who passed), ``loss_share``.
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
        If shares are outside 0 to 1, or more are left after a stage than before it.
    """
    rows = _checked(table)
    ax = prepare(ax, title=title, height=1.5 + 0.5 * (len(rows) + 1), pad=27)
    names = ["Invited", *[axis_name(stage) for stage in rows["stage"]]]
    ax.set_yticks(range(len(names)), names)
    ax.set_ylim(len(names) - 0.4, -0.6)
    style.hide_spine(ax, "left")
    left = np.concatenate([[1.0], rows["cumulative"].to_numpy()])
    before = np.concatenate([[1.0], left[:-1]])
    at = np.arange(len(left))
    ax.barh(at, left, height=0.62, color=style.BLUE, zorder=3)
    ax.barh(at, before - left, 0.62, left=left, color=_LOST, zorder=3)
    _write_left(ax, at, left, float(rows["n"].iloc[0]))
    _write_rates(ax, at[1:], rows)
    ax.set_xlim(0, 1)
    number_axis(ax.xaxis, "share", name="still there, of all invited")
    return ax


def _checked(table: pd.DataFrame) -> pd.DataFrame:
    numbers = [*INTERVAL, "n", "cumulative", "loss_share"]
    rows = checked(table, keys=["stage"], numbers=numbers)
    for column in ("estimate", "cumulative"):
        inside = rows[column].between(-1e-9, 1 + 1e-9)
        if (wrong := np.flatnonzero(~inside)).size:
            raise DataError(
                f"column {column!r} is missing or outside 0 to 1 in {rows_phrase(wrong)}; expected "
                "shares, as fractions."
            )
    rising = np.diff(rows["cumulative"].to_numpy(), prepend=1.0) > 1e-9
    if rising.any():
        raise DataError(
            f"column 'cumulative' rises in {rows_phrase(np.flatnonzero(rising))}; sort the stages "
            "from the first to the last."
        )
    return rows


def _write_left(ax: Axes, at: np.ndarray, left: np.ndarray, invited: float) -> None:
    """Write how many are left: in the bar, or beside it where it is short."""
    for y, share in zip(at, left, strict=True):
        text = f"{share * invited:,.0f}" if y == 0 else f"{share * invited:,.0f} · {share:.1%}"
        inside = share > 0.3
        ax.annotate(
            text,
            (share, y),
            xytext=(-6 if inside else 6, 0),
            textcoords="offset points",
            ha="right" if inside else "left",
            va="center",
            fontsize=style.SMALL,
            color="white" if inside else style.INK,
            zorder=5,
        )


def _write_rates(ax: Axes, at: np.ndarray, rows: pd.DataFrame) -> None:
    for place, head in _COLUMNS:
        _write(ax, 0, place, head, {"color": style.MUTED})
    numbers = rows[["estimate", "conf_low", "conf_high", "loss_share"]].to_numpy()
    largest = np.nanmax(numbers[:, 3], initial=-1.0)
    for y, (rate, low, high, lost) in zip(at, numbers, strict=True):
        ends = f" ({100 * low:.1f} to {100 * high:.1f})" if np.isfinite([low, high]).all() else ""
        _write(ax, y, _COLUMNS[0][0], f"{100 * rate:.1f}{ends} %")
        heavy = {"color": style.text_color(style.ORANGE), "fontweight": "bold"}
        _write(ax, y, _COLUMNS[1][0], _percent(lost), heavy if lost == largest else None)


def _write(
    ax: Axes, y: float, place: float, text: str, look: Mapping[str, str] | None = None
) -> None:
    options: dict[str, Any] = {"color": style.INK} | dict(look or {})
    ax.annotate(
        text,
        (1.0, y),
        xycoords=("axes fraction", "data"),
        xytext=(place, 0),
        textcoords="offset points",
        va="center",
        fontsize=style.SMALL,
        annotation_clip=False,
        **options,
    )


def _percent(share: float) -> str:
    return "not defined" if np.isnan(share) else f"{share:.0%}"
