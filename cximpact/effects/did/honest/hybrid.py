"""Conditional and hybrid tests of moment inequalities, and intervals by turning them around.

A value of the target is compatible with a restriction if some path of effects is. Effects other
than the target are nuisances; they drop out in the combinations of inequalities that are corners
of the dual program. Differences after the reference are as many as the effects, so there are few
corners, all known in advance: the target pushed up, pushed down, and each pair of inequalities
against each other. The test looks at the corner that is violated most, given that it is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from cximpact.core.rng import RngLike, as_generator
from cximpact.effects.did.honest.path import EventPath
from cximpact.effects.did.honest.restrictions import Restriction

FIRST_STAGE = 0.1
"""Share of the error that the first stage of the hybrid test may spend."""
SIMULATIONS = 10_000
GRID = 401
STEPS = 40


@dataclass(frozen=True, kw_only=True, eq=False)
class Corners:
    """The inequalities without nuisances: ``value - theta * slope <= 0``.

    Parameters
    ----------
    value, slope : numpy.ndarray, shape (corner,)
        At the estimates, and how they move with the target.
    covariance : numpy.ndarray, shape (corner, corner)
        Of ``value``.
    """

    value: np.ndarray
    slope: np.ndarray
    covariance: np.ndarray


def corners(
    path: EventPath, covariance: np.ndarray, restriction: Restriction, weights: np.ndarray
) -> Corners:
    """Take the nuisances out of a restriction.

    Parameters
    ----------
    path : EventPath
        The event study.
    covariance : numpy.ndarray, shape (term, term)
        Of its coefficients.
    restriction : Restriction
        The restriction.
    weights : numpy.ndarray, shape (after,)
        The target.

    Returns
    -------
    Corners
        Up, down, and one for each difference.
    """
    k = path.n_before
    rows, slack = restriction.differences, restriction.slack
    moments = np.concatenate([rows - slack, -rows - slack])
    spread = np.sqrt(np.maximum(np.einsum("ij,jk,ik->i", moments, covariance, moments), 0.0))
    back = np.linalg.solve(rows[:, k:].T, weights)
    up, down = np.maximum(back, 0.0), np.maximum(-back, 0.0)
    pushed = [np.concatenate([up, down]), np.concatenate([down, up])]
    pairs = np.concatenate([np.eye(len(rows)), np.eye(len(rows))], axis=1)
    dual = np.concatenate([pushed, pairs])
    dual = dual / np.maximum(dual @ spread, 1e-300)[:, None]
    value = dual @ (moments @ path.value - restriction.bound)
    slope = np.zeros(len(dual))
    slope[:2] = np.array([1.0, -1.0]) / np.maximum(np.array(pushed) @ spread, 1e-300)
    reach = dual @ moments
    return Corners(value=value, slope=slope, covariance=reach @ covariance @ reach.T)


def rejects(found: Corners, theta: np.ndarray, level: float, first: float | None) -> np.ndarray:
    """Test values of the target.

    Parameters
    ----------
    found : Corners
        The inequalities.
    theta : numpy.ndarray, shape (value,)
        Values of the target.
    level : float
        Size of the test.
    first : float or None
        Critical value of the first stage; None is the conditional test without one.

    Returns
    -------
    numpy.ndarray of bool, shape (value,)
        Whether each is refused.
    """
    scores = found.value - theta[:, None] * found.slope
    best = scores.argmax(axis=1)
    rows = np.arange(len(theta))
    largest = scores[rows, best]
    variance = np.maximum(np.diag(found.covariance)[best], 0.0)
    known = variance > 1e-24
    ratio = found.covariance[best] / np.where(known, variance, 1.0)[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        ends = (scores - ratio * largest[:, None]) / (1.0 - ratio)
    ratio[rows, best] = 1.0
    low = np.where(ratio < 1 - 1e-10, ends, -np.inf).max(axis=1)
    high = np.where(ratio > 1 + 1e-10, ends, np.inf).min(axis=1)
    size = level
    if first is not None:
        spent = FIRST_STAGE * level
        size = (level - spent) / (1 - spent)
        high = np.minimum(high, first)
    error = np.sqrt(np.where(known, variance, 1.0))
    with np.errstate(invalid="ignore"):
        quantile = stats.truncnorm.ppf(1 - size, low / error, np.maximum(high, low) / error)
    critical = np.maximum(np.nan_to_num(quantile) * error, 0.0)
    refused = (largest > critical) & known
    if first is not None:
        refused |= largest > first
    return refused | (~known & (largest > 1e-12))


def first_stage(found: Corners, level: float, rng: RngLike) -> float:
    """Simulate the least favorable critical value of the first stage.

    Parameters
    ----------
    found : Corners
        The inequalities.
    level : float
        Size of the whole test.
    rng : int or Generator
        Randomness.

    Returns
    -------
    float
        Above which a violation is refused whatever else.
    """
    values, vectors = np.linalg.eigh(found.covariance)
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    noise = as_generator(rng).standard_normal((SIMULATIONS, len(values)))
    largest = np.maximum((noise @ root.T).max(axis=1), 0.0)
    return float(np.quantile(largest, 1 - FIRST_STAGE * level))


def accepted(
    found: Corners, level: float, first: float | None, around: tuple[float, float]
) -> tuple[float, float] | None:
    """Return the least and the greatest value of the target that is not refused.

    Parameters
    ----------
    found : Corners
        The inequalities.
    level, first : float
        As in `rejects`.
    around : tuple of float
        Where to look; widened until both ends are refused.

    Returns
    -------
    tuple of float or None
        None if every value is refused.
    """
    low, high = around
    for _ in range(STEPS):
        grid = np.linspace(low, high, GRID)
        kept = ~rejects(found, grid, level, first)
        if not (kept[0] or kept[-1]):
            break
        width = high - low
        low, high = low - width * kept[0], high + width * kept[-1]
    if not kept.any():
        return None
    inside = np.flatnonzero(kept)
    step = grid[1] - grid[0]
    ends = []
    for at, side in ((inside[0], -1.0), (inside[-1], 1.0)):
        good, bad = grid[at], grid[at] + side * step
        for _ in range(STEPS):
            middle = (good + bad) / 2
            refused = bool(rejects(found, np.array([middle]), level, first)[0])
            good, bad = (good, middle) if refused else (middle, bad)
        ends.append(float(good))
    return ends[0], ends[1]
