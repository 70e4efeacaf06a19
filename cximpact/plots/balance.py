"""How alike two arms are in what was measured, before and after weighting."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from cximpact.core.errors import ConfigError
from cximpact.core.validate import check_number
from cximpact.plots import style
from cximpact.plots.canvas import prepare
from cximpact.plots.complete import check_complete
from cximpact.plots.dots import height_of, name_rows, padded
from cximpact.plots.keys import key_row
from cximpact.plots.labels import number_axis
from cximpact.plots.tables import checked

SAMPLES = ("before", "after")


def love_plot(
    table: pd.DataFrame,
    *,
    threshold: float = 0.1,
    ax: Axes | None = None,
    title: str | None = None,
) -> Axes:
    """Draw standardized differences between arms, the largest first.

    Parameters
    ----------
    table : pandas.DataFrame
        ``variable``, ``sample`` ("before" or "after" weighting) and ``difference`` in standard
        deviations; ``level`` names a level of a category. A difference may be infinite.
    threshold : float, default 0.1
        Differences up to it count as balanced, drawn as a band.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.
    title : str, optional
        Title.

    Returns
    -------
    matplotlib.axes.Axes
        Where it was drawn: hollow before, filled after, orange beyond the threshold; an arrow at
        the edge is an infinite difference.

    Raises
    ------
    DataError
        If the table lacks a column, repeats a row or holds no numbers.
    ConfigError
        If a sample has another name.
    """
    threshold = check_number(threshold, "threshold", low=0)
    rows = _rows(table)
    names = list(dict.fromkeys(rows["label"]))
    samples = [s for s in SAMPLES if (rows["sample"] == s).any()]
    ax = prepare(ax, title=title, height=height_of(len(names)) + 0.4, pad=27)
    name_rows(ax, names)
    low, high = padded(rows["difference"].to_numpy(), include=[-1.2 * threshold, 1.2 * threshold])
    ax.set_xlim(low, high)
    ax.axvspan(-threshold, threshold, color=style.SHADE, linewidth=0, zorder=0)
    style.reference_line(ax, 0.0, vertical=True, color=style.INK)
    place = {name: i for i, name in enumerate(names)}
    at = rows["label"].map(place).to_numpy(float)
    if len(samples) == len(SAMPLES):
        _join(ax, rows, at, low, high)
    for sample in samples:
        mine = (rows["sample"] == sample).to_numpy()
        hollow = sample == "before" and len(samples) > 1
        _dots(ax, rows["difference"].to_numpy()[mine], at[mine], threshold, hollow=hollow)
    number_axis(ax.xaxis, "standard deviations", name="difference, treated less untreated")
    _key(ax, samples, threshold)
    return ax


def _rows(table: pd.DataFrame) -> pd.DataFrame:
    """Check the table, label its rows, and put the largest differences first."""
    levels = ["level"] if isinstance(table, pd.DataFrame) and "level" in table else []
    keys = ["variable", *levels, "sample"]
    given = checked(table, keys=keys, numbers=[], others=["difference"])
    finite = given["difference"].replace([np.inf, -np.inf], 0.0)
    rows = checked(given.assign(difference=finite), numbers=["difference"])
    check_complete(rows, ["difference"])
    rows["difference"] = given["difference"].to_numpy(dtype=float)
    if strange := sorted(set(map(str, rows["sample"])) - set(SAMPLES)):
        raise ConfigError(f"sample is {strange[0]!r} in some row; expected 'before' or 'after'.")
    level = rows["level"].astype(str) if levels else ""
    names = rows["variable"].astype(str)
    rows = rows.assign(label=np.where(level == "", names, names + ": " + level))
    first = next(s for s in SAMPLES if (rows["sample"] == s).any())
    size = rows["difference"].abs().where(rows["sample"] == first)
    order = size.groupby(rows["label"]).max().sort_values(ascending=False, kind="stable").index
    place = {label: i for i, label in enumerate(order)}
    return rows.assign(_at=rows["label"].map(place)).sort_values("_at", kind="stable")


def _join(ax: Axes, rows: pd.DataFrame, at: np.ndarray, low: float, high: float) -> None:
    ends = rows["difference"].clip(low, high).groupby(at)
    ax.hlines(sorted(set(at)), ends.min(), ends.max(), color=style.MUTED, linewidth=0.9, zorder=2)


def _dots(ax: Axes, x: np.ndarray, y: np.ndarray, threshold: float, *, hollow: bool) -> None:
    beyond = np.abs(x) > threshold
    low, high = ax.get_xlim()
    inset = 0.015 * (high - low)
    shown = np.clip(x, low + inset, high - inset)
    for mine, color in ((~beyond, style.BLUE), (beyond, style.ORANGE)):
        for part, marker in (
            (np.isfinite(x), "o"),
            (np.isposinf(x), ">"),
            (np.isneginf(x), "<"),
        ):
            chosen = mine & part
            if chosen.any():
                ax.plot(
                    shown[chosen],
                    y[chosen],
                    linestyle="none",
                    marker=marker,
                    markersize=6.5,
                    color=color,
                    markerfacecolor="white" if hollow else color,
                    markeredgewidth=1.4,
                    clip_on=False,
                    zorder=4,
                )


def _key(ax: Axes, samples: list[str], threshold: float) -> None:
    words = {"before": "before weighting", "after": "after weighting"}
    handles: list[Artist] = [
        Line2D(
            [],
            [],
            linestyle="none",
            marker="o",
            color=style.BLUE,
            markerfacecolor="white" if s == "before" and len(samples) > 1 else style.BLUE,
            markeredgewidth=1.4,
            label=words[s],
        )
        for s in samples
    ]
    handles.append(Patch(color=style.FAINT, label=f"within {threshold:g}: balanced"))
    key_row(ax, handles)
