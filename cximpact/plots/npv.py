"""What the investment may turn out to be worth."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from cximpact.core import wording
from cximpact.core.units import check_currency
from cximpact.plots import style
from cximpact.plots.canvas import prepare, say_above
from cximpact.plots.labels import number_axis
from cximpact.plots.tables import checked_draws

_BINS = 45
_SHOWN = 0.99


def npv_distribution(
    draws: xr.DataArray, currency: str, *, ax: Axes | None = None, title: str | None = None
) -> Axes:
    """Draw the distribution of the net present value, with the chance of a gain in words.

    Parameters
    ----------
    draws : xarray.DataArray
        Net present value, dimension ``sample``.
    currency : str
        ISO code.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.
    title : str, optional
        Title.

    Returns
    -------
    matplotlib.axes.Axes
        Where it was drawn.

    Notes
    -----
    No bar straddles zero, so the area left of it is the probability of a loss. Where long tails
    would flatten the picture, the outermost 1 % of draws are cut off and the picture says so.
    """
    check_currency(currency)
    values = checked_draws(draws, 0).to_numpy()
    edges, outside = _edges(values)
    ax = prepare(ax, title=title, height=3.9, pad=42)
    counts, _ = np.histogram(values, edges)
    colors = [style.ORANGE if left < 0 else style.BLUE for left in edges[:-1]]
    ax.bar(edges[:-1], counts / len(values), np.diff(edges), align="edge", color=colors, alpha=0.75)
    ax.set_xlim(edges[0], edges[-1])
    top = float(counts.max()) / len(values)
    ax.set_ylim(-0.14 * top, 1.02 * top)
    style.reference_line(ax, 0.0, vertical=True, color=style.INK, zorder=4)
    ax.set_yticks([])
    style.hide_spine(ax, "left")
    number_axis(ax.xaxis, currency, name="net present value")
    _mark_interval(ax, values, currency, -0.07 * top)
    _say_chance(ax, values)
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
    return ax


def _edges(values: np.ndarray) -> tuple[np.ndarray, int]:
    """Return bin edges with one at zero, and how many draws lie outside."""
    tail = (1 - _SHOWN) / 2
    low, high = (float(q) for q in np.quantile(values, [tail, 1 - tail]))
    if values.max() - values.min() < 1.5 * (high - low):
        low, high = float(values.min()), float(values.max())
    width = (high - low) / _BINS or max(abs(high), 1.0) / _BINS
    if max(low, -high) <= 3 * (high - low):
        low, high = min(low, 0.0), max(high, 0.0)
    first, last = np.floor(low / width), np.ceil(high / width)
    edges = np.arange(first - 1, last + 2) * width
    outside = int(((values < edges[0]) | (values > edges[-1])).sum())
    return edges, outside


def _mark_interval(ax: Axes, values: np.ndarray, currency: str, y: float) -> None:
    low, high = np.quantile(values, [0.05, 0.95])
    mean = float(values.mean())
    ax.hlines(y, low, high, color=style.INK, linewidth=3, alpha=0.6, zorder=4)
    ax.plot([mean], [y], marker="o", markersize=8, color=style.INK, zorder=5)
    error = float(values.std() / np.sqrt(len(values)))
    shown = [wording.money(wording.rounded(x, error), currency) for x in (mean, low, high)]
    say_above(ax, f"Mean {shown[0]}; 90% of the draws between {shown[1]} and {shown[2]}")


def _say_chance(ax: Axes, values: np.ndarray) -> None:
    share = float((values > 0).mean())
    color = style.text_color(style.BLUE if share >= 0.5 else style.ORANGE)
    text = f"Chance of a gain, P(NPV > 0): {wording.probability(share)}"
    say_above(ax, text, line=1, fontweight="bold", color=color)
