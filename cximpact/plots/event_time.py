"""Effects by time since treatment."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from cximpact.core.errors import ConfigError
from cximpact.plots import style
from cximpact.plots.canvas import prepare
from cximpact.plots.compare import key_above
from cximpact.plots.dots import padded
from cximpact.plots.labels import NumberFormatter, number_axis
from cximpact.plots.lines import MAX_COLORED, Look, looks
from cximpact.plots.tables import INTERVAL, checked, dimensions_of, joined_labels

HONEST = ("honest_low", "honest_high")


def event_study(
    table: pd.DataFrame,
    *,
    reference: int | None = -1,
    ax: Axes | None = None,
    title: str | None = None,
    unit: str = "",
) -> Axes:
    """Draw effects by time since treatment, with the time before it shaded.

    Parameters
    ----------
    table : pandas.DataFrame
        Columns ``event_time``, ``estimate``, ``conf_low``, ``conf_high``, and at most one
        level of labels besides. With columns ``band_low`` and ``band_high`` the shaded band is
        the one that holds for all coefficients at once; with ``honest_low`` and ``honest_high``
        brackets show what holds if trends may differ.
    reference : int or None, default -1
        Period that the effects are measured against. It is marked at zero when the table has it
        at exactly zero, or lacks it and has others before it; an estimate there is left alone.
        None marks nothing.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.
    title : str, optional
        Title.
    unit : str, default ""
        Unit of the effect.

    Returns
    -------
    matplotlib.axes.Axes
        Where it was drawn.

    Raises
    ------
    ConfigError
        If there are more than seven groups: pick some, or aggregate.
    """
    others = [d for d in dimensions_of(checked(table)) if d != "event_time"]
    rows = checked(table, keys=["event_time", *others], numbers=[*INTERVAL, "event_time"])
    rows["_group"] = joined_labels(rows, others)
    groups: list[object] = list(dict.fromkeys(rows["_group"]))
    if len(groups) > MAX_COLORED:
        raise ConfigError(
            f"an event study of {len(groups)} groups cannot be read; aggregate, or select "
            f"at most {MAX_COLORED}."
        )
    look = looks(groups)
    ax = prepare(ax, title=title, pad=12 if len(groups) == 1 else 27)
    bands = [c for c in ("band_low", "band_high", *HONEST) if c in rows]
    low, high = padded(rows[[*INTERVAL, *bands]].to_numpy(dtype=float), include=[0.0])
    ax.set_ylim(min(low, -0.12 * (high - low)), max(high, 0.04 * (high - low)))
    marked = _is_reference(rows, reference)
    _frame(ax, rows["event_time"].to_numpy(), unit)
    for group, shift in zip(groups, _shifts(len(groups)), strict=True):
        part = rows[rows["_group"] == group].sort_values("event_time")
        _draw(ax, part, look[group], shift)
        if len(groups) == 1:
            _band(ax, part, str(look[group]["color"]), reference if marked else None)
            if HONEST[0] in part:
                _brackets(ax, part)
    if marked:
        _mark_reference(ax, float(reference or 0))
    if len(groups) > 1:
        key_above(ax, look)
    return ax


def _frame(ax: Axes, times: np.ndarray, unit: str) -> None:
    left, right = min(times.min(), -1) - 0.6, max(times.max(), 0) + 0.6
    ax.set_xlim(left, right)
    ax.axvspan(left, -0.5, color=style.SHADE, linewidth=0, zorder=0)
    style.reference_line(ax, 0.0, vertical=False, color=style.INK)
    ax.xaxis.set_major_locator(MaxNLocator(nbins=12, integer=True, steps=[1, 2, 3, 4, 6, 10]))
    ax.xaxis.set_major_formatter(NumberFormatter(separate=False))
    ax.set_xlabel("Periods since treatment")
    number_axis(ax.yaxis, unit, name="effect")
    for x, text, side in ((-0.6, "before", "right"), (-0.4, "after", "left")):
        ax.annotate(
            text,
            (x, 1.0),
            xycoords=("data", "axes fraction"),
            xytext=(0, -3),
            textcoords="offset points",
            ha=side,
            va="top",
            fontsize=style.SMALL,
            color=style.MUTED,
        )


def _draw(ax: Axes, part: pd.DataFrame, look: Look, shift: float) -> None:
    x = part["event_time"].to_numpy() + shift
    color = str(look["color"])
    low, high = part["conf_low"].to_numpy(), part["conf_high"].to_numpy()
    known = np.isfinite(low) & np.isfinite(high)
    ax.vlines(x[known], low[known], high[known], color=color, linewidth=1.8, alpha=0.7, zorder=3)
    for where, fill in ((known, color), (~known, "white")):
        ax.plot(
            x[where],
            part["estimate"].to_numpy()[where],
            linestyle="none",
            marker=str(look["marker"]),
            markersize=6.5,
            color=color,
            markerfacecolor=fill,
            zorder=4,
        )


def _band(ax: Axes, part: pd.DataFrame, color: str, reference: int | None) -> None:
    """Shade the interval, pinched to zero at the reference period."""
    ends = ["band_low", "band_high"] if "band_low" in part else ["conf_low", "conf_high"]
    shown = part[["event_time", *ends]].to_numpy(dtype=float)
    if reference is not None:
        shown = shown[shown[:, 0] != reference]
        shown = np.insert(shown, np.searchsorted(shown[:, 0], reference), [reference, 0, 0], axis=0)
    ax.fill_between(*shown.T, color=color, alpha=0.13, linewidth=0, zorder=2)


def _brackets(ax: Axes, part: pd.DataFrame) -> None:
    """Mark the ends of honest intervals."""
    shown = part.dropna(subset=list(HONEST))
    x = shown["event_time"].to_numpy(dtype=float)
    for end in HONEST:
        y = shown[end].to_numpy(dtype=float)
        ax.hlines(y, x - 0.14, x + 0.14, color=style.ORANGE, linewidth=1.8, zorder=3)
    low, high = (shown[end].to_numpy(dtype=float) for end in HONEST)
    ax.vlines(x, low, high, color=style.ORANGE, linewidth=0.9, linestyle=(0, (2, 2)), zorder=1.8)
    ax.annotate(
        "if trends may differ",
        (x[-1], high[-1]),
        xytext=(0, 5),
        textcoords="offset points",
        ha="right",
        fontsize=style.SMALL,
        color=style.text_color(style.ORANGE),
    )


def _is_reference(rows: pd.DataFrame, reference: int | None) -> bool:
    if reference is None:
        return False
    there = rows.loc[rows["event_time"] == reference, "estimate"]
    if there.empty:  # left out of its own comparison; without others before it nothing is compared
        return bool((rows["event_time"] < reference).any())
    return bool((there == 0).all())


def _mark_reference(ax: Axes, reference: float) -> None:
    ax.plot(
        [reference],
        [0.0],
        linestyle="none",
        marker="o",
        markersize=8,
        color=style.INK,
        markerfacecolor="white",
        zorder=5,
        label="reference",
    )
    ax.annotate(
        "reference",
        (reference, 0.0),
        xytext=(0, -9),
        textcoords="offset points",
        ha="center",
        va="top",
        fontsize=style.SMALL,
        color=style.MUTED,
    )


def _shifts(groups: int) -> np.ndarray:
    return np.zeros(1) if groups == 1 else np.linspace(-0.25, 0.25, groups)
