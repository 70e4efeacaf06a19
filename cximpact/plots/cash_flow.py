"""Money over time: what was spent and what has come back so far."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from cximpact.core.draws import SAMPLE
from cximpact.core.errors import DtypeError
from cximpact.core.units import check_currency
from cximpact.plots import style
from cximpact.plots.canvas import prepare, say_above
from cximpact.plots.dots import padded
from cximpact.plots.histogram import chance, is_fixed
from cximpact.plots.labels import axis_name, number_axis
from cximpact.plots.positions import spread
from cximpact.plots.tables import checked_draws

_QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


def cash_flow_fan(
    draws: xr.DataArray,
    *,
    currency: str,
    ax: Axes | None = None,
    title: str | None = None,
) -> Axes:
    """Draw the cumulative discounted net cash flow as a fan, and when it pays back.

    Parameters
    ----------
    draws : xarray.DataArray
        *Cumulative* discounted net cash, dimensions ``(sample, period)`` in any order; the
        second is numbered in time order.
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
    The bands hold the middle 50 % and 90 % of the draws at each period. A draw has paid back at
    the first period from which its cumulative net stays at or above zero up to the horizon.
    """
    check_currency(currency)
    draws = _in_time_order(draws)
    time = str(draws.dims[1])
    x = draws[time].to_numpy().astype(float)
    q = np.quantile(draws.to_numpy(), _QUANTILES, axis=0)
    ax = prepare(ax, title=title, height=4.3, pad=42)
    ax.set_ylim(*padded(q, include=[0.0]))
    ax.set_xlim(x[0], x[-1] if len(x) > 1 else x[0] + 1)
    ax.fill_between(x, q[0], q[4], color=style.BLUE, alpha=0.16, linewidth=0, zorder=2)
    ax.fill_between(x, q[1], q[3], color=style.BLUE, alpha=0.30, linewidth=0, zorder=2)
    ax.plot(x, q[2], color=style.BLUE, linewidth=2.2, zorder=3, label="median")
    style.reference_line(ax, 0.0, vertical=False, color=style.INK)
    ax.yaxis.grid(True, color=style.FAINT, linewidth=0.6)
    ax.xaxis.set_major_locator(MaxNLocator(nbins=9, integer=True, steps=[1, 2, 3, 4, 6, 10]))
    ax.set_xlabel(axis_name(time))
    number_axis(ax.yaxis, currency, name="cumulative discounted net")
    if not is_fixed(draws.to_numpy()):
        _name_bands(ax, q[:, -1])
    _mark_payback(ax, draws, time)
    return ax


def payback(cumulative: np.ndarray, periods: np.ndarray) -> np.ndarray:
    """Return when each draw has paid back for good.

    Parameters
    ----------
    cumulative : numpy.ndarray, shape (sample, period)
        Cumulative net.
    periods : numpy.ndarray, shape (period,)
        Their numbers, increasing.

    Returns
    -------
    numpy.ndarray, shape (sample,)
        Infinite where the last period is still below zero.
    """
    below = cumulative < 0
    last = below.shape[1] - 1 - np.argmax(below[:, ::-1], axis=1)
    first = np.where(below.any(axis=1), last + 1, 0)
    return np.append(np.asarray(periods, dtype=float), np.inf)[first]


def _in_time_order(draws: xr.DataArray) -> xr.DataArray:
    draws = checked_draws(draws, 1)
    time = str(draws.dims[1])
    if time not in draws.coords:
        draws = draws.assign_coords({time: np.arange(draws.sizes[time])})
    if draws[time].dtype.kind not in "iuf":
        raise DtypeError(
            f"the coordinate {time!r} has type {draws[time].dtype}; expected period numbers."
        )
    return draws.sortby(time).transpose(SAMPLE, time)


def _name_bands(ax: Axes, ends: np.ndarray) -> None:
    low, high = ax.get_ylim()
    at = spread(ends[[4, 3, 2]], (high - low) * 0.055)
    for y, text in zip(at, ("90% band", "50% band", "median"), strict=True):
        ax.annotate(
            text,
            (1.0, y),
            xycoords=("axes fraction", "data"),
            xytext=(6, 0),
            textcoords="offset points",
            va="center",
            fontsize=style.SMALL,
            color=style.text_color(style.BLUE),
            annotation_clip=False,
        )


def _mark_payback(ax: Axes, draws: xr.DataArray, time: str) -> None:
    x = draws[time].to_numpy().astype(float)
    when = payback(draws.to_numpy(), x)
    middle = float(np.quantile(when, 0.5, method="higher"))
    back = "Paid back for good" if np.isfinite(middle) else "Not paid back for good"
    by = f"by {time} {min(middle, x[-1]):g}"
    if is_fixed(draws.to_numpy()):
        say_above(ax, f"{back} {by}")
    else:
        share = chance(draws, np.isfinite(when))
        say_above(ax, f"Chance to have paid back for good by {time} {x[-1]:g}: {share}")
        say_above(ax, f"{back} in half of the draws {by}", line=1)
    if np.isfinite(middle):
        _mark(ax, middle, f"{time} {middle:g}")


def _mark(ax: Axes, at: float, text: str) -> None:
    look = {"markersize": 9, "color": style.INK, "markerfacecolor": "white", "zorder": 5}
    ax.plot([at], [0.0], marker="o", label="payback", **look)
    ax.annotate(
        text,
        (at, 0.0),
        xytext=(0, -9),
        textcoords="offset points",
        ha="center",
        va="top",
        fontsize=style.SMALL,
        color=style.INK,
    )
