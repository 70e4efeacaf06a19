"""What the investment may turn out to be worth."""

from __future__ import annotations

import xarray as xr
from matplotlib.axes import Axes

from cximpact.core.units import check_currency
from cximpact.plots import style
from cximpact.plots.canvas import prepare, say_above
from cximpact.plots.histogram import chance, draw_histogram, edges_of, is_fixed, middle_text
from cximpact.plots.labels import number_axis, unit_of
from cximpact.plots.tables import checked_draws


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
    Draws that are all one number get neither an interval nor a probability.
    """
    check_currency(currency)
    draws = checked_draws(draws, 0)
    values = draws.to_numpy()
    ax = prepare(ax, title=title, height=3.9, pad=42)
    draw_histogram(ax, values, edges_of(values), signed=True)
    number_axis(ax.xaxis, currency, name="net present value")
    say_above(ax, middle_text(draws, unit_of(currency)))
    if not is_fixed(values):
        gains = values > 0
        color = style.text_color(style.BLUE if gains.mean() >= 0.5 else style.ORANGE)
        text = f"Chance of a gain, P(NPV > 0): {chance(draws, gains)}"
        say_above(ax, text, line=1, fontweight="bold", color=color)
    return ax
