"""The door for arrays of two arms: who was treated, and how likely that was."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from cximpact.core.errors import (
    DtypeError,
    EmptyDataError,
    MissingValueError,
    NoControlError,
    NoTreatedError,
    OverlapError,
    ScaleError,
    TreatmentError,
    join_names,
    rows_phrase,
)
from cximpact.core.validate import as_array, check_vector


def check_arms(treatment: ArrayLike) -> np.ndarray:
    """Check a treatment of two arms.

    Parameters
    ----------
    treatment : array_like, shape (n,)
        1 for treated and 0 for untreated, or true and false.

    Returns
    -------
    numpy.ndarray of bool, shape (n,)
        True for treated.

    Raises
    ------
    TreatmentError
        If there are other values.
    NoControlError, NoTreatedError
        If everybody is treated, or nobody.
    DtypeError, EmptyDataError, MissingValueError
        For anything but a vector of numbers without gaps.
    """
    array = as_array(treatment, "treatment")
    if array.ndim != 1:
        raise DtypeError(f"treatment has {array.ndim} dimensions; expected one.")
    if array.size == 0:
        raise EmptyDataError("treatment has 0 values; expected at least 1.")
    if array.dtype.kind not in "biuf":
        raise TreatmentError(f"treatment has type {array.dtype}; expected 0 and 1.")
    if (missing := np.flatnonzero(np.isnan(array.astype(float)))).size:
        raise MissingValueError(f"treatment is missing in {rows_phrase(missing)}; fill it in.")
    if not np.isin(array, (0, 1)).all():
        values = join_names([f"{value:g}" for value in np.unique(array)], limit=6)
        raise TreatmentError(
            f"treatment has the values {values}; expected 0 and 1. Compare two arms at a time."
        )
    treated = array.astype(bool)
    if treated.all():
        raise NoControlError(f"all {treated.size} customers are treated; none are left to compare.")
    if not treated.any():
        raise NoTreatedError(f"none of {treated.size} customers are treated.")
    return treated


def check_propensity(propensity: ArrayLike, n: int | None = None) -> np.ndarray:
    """Check propensities: one a customer, from 0 to 1.

    Parameters
    ----------
    propensity : array_like, shape (n,)
        Probability of treatment of every customer.
    n : int, optional
        How many customers there are.

    Returns
    -------
    numpy.ndarray, shape (n,)
        A float copy.

    Raises
    ------
    ScaleError
        If a value lies outside.
    DtypeError
        If there are more or fewer values than customers.
    """
    array = check_vector(propensity, "propensity")
    check_length(array, n, "propensity")
    if (outside := np.flatnonzero((array < 0) | (array > 1))).size:
        raise ScaleError(
            f"propensity lies outside 0 to 1 in {rows_phrase(outside)}; expected probabilities as "
            "fractions."
        )
    return array


def check_length(values: Any, n: int | None, name: str) -> None:
    """Check that there is one value a customer.

    Parameters
    ----------
    values : array
        Values.
    n : int or None
        How many customers there are; None passes.
    name : str
        How the message calls the values.

    Raises
    ------
    DtypeError
        If there are more or fewer.
    """
    if n is not None and len(values) != n:
        raise DtypeError(f"{name} has {len(values)} values for {n} customers; expected one each.")


def check_overlap(propensity: ArrayLike, n: int | None = None) -> np.ndarray:
    """Check that everybody might have been treated, and might have been left untreated.

    Parameters
    ----------
    propensity : array_like, shape (n,)
        Probability of treatment of every customer.
    n : int, optional
        How many customers there are.

    Returns
    -------
    numpy.ndarray, shape (n,)
        A float copy, strictly between 0 and 1.

    Raises
    ------
    OverlapError
        If a propensity is 0 or 1: nobody like that customer is found in the other arm.
    """
    array = check_propensity(propensity, n)
    if (certain := np.flatnonzero((array == 0) | (array == 1))).size:
        raise OverlapError(
            f"the propensity is 0 or 1 in {rows_phrase(certain)}: nobody like them is in the other "
            "arm, and no data tell their effect. Leave them out with overlap.trim, which renames "
            "the customers the effect is about, or weight with overlap_weights(target='ato')."
        )
    return array
