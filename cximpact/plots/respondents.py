"""What respondents say beside what everyone would say."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes

from cximpact.core.errors import DataError, join_names
from cximpact.plots import style
from cximpact.plots.canvas import prepare
from cximpact.plots.compare import Looks, categories, over_time
from cximpact.plots.positions import times_of
from cximpact.plots.tables import checked

_LOOKS: Looks = {
    "respondents": {"color": style.ORANGE, "marker": "s", "fill": "white"},
    "everyone": {"color": style.BLUE, "marker": "o"},
}


def respondents_and_everyone(
    table: pd.DataFrame,
    *,
    x: str,
    ax: Axes | None = None,
    title: str | None = None,
    unit: str = "",
) -> Axes:
    """Draw the score of those who answered beside the score of everyone.

    Parameters
    ----------
    table : pandas.DataFrame
        Columns ``x``, ``who`` (``"respondents"`` or ``"everyone"``), ``estimate``,
        ``conf_low``, ``conf_high``.
    x : str
        Column of periods or categories, as for `scores`. Categories are sorted by the mean of
        the two.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.
    title : str, optional
        Title.
    unit : str, default ""
        Unit of the scores.

    Returns
    -------
    matplotlib.axes.Axes
        Where it was drawn.

    Raises
    ------
    DataError
        If ``who`` holds anything else.
    """
    rows = checked(table, keys=[x, "who"])
    if strangers := sorted(set(map(str, rows["who"])) - set(_LOOKS)):
        raise DataError(
            f"column 'who' holds {join_names(strangers)}; expected 'respondents' or 'everyone'."
        )
    if times_of(rows[x]) is None:
        return categories(ax, rows, _LOOKS, x=x, by="who", unit=unit, title=title, joined=True)
    ax = prepare(ax, title=title)
    over_time(ax, rows, _LOOKS, x=x, by="who", unit=unit, band=True)
    return ax
