"""Numbers and names as people read them, in sentences, on axes and in tables."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Mapping
from types import MappingProxyType

MISSING = "–"
FRACTION_UNITS: Mapping[str, str] = MappingProxyType(
    {
        "pp": "percentage points",
        "share": "%",
        "relative": "% of the baseline",
        "relative_churn": "% of those who leave",
    }
)
"""Units that are stored as fractions and read times 100, in words."""


def number(value: float, *, digits: int = 3, signed: bool = False) -> str:
    """Write a number with thousands separators and no idle digits.

    Parameters
    ----------
    value : float
        The number. The part before the decimal point is never rounded away.
    digits : int, default 3
        Significant digits, as far as they come after the decimal point.
    signed : bool, default False
        Whether a plus sign is written, as for a change.

    Returns
    -------
    str
        For example ``88,041``, ``0.0586`` or ``+4.2``; a dash for NaN.
    """
    value = float(value)
    if not math.isfinite(value):
        return MISSING if math.isnan(value) else ("-∞" if value < 0 else "∞")
    if value == 0:
        return "0"
    magnitude = math.floor(math.log10(abs(value)))
    if not -5 < magnitude < 15:
        return f"{value:{'+' if signed else ''}.{digits - 1}e}"
    text = fixed(value, max(0, digits - 1 - magnitude), signed=signed)
    return text.rstrip("0").rstrip(".") if "." in text else text


def with_unit(value: float, scale: str) -> str:
    """Write a number with its unit, where the unit has a name.

    Parameters
    ----------
    value : float
        As it is stored.
    scale : str
        Meaning of the numbers, as in `Estimand`.

    Returns
    -------
    str
        Fractions times 100, such as ``3.9 percentage points``; others as they are.
    """
    if scale not in FRACTION_UNITS:
        return number(value)
    return f"{number(100 * value)} {FRACTION_UNITS[scale]}"


def fixed(value: float, decimals: int, *, signed: bool = False) -> str:
    """Write a number with a given number of decimals and thousands separators.

    Parameters
    ----------
    value : float
        The number.
    decimals : int
        Digits after the decimal point.
    signed : bool, default False
        Whether a plus sign is written.

    Returns
    -------
    str
        Never ``-0``; a dash for NaN.
    """
    value = float(value)
    if not math.isfinite(value):
        return number(value)
    if round(value, decimals) == 0:
        return f"{0:.{decimals}f}"
    return f"{value:{'+' if signed else ''},.{decimals}f}"


def decimals_for(error: float) -> int:
    """Return how many decimals are worth printing beside a standard error.

    Parameters
    ----------
    error : float
        Standard error of the number.

    Returns
    -------
    int
        Enough for two significant digits of the error, from 0 to 8.
    """
    if not math.isfinite(error) or error <= 0:
        return 3
    return min(max(1 - math.floor(math.log10(error)), 0), 8)


def money(amount: float, currency: str, *, signed: bool = False) -> str:
    """Write an amount of money.

    Parameters
    ----------
    amount : float
        How much.
    currency : str
        ISO code, such as ``"EUR"``.
    signed : bool, default False
        Whether a plus sign is written.

    Returns
    -------
    str
        For example ``88,041 EUR`` or ``1.23 million EUR``.
    """
    amount = float(amount)
    for size, word in ((1e9, " billion"), (1e6, " million")):
        if size <= abs(amount) < 1e12:
            return f"{number(amount / size, signed=signed)}{word} {currency}"
    decimals = 2 if abs(amount) < 10 and amount != round(amount) else 0
    return f"{fixed(amount, decimals, signed=signed)} {currency}"


def points(value: float, *, signed: bool = True) -> str:
    """Write a score difference in points.

    Parameters
    ----------
    value : float
        In points of the score's scale.
    signed : bool, default True
        Whether a plus sign is written.

    Returns
    -------
    str
        For example ``+4.2 points``.
    """
    return f"{number(value, digits=2, signed=signed)} points"


def pp(value: float, *, signed: bool = True) -> str:
    """Write a difference of rates in percentage points.

    Parameters
    ----------
    value : float
        As a fraction: 0.058 for 5.8 percentage points.
    signed : bool, default True
        Whether a plus sign is written.

    Returns
    -------
    str
        For example ``+5.8 percentage points``.
    """
    return f"{number(100 * float(value), digits=2, signed=signed)} percentage points"


def percent(value: float, *, signed: bool = False) -> str:
    """Write a share or a relative change as a percentage.

    Parameters
    ----------
    value : float
        As a fraction: 0.41 for 41 %.
    signed : bool, default False
        Whether a plus sign is written.

    Returns
    -------
    str
        For example ``41%``.
    """
    return f"{number(100 * float(value), digits=2, signed=signed)}%"


def plain(text: object) -> str:
    """Return text on one line without characters that no document can hold.

    Parameters
    ----------
    text : object
        Any label, also one made by somebody hostile.

    Returns
    -------
    str
        Without line breaks, control or direction marks and lone surrogates. Markup is kept as
        it is; escaping belongs to whoever writes the document.
    """
    spaced = " ".join(str(text).split())
    return "".join("\ufffd" if _is_unprintable(c) else c for c in spaced)


def _is_unprintable(c: str) -> bool:
    return unicodedata.category(c) in ("Cc", "Cs", "Cn") or c in _DIRECTION_MARKS


_DIRECTION_MARKS = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


def format_number(value: float, mcse: float = 0.0, *, digits: int = 4) -> str:
    """Print a number without the digits that lie below its Monte Carlo error.

    Parameters
    ----------
    value : float
        What to print.
    mcse : float, default 0
        Its Monte Carlo standard error. The last place printed is worth at least that much.
    digits : int, default 4
        Significant digits of the fractional part of small numbers. Whole numbers are only
        rounded by ``mcse``.

    Returns
    -------
    str
        For example ``"36,970"`` for 36,971.9 with an error of 8.
    """
    if math.isnan(value) or math.isnan(mcse):
        return "undefined"
    if math.isinf(value):
        return "unbounded" if value > 0 else "minus unbounded"
    place = min(math.floor(math.log10(abs(value))) - digits + 1, 0) if value else 0
    if mcse > 0:
        place = max(place, smallest_place(mcse)) if math.isfinite(mcse) else 0
    rounded = round(value, -place) + 0.0
    return f"{rounded:,.{max(0, -place)}f}"


def smallest_place(mcse: float) -> int:
    """Return the power of ten of the smallest decimal place that is worth printing.

    Parameters
    ----------
    mcse : float
        Monte Carlo standard error, above 0.

    Returns
    -------
    int
        The smallest whole ``k`` with ``10 ** k >= mcse``.
    """
    return math.ceil(math.log10(mcse))


def format_probability(probability: float, n: float) -> str:
    """Print a probability that was counted in draws, as a percentage.

    Nothing is called certain or impossible because every draw agrees: then the bound of
    the rule of three, ``3 / n``, is given.

    Parameters
    ----------
    probability : float
        Share of draws, between 0 and 1.
    n : float
        Effective number of draws.

    Returns
    -------
    str
        For example ``"87%"`` or ``"more than 99.7%"``.
    """
    if math.isnan(probability):
        return "undefined"
    mcse = math.sqrt(probability * (1 - probability) / n) or min(3 / n, 0.5)
    place = min(max(smallest_place(100 * mcse), -1), 1)
    shown, step = round(100 * probability, -place), 10.0**place
    decimals = max(0, -place)
    if shown >= 100:
        return f"more than {100 - step:.{decimals}f}%"
    if shown <= 0:
        return f"less than {step:.{decimals}f}%"
    return f"{shown:.{decimals}f}%"
