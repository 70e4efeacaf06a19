"""The last customers of a list: between two lists, spend exactly what the budget allows."""

from __future__ import annotations

import numpy as np
from scipy import optimize, sparse

from cximpact.core.errors import ConvergenceError
from cximpact.effects.uplift.allocation_search import Problem

EXACT = 1e-9


def shares_between(
    problem: Problem, rich: np.ndarray, lean: np.ndarray, *, fractional: bool
) -> np.ndarray:
    """Return the best list between one that costs too much and one that does not.

    Parameters
    ----------
    problem : Problem
        Who can be contacted.
    rich, lean : numpy.ndarray of int, shape (customer,)
        Lists that are both best at one price of money.
    fractional : bool
        Whether the last customer may be contacted in part.

    Returns
    -------
    numpy.ndarray, shape (customer, arm)
        Share of each arm that a customer gets.

    Notes
    -----
    Only customers in which the lists differ are open. Those with the same group, profits and
    costs are interchangeable, so a small linear program counts how many of each kind get which
    arm; within a kind the first rows come first. Its optimum is a vertex: with a budget alone at
    most one customer is split.
    """
    shares = _as_shares(lean, problem.profit.shape[1])
    open_ = np.flatnonzero(rich != lean)
    if open_.size == 0:
        return shares
    some = problem.rows(open_)
    keys = np.column_stack([some.group, some.profit, some.cost])
    _, first, kind = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    taken = np.delete(lean, open_)
    settled = problem.rows(np.delete(np.arange(len(lean)), open_))
    rest = _rest(problem, settled, taken)
    sizes = np.bincount(kind)
    counts = _count(some.rows(first), sizes, rest, fractional=fractional)
    shares[open_] = _dealt(counts, kind)
    return shares


def _as_shares(arm: np.ndarray, arms: int) -> np.ndarray:
    out = np.zeros((len(arm), arms))
    at = np.flatnonzero(arm)
    out[at, arm[at] - 1] = 1.0
    return out


def _rest(
    problem: Problem, settled: Problem, taken: np.ndarray
) -> tuple[float, int, np.ndarray, np.ndarray]:
    """Return budget, capacity and group limits that are left for the open customers."""
    at = np.flatnonzero(taken)
    spent = float(settled.cost[at, taken[at] - 1].sum())
    in_group = np.bincount(settled.group[at], minlength=problem.low.size)
    return (
        problem.budget - spent,
        problem.capacity - at.size,
        np.maximum(problem.low - in_group, 0),
        problem.high - in_group,
    )


def _count(
    kinds: Problem,
    sizes: np.ndarray,
    rest: tuple[float, int, np.ndarray, np.ndarray],
    *,
    fractional: bool,
) -> np.ndarray:
    """Count how many customers of each kind get each arm."""
    budget, capacity, low, high = rest
    k, arms = kinds.profit.shape
    unit = max(float(kinds.cost.max()), np.finfo(float).tiny)
    worth = max(float(np.abs(kinds.profit).max()), np.finfo(float).tiny)
    kind_of = np.repeat(np.arange(k), arms)
    ones, at = np.ones(k * arms), np.arange(k * arms)
    groups = np.unique(kinds.group)
    by_group = sparse.csr_matrix(
        (ones, (np.searchsorted(groups, kinds.group)[kind_of], at)), shape=(groups.size, k * arms)
    )
    matrix = sparse.vstack(
        [
            sparse.csr_matrix(kinds.cost.reshape(1, -1) / unit),
            sparse.csr_matrix(ones[None]),
            by_group,
            sparse.csr_matrix((ones, (kind_of, at)), shape=(k, k * arms)),
        ]
    ).tocsr()
    lower = np.r_[-np.inf, -np.inf, low[groups], np.full(k, -np.inf)]
    upper = np.r_[budget / unit, capacity, high[groups], sizes]
    found = optimize.milp(
        -kinds.profit.ravel() / worth,
        constraints=optimize.LinearConstraint(matrix, lower, upper),
        bounds=optimize.Bounds(0, np.repeat(sizes, arms)),
        integrality=np.zeros(k * arms) if fractional else np.ones(k * arms),
    )
    if found.x is None:
        raise ConvergenceError(
            f"the last {int(sizes.sum())} customers of the list could not be settled: "
            f"{found.message} Round gain and cost, or move the budget a little."
        )
    counts = np.maximum(found.x, 0.0).reshape(k, arms)
    whole = np.round(counts)
    return np.where(np.abs(counts - whole) < EXACT * np.maximum(whole, 1.0), whole, counts)


def _dealt(counts: np.ndarray, kind: np.ndarray) -> np.ndarray:
    """Give each customer of a kind, in the order of rows, the part of an arm that falls to him."""
    order = np.argsort(kind, kind="stable")
    sizes = np.bincount(kind)
    place = np.empty(len(kind))
    place[order] = np.arange(len(kind)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    ends = np.cumsum(counts, axis=1)[kind]
    starts = ends - counts[kind]
    shares = np.minimum(ends, place[:, None] + 1) - np.maximum(starts, place[:, None])
    return np.clip(shares, 0.0, 1.0)
