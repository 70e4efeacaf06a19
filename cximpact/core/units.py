"""Units that must not be mixed: currencies, periods and the three meanings of a percentage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import xarray as xr

from cximpact.core.errors import ConfigError, UnitsError
from cximpact.core.validate import check_choice, check_number

UNIT = "unit"
ChangeUnit = Literal["pp", "rel", "rel_churn"]
CHANGE_UNITS = ("pp", "rel", "rel_churn")
PERIODS_PER_YEAR = {"year": 1, "quarter": 4, "month": 12, "week": 52, "day": 365}
PAYMENT_TIMES = ("start", "mid", "end")


@dataclass(frozen=True, kw_only=True)
class Money:
    """An amount with its currency.

    Parameters
    ----------
    amount : float
        How much.
    currency : str
        ISO 4217 code, such as ``"EUR"``.
    """

    amount: float
    currency: str

    def __post_init__(self) -> None:
        check_number(self.amount, "amount")
        check_currency(self.currency)

    def __add__(self, other: Money) -> Money:
        if not isinstance(other, Money) or other.currency != self.currency:
            raise UnitsError(
                f"{self} and {other} are not in one currency; convert one of them first."
            )
        return Money(amount=self.amount + other.amount, currency=self.currency)

    def __mul__(self, factor: float) -> Money:
        return Money(amount=self.amount * check_number(factor, "factor"), currency=self.currency)

    __rmul__ = __mul__

    def __neg__(self) -> Money:
        return self * -1

    def __sub__(self, other: Money) -> Money:
        return self + -other if isinstance(other, Money) else self + other

    def __str__(self) -> str:
        return f"{self.amount:,.2f} {self.currency}"


@dataclass(frozen=True, kw_only=True)
class Change:
    """A change of a rate, with the meaning of its percentage spelled out.

    "Improve retention by 20 %" has three readings. With retention 0.80: percentage points
    give 1.00, relative gives 0.96, relative to churn gives 0.84.

    Parameters
    ----------
    value : float
        As a fraction: 0.2 for 20 %.
    unit : {"pp", "rel", "rel_churn"}
        Percentage points, relative to the rate, or relative to one minus the rate.
    """

    value: float
    unit: ChangeUnit

    def __post_init__(self) -> None:
        check_number(self.value, "value")
        if self.unit is None or self.unit not in CHANGE_UNITS:
            raise UnitsError(
                f"A change of {self.value:g} needs a unit: 'pp' (percentage points), "
                "'rel' (relative to the rate) or 'rel_churn' (relative to one minus the rate)."
            )

    def apply(self, rate: float) -> float:
        """Return the rate after the change.

        Parameters
        ----------
        rate : float
            Rate before, between 0 and 1.

        Returns
        -------
        float
            Rate after.

        Raises
        ------
        UnitsError
            If the result leaves 0 to 1: such a change cannot happen.

        Examples
        --------
        >>> [round(Change(value=0.2, unit=u).apply(0.8), 2) for u in ("pp", "rel", "rel_churn")]
        [1.0, 0.96, 0.84]
        """
        rate = check_number(rate, "rate", low=0, high=1)
        base = {"pp": 1.0, "rel": rate, "rel_churn": 1.0 - rate}[self.unit]
        after = rate + self.value * base
        if not -1e-12 <= after <= 1 + 1e-12:
            raise UnitsError(
                f"A change of {self.value:g} ({self.unit}) takes the rate {rate:g} to "
                f"{after:g}, outside 0 to 1. Was another unit of {CHANGE_UNITS} meant?"
            )
        return min(max(after, 0.0), 1.0)

    def as_points(self, rate: float) -> float:
        """Return the change in percentage points, as a fraction.

        Parameters
        ----------
        rate : float
            Rate before, between 0 and 1.

        Returns
        -------
        float
            Rate after minus rate before.
        """
        return self.apply(rate) - rate


def check_currency(currency: object) -> str:
    """Check an ISO 4217 currency code.

    Parameters
    ----------
    currency : str
        Three capital letters.

    Returns
    -------
    str
        The checked code.

    Raises
    ------
    UnitsError
        If it is no such code.
    """
    if (
        isinstance(currency, str)
        and len(currency) == 3
        and currency.isascii()
        and currency.isalpha()
        and currency.isupper()
    ):
        return currency
    raise UnitsError(f"currency is {currency!r}; expected an ISO code such as 'EUR' or 'USD'.")


def check_same_unit(*arrays: xr.DataArray) -> str | None:
    """Check that arrays are in one unit before they are added.

    Parameters
    ----------
    *arrays : xarray.DataArray
        Arrays with ``attrs["unit"]``; those without one are passed over.

    Returns
    -------
    str or None
        The common unit.

    Raises
    ------
    UnitsError
        If two units differ.
    """
    units = sorted({str(a.attrs[UNIT]) for a in arrays if UNIT in a.attrs})
    if len(units) > 1:
        raise UnitsError(f"quantities in the units {units} were combined; convert them first.")
    return units[0] if units else None


def rate_per_period(annual: float, period: str) -> float:
    """Convert an annual discount rate to an equivalent rate per period.

    ``(1 + annual) ** (1 / n) - 1``, which is not ``annual / n``: 10 % a year is
    0.797414 % a month.

    Parameters
    ----------
    annual : float
        Effective annual rate, above -1.
    period : {"year", "quarter", "month", "week", "day"}
        Length of a period.

    Returns
    -------
    float
        Rate per period.
    """
    annual = check_number(annual, "discount_rate", low=-1, open_low=True)
    n = PERIODS_PER_YEAR[check_choice(period, "period", tuple(PERIODS_PER_YEAR))]
    return float(np.expm1(np.log1p(annual) / n))


def discount_factors(rate: float, periods: np.ndarray, payment: str = "end") -> np.ndarray:
    """Return what one unit of money in each period is worth today.

    Parameters
    ----------
    rate : float
        Rate per period, above -1.
    periods : numpy.ndarray of int
        Periods counted from 1; period 0 is today.
    payment : {"start", "mid", "end"}
        When within a period money flows.

    Returns
    -------
    numpy.ndarray
        Same shape as ``periods``.

    Raises
    ------
    ConfigError
        If the rate is -1 or less, or a period is negative or missing.
    """
    rate = check_number(rate, "rate", low=-1, open_low=True)
    early = {"start": 1.0, "mid": 0.5, "end": 0.0}[check_choice(payment, "payment", PAYMENT_TIMES)]
    periods = np.asarray(periods, dtype=float)
    if not (np.isfinite(periods) & (periods >= 0)).all():
        raise ConfigError("periods has negative or missing values; period 0 is today.")
    return (1.0 + rate) ** -np.maximum(periods - early, 0.0)
