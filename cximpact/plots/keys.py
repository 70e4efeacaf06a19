"""A key in a row above the picture, for lines, bands and dots."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.artist import Artist
from matplotlib.axes import Axes

from cximpact.plots import style

ROW = 15.0
"""Height of a row of the key in points."""


def rows_of(entries: int, columns: int = 4) -> int:
    """Return how many rows a key takes.

    Parameters
    ----------
    entries : int
        Entries of the key.
    columns : int, default 4
        Entries a row.

    Returns
    -------
    int
        Rows.
    """
    return -(-entries // columns)


def key_row(ax: Axes, handles: Sequence[Artist], *, columns: int = 4) -> None:
    """Write a key above the picture; the labels of the handles name them.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where.
    handles : sequence of matplotlib Artist
        Lines and patches with labels.
    columns : int, default 4
        Entries a row.
    """
    ax.legend(
        handles=list(handles),
        loc="lower left",
        bbox_to_anchor=(0.0, 1.0),
        ncols=columns,
        frameon=False,
        fontsize=style.SMALL,
        handlelength=1.6,
        handletextpad=0.5,
        columnspacing=1.4,
        borderaxespad=0.2,
    )
