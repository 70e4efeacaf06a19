"""Text in pictures: literal labels, units, and axes with separators."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axis import Axis
from matplotlib.ticker import Formatter, MaxNLocator

from cximpact.core import wording


@dataclass(frozen=True)
class Unit:
    """How numbers of one unit are shown.

    Parameters
    ----------
    name : str
        In words, for the axis.
    factor : float
        From the number to what is shown: 100 for shares.
    """

    name: str
    factor: float = 1.0

    def show(self, value: float, decimals: int | None = None, *, signed: bool = False) -> str:
        """Write a number in this unit, without the unit's name.

        Parameters
        ----------
        value : float
            The number as it is stored.
        decimals : int, optional
            Digits after the point; significant digits decide when it is None.
        signed : bool, default False
            Whether a plus sign is written.

        Returns
        -------
        str
            The text.
        """
        shown = self.factor * value
        if decimals is None:
            return wording.number(shown, signed=signed)
        return wording.fixed(shown, decimals, signed=signed)

    def decimals(self, width: float) -> int:
        """Return decimals worth showing for numbers whose interval has this width.

        Parameters
        ----------
        width : float
            Width of an interval, as stored.

        Returns
        -------
        int
            Digits after the point.
        """
        return max(wording.decimals_for(self.factor * width / 8) - 1, 0)


def unit_of(unit: str) -> Unit:
    """Return how a unit is shown.

    Parameters
    ----------
    unit : str
        Such as ``"points"``, ``"EUR"``, or a fraction: ``"pp"``, ``"share"``,
        ``"relative"``, ``"relative_churn"``.

    Returns
    -------
    Unit
        Fractions are shown times 100.
    """
    if unit in wording.FRACTION_UNITS:
        return Unit(wording.FRACTION_UNITS[unit], 100.0)
    return Unit("" if unit == "outcome" else wrapped(unit, 40, 1))


def wrapped(text: object, width: int = 30, lines: int = 3) -> str:
    """Break a long label into lines.

    Parameters
    ----------
    text : object
        Any label.
    width : int, default 30
        Characters a line.
    lines : int, default 3
        Lines at most; the middle of a longer label becomes an ellipsis, so that names that
        differ at their end stay apart.

    Returns
    -------
    str
        Literal text with line breaks.
    """
    whole = wording.plain(text)
    parts = textwrap.wrap(whole, width)
    keep = width * lines
    while len(parts) > lines:
        parts = textwrap.wrap(f"{whole[: keep - keep // 3]}…{whole[-(keep // 3) :]}", width)
        keep -= 1
    return "\n".join(parts).replace("$", r"\$")


def title_text(text: object) -> str:
    """Break a title into at most three lines.

    Parameters
    ----------
    text : object
        The title.

    Returns
    -------
    str
        Literal text.
    """
    return wrapped(text, width=62)


def axis_name(column: object) -> str:
    """Turn a column's name into an axis label.

    Parameters
    ----------
    column : object
        Such as ``"event_time"``.

    Returns
    -------
    str
        Such as ``Event time``.
    """
    text = wrapped(column, 40, 1).replace("_", " ").strip()
    return text[:1].upper() + text[1:]


class NumberFormatter(Formatter):
    """Ticks with thousands separators and as many decimals as their spacing needs.

    Parameters
    ----------
    factor : float, default 1
        From the number to what is shown.
    separate : bool, default True
        Whether thousands are separated; years are not.
    """

    def __init__(self, factor: float = 1.0, *, separate: bool = True) -> None:
        self.factor = factor
        self.separate = separate

    def __call__(self, x: float, pos: int | None = None) -> str:  # noqa: D102
        return self.format_ticks([x])[0]

    def format_ticks(self, values: Sequence[float]) -> list[str]:
        """Write all ticks of an axis alike.

        Parameters
        ----------
        values : sequence of float
            Where the ticks are.

        Returns
        -------
        list of str
            One text a tick.
        """
        shown = self.factor * np.asarray(values, dtype=float)
        step = np.diff(np.unique(shown)).min() if np.unique(shown).size > 1 else 1.0
        decimals = next(
            (d for d in range(9) if np.isclose(step * 10**d, np.round(step * 10**d))), 8
        )
        texts = [wording.fixed(x, decimals) for x in shown]
        return texts if self.separate else [t.replace(",", "") for t in texts]


def number_axis(axis: Axis, unit: str = "", *, name: str = "", ticks: int = 6) -> None:
    """Give an axis round ticks with separators and the name of its unit.

    Parameters
    ----------
    axis : matplotlib Axis
        Its limits must have been set.
    unit : str
        As for `unit_of`.
    name : str
        What is measured.
    ticks : int, default 6
        About how many ticks.
    """
    shown = unit_of(unit)
    largest = float(np.abs(axis.get_view_interval()).max()) * shown.factor
    size, word = next(
        ((s, w) for s, w in ((1e9, "billion "), (1e6, "million ")) if largest >= 5 * s), (1.0, "")
    )
    axis.set_major_locator(MaxNLocator(nbins=ticks, steps=[1, 2, 2.5, 5, 10]))
    axis.set_major_formatter(NumberFormatter(shown.factor / size))
    unit_text = (word + shown.name).strip()
    head = axis_name(name) if name else ""
    axis.set_label_text(f"{head} ({unit_text})" if head and unit_text else head or unit_text)


def interval_text(
    unit: Unit, estimate: float, low: float, high: float, *, signed: bool = False
) -> str:
    """Write an estimate with its interval.

    Parameters
    ----------
    unit : Unit
        How numbers are shown.
    estimate, low, high : float
        As stored; NaN ends give the estimate alone.
    signed : bool, default False
        Whether plus signs are written.

    Returns
    -------
    str
        Such as ``35 (25 to 45)``.
    """
    if not np.isfinite(estimate):
        return "no data"
    if not np.isfinite([low, high]).all():
        return unit.show(estimate, signed=signed)
    digits = unit.decimals(high - low)
    if any(end != 0 and round(unit.factor * end, digits) == 0 for end in (low, high)):
        digits += 1  # an end next to zero keeps its sign
    shown = [unit.show(x, digits, signed=signed) for x in (estimate, low, high)]
    return f"{shown[0]} ({shown[1]} to {shown[2]})"
