"""All checks of held-out answers on one page."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure, FigureBase
from matplotlib.layout_engine import ConstrainedLayoutEngine

from cximpact.plots import style
from cximpact.plots.canvas import WIDTH, NotebookFigure
from cximpact.plots.dots import name_rows, pad_values
from cximpact.plots.labels import number_axis, title_text, wrapped
from cximpact.plots.tables import INTERVAL, checked

_BAND = "#dbe7ef"
_OUTSIDE = style.ORANGE
_SCORES = {"rps": "RPS", "log_score": "log score"}
_BASELINES = {"global": "all answers", "segment": "segments"}


def validation_page(
    *,
    histogram: pd.DataFrame,
    ecdf: pd.DataFrame,
    coverage: pd.DataFrame,
    calibration: pd.DataFrame,
    scores: pd.DataFrame,
    event: str = "event",
    unit: str = "answers",
    title: str | None = None,
) -> Figure:
    """Draw five checks of held-out answers.

    Parameters
    ----------
    histogram : pandas.DataFrame
        One row a bin: ``low``, ``high``, ``estimate`` (height, 1 when calibrated), ``conf_low``,
        ``conf_high``.
    ecdf : pandas.DataFrame
        ``point``, then the difference to the uniform distribution as ``estimate``, with the band
        of calibrated predictions as ``conf_low``, ``conf_high``.
    coverage : pandas.DataFrame
        ``kind``, ``prob``, ``expected``, ``estimate``, ``conf_low``, ``conf_high``.
    calibration : pandas.DataFrame
        ``decile``, ``predicted``, ``estimate``, ``conf_low``, ``conf_high``.
    scores : pandas.DataFrame
        ``score``, ``against``, ``estimate``, ``conf_low``, ``conf_high``, ``skill``.
    event : str, default "event"
        Whose probability ``calibration`` is about.
    unit : str, default "answers"
        What the transforms belong to.
    title : str, optional
        The result in one line.

    Returns
    -------
    matplotlib.figure.Figure
        The page. Bands show where calibrated predictions lie; what is outside is orange.
    """
    figure = NotebookFigure(
        figsize=(1.25 * WIDTH, 9.4),
        layout=ConstrainedLayoutEngine(w_pad=0.16, h_pad=0.16, hspace=0.04, wspace=0.04),
    )
    if title:
        figure.suptitle(
            title_text(title), x=0.012, ha="left", fontsize=style.LARGE, fontweight="bold",
            color=style.INK,
        )  # fmt: skip
    halves: Any = figure.subfigures(2, 1, height_ratios=[1.0, 0.34])
    upper, lower = halves
    grid = upper.add_gridspec(2, 2)
    _histogram(_panel(upper, grid[0, 0]), histogram, unit)
    _ecdf(_panel(upper, grid[0, 1]), ecdf)
    _coverage(_panel(upper, grid[1, 0]), coverage)
    _calibration(_panel(upper, grid[1, 1]), calibration, event)
    _gains(_panel(lower, 111), scores[scores["against"] != ""])
    return figure


def _panel(figure: FigureBase, where: Any) -> Axes:
    ax = cast("Axes", figure.add_subplot(where))
    style.apply(ax)
    return ax


def _head(ax: Axes, text: str, hint: str) -> None:
    """Write what a panel asks, and below it how to read it."""
    ax.set_title(
        text, loc="left", pad=21, fontsize=style.BODY + 0.5, fontweight="bold", color=style.INK
    )
    ax.annotate(
        hint,
        (0.0, 1.0),
        xycoords="axes fraction",
        xytext=(0, 7),
        textcoords="offset points",
        fontsize=style.SMALL,
        color=style.MUTED,
        annotation_clip=False,
    )


def _colors(rows: pd.DataFrame) -> np.ndarray:
    inside = rows["estimate"].between(rows["conf_low"] - 1e-12, rows["conf_high"] + 1e-12)
    return np.where(inside, style.BLUE, _OUTSIDE)


def _histogram(ax: Axes, table: pd.DataFrame, unit: str) -> None:
    rows = checked(table, keys=["low"], numbers=["low", "high", *INTERVAL])
    width = rows["high"] - rows["low"]
    ax.bar(
        rows["low"], rows["estimate"], width=width * 0.92, align="edge", color=_colors(rows),
        alpha=0.55, zorder=2,
    )  # fmt: skip
    for row in rows.to_dict("records"):
        ends = [row["low"], row["high"]]
        ax.fill_between(ends, row["conf_low"], row["conf_high"], color=_BAND, zorder=1)
        for end in (row["conf_low"], row["conf_high"]):
            ax.plot(ends, [end, end], color=style.MUTED, linewidth=0.8, linestyle=":", zorder=3)
    style.reference_line(ax, 1.0, vertical=False, zorder=3)
    ax.set_xlim(0, 1)
    ax.set_ylim(0, 1.12 * max(float(rows[list(INTERVAL)].to_numpy().max()), 1.2))
    number_axis(ax.xaxis, name="place in the predicted distribution")
    number_axis(ax.yaxis, name=f"{wrapped(unit, 20, 1)}, against expected", ticks=5)
    _head(ax, "Do answers fall where they should?", "flat, between the dotted lines: calibrated")


def _ecdf(ax: Axes, table: pd.DataFrame) -> None:
    rows = checked(table, keys=["point"], numbers=["point", *INTERVAL]).sort_values("point")
    at = rows["point"].to_numpy()
    ax.fill_between(
        at, rows["conf_low"], rows["conf_high"], step="mid", color=_BAND, linewidth=0, zorder=1
    )
    style.reference_line(ax, 0.0, vertical=False)
    estimate = rows["estimate"].to_numpy()
    ax.plot(at, estimate, color=style.BLUE, linewidth=1.8, zorder=3)
    outside = _colors(rows) == _OUTSIDE
    ax.plot(at, np.where(outside, estimate, np.nan), color=_OUTSIDE, linewidth=2.4, zorder=4)
    ax.set_xlim(0, 1)
    largest = 1.12 * float(np.abs(rows[list(INTERVAL)].to_numpy()).max())
    ax.set_ylim(-largest, largest)
    number_axis(ax.xaxis, name="place in the predicted distribution")
    number_axis(ax.yaxis, "pp", name="off by", ticks=5)
    level = f"{rows['conf_level'].iloc[0]:.0%} of " if "conf_level" in rows else ""
    _head(ax, "By how much are shares off?", f"inside: {level}calibrated predictions")


def _coverage(ax: Axes, table: pd.DataFrame) -> None:
    rows = checked(table, keys=["kind", "prob"], numbers=["prob", "expected", *INTERVAL])
    shifted = rows.assign(**{c: rows[c] - rows["expected"] for c in INTERVAL})
    kinds = list(dict.fromkeys(rows["kind"]))
    masses = sorted(rows["prob"].unique())
    colors = _colors(rows)
    for i, kind in enumerate(kinds):
        mine = (rows["kind"] == kind).to_numpy()
        at = np.searchsorted(masses, rows.loc[mine, "prob"]) + 0.16 * (2 * i - (len(kinds) - 1))
        part = shifted[mine]
        ax.bar(
            at, part["conf_high"] - part["conf_low"], bottom=part["conf_low"], width=0.26,
            color=_BAND, zorder=1,
        )  # fmt: skip
        marker, fill = (("o", None), ("D", "white"))[i % 2]
        for x, y, color in zip(at, part["estimate"], colors[mine], strict=True):
            ax.plot(
                [x], [y], linestyle="none", marker=marker, markersize=6.5, color=color,
                markerfacecolor=fill or color, markeredgewidth=1.4, zorder=4,
            )  # fmt: skip
    style.reference_line(ax, 0.0, vertical=False)
    ax.set_xticks(range(len(masses)), [f"{100 * p:g}% sets" for p in masses])
    ax.set_xlim(-0.6, len(masses) - 0.4)
    style.hide_spine(ax, "bottom")
    largest = 1.3 * float(np.abs(shifted[list(INTERVAL)].to_numpy()).max())
    ax.set_ylim(-largest, largest)
    number_axis(ax.yaxis, "pp", name="off by", ticks=5)
    known: dict[str, str] = {
        "randomized": "filled: ends drawn at random",
        "shortest": "open: as reported",
    }
    hint = " · ".join(known.get(str(kind), str(kind)) for kind in kinds)
    _head(ax, "Do sets hold what they promise?", hint)


def _calibration(ax: Axes, table: pd.DataFrame, event: str) -> None:
    rows = checked(table, keys=["decile"], numbers=["predicted", *INTERVAL])
    shown = rows[["predicted", *INTERVAL]].to_numpy()
    pad = 0.06 * max(float(np.ptp(shown)), 0.02)
    ends = max(float(shown.min()) - pad, 0.0), min(float(shown.max()) + pad, 1.0)
    ax.plot(ends, ends, color=style.MUTED, linewidth=1.0, zorder=1.5)
    ax.vlines(
        rows["predicted"], rows["conf_low"], rows["conf_high"], color=_BAND, linewidth=4, zorder=1
    )
    ax.scatter(rows["predicted"], rows["estimate"], s=34, color=list(_colors(rows)), zorder=4)
    ax.set_xlim(*ends)
    ax.set_ylim(*ends)
    name = wrapped(event, 24, 1)
    number_axis(ax.xaxis, "share", name=f"predicted chance of {name}", ticks=5)
    number_axis(ax.yaxis, "share", name="observed share", ticks=5)
    _head(ax, "Are predicted chances right?", "a dot a tenth of the answers; bars: by chance")


def _gains(ax: Axes, table: pd.DataFrame) -> None:
    rows = checked(table, keys=["score", "against"], numbers=[*INTERVAL, "skill"])
    order = {name: i for i, name in enumerate(_SCORES)}
    rows = rows.sort_values("score", key=lambda s: s.map(order), kind="stable", ignore_index=True)
    gain, skill = rows["estimate"].to_numpy(), rows["skill"].to_numpy()
    part = np.divide(skill, gain, out=np.zeros(len(rows)), where=gain != 0)
    low, high = rows["conf_low"].to_numpy() * part, rows["conf_high"].to_numpy() * part
    at = np.arange(len(rows))
    worse, better = high < 0, low > 0
    colors = np.where(worse, _OUTSIDE, np.where(better, style.BLUE, style.MUTED))
    names = [
        f"{_SCORES.get(score, score)}, {_BASELINES.get(against, against)}"
        for score, against in rows[["score", "against"]].itertuples(index=False)
    ]
    name_rows(ax, names)
    style.reference_line(ax, 0.0, vertical=True)
    ax.hlines(at, low, high, color=list(colors), linewidth=2.4, alpha=0.6, zorder=3)
    ax.scatter(rows["skill"], at, s=38, color=list(colors), zorder=4)
    pad_values(ax, np.concatenate([low, high]), include=[0.0])
    number_axis(ax.xaxis, "share", name="saved part of the loss")
    hint = (
        "gain over the shares of all answers, and of each segment · RPS: ranked probability score"
    )
    _head(ax, "Is it better than plain shares?", hint)
