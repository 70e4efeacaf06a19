"""Steps that add up, one row each: the words beside them and the lines that join them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from matplotlib.axes import Axes

from cximpact.plots import style


def write_beside(ax: Axes, at: float, text: str, color: str, weight: str = "normal") -> None:
    """Write what a row amounts to at the right edge.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where.
    at : float
        Row.
    text : str
        Literal text.
    color, weight : str
        How it looks.
    """
    ax.annotate(
        text,
        (1.0, at),
        xycoords=("axes fraction", "data"),
        xytext=(8, 0),
        textcoords="offset points",
        va="center",
        fontsize=style.BODY,
        fontweight=weight,
        color=color,
        annotation_clip=False,
    )


def join_rows(ax: Axes, at: Sequence[float] | np.ndarray, ends: np.ndarray) -> None:
    """Join the end of each row to the next.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where.
    at : sequence of float
        Rows.
    ends : numpy.ndarray
        Running sum after each.
    """
    for (i, end), (j, _) in pairwise(zip(at, ends, strict=True)):
        ax.plot([end, end], [i, j], color=style.MUTED, linewidth=0.8, zorder=2.5)
