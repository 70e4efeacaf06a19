"""Limits of a list: who may be contacted, and how many and how few of whom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from cximpact.core.errors import (
    ConfigError,
    DataError,
    DesignError,
    DtypeError,
    join_names,
    unknown_name,
)
from cximpact.core.validate import as_array, check_count, check_number
from cximpact.effects.uplift.allocation_search import Problem, cheapest, totals

NOT_ELIGIBLE = "not eligible"
EXACT = 1e-9
Eligible: TypeAlias = ArrayLike | Mapping[str, ArrayLike]
Shares: TypeAlias = float | Mapping[Any, float]


def limited(
    problem: Problem,
    labels: list[Any],
    min_share: Shares | None,
    max_share: Shares | None,
    budget: float | None,
    capacity: int | None,
) -> Problem:
    """Put the limits on a problem, and refuse those that nobody could keep.

    Parameters
    ----------
    problem : Problem
        Eligible customers, without limits.
    labels : list
        The groups.
    min_share, max_share, budget, capacity : optional
        As `allocate` takes them.

    Returns
    -------
    Problem
        With limits.

    Raises
    ------
    ConfigError
        If limits contradict each other, or the budget is below the cheapest contact.
    DesignError
        If a group that must be treated has nobody eligible.
    """
    members = problem.high
    low = _counts(min_share, "min_share", labels, members, lowest=True)
    high = np.minimum(_counts(max_share, "max_share", labels, members, lowest=False), members)
    if empty := [labels[g] for g in np.flatnonzero((low > 0) & (members == 0))]:
        raise DesignError(
            f"groups {join_names(empty)} have nobody eligible, so that no share of them can be "
            "treated; leave them out of min_share."
        )
    if crossed := [labels[g] for g in np.flatnonzero(low > high)]:
        raise ConfigError(
            f"min_share is above max_share in the groups {join_names(crossed)}, counted in whole "
            "customers; expected at most that."
        )
    n = len(problem.group)
    room = n if capacity is None else check_count(capacity, "capacity")
    if low.sum() > room:
        raise ConfigError(
            f"capacity is {room} but min_share asks for {int(low.sum())} contacts; raise one or "
            "lower the other."
        )
    money = np.inf if budget is None else check_number(budget, "budget", low=0)
    out = replace(problem, low=low, high=high, budget=money, capacity=min(room, n))
    _check_budget(out)
    return out


def _check_budget(problem: Problem) -> None:
    if not len(problem.cost):
        return
    least = float(problem.cost.min())
    if problem.budget < least:
        raise ConfigError(
            f"budget is {problem.budget:,g}, below the cheapest contact of {least:,g}; nobody "
            "could be treated."
        )
    needed = totals(problem, cheapest(problem))[1]
    if needed > problem.budget:
        raise ConfigError(
            f"budget is {problem.budget:,g} but min_share asks for contacts of at least "
            f"{needed:,g}; raise one or lower the other."
        )


def _eligible(eligible: Eligible | None, n: int) -> dict[str, np.ndarray]:
    if eligible is None:
        return {}
    rules = eligible if isinstance(eligible, Mapping) else {NOT_ELIGIBLE: eligible}
    out = {}
    for name, values in rules.items():
        array = as_array(values, f"eligible {str(name)!r}")
        if array.dtype.kind != "b":
            raise DtypeError(
                f"eligible {str(name)!r} has type {array.dtype}; expected true or false, without "
                "missing values."
            )
        if array.shape != (n,):
            raise DataError(
                f"eligible {str(name)!r} has the shape {array.shape}; expected one value for each "
                f"of {n} customers."
            )
        out[str(name)] = array
    return out


def first_missed(eligible: Eligible | None, n: int) -> tuple[dict[str, int], np.ndarray]:
    """Count the customers by the first rule they miss, and say who misses none.

    Parameters
    ----------
    eligible : array_like of bool, or mapping of rule to array_like of bool, or None
        As `allocate` takes it.
    n : int
        How many customers there are.

    Returns
    -------
    missed : dict of str to int
        Customers by rule.
    may : numpy.ndarray of bool, shape (customer,)
        True for those who meet all rules.
    """
    rules = _eligible(eligible, n)
    may, missed = np.ones(n, dtype=bool), {}
    for name, meets in rules.items():
        missed[name] = int((may & ~meets).sum())
        may = may & meets
    return missed, may


def group_codes(groups: ArrayLike | None, n: int) -> tuple[list[Any], np.ndarray]:
    """Give the groups numbers.

    Parameters
    ----------
    groups : array_like, shape (customer,), or None
        Labels.
    n : int
        How many customers there are.

    Returns
    -------
    labels : list
        The groups, in the order in which they occur.
    codes : numpy.ndarray of int, shape (customer,)
        Group of each customer.

    Raises
    ------
    DataError
        If there are other customers, or labels are missing.
    """
    if groups is None:
        return ["all"], np.zeros(n, dtype=np.int64)
    codes, labels = pd.factorize(pd.Series(np.asarray(groups)), sort=False)
    if len(codes) != n:
        raise DataError(f"groups has {len(codes)} values for {n} customers; expected one each.")
    if (codes < 0).any():
        raise DataError(
            f"groups is missing for {int((codes < 0).sum())} customers; give them a label."
        )
    return list(labels), np.asarray(codes, dtype=np.int64)


def _counts(
    shares: Shares | None, name: str, labels: list[Any], members: np.ndarray, *, lowest: bool
) -> np.ndarray:
    """Turn shares of groups into whole numbers of customers."""
    if shares is None:
        return np.zeros_like(members) if lowest else members
    known = dict(shares) if isinstance(shares, Mapping) else dict.fromkeys(labels, shares)
    for label in known:
        if label not in labels:
            raise unknown_name(f"group in {name}", label, labels)
    other = 0.0 if lowest else 1.0
    share = np.array(
        [check_number(known.get(g, other), f"{name} of {g!r}", low=0, high=1) for g in labels]
    )
    if not lowest:
        return np.floor(share * members + EXACT).astype(np.int64)
    # a share above 0 of an empty group is one customer too many
    return np.maximum(np.ceil(share * members - EXACT), (share > 0) & (members == 0)).astype(
        np.int64
    )
