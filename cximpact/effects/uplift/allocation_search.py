"""Who is contacted at a given price of money, and the price at which the budget is spent."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

TOLERANCE = 1e-12
MOST_STEPS = 200


@dataclass(frozen=True, kw_only=True, eq=False)
class Problem:
    """Customers, what each arm brings and costs, and what limits the contacts.

    Parameters
    ----------
    profit, cost : numpy.ndarray, shape (customer, arm)
        Gain less cost, and cost, of treating a customer.
    group : numpy.ndarray of int, shape (customer,)
        Group codes.
    low, high : numpy.ndarray of int, shape (group,)
        Fewest and most contacts of a group.
    budget : float
        Most money; infinite without a limit.
    capacity : int
        Most contacts.
    """

    profit: np.ndarray = field(repr=False)
    cost: np.ndarray = field(repr=False)
    group: np.ndarray = field(repr=False)
    low: np.ndarray
    high: np.ndarray
    budget: float
    capacity: int

    @property
    def counted(self) -> bool:
        """Whether contacts are limited by number, so that one customer displaces another."""
        members = np.bincount(self.group, minlength=self.low.size)
        return bool(
            self.capacity < len(self.group) or self.low.any() or (self.high < members).any()
        )

    def rows(self, kept: np.ndarray) -> Problem:
        """Return the same problem with some of the customers.

        Parameters
        ----------
        kept : numpy.ndarray
            Mask or positions.

        Returns
        -------
        Problem
            With the limits as they are.
        """
        return replace(self, profit=self.profit[kept], cost=self.cost[kept], group=self.group[kept])


def best_arm(problem: Problem, price: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the best arm of each customer when money has a price.

    Parameters
    ----------
    problem : Problem
        Who can be contacted.
    price : float
        Profit that a unit of money must earn.

    Returns
    -------
    arm : numpy.ndarray of int, shape (customer,)
        The best arm, from 1.
    net : numpy.ndarray, shape (customer,)
        Its profit less the price of its cost; below 0 where nothing is better.
    """
    net = problem.profit - price * problem.cost
    if net.shape[1] == 1:
        return np.ones(len(net), dtype=np.int64), net[:, 0]
    best = net.argmax(axis=1)
    return best + 1, net[np.arange(len(net)), best]


def choose(problem: Problem, price: float) -> np.ndarray:
    """Return the best list when money has a price and the budget is no limit.

    Parameters
    ----------
    problem : Problem
        Who can be contacted.
    price : float
        Profit that a unit of money must earn.

    Returns
    -------
    numpy.ndarray of int, shape (customer,)
        Arm of each customer; 0 is no contact.

    Notes
    -----
    The limits on numbers are nested, group within total, so that taking the best first is exact:
    first whom the groups must have, then whoever brings most, up to the limits.
    """
    arm, net = best_arm(problem, price)
    if not problem.counted:
        return np.where(net > 0, arm, 0)
    order = np.argsort(-net, kind="stable")
    group = problem.group[order]
    rank = _rank_within(group, problem.low.size)
    must = rank < problem.low[group]
    may = (rank < problem.high[group]) & (net[order] > 0) & ~must
    may &= np.cumsum(may) <= problem.capacity - int(must.sum())
    out = np.zeros(len(arm), dtype=np.int64)
    taken = order[must | may]
    out[taken] = arm[taken]
    return out


def cheapest(problem: Problem) -> np.ndarray:
    """Return the cheapest list that gives each group what it must have.

    Parameters
    ----------
    problem : Problem
        Who can be contacted.

    Returns
    -------
    numpy.ndarray of int, shape (customer,)
        Arm of each customer; 0 is no contact.
    """
    arm = problem.cost.argmin(axis=1) + 1
    order = np.argsort(problem.cost.min(axis=1), kind="stable")
    group = problem.group[order]
    taken = order[_rank_within(group, problem.low.size) < problem.low[group]]
    out = np.zeros(len(arm), dtype=np.int64)
    out[taken] = arm[taken]
    return out


def totals(problem: Problem, arm: np.ndarray) -> tuple[float, float]:
    """Return profit and cost of a list.

    Parameters
    ----------
    problem : Problem
        Who can be contacted.
    arm : numpy.ndarray of int, shape (customer,)
        The list.

    Returns
    -------
    profit, cost : float
        Sums over the contacts.
    """
    at = np.flatnonzero(arm)
    return float(problem.profit[at, arm[at] - 1].sum()), float(problem.cost[at, arm[at] - 1].sum())


def price_of_money(problem: Problem) -> tuple[float, np.ndarray, np.ndarray]:
    """Find the price of money at which the budget is just spent.

    Parameters
    ----------
    problem : Problem
        With a budget that the cheapest list keeps.

    Returns
    -------
    price : float
        Profit of another unit of budget; 0 where the budget is no limit.
    rich, lean : numpy.ndarray of int, shape (customer,)
        Two lists that are both best at that price: one spends more than the budget, the other at
        most the budget. Without a binding budget they are the same list.

    Notes
    -----
    The dual of the budget, ``max over lists of profit - price * (cost - budget)``, is convex and
    piecewise linear in the price. Each list is one line; the crossing of the two lines around
    the minimum is the next price, until no list lies above the crossing. That ends exactly, in a
    few steps.
    """
    rich = choose(problem, 0.0)
    gain_rich, cost_rich = totals(problem, rich)
    if cost_rich <= problem.budget:
        return 0.0, rich, rich
    lean, price = cheapest(problem), 0.0
    gain_lean, cost_lean = totals(problem, lean)
    for _ in range(MOST_STEPS):
        price = max((gain_rich - gain_lean) / (cost_rich - cost_lean), 0.0)
        found = choose(problem, price)
        gain, cost = totals(problem, found)
        above = (gain - price * cost) - (gain_rich - price * cost_rich)
        if above <= TOLERANCE * (abs(gain) + price * cost):
            break
        if cost > problem.budget:
            rich, gain_rich, cost_rich = found, gain, cost
        else:
            lean, gain_lean, cost_lean = found, gain, cost
    return price, rich, lean


def _rank_within(group: np.ndarray, groups: int) -> np.ndarray:
    """Count, for each row, the rows of its group before it."""
    if groups == 1:
        return np.arange(len(group))
    by_group = np.argsort(group, kind="stable")
    sizes = np.bincount(group, minlength=groups)
    starts = np.cumsum(sizes) - sizes
    rank = np.empty(len(group), dtype=np.int64)
    rank[by_group] = np.arange(len(group)) - starts[group[by_group]]
    return rank
