"""Names beside dots on a plane, placed so that they cover neither dots nor each other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from cximpact.plots import style
from cximpact.plots.labels import wrapped

_LETTER, _LINE, _DOT = 4.9, 11.0, 5.0
_PLACES = ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, 1), (1, -1), (-1, -1))


def write_tags(ax: Axes, x: np.ndarray, y: np.ndarray, names: Sequence[object]) -> None:
    """Write a name beside each dot.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Its limits must have been set.
    x, y : numpy.ndarray, shape (dot,)
        Where the dots are.
    names : sequence
        One a dot.

    Notes
    -----
    Each name takes the place around its dot that covers least of what is there already; names of
    dots at the edges come first. Sizes of letters are guessed, so a picture never has to be drawn
    to place them.
    """
    width, height = _size(ax)
    (left, right), (low, high) = ax.get_xlim(), ax.get_ylim()
    at = np.column_stack([(x - left) / (right - left) * width, (y - low) / (high - low) * height])
    texts = [wrapped(name, 24, 1) for name in names]
    taken = [np.array([px - _DOT, py - _DOT, px + _DOT, py + _DOT]) for px, py in at]
    for i in np.argsort(-np.abs(at[:, 0] - width / 2), kind="stable"):
        half = np.array([_LETTER * len(texts[i]), _LINE]) / 2
        boxes, costs = [], []
        for side, up in _PLACES:
            center = at[i] + np.array([side, up]) * (half + _DOT + 1)
            box = np.concatenate([center - half, center + half])
            outside = np.maximum([-box[0], -box[1], box[2] - width, box[3] - height], 0).sum()
            boxes.append(box)
            costs.append(sum(_overlap(box, other) for other in taken) + 20 * outside)
        best = int(np.argmin(costs))
        taken.append(boxes[best])
        side, up = _PLACES[best]
        ax.annotate(
            texts[i],
            (x[i], y[i]),
            xytext=(side * (_DOT + 2), up * (_DOT + 2)),
            textcoords="offset points",
            ha={1: "left", -1: "right", 0: "center"}[side],
            va={1: "bottom", -1: "top", 0: "center"}[up],
            fontsize=style.SMALL,
            color=style.INK,
            bbox={"facecolor": "white", "alpha": 0.75, "linewidth": 0, "pad": 0.6},
            zorder=6,
        )


def _size(ax: Axes) -> tuple[float, float]:
    """Width and height of the axes in points, about."""
    box = ax.get_position()
    figure = ax.get_figure(root=True)
    width, height = (7.0, 4.5) if figure is None else figure.get_size_inches()
    return 72 * width * box.width, 72 * height * box.height


def _overlap(a: np.ndarray, b: np.ndarray) -> float:
    sides = np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2])
    return float(np.prod(np.maximum(sides, 0.0)))
