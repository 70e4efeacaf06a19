"""What a policy is made of, checked at the door: amounts by customer and arm, and money."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from cximpact.core import draws as dr
from cximpact.core.errors import (
    ConfigError,
    DataError,
    DtypeError,
    EmptyDataError,
    MissingValueError,
    NonFiniteError,
    UnitsError,
    join_names,
    rows_phrase,
)
from cximpact.core.units import Money, check_currency
from cximpact.core.validate import as_floats


@dataclass(frozen=True, kw_only=True, eq=False)
class Amount:
    """Money per unit of outcome or per contact: known by customer and arm, or uncertain.

    Parameters
    ----------
    rows : numpy.ndarray, shape (1 or customer, 1 or arm)
        Expected money.
    draws : xarray.DataArray, optional
        Draws of one amount for everybody, where it is uncertain.
    currency : str, optional
        ISO 4217 code, where the amount carried one.
    """

    rows: np.ndarray = field(repr=False)
    draws: xr.DataArray | None = field(default=None, repr=False)
    currency: str | None = None

    @property
    def scale(self) -> np.ndarray:
        """What an outcome is multiplied by before the draws are: 1 where there are draws."""
        return self.rows if self.draws is None else np.ones((1, 1))


def by_arm(values: ArrayLike, name: str) -> np.ndarray:
    """Check numbers that each customer has once an arm.

    Parameters
    ----------
    values : array_like, shape (customer,) or (customer, arm)
        Numbers.
    name : str
        How messages call them.

    Returns
    -------
    numpy.ndarray, shape (customer, arm)
        Finite floats.

    Raises
    ------
    DtypeError, EmptyDataError, MissingValueError, NonFiniteError
        If they are no numbers, there are none, or some are missing or infinite.
    """
    array = as_floats(values, name)
    if array.ndim not in (1, 2):
        raise DtypeError(f"{name} has {array.ndim} dimensions; expected (customer, arm).")
    if array.size == 0:
        raise EmptyDataError(f"{name} has 0 values; expected at least one customer and arm.")
    array = array.reshape(len(array), -1)
    if (missing := np.flatnonzero(np.isnan(array).any(axis=1))).size:
        raise MissingValueError(
            f"{name} is missing in {rows_phrase(missing)}; remove or impute them explicitly."
        )
    if (infinite := np.flatnonzero(np.isinf(array).any(axis=1))).size:
        raise NonFiniteError(f"{name} is infinite in {rows_phrase(infinite)}; correct them.")
    return array


def not_negative(values: np.ndarray, name: str, why: str) -> np.ndarray:
    """Refuse amounts below 0.

    Parameters
    ----------
    values : numpy.ndarray, shape (customer, arm)
        Amounts.
    name : str
        How the message calls them.
    why : str
        What is expected instead, in words.

    Returns
    -------
    numpy.ndarray
        The same array.

    Raises
    ------
    ConfigError
        With the rows at fault.
    """
    if (negative := np.flatnonzero((values < 0).any(axis=1))).size:
        where = f"in {rows_phrase(negative)}" if len(values) > 1 else f"({values.min():g})"
        raise ConfigError(f"{name} is negative {where}; {why}")
    return values


def same_customers(values: np.ndarray, n: int, arms: int, name: str) -> np.ndarray:
    """Check that amounts belong to these customers and arms.

    Parameters
    ----------
    values : numpy.ndarray, shape (1 or customer, 1 or arm)
        Amounts.
    n, arms : int
        How many customers and arms there are.
    name : str
        How the message calls them.

    Returns
    -------
    numpy.ndarray
        The same array.

    Raises
    ------
    DataError
        If there are others.
    """
    if values.shape[0] not in (1, n) or values.shape[1] not in (1, arms):
        raise DataError(
            f"{name} has the shape {values.shape}; expected one row for each of {n} customers and "
            f"one column for each of {arms} arms, or one number for all."
        )
    return values


def amount(given: Any, name: str, n: int, arms: int) -> Amount:
    """Accept money in any of its forms.

    Parameters
    ----------
    given : float, Money, array_like, xarray.DataArray or object with draws and currency
        One number for all, a number per customer, per customer and arm, or labelled draws of one
        number for all.
    name : str
        How messages call it.
    n, arms : int
        How many customers and arms there are.

    Returns
    -------
    Amount
        Not negative.

    Raises
    ------
    ConfigError
        If it is negative, or no money at all.
    UnitsError
        If draws of money depend on more than the sample.
    """
    why = "expected at least 0. A loss belongs into the effect, not into its price."
    drawn = getattr(given, "draws", given)
    if isinstance(drawn, xr.DataArray):
        return _uncertain(drawn, getattr(given, "currency", None), name)
    if isinstance(given, Money):
        rows = np.array([[given.amount]])
        return Amount(rows=not_negative(rows, name, why), currency=given.currency)
    if given is None or isinstance(given, bool | str):
        raise ConfigError(f"{name} is {given!r}; expected money: a number, an array or draws.")
    rows = by_arm(np.atleast_1d(given) if np.ndim(given) == 0 else given, name)
    rows = same_customers(rows, n, arms, name)
    return Amount(rows=not_negative(rows, name, why))


def one_currency(currency: str | None, *amounts: Amount) -> str:
    """Return the one currency of several amounts.

    Parameters
    ----------
    currency : str, optional
        As it was stated.
    *amounts : Amount
        Money that may carry a currency.

    Returns
    -------
    str
        ISO 4217 code.

    Raises
    ------
    UnitsError
        If two currencies are mixed.
    ConfigError
        If there is none.
    """
    known = {a.currency for a in amounts if a.currency is not None}
    known |= {check_currency(currency)} if currency is not None else set()
    if len(known) > 1:
        raise UnitsError(
            f"value and cost mix the currencies {join_names(sorted(known))}; convert them first."
        )
    if not known:
        raise ConfigError("currency is missing; expected a code such as 'EUR'.")
    return known.pop()


def _uncertain(draws: xr.DataArray, currency: str | None, name: str) -> Amount:
    dr.order_of(draws)
    dr.check_values(draws, name)
    if draws.dims != (dr.SAMPLE,):
        raise UnitsError(
            f"draws of {name} have the dimensions {join_names(draws.dims)}; expected only "
            f"{dr.SAMPLE!r}. Select a segment, or give its mean for each customer."
        )
    if bad := int((draws < 0).sum()):
        raise ConfigError(f"{name} is negative in {bad} draws; expected at least 0.")
    return Amount(rows=np.array([[float(draws.mean())]]), draws=draws, currency=currency)
