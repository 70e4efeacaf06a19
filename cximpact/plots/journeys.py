"""A change in a score, touchpoint by touchpoint, and the map of a journey."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.patches import Patch, Rectangle

from cximpact.core.errors import DataError, EmptyDataError
from cximpact.core.wording import number
from cximpact.plots import style
from cximpact.plots.canvas import prepare, say_above
from cximpact.plots.complete import check_complete
from cximpact.plots.dots import height_of, name_rows, padded
from cximpact.plots.labels import axis_name, number_axis, unit_of, wrapped
from cximpact.plots.steps import join_rows, write_beside
from cximpact.plots.tables import INTERVAL, checked

_PART_COLORS = {"mix": style.BLUE, "within": style.ORANGE, "": style.PALETTE[2]}
_PART_WORDS = {"mix": "mix: another share of the answers", "within": "within: another score"}
_LOW_TO_HIGH = LinearSegmentedColormap.from_list(
    "low_to_high", ["#b24a00", "#eda26b", "#f7f7f7", "#7fb6dc", "#00507d"]
)


def score_waterfall(
    change: pd.DataFrame,
    steps: pd.DataFrame,
    *,
    largest: int = 14,
    ax: Axes | None = None,
    title: str | None = None,
    unit: str = "",
) -> Axes:
    """Draw the way from one score to the next, a step for what each touchpoint adds.

    Parameters
    ----------
    change : pandas.DataFrame
        Rows ``before`` and ``after`` in the column ``quantity``, with ``estimate``, ``conf_low``,
        ``conf_high``, as `ScoreTrace.change` gives them.
    steps : pandas.DataFrame
        ``touchpoint``, ``part`` (mix or within; none for both together), ``estimate``,
        ``conf_low``, ``conf_high``.
    largest : int, default 14
        Steps that are drawn by themselves; the smaller ones are drawn as one.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.
    title : str, optional
        Title.
    unit : str, default ""
        Unit of the score.

    Returns
    -------
    matplotlib.axes.Axes
        Falls first, then rises; lines are intervals.

    Raises
    ------
    DataError
        If the steps do not sum to the change.
    """
    ends = checked(change, keys=["quantity"]).set_index("quantity")
    if missing := [name for name in ("before", "after") if name not in ends.index]:
        raise DataError(f"the change has no row {missing[0]!r}; expected before and after.")
    parted = isinstance(steps, pd.DataFrame) and "part" in steps
    rows = checked(steps, keys=["touchpoint", *(["part"] if parted else [])])
    check_complete(rows, ["estimate"])
    before, after = (float(ends.loc[name, "estimate"]) for name in ("before", "after"))
    if not np.isclose(before + rows["estimate"].sum(), after, rtol=1e-6, atol=1e-6):
        raise DataError(
            f"the steps sum to {rows['estimate'].sum():.6g}, but the score changed by "
            f"{after - before:.6g}; hand in all of them, unrounded."
        )
    rows = _largest(rows if parted else rows.assign(part=""), largest)
    n = len(rows)
    ax = prepare(ax, title=title, height=height_of(n + 2) + 0.5, pad=27)
    names = [
        f"{t} · {p}" if p else t for t, p in zip(rows["touchpoint"], rows["part"], strict=True)
    ]
    name_rows(ax, ["before", *names, "after"])
    running = before + np.concatenate([[0.0], np.cumsum(rows["estimate"].to_numpy())])
    low, high = (running[:-1] + rows[c].to_numpy() for c in ("conf_low", "conf_high"))
    both = ends.loc[["before", "after"], list(INTERVAL)].to_numpy()
    ax.set_xlim(*padded(np.concatenate([running, low, high, both.ravel()])))
    digits = unit_of(unit).decimals(float(np.nanmax(both[:, 2] - both[:, 1])))
    for i, row in enumerate(rows.to_dict("records")):
        color = _PART_COLORS[row["part"]]
        ax.barh(i + 1, row["estimate"], 0.6, left=running[i], color=color, alpha=0.85, zorder=3)
        _interval(ax, i + 1, low[i], high[i])
        text = _numbers(unit, [row[c] for c in INTERVAL], digits, signed=True)
        write_beside(ax, i + 1, text, style.text_color(color))
    join_rows(ax, range(n + 2), np.append(running, after))
    for at, values in ((0, both[0]), (n + 1, both[1])):
        ax.plot(values[0], at, marker="D", color=style.INK, markersize=7, zorder=5)
        _interval(ax, at, values[1], values[2])
        write_beside(ax, at, _numbers(unit, values, digits), style.INK, "bold")
    number_axis(ax.xaxis, unit, name="score")
    _part_key(ax, [p for p in _PART_WORDS if p in set(rows["part"])])
    return ax


def _largest(rows: pd.DataFrame, largest: int) -> pd.DataFrame:
    """Keep the largest steps, falls first, and put the others together."""
    order = rows["estimate"].abs().sort_values(ascending=False, kind="stable").index
    kept = rows.loc[order[:largest]].sort_values("estimate", kind="stable")
    rest = rows.loc[order[largest:]]
    columns = ["touchpoint", "part", *INTERVAL]
    if rest.empty:
        return kept[columns].reset_index(drop=True)
    other = {"touchpoint": f"{len(rest)} smaller steps", "part": "", "conf_low": np.nan}
    other |= {"estimate": rest["estimate"].sum(), "conf_high": np.nan}
    return pd.concat([kept[columns], pd.DataFrame([other])], ignore_index=True)


def _numbers(unit: str, values: Any, digits: int, *, signed: bool = False) -> str:
    """Write all rows with the same decimals."""
    estimate, low, high = (unit_of(unit).show(float(v), digits, signed=signed) for v in values)
    return f"{estimate} ({low} to {high})" if np.isfinite(values).all() else estimate


def _interval(ax: Axes, at: float, low: float, high: float) -> None:
    if np.isfinite([low, high]).all():
        ax.hlines(at, low, high, color=style.INK, linewidth=1.4, zorder=4)


def _part_key(ax: Axes, parts: Sequence[str]) -> None:
    if not parts:
        return
    ax.legend(
        handles=[Patch(color=_PART_COLORS[p], alpha=0.85, label=_PART_WORDS[p]) for p in parts],
        loc="lower left",
        bbox_to_anchor=(0.0, 1.0),
        ncols=2,
        frameon=False,
        fontsize=style.SMALL,
        handlelength=1.2,
        borderaxespad=0.2,
    )


def journey_heat(
    table: pd.DataFrame,
    *,
    rows: Sequence[str],
    column: str,
    measure: str = "score",
    ax: Axes | None = None,
    title: str | None = None,
    unit: str = "",
) -> Axes:
    """Draw a journey as a grid: steps and touchpoints down, channels across.

    Parameters
    ----------
    table : pandas.DataFrame
        One row a place, as `JourneyMap.cells` gives it.
    rows : sequence of str
        Columns whose levels go down; none makes one row.
    column : str
        Column whose levels go across.
    measure : str, default "score"
        Column that colors the cells.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.
    title : str, optional
        Title.
    unit : str, default ""
        Unit of the measure.

    Returns
    -------
    matplotlib.axes.Axes
        Numbers are the measure, below them the contacts; a bar at the foot of a cell is the value
        at risk. Hatched cells have too few answers, empty ones do not occur.

    Raises
    ------
    DataError
        If columns are missing or no cell has a number.
    """
    bars = isinstance(table, pd.DataFrame) and "value_at_risk" in table
    wanted = ["volume", measure] + (["value_at_risk"] if bars else [])
    cells = checked(table, keys=[*rows, column], numbers=sorted(set(wanted)))
    known = cells[measure].notna()
    if not known.any():
        raise EmptyDataError(f"column {measure!r} has no number that can be shown.")
    down = cells[list(rows)].astype(str).agg(" > ".join, axis=1) if rows else ["all"] * len(cells)
    cells = cells.assign(down=down)
    names, across = (list(dict.fromkeys(cells[c])) for c in ("down", column))
    ax = prepare(ax, title=title, height=1.5 + 0.72 * len(names), pad=44)
    seen = cells.loc[known]
    color = _colors(seen[measure].to_numpy(), seen["volume"].to_numpy())
    longest = float(cells["value_at_risk"].max()) if bars else 0.0
    for cell in cells.to_dict("records"):
        at = across.index(cell[column]), names.index(cell["down"])
        _cell(ax, at, cell, measure, color)
        if longest > 0:
            _bar(ax, at, cell["value_at_risk"] / longest)
    ax.set_xlim(-0.5, len(across) - 0.5)
    ax.set_ylim(len(names) - 0.5, -0.5)
    ax.set_xticks(range(len(across)), [wrapped(a, 18, 2) for a in across])
    ax.set_yticks(range(len(names)), [wrapped(name, 26, 2) for name in names])
    for side in ("left", "bottom"):
        style.hide_spine(ax, side)
    ax.set_xlabel(axis_name(column))
    _heat_key(ax, color, measure, unit, longest)
    return ax


def _colors(values: np.ndarray, volume: np.ndarray) -> ScalarMappable:
    """Center the colors on the mean over contacts, with both ends equally far."""
    middle = float(values @ volume / volume.sum()) if volume.sum() > 0 else float(values.mean())
    reach = float(np.abs(values - middle).max()) or 1.0
    return ScalarMappable(Normalize(middle - reach, middle + reach), _LOW_TO_HIGH)


def _cell(
    ax: Axes, at: tuple[int, int], cell: dict[Any, Any], measure: str, color: ScalarMappable
) -> None:
    """Draw one cell: its color, its number, its contacts."""
    x, y = at
    value, known = cell[measure], np.isfinite(cell[measure])
    fill = color.to_rgba(value) if known else style.SHADE
    box: dict[str, Any] = {"facecolor": fill, "edgecolor": "white", "linewidth": 2.5}
    if not known:
        box |= {"hatch": "////", "edgecolor": style.FAINT, "linewidth": 0.0}
    ax.add_patch(Rectangle((x - 0.475, y - 0.44), 0.95, 0.88, zorder=2, **box))
    dark = known and np.dot(fill[:3], (0.299, 0.587, 0.114)) < 0.55
    ink = "white" if dark else style.INK
    if known:
        ax.annotate(
            number(value),
            (x, y - 0.12),
            ha="center",
            va="center",
            fontsize=style.LARGE,
            fontweight="bold",
            color=ink,
            zorder=4,
        )
    text = f"{number(cell['volume'])} contacts"
    at_y = y + 0.2 if known else y
    look: dict[str, Any] = {"fontsize": style.SMALL, "color": ink if known else style.MUTED}
    ax.annotate(text, (x, at_y), ha="center", va="center", zorder=4, **look)


def _bar(ax: Axes, at: tuple[int, int], share: float) -> None:
    """Draw value at risk as a bar at the foot of a cell."""
    x, y = at
    ax.add_patch(Rectangle((x - 0.44, y + 0.33), 0.88, 0.07, color="white", alpha=0.8, zorder=3))
    ax.add_patch(Rectangle((x - 0.44, y + 0.33), 0.88 * share, 0.07, color=style.INK, zorder=3.5))


def _heat_key(ax: Axes, color: ScalarMappable, measure: str, unit: str, longest: float) -> None:
    figure = ax.figure
    scale = figure.colorbar(color, ax=ax, fraction=0.04, pad=0.03, aspect=18)
    scale.outline.set_visible(False)  # type: ignore[attr-defined]
    scale.ax.tick_params(labelsize=style.SMALL, labelcolor=style.INK, length=0)
    number_axis(scale.ax.yaxis, unit, name=measure)
    scale.ax.yaxis.label.set_fontsize(style.SMALL)
    texts = ["Hatched: too few answers to show. Empty: does not occur."]
    if longest:
        texts.append(f"Black bar: value at risk, the longest {number(longest)}.")
    for line, text in enumerate(texts):
        say_above(ax, text, line=len(texts) - 1 - line, fontsize=style.SMALL, color=style.MUTED)
