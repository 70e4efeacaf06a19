"""Worlds of customers whom a contact changes, and an oracle for lists under limits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linprog


@dataclass(frozen=True, kw_only=True)
class World:
    """Randomized customers with known effects and scores."""

    effect: np.ndarray
    risk: np.ndarray
    pseudo_outcome: np.ndarray


def retention_world(rng: np.random.Generator, n: int, *, dogs: bool = False) -> World:
    """Return customers with effects from -.15 to .15, independent of risk.

    With ``dogs`` the effect falls with the risk, from .2 to -.2: those most at risk are harmed.
    """
    x = rng.random((n, 2))
    risk = 0.2 + 0.4 * x[:, 0]
    effect = 0.2 - 0.4 * x[:, 0] if dogs else 0.3 * (x[:, 1] - 0.5)
    treated = rng.integers(0, 2, n)
    stays = (rng.random(n) < 1 - risk + treated * effect).astype(float)
    return World(effect=effect, risk=risk, pseudo_outcome=scores(stays, treated, 1 - risk, effect))


def scores(
    outcome: np.ndarray, treated: np.ndarray, control_mean: np.ndarray, effect: np.ndarray
) -> np.ndarray:
    """Return doubly robust scores of a coin flip, with the true means."""
    residual = outcome - control_mean - treated * effect
    return effect + np.where(treated == 1, 2 * residual, -2 * residual)


def best_profit(
    gain: np.ndarray,
    cost: np.ndarray,
    *,
    budget: float | None = None,
    capacity: int | None = None,
    group: np.ndarray | None = None,
    shares: tuple[float, float] = (0.0, 1.0),
) -> float | None:
    """Return the optimum of the linear program, or None if no list keeps the limits."""
    n, arms = gain.shape
    rows, limits = [np.kron(np.eye(n), np.ones((1, arms)))], [1.0] * n
    if budget is not None:
        rows, limits = [*rows, cost.reshape(1, -1)], [*limits, budget]
    if capacity is not None:
        rows, limits = [*rows, np.ones((1, n * arms))], [*limits, capacity]
    for label in () if group is None else np.unique(group):
        inside = np.repeat(group == label, arms).astype(float)[None]
        size = (group == label).sum()
        most, least = np.floor(shares[1] * size + 1e-9), np.ceil(shares[0] * size - 1e-9)
        rows, limits = [*rows, inside, -inside], [*limits, most, -least]
    found = linprog(-(gain - cost).ravel(), A_ub=np.vstack(rows), b_ub=limits, bounds=(0, None))
    return -found.fun if found.status == 0 else None
