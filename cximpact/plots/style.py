"""Colors and looks, set explicitly on every axes and never globally."""

from __future__ import annotations

from typing import Any

from matplotlib import colors
from matplotlib.axes import Axes

INK = "#222222"
MUTED = "#6b6b6b"
FAINT = "#d9d9d9"
SHADE = "#f3f3f3"
BLUE = "#0072b2"
ORANGE = "#d55e00"
PALETTE = (BLUE, ORANGE, "#009e73", "#a3508a", "#56a4d9", "#c98500", "#555555")
"""Okabe and Ito's colors, told apart with any color vision; two are darkened for white paper."""

MARKERS = ("o", "s", "^", "D", "v", "P", "X")
SMALL = 9.0
BODY = 10.0
LARGE = 12.5


def apply(ax: Axes) -> None:
    """Give an axes the house style: few lines, readable text.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        The axes; only this one is changed.
    """
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        ax.spines[side].set_color(MUTED)
        ax.spines[side].set_linewidth(0.8)
    ax.tick_params(labelsize=BODY, labelcolor=INK, color=MUTED, length=3, width=0.8)
    for axis in (ax.xaxis, ax.yaxis):
        axis.label.set_fontsize(BODY)
        axis.label.set_color(INK)
    ax.set_axisbelow(True)


def hide_spine(ax: Axes, side: str) -> None:
    """Take away one border line and the tick marks on it.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        The axes.
    side : {"left", "bottom"}
        Which border.
    """
    ax.spines[side].set_visible(False)
    ax.tick_params(axis="y" if side == "left" else "x", length=0)


def text_color(color: str) -> str:
    """Darken a color until text in it is readable on white.

    Parameters
    ----------
    color : str
        Any color.

    Returns
    -------
    str
        Its darker version as hex.
    """
    red, green, blue = colors.to_rgb(color)
    return colors.to_hex((0.72 * red, 0.72 * green, 0.72 * blue))


def reference_line(ax: Axes, value: float, *, vertical: bool, **options: Any) -> None:
    """Draw a thin line that marks a value, such as zero.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        The axes.
    value : float
        Where.
    vertical : bool
        Whether the line is upright.
    **options
        Line properties that differ from the default.
    """
    look = {"color": MUTED, "linewidth": 1.0, "zorder": 1.5} | options
    (ax.axvline if vertical else ax.axhline)(value, **look)
