"""Checks of scalar options and plain arrays, done once at the door."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, cast

import numpy as np
from numpy.typing import ArrayLike

from cximpact.core.errors import (
    ConfigError,
    DtypeError,
    EmptyDataError,
    MissingValueError,
    NonFiniteError,
    WeightError,
    closest,
    join_names,
    rows_phrase,
)


def check_prob(prob: float, name: str = "prob") -> float:
    """Check a probability mass strictly between 0 and 1.

    Parameters
    ----------
    prob : float
        Interval mass or level, as a fraction.
    name : str, default "prob"
        How the message calls it.

    Returns
    -------
    float
        The checked value.

    Raises
    ------
    ConfigError
        With the fraction that was probably meant when a percentage was given.
    """
    value = check_number(prob, name)
    if 0 < value < 1:
        return value
    hint = f" Did you mean {value / 100:g}?" if 1 < value < 100 else ""
    raise ConfigError(f"{name} is {prob!r}; expected a fraction between 0 and 1.{hint}")


def check_number(
    value: Any, name: str, *, low: float = -np.inf, high: float = np.inf, open_low: bool = False
) -> float:
    """Check a finite real number within bounds.

    Parameters
    ----------
    value : float
        The number.
    name : str
        How the message calls it.
    low, high : float
        Inclusive bounds.
    open_low : bool, default False
        Whether ``low`` itself is excluded.

    Returns
    -------
    float
        The checked value.

    Raises
    ------
    ConfigError
        If it is no number, not finite or out of bounds.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
        raise ConfigError(f"{name} is {value!r}; expected a number.")
    try:
        number = float(value)
    except OverflowError:
        number = np.inf
    too_low = number <= low if open_low else number < low
    if not np.isfinite(number) or too_low or number > high:
        above = f"above {low:g}" if open_low else f"at least {low:g}"
        bounds = [above] if np.isfinite(low) else []
        bounds += [f"at most {high:g}"] if np.isfinite(high) else []
        raise ConfigError(
            f"{name} is {value!r}; expected a finite number {' and '.join(bounds)}".rstrip() + "."
        )
    return number


def check_count(value: Any, name: str, *, low: int = 1) -> int:
    """Check a whole number of at least ``low``.

    Parameters
    ----------
    value : int
        The count.
    name : str
        How the message calls it.
    low : int, default 1
        Smallest allowed value.

    Returns
    -------
    int
        The checked value.

    Raises
    ------
    ConfigError
        If it is not a whole number or too small.
    """
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < low:
        raise ConfigError(f"{name} is {value!r}; expected a whole number of at least {low}.")
    return int(value)


def check_choice(value: Any, name: str, choices: Collection[str]) -> str:
    """Check an option against its allowed values.

    Parameters
    ----------
    value : str
        The option.
    name : str
        How the message calls it.
    choices : collection of str
        Allowed values.

    Returns
    -------
    str
        The checked value.

    Raises
    ------
    ConfigError
        With the closest allowed value when one was mistyped.
    """
    if isinstance(value, str) and value in choices:
        return value
    best = closest(str(value), choices)
    hint = f" Did you mean {best!r}?" if best else ""
    raise ConfigError(f"{name} is {value!r}; expected one of {join_names(list(choices))}.{hint}")


def as_array(values: ArrayLike, name: str) -> np.ndarray:
    """Turn values into an array of whatever type and shape they have.

    Parameters
    ----------
    values : array_like
        Values.
    name : str
        How the message calls them.

    Returns
    -------
    numpy.ndarray
        The values; not a copy if they were an array. Masked entries, and missing entries among
        numbers, are NaN.

    Raises
    ------
    DtypeError
        If they are nested unevenly.
    """
    masked = cast("Any", values)
    if isinstance(values, np.ma.MaskedArray) and masked.dtype.kind in "iuf":
        return np.asarray(masked.astype(float).filled(np.nan))
    try:
        array = np.asarray(values)
    except (ValueError, TypeError) as error:
        raise DtypeError(f"{name} is nested unevenly; expected numbers.") from error
    if array.dtype.kind != "O" or array.ndim != 1:
        return array
    # a nullable column of numbers arrives as objects
    if not all(_is_number(v) or _is_missing(v) for v in array):
        return array
    return np.array([np.nan if _is_missing(v) else float(v) for v in array])


def as_floats(values: ArrayLike, name: str) -> np.ndarray:
    """Turn numbers into floats, with NaN where they are missing.

    Parameters
    ----------
    values : array_like
        Numbers; text and objects are refused, never coerced.
    name : str
        How the message calls them.

    Returns
    -------
    numpy.ndarray
        A float copy.

    Raises
    ------
    DtypeError
        For anything but numbers.
    """
    array = as_array(values, name)
    if array.dtype.kind not in "iuf":
        raise DtypeError(
            f"{name} has type {array.dtype}; expected numbers. Convert it explicitly first."
        )
    return array.astype(float)


def check_vector(values: ArrayLike, name: str) -> np.ndarray:
    """Check a non-empty vector of finite numbers and return it as floats.

    Parameters
    ----------
    values : array_like, shape (n,)
        Numbers; text and objects are refused, never coerced. Masked and nullable entries
        count as missing.
    name : str
        How the message calls it.

    Returns
    -------
    numpy.ndarray, shape (n,)
        A float copy.

    Raises
    ------
    DtypeError
        For text, bool, complex or nested values.
    EmptyDataError
        For no values.
    MissingValueError, NonFiniteError
        For NaN or infinite values, with their positions.
    """
    array = as_array(values, name)
    if array.ndim != 1:
        raise DtypeError(f"{name} has {array.ndim} dimensions; expected one.")
    if array.size == 0:
        raise EmptyDataError(f"{name} has 0 values; expected at least 1.")
    if array.dtype.kind not in "iuf":
        raise DtypeError(
            f"{name} has type {array.dtype}; expected numbers. Convert it explicitly first."
        )
    floats = array.astype(float)
    if (missing := np.flatnonzero(np.isnan(floats))).size:
        raise MissingValueError(
            f"{name} is missing in {rows_phrase(missing)}; remove or impute them explicitly."
        )
    if (infinite := np.flatnonzero(np.isinf(floats))).size:
        raise NonFiniteError(f"{name} is infinite in {rows_phrase(infinite)}; correct them.")
    return floats


def check_weights(weights: ArrayLike | None, n: int, name: str = "weights") -> np.ndarray:
    """Check survey weights: one per row, none negative, not all zero.

    Parameters
    ----------
    weights : array_like, shape (n,), or None
        None gives every row the weight 1.
    n : int
        How many rows there are.
    name : str, default "weights"
        How the message calls it.

    Returns
    -------
    numpy.ndarray, shape (n,)
        The weights as floats.

    Raises
    ------
    WeightError
        With the rows at fault.
    """
    if weights is None:
        return np.ones(n)
    array = check_vector(weights, name)
    if array.size != n:
        raise WeightError(f"{name} has {array.size} values for {n} rows; expected one a row.")
    if (negative := np.flatnonzero(array < 0)).size:
        raise WeightError(f"{name} is negative in {rows_phrase(negative)}; weights start at 0.")
    if not array.max() > 0:
        raise WeightError(f"{name} sums to 0; at least one row needs a positive weight.")
    return array


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)


def _is_missing(value: Any) -> bool:
    return value is None or type(value).__name__ == "NAType"
