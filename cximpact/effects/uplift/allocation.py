"""Who is treated, with which arm, when contacts cost money and are limited."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
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
from cximpact.effects.uplift.allocation_search import (
    Problem,
    best_arm,
    cheapest,
    price_of_money,
    totals,
)
from cximpact.effects.uplift.allocation_split import shares_between
from cximpact.effects.uplift.policy_inputs import by_arm, not_negative, same_customers

NOT_WORTH_IT = "not worth the contact"
NO_ROOM = "beyond the limits"
NOT_ELIGIBLE = "not eligible"
Eligible: TypeAlias = ArrayLike | Mapping[str, ArrayLike]
Shares: TypeAlias = float | Mapping[Any, float]


@dataclass(frozen=True, kw_only=True, eq=False)
class Allocation:
    """Who is treated.

    Parameters
    ----------
    shares : numpy.ndarray, shape (customer, arm)
        Share of each arm that a customer gets: 0 or 1, and between them only for the last
        customers of a budget.
    spent, profit : float
        Cost of the contacts, and their gain less this cost as it was expected when the list was
        chosen. The latter is too high: the best of uncertain numbers look better than they are.
    threshold : float
        Lowest expected profit of one on the list; with equal costs, where the list is cut off.
    binds : tuple of str
        Limits that keep somebody off the list or on it, such as ``"budget"``.
    budget_price, capacity_price : float
        Profit of another unit of budget, and of another contact; 0 without a binding limit.
    left_out : mapping of str to int
        Why customers are not on the list; each is counted once.
    at_a_loss : int
        Contacts with an expected loss, which only a smallest share of a group brings about.
    """

    shares: np.ndarray = field(repr=False)
    spent: float
    profit: float
    threshold: float
    binds: tuple[str, ...]
    budget_price: float
    capacity_price: float
    left_out: Mapping[str, int]
    at_a_loss: int

    def __post_init__(self) -> None:
        self.shares.setflags(write=False)
        object.__setattr__(self, "left_out", MappingProxyType(dict(self.left_out)))

    @property
    def treat(self) -> np.ndarray:
        """Arm of each customer, from 1; 0 is no contact. One split takes the larger part."""
        return np.where(self.share > 0, self.shares.argmax(axis=1) + 1, 0)

    @property
    def share(self) -> np.ndarray:
        """Share of each customer that is contacted, over the arms."""
        return self.shares.sum(axis=1)

    @property
    def contacts(self) -> float:
        """How many customers are contacted."""
        return float(self.shares.sum())


def allocate(
    gain: ArrayLike,
    cost: ArrayLike,
    *,
    budget: float | None = None,
    capacity: int | None = None,
    groups: ArrayLike | None = None,
    min_share: Shares | None = None,
    max_share: Shares | None = None,
    eligible: Eligible | None = None,
    fractional: bool = True,
) -> Allocation:
    """Choose whom to treat, so that expected gain less cost is largest.

    Parameters
    ----------
    gain : array_like, shape (customer,) or (customer, arm)
        Expected gain of treating, in money: effect times value. Negative where treatment harms.
    cost : float or array_like, shape (customer,), (1, arm) or (customer, arm)
        Cost of a contact, at least 0.
    budget : float, optional
        Most money for all contacts.
    capacity : int, optional
        Most contacts.
    groups : array_like, shape (customer,), optional
        Label of each customer's group.
    min_share, max_share : float or mapping of label to float, optional
        Smallest and largest share of the eligible customers of a group that is treated.
    eligible : array_like of bool, or mapping of rule to array_like of bool, optional
        Who may be contacted. A mapping names the rules, such as ``"consented"``; a customer has
        to meet all of them, and the first one missed is counted.
    fractional : bool, default True
        Whether the last customer may be treated in part, which means with that probability.

    Returns
    -------
    Allocation
        The list, what it costs, and what limits it.

    Raises
    ------
    ConfigError
        If a limit cannot be kept, such as a budget below the cheapest contact.
    DataError
        If lengths differ.
    DesignError
        If a group that must be treated has nobody eligible.

    Notes
    -----
    Customers are ranked by what treatment changes, never by their risk. Without limits everybody
    is treated whose gain exceeds the cost, with the arm of the highest profit. A budget makes it
    a fractional knapsack: by profit per unit of cost, with several arms by the increments on the
    upper hull of each customer (multiple choice). A price of money does both at once, and the
    limits on numbers are nested, so the solution is that of the linear program, found without
    solving it. With ``fractional=False`` the last customer is left out, at the loss of at most
    what one customer brings, except among customers who are tied.

    References
    ----------
    Sinha, P. and Zoltners, A. A. (1979). The multiple-choice knapsack problem. Operations
    Research 27, 503-515.

    Examples
    --------
    >>> allocate([9.0, 4.0, -2.0], [3.0, 2.0, 1.0], budget=4.0).share
    array([1. , 0.5, 0. ])
    """
    gains = by_arm(gain, "gain")
    n, arms = gains.shape
    why = "expected at least 0."
    given = np.atleast_1d(np.asarray(cost)) if np.ndim(cost) == 0 else cost
    costs = same_customers(not_negative(by_arm(given, "cost"), "cost", why), n, arms, "cost")
    rules = _eligible(eligible, n)
    missed, may = _first_missed(rules, n)
    labels, codes = _groups(groups, n)
    problem = _problem(gains - costs, np.broadcast_to(costs, gains.shape), codes, may, len(labels))
    low = _limits(min_share, "min_share", labels, problem.high, np.ceil, 0.0)
    high = _limits(max_share, "max_share", labels, problem.high, np.floor, 1.0)
    limits = {"budget": budget, "capacity": capacity}
    problem = _limited(problem, low, high, labels, **limits)
    price, rich, lean = price_of_money(problem)
    part = shares_between(problem, rich, lean, fractional=fractional)
    shares = np.zeros((n, arms))
    shares[may] = part
    return _described(shares, part, problem, price, labels, missed)


def _problem(
    profit: np.ndarray, cost: np.ndarray, codes: np.ndarray, may: np.ndarray, groups: int
) -> Problem:
    group = codes[may]
    members = np.bincount(group, minlength=groups)
    return Problem(
        profit=profit[may],
        cost=cost[may],
        group=group,
        low=np.zeros(groups, dtype=np.int64),
        high=members,
        budget=np.inf,
        capacity=len(group),
    )


def _limited(
    problem: Problem,
    low: np.ndarray,
    high: np.ndarray,
    labels: list[Any],
    *,
    budget: float | None,
    capacity: int | None,
) -> Problem:
    """Put the limits on, and refuse those that nobody could keep."""
    if empty := [labels[g] for g in np.flatnonzero((low > 0) & (problem.high == 0))]:
        raise DesignError(
            f"groups {join_names(empty)} have nobody eligible, so that no share of them can be "
            "treated; leave them out of min_share."
        )
    low = low.astype(np.int64)
    if crossed := [labels[g] for g in np.flatnonzero(low > high)]:
        raise ConfigError(
            f"min_share is above max_share in the groups {join_names(crossed)}, counted in whole "
            "customers; expected at most that."
        )
    room = len(problem.group) if capacity is None else check_count(capacity, "capacity")
    money = np.inf if budget is None else check_number(budget, "budget", low=0)
    if low.sum() > room:
        raise ConfigError(
            f"capacity is {room} but min_share asks for {int(low.sum())} contacts; raise one or "
            "lower the other."
        )
    limited = Problem(
        profit=problem.profit,
        cost=problem.cost,
        group=problem.group,
        low=low,
        high=np.minimum(high, problem.high).astype(np.int64),
        budget=money,
        capacity=min(room, len(problem.group)),
    )
    _check_budget(limited)
    return limited


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


def _first_missed(rules: dict[str, np.ndarray], n: int) -> tuple[dict[str, int], np.ndarray]:
    """Count the customers by the first rule they miss, and say who misses none."""
    may, missed = np.ones(n, dtype=bool), {}
    for name, meets in rules.items():
        missed[name] = int((may & ~meets).sum())
        may = may & meets
    return missed, may


def _groups(groups: ArrayLike | None, n: int) -> tuple[list[Any], np.ndarray]:
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


def _limits(
    shares: Shares | None,
    name: str,
    labels: list[Any],
    members: np.ndarray,
    whole: Any,
    default: float,
) -> np.ndarray:
    """Turn shares of groups into whole numbers of customers."""
    if shares is None:
        return whole(default * members)
    known = dict(shares) if isinstance(shares, Mapping) else dict.fromkeys(labels, shares)
    for label in known:
        if label not in labels:
            raise unknown_name(f"group in {name}", label, labels)
    share = [check_number(known.get(g, default), f"{name} of {g!r}", low=0, high=1) for g in labels]
    counts = np.asarray(share) * members
    nudge = 1e-9 * (1 if whole is np.floor else -1)
    counted = np.maximum(whole(counts + nudge), 0)
    return np.where((np.asarray(share) > 0) & (members == 0) & (default == 0), 1, counted)


def _described(
    shares: np.ndarray,
    part: np.ndarray,
    problem: Problem,
    price: float,
    labels: list[Any],
    missed: dict[str, int],
) -> Allocation:
    """Say what the list costs and what limits it."""
    taken = part.sum(axis=1)
    profit = (part * problem.profit).sum(axis=1)
    best, net = best_arm(problem, price)
    best_profit = problem.profit[np.arange(len(best)), best - 1]
    in_group = np.bincount(problem.group, taken, minlength=problem.low.size)
    full = in_group >= problem.high - 1e-9
    waiting = (taken < 1 - 1e-9) & (net > 0) & ~full[problem.group]
    crowded = taken.sum() >= problem.capacity - 1e-9 and bool(waiting.any())
    capacity_price = float(net[waiting].max()) if crowded else 0.0
    binds = ["budget"] if price > 0 else []
    binds += ["capacity"] if crowded else []
    more = (taken < 1 - 1e-9) & (net > capacity_price)
    pushed = (taken > 0) & (net <= capacity_price)
    at_low = in_group <= problem.low + 1e-9
    for g, label in enumerate(labels):
        mine = problem.group == g
        binds += [f"min_share of {label}"] if at_low[g] and (pushed & mine).any() else []
        binds += [f"max_share of {label}"] if full[g] and (more & mine).any() else []
    not_worth = (taken <= 0) & (best_profit <= 0)
    return Allocation(
        shares=shares,
        spent=float((part * problem.cost).sum()),
        profit=float(profit.sum()),
        threshold=float((profit / np.where(taken > 0, taken, 1))[taken > 0].min(initial=np.inf)),
        binds=tuple(binds),
        budget_price=price,
        capacity_price=capacity_price,
        left_out={
            **missed,
            NOT_WORTH_IT: int(not_worth.sum()),
            NO_ROOM: int(((taken <= 0) & ~not_worth).sum()),
        },
        at_a_loss=int(((taken > 0) & (profit < 0)).sum()),
    )
