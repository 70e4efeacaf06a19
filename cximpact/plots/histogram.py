"""Bars of draws with their mean and middle 90 %."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from cximpact.core import wording
from cximpact.core.draws import ESS, SAMPLE
from cximpact.core.summaries import mcse_mean
from cximpact.plots import style
from cximpact.plots.labels import Unit

_BINS = 45
_SHOWN = 0.99


def draw_histogram(ax: Axes, values: np.ndarray, edges: np.ndarray, *, signed: bool) -> None:
    """Draw shares of draws as bars, and their mean and middle 90 % below.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where.
    values : numpy.ndarray, shape (sample,)
        Draws.
    edges : numpy.ndarray
        From `edges_of`.
    signed : bool
        Whether what lies below zero has another color.
    """
    counts, _ = np.histogram(values, edges)
    shares = counts / len(values)
    colors = [style.ORANGE if signed and left < 0 else style.BLUE for left in edges[:-1]]
    ax.bar(edges[:-1], shares, np.diff(edges), align="edge", color=colors, alpha=0.75)
    ax.set_xlim(edges[0], edges[-1])
    top = float(shares.max())
    ax.set_ylim(-0.14 * top, 1.02 * top)
    ax.set_yticks([])
    style.hide_spine(ax, "left")
    if edges[0] < 0 < edges[-1]:
        style.reference_line(ax, 0.0, vertical=True, color=style.INK, zorder=4)
    low, high = np.quantile(values, [0.05, 0.95])
    ax.hlines(-0.07 * top, low, high, color=style.INK, linewidth=3, alpha=0.6, zorder=4)
    ax.plot([values.mean()], [-0.07 * top], marker="o", markersize=8, color=style.INK, zorder=5)
    _say_outside(ax, values, edges)


def edges_of(values: np.ndarray) -> np.ndarray:
    """Return bin edges of which one is zero, where zero is near.

    Parameters
    ----------
    values : numpy.ndarray, shape (sample,)
        Draws.

    Returns
    -------
    numpy.ndarray
        Of equal width. Where long tails would flatten the picture, the outermost 1 % of draws
        lie outside. Zero is included unless it is more than three widths away.
    """
    tail = (1 - _SHOWN) / 2
    low, high = (float(q) for q in np.quantile(values, [tail, 1 - tail]))
    if values.max() - values.min() < 1.5 * (high - low):
        low, high = float(values.min()), float(values.max())
    width = (high - low) / _BINS
    if width <= 1e-9 * max(abs(low), abs(high)):
        width = max(abs(high), 1.0) / _BINS
    if max(low, -high) <= 3 * (high - low):
        low, high = min(low, 0.0), max(high, 0.0)
    return np.arange(np.floor(low / width) - 1, np.ceil(high / width) + 2) * width


def middle_text(draws: xr.DataArray, unit: Unit) -> str:
    """Write the mean and the middle 90 %, without digits below the simulation error.

    Parameters
    ----------
    draws : xarray.DataArray
        Dimension ``sample``.
    unit : Unit
        How numbers are shown.

    Returns
    -------
    str
        One sentence.
    """
    values = draws.to_numpy()
    if is_fixed(values):
        return f"A fixed number, {unit.show(float(values[0]))} {unit.name}, without an interval"
    error = float(mcse_mean(draws)) * unit.factor
    ends = (values.mean(), *np.quantile(values, [0.05, 0.95]))
    mean, low, high = (wording.format_number(float(x) * unit.factor, error) for x in ends)
    return f"Mean {mean} {unit.name}; 90% of the draws between {low} and {high}".replace("  ", " ")


def chance(draws: xr.DataArray, event: np.ndarray) -> str:
    """Write the share of draws in which something holds.

    Parameters
    ----------
    draws : xarray.DataArray
        The draws; their effective number limits the digits.
    event : numpy.ndarray of bool, shape (sample,)
        Where it holds.

    Returns
    -------
    str
        Such as ``87%``.
    """
    n = min(float(draws.attrs.get(ESS, np.inf)), draws.sizes[SAMPLE])
    return wording.format_probability(float(event.mean()), n)


def is_fixed(values: np.ndarray) -> bool:
    """Return whether all draws are the same.

    Parameters
    ----------
    values : numpy.ndarray, shape (sample, ...)
        Draws.

    Returns
    -------
    bool
        True for one number repeated, also for a single draw.
    """
    return bool((values == values[:1]).all())


def _say_outside(ax: Axes, values: np.ndarray, edges: np.ndarray) -> None:
    outside = int(((values < edges[0]) | (values > edges[-1])).sum())
    if outside:
        ax.annotate(
            f"{outside:,} of {len(values):,} draws lie outside the picture",
            (1.0, 0.97),
            xycoords="axes fraction",
            ha="right",
            va="top",
            fontsize=style.SMALL,
            color=style.MUTED,
        )
