"""Where labels lie along an axis: on a time line, or one after another."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num
from matplotlib.ticker import MaxNLocator

from cximpact.plots import style
from cximpact.plots.labels import NumberFormatter, axis_name

_PERIOD_TEXT = (
    (r"\d{4}", "Y"),
    (r"\d{4}-?[Qq][1-4]", "Q"),
    (r"\d{4}-\d{2}", "M"),
    (r"\d{4}-\d{2}-\d{2}", "D"),
)


def times_of(labels: pd.Series) -> np.ndarray | None:
    """Return positions on a time line, or None for categories.

    Parameters
    ----------
    labels : pandas.Series
        Whole numbers such as years, datetimes, periods, or text such as ``2019-05`` or
        ``2019Q2``. Other text, bools and pandas categories are categories.

    Returns
    -------
    numpy.ndarray or None
        Numbers, or matplotlib dates; gaps in time stay gaps.
    """
    if pd.api.types.is_bool_dtype(labels) or isinstance(labels.dtype, pd.CategoricalDtype):
        return None
    if pd.api.types.is_numeric_dtype(labels):
        return labels.to_numpy(dtype=float)
    moments = _moments(labels)
    if moments is None:
        return None
    return np.asarray(date2num(moments.to_numpy()), dtype=float)


def time_axis(ax: Axes, labels: pd.Series, name: str) -> None:
    """Put few, readable ticks on a time line.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Its x axis is set.
    labels : pandas.Series
        As for `times_of`.
    name : str
        Column that the labels come from.
    """
    ax.set_xlabel(axis_name(name))
    if pd.api.types.is_numeric_dtype(labels):
        whole = bool((labels.to_numpy(dtype=float) % 1 == 0).all())
        ax.xaxis.set_major_locator(MaxNLocator(nbins=9, integer=whole))
        ax.xaxis.set_major_formatter(NumberFormatter(separate=False))
        return
    shown = labels.drop_duplicates()
    if (ax.figure is not None) and len(shown) <= 10:
        moments = _moments(shown)
        if moments is not None:
            at = np.asarray(date2num(moments.to_numpy()), dtype=float)
            ax.set_xticks(at, [str(label)[:10] for label in shown])
            _turn_if_crowded(ax, [str(label)[:10] for label in shown])
            return
    locator = AutoDateLocator(minticks=3, maxticks=9)
    ax.xaxis.set_major_locator(locator)
    ax.xaxis.set_major_formatter(ConciseDateFormatter(locator))


def category_order(labels: pd.Series, values: pd.Series) -> list[object]:
    """Return categories in reading order: declared order, or best first.

    Parameters
    ----------
    labels : pandas.Series
        Category of each row.
    values : pandas.Series
        What to sort by; the mean over rows of one category counts.

    Returns
    -------
    list
        Top to bottom. Categories without a value come last.
    """
    if isinstance(labels.dtype, pd.CategoricalDtype) and labels.cat.ordered:
        return [c for c in labels.cat.categories if (labels == c).any()]
    means = values.groupby(labels.astype(object), sort=False).mean()
    return list(means.sort_values(ascending=False, na_position="last", kind="stable").index)


def spread(positions: np.ndarray, gap: float) -> np.ndarray:
    """Move positions apart until neighbors are at least a gap from each other.

    Parameters
    ----------
    positions : numpy.ndarray, shape (n,)
        Where labels should be.
    gap : float
        Smallest distance.

    Returns
    -------
    numpy.ndarray, shape (n,)
        In the order given; groups that collide stay centered on where they were.
    """
    order = np.argsort(positions, kind="stable")
    blocks: list[list[float]] = []  # center and count of each run of touching labels
    for value in positions[order]:
        blocks.append([float(value), 1])
        while len(blocks) > 1 and _touch(blocks[-2], blocks[-1], gap):
            (c2, n2), (c1, n1) = blocks.pop(), blocks.pop()
            blocks.append([(c1 * n1 + c2 * n2) / (n1 + n2), n1 + n2])
    out = np.empty(len(positions))
    out[order] = [c + gap * (i - (n - 1) / 2) for c, n in blocks for i in range(int(n))]
    return out


def _touch(one: list[float], other: list[float], gap: float) -> bool:
    return other[0] - one[0] < gap * (one[1] + other[1]) / 2


def _moments(labels: pd.Series) -> pd.Series | None:
    """Return the starts of the periods that labels name, or None."""
    if isinstance(labels.dtype, pd.PeriodDtype):
        return labels.dt.to_timestamp()
    if pd.api.types.is_datetime64_any_dtype(labels):
        return labels.dt.tz_localize(None)
    if not all(isinstance(label, str) for label in labels):
        return None
    for pattern, frequency in _PERIOD_TEXT:
        if all(re.fullmatch(pattern, label) for label in labels):
            try:
                return pd.Series(pd.PeriodIndex(labels, freq=frequency).to_timestamp())
            except ValueError:
                return None
    return None


def _turn_if_crowded(ax: Axes, texts: list[str]) -> None:
    if sum(map(len, texts)) > 75:
        ax.tick_params(axis="x", labelrotation=45, labelsize=style.SMALL)
