"""Profit against budget: by effect, by risk and by chance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from cximpact.core.errors import ConfigError
from cximpact.core.rng import RngLike, seed_of
from cximpact.core.validate import check_count, check_vector
from cximpact.effects.uplift.allocation_limits import first_missed
from cximpact.effects.uplift.policy_customers import ScoredCustomers
from cximpact.effects.uplift.policy_rule import TargetingRule

UPLIFT = "uplift ranking"
RISK = "risk ranking"
CHANCE = "at random"


def budget_curve(
    customers: ScoredCustomers,
    rule: TargetingRule,
    *,
    budgets: Sequence[float] | ArrayLike | None = None,
    points: int = 20,
    prob: float = 0.9,
    rng: RngLike = None,
) -> pd.DataFrame:
    """Return what a budget earns, by effect, by risk and by chance.

    Parameters
    ----------
    customers : ScoredCustomers
        With scores to value the lists by; with a risk for the list by risk.
    rule : TargetingRule
        Value, cost and limits; its budget is replaced.
    budgets : array_like, optional
        Budgets, increasing; by default equal steps up to the cost of contacting everybody.
    points : int, default 20
        How many budgets, where none are given.
    prob : float, default 0.9
        Mass of the interval.
    rng : int or Generator, optional
        Randomness of the draws.

    Returns
    -------
    pandas.DataFrame
        Columns ``budget, policy, contacts, spent, estimate, std_error, conf_low, conf_high,
        conf_level`` and ``marginal_return``: profit of all these customers after cost, and
        profit per unit of money since the budget before.

    Raises
    ------
    ConfigError
        If budgets do not increase from above 0.

    Notes
    -----
    By effect only contacts are made that pay, so the curve goes flat. By risk and by chance the
    whole budget is spent, with the arm of the highest mean profit, within the same capacity. Each
    interval is for one budget alone.
    """
    gain, cost, _ = rule.amounts(customers)
    may = first_missed(customers.eligible, customers.n)[1]
    arm = int((gain - cost)[may].mean(axis=0).argmax()) if may.any() else 0
    at = _budgets(budgets, points, cost[may, arm])
    seed, size = seed_of(rng), (customers.n, gain.shape[1])
    room = customers.n if rule.capacity is None else rule.capacity
    rows = []
    for budget in at:
        lists = {UPLIFT: replace(rule, budget=float(budget)).choose(customers).shares}
        if customers.risk is not None:
            lists[RISK] = np.zeros(size)
            lists[RISK][:, arm] = _in_order(customers.risk, cost[:, arm], may, budget, room)
        part = min(1.0, budget / max(float(cost[may, arm].sum()), 1e-300), room / max(may.sum(), 1))
        lists[CHANCE] = np.zeros(size)
        lists[CHANCE][may, arm] = part
        table = rule.worth(lists, customers, rng=seed).total(customers.n, prob).head(len(lists))
        spent = [float((s * cost).sum()) for s in lists.values()]
        contacts = [float(s.sum()) for s in lists.values()]
        rows.append(table.assign(budget=budget, spent=spent, contacts=contacts))
    out = pd.concat(rows, ignore_index=True)
    before = out.groupby("policy")[["budget", "estimate"]].shift(fill_value=0.0)
    out["marginal_return"] = (out["estimate"] - before["estimate"]) / (
        out["budget"] - before["budget"]
    )
    names = ["estimate", "std_error", "conf_low", "conf_high", "conf_level", "marginal_return"]
    return out[["budget", "policy", "contacts", "spent", *names]]


def _budgets(
    budgets: Sequence[float] | ArrayLike | None, points: int, cost: np.ndarray
) -> np.ndarray:
    if budgets is None:
        n, everybody = check_count(points, "points", low=2), float(cost.sum())
        if not everybody > 0:
            raise ConfigError("contacts cost nothing, so there is no curve over budgets.")
        return np.unique(np.linspace(max(everybody / n, float(cost.max())), everybody, n))
    at = check_vector(budgets, "budgets")
    if not (np.diff(at, prepend=0.0) > 0).all():
        raise ConfigError("budgets do not increase from above 0; sort them and drop doubles.")
    return at


def _in_order(
    score: np.ndarray, cost: np.ndarray, may: np.ndarray, budget: float, room: float
) -> np.ndarray:
    """Contact the highest scores until the money or the room is used up."""
    order = np.argsort(-score, kind="stable")
    order = order[may[order]]
    price = cost[order]
    left = budget - (np.cumsum(price) - price)
    part = np.clip(left / np.where(price > 0, price, 1.0), 0.0, 1.0)
    part = np.where(price > 0, part, (left >= 0).astype(float))
    out = np.zeros(len(score))
    out[order] = np.minimum(part, np.clip(room - np.arange(order.size), 0.0, 1.0))
    return out
