"""Many customers on a plane: as dots while they are few, else as cells that say how many."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from matplotlib import colors
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection

MOST_DOTS = 2_000
_CELLS = 64


def draw_customers(
    ax: Axes, x: np.ndarray, y: np.ndarray, kind: np.ndarray, palette: Sequence[str]
) -> None:
    """Draw customers as dots in the color of their kind.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where; its limits are left alone.
    x, y : numpy.ndarray, shape (customer,)
        Where each is.
    kind : numpy.ndarray of int, shape (customer,)
        Position of its kind in the palette.
    palette : sequence of str
        One color a kind.
    """
    size = float(np.clip(9_000 / max(x.size, 1), 8.0, 40.0))
    for k, color in enumerate(palette):
        mine = kind == k
        ax.scatter(x[mine], y[mine], s=size, color=color, alpha=0.6, linewidth=0, zorder=3)


def draw_cells(
    ax: Axes,
    x: np.ndarray,
    y: np.ndarray,
    kind: np.ndarray,
    palette: Sequence[str],
    *,
    edges: tuple[np.ndarray, np.ndarray],
) -> None:
    """Draw how many customers there are in each cell, in the color of the kind of most of them.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where.
    x, y : numpy.ndarray, shape (customer,)
        Where each is.
    kind : numpy.ndarray of int, shape (customer,)
        Position of its kind in the palette.
    palette : sequence of str
        One color a kind.
    edges : tuple of numpy.ndarray
        Edges of the cells in both directions, from `cell_edges`.

    Notes
    -----
    The color grows with the logarithm of customers per area, so that a few are still seen.
    """
    across, up = edges
    counts = np.stack([np.histogram2d(x[kind == k], y[kind == k], edges)[0] for k in
                       range(len(palette))])  # fmt: skip
    column, row = np.nonzero(counts.sum(axis=0))
    found = counts[:, column, row]
    area = np.diff(across)[column] * np.diff(up)[row]
    density = np.log1p(found.sum(axis=0) * np.median(area) / area)
    strength = 0.18 + 0.82 * density / density.max()
    base = np.array([colors.to_rgb(c) for c in palette])[found.argmax(axis=0)]
    left, right, low, high = across[column], across[column + 1], up[row], up[row + 1]
    corners = np.array([[left, low], [right, low], [right, high], [left, high]])
    ax.add_collection(
        PolyCollection(
            list(corners.transpose(2, 0, 1)),
            facecolors=1 - strength[:, None] * (1 - base),
            edgecolors="face",
            linewidths=0.3,
            zorder=2,
        ),
        autolim=False,
    )


def cell_edges(low: float, high: float, cuts: Sequence[float]) -> np.ndarray:
    """Return edges of about equal cells, with an edge at every cut.

    Parameters
    ----------
    low, high : float
        Ends of the axis.
    cuts : sequence of float
        Values that no cell may straddle; those outside are passed over.

    Returns
    -------
    numpy.ndarray
        Increasing edges.
    """
    marks = np.unique([low, *(c for c in cuts if low < c < high), high])
    parts = [
        np.linspace(a, b, max(int(np.ceil(_CELLS * (b - a) / (high - low))), 1), endpoint=False)
        for a, b in pairwise(marks)
    ]
    return np.append(np.concatenate(parts), high)
