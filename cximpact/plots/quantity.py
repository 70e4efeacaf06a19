"""The distribution of any quantity, or of several side by side."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from cximpact.core.draws import SAMPLE
from cximpact.core.summaries import summarize
from cximpact.plots.canvas import prepare, say_above
from cximpact.plots.compare import categories
from cximpact.plots.histogram import draw_histogram, edges_of, middle_text
from cximpact.plots.labels import number_axis, unit_of
from cximpact.plots.lines import looks
from cximpact.plots.tables import checked_draws, joined_labels


def distribution(
    draws: xr.DataArray, *, unit: str = "", ax: Axes | None = None, title: str | None = None
) -> Axes:
    """Draw the distribution of a quantity.

    Parameters
    ----------
    draws : xarray.DataArray
        Dimension ``sample`` gives a histogram; with further dimensions each element becomes a
        dot with its 90 % interval.
    unit : str, default ""
        Unit of the draws, such as ``"EUR per retained customer"``.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.
    title : str, optional
        Title.

    Returns
    -------
    matplotlib.axes.Axes
        Where it was drawn.
    """
    others = getattr(draws, "ndim", 1) - 1
    draws = checked_draws(draws, others)
    if others:
        table = summarize(draws, 0.9)
        dims = [str(d) for d in draws.dims if d != SAMPLE]
        table["_label"] = joined_labels(table, dims)
        look = looks([None])
        return categories(ax, table, look, x="_label", by=None, unit=unit, title=title)
    values = np.asarray(draws.to_numpy(), dtype=float)
    ax = prepare(ax, title=title, height=3.7, pad=27)
    draw_histogram(ax, values, edges_of(values), signed=False)
    number_axis(ax.xaxis, unit)
    say_above(ax, middle_text(draws, unit_of(unit)))
    return ax
