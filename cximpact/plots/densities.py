"""Densities of several quantities on one axis, one row each."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from cximpact.core.errors import ConfigError, DataError, EmptyDataError
from cximpact.core.validate import check_prob, check_vector
from cximpact.plots import style
from cximpact.plots.canvas import prepare
from cximpact.plots.dots import name_rows
from cximpact.plots.labels import interval_text, number_axis, unit_of

_MOST = 40
_TALL = 0.78
_SEEN = 0.004
"""Share of the peak below which a curve is not drawn."""


def densities(
    curves: Mapping[str, tuple[ArrayLike, ArrayLike]],
    *,
    name: str = "",
    unit: str = "",
    prob: float = 0.9,
    ax: Axes | None = None,
    title: str | None = None,
) -> Axes:
    """Draw densities one under the other, each at its own height, with its middle mass.

    Parameters
    ----------
    curves : mapping of str to (x, density)
        Name to the points of a curve, ``x`` increasing.
    name : str, default ""
        What the axis shows.
    unit : str, default ""
        Unit of the axis.
    prob : float, default 0.9
        Mass of the equal-tailed interval that is marked and written beside each curve.
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
    EmptyDataError, ConfigError
        If there is no curve, or too many to be read.
    DataError
        If a curve is negative, flat at zero, or its points are not increasing.

    Notes
    -----
    Heights are not comparable between rows: each curve is scaled to its peak, so that a narrow
    prior does not flatten the others. The interval is that of the area under the drawn points.
    """
    prob = check_prob(prob)
    if not curves:
        raise EmptyDataError("there are 0 curves; expected at least 1.")
    if len(curves) > _MOST:
        raise ConfigError(f"{len(curves)} curves cannot be read; pick at most {_MOST}.")
    checked = {label: _curve(label, *curve) for label, curve in curves.items()}
    ax = prepare(ax, title=title, height=1.3 + 0.5 * len(checked), pad=27)
    name_rows(ax, list(checked))
    ax.set_ylim(len(checked) - 0.75, -0.9)
    reach = [at[height > _SEEN * height.max()][[0, -1]] for at, height in checked.values()]
    low, high = min(r[0] for r in reach), max(r[1] for r in reach)
    ax.set_xlim(low - 0.02 * (high - low), high + 0.02 * (high - low))
    for row, (at, height) in enumerate(checked.values()):
        shown = height > _SEEN * height.max()
        top = np.where(shown, row - _TALL * height / height.max(), np.nan)
        ax.fill_between(at, row, top, color=style.BLUE, alpha=0.18, linewidth=0, zorder=2)
        ax.plot(at, top, color=style.BLUE, linewidth=1.4, zorder=3)
        ends = _quantiles(at, height, [(1 - prob) / 2, 0.5, (1 + prob) / 2])
        ax.hlines(row, ends[0], ends[2], color=style.INK, linewidth=3, alpha=0.6, zorder=4)
        ax.plot([ends[1]], [row], marker="o", markersize=5, color=style.INK, zorder=5)
        _write(ax, row, interval_text(unit_of(unit), ends[1], ends[0], ends[2]))
    ax.annotate(
        f"median ({prob:.0%} within)",
        (1.0, 1.0),
        xycoords="axes fraction",
        xytext=(8, 4),
        textcoords="offset points",
        va="bottom",
        fontsize=style.SMALL,
        color=style.MUTED,
        annotation_clip=False,
    )
    number_axis(ax.xaxis, unit, name=name)
    return ax


def _curve(label: str, x: ArrayLike, density: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    at, height = check_vector(x, f"x of {label!r}"), check_vector(density, f"density of {label!r}")
    if at.size != height.size or at.size < 2 or (np.diff(at) <= 0).any():
        raise DataError(
            f"curve {label!r} has {at.size} positions and {height.size} densities; expected as "
            "many of each, at least 2, positions increasing."
        )
    if height.min() < 0 or not height.max() > 0:
        raise DataError(f"density of {label!r} is negative, or zero everywhere; expected an area.")
    return at, height


def _quantiles(at: np.ndarray, height: np.ndarray, levels: list[float]) -> np.ndarray:
    """Return where the area under a curve reaches some shares of itself."""
    steps = np.diff(at) * (height[1:] + height[:-1]) / 2
    area = np.concatenate([[0.0], steps.cumsum()])
    return np.interp(levels, area / area[-1], at)


def _write(ax: Axes, row: int, text: str) -> None:
    ax.annotate(
        text,
        (1.0, row),
        xycoords=("axes fraction", "data"),
        xytext=(8, 0),
        textcoords="offset points",
        va="center",
        fontsize=style.SMALL,
        color=style.MUTED,
        annotation_clip=False,
    )
