"""Who is treated, with which arm, when contacts cost money and are limited."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from cximpact.effects.uplift.allocation_limits import (
    EXACT,
    Eligible,
    Shares,
    first_missed,
    group_codes,
    limited,
)
from cximpact.effects.uplift.allocation_search import Problem, best_arm, price_of_money
from cximpact.effects.uplift.allocation_split import shares_between
from cximpact.effects.uplift.policy_inputs import by_arm, not_negative, same_customers

NOT_WORTH_IT = "not worth the contact"
NO_ROOM = "beyond the limits"


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
    missed, may = first_missed(eligible, n)
    labels, codes = group_codes(groups, n)
    problem = _problem(gains - costs, np.broadcast_to(costs, gains.shape), codes, may, len(labels))
    problem = limited(problem, labels, min_share, max_share, budget, capacity)
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
    full = in_group >= problem.high - EXACT
    waiting = (taken < 1 - EXACT) & (net > 0) & ~full[problem.group]
    crowded = taken.sum() >= problem.capacity - EXACT and bool(waiting.any())
    capacity_price = float(net[waiting].max()) if crowded else 0.0
    binds = ["budget"] if price > 0 else []
    binds += ["capacity"] if crowded else []
    more = (taken < 1 - EXACT) & (net > capacity_price)
    pushed = (taken > 0) & (net <= capacity_price)
    at_low = in_group <= problem.low + EXACT
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
