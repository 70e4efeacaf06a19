"""How much the mean outcome bends from score to score, as far as the data show it."""

from __future__ import annotations

import numpy as np
from scipy import optimize, stats

from cximpact.core.errors import InsufficientDataError

RULE = "rule of thumb"


def curvature_by_rule(mean: np.ndarray, steps: np.ndarray, treated_side: np.ndarray) -> float:
    """Guess the largest second difference from one polynomial a side.

    Parameters
    ----------
    mean : numpy.ndarray, shape (cell,)
        Means.
    steps, treated_side : numpy.ndarray, shape (cell,)
        Steps from the cutoff, and side.

    Returns
    -------
    float
        Largest second difference of fitted polynomials, of degree at most four.

    Raises
    ------
    InsufficientDataError
        If no side has four scores.

    Notes
    -----
    After Armstrong and Kolesar (2020), Quantitative Economics 11, 1-39. It is a guess: data
    cannot show how much the truth bends between scores, so the interval it gives is not honest.
    """
    found = []
    for side in (True, False):
        at, y = steps[treated_side == side], mean[treated_side == side]
        if at.size < 4:
            continue
        degree = min(4, at.size - 2)
        fit = np.polynomial.Polynomial.fit(at, y, degree)
        grid = np.arange(at.min(), at.max() + 1)
        found.append(float(np.abs(np.diff(fit(grid), 2)).max()))
    if not found:
        raise InsufficientDataError(
            "no side of the cutoff has four scores to guess a curvature from; state it: "
            "curvature= is the most by which the mean outcome may bend from one score to the next."
        )
    return max(found)


def bends_seen(
    mean: np.ndarray, covariance: np.ndarray, steps: np.ndarray, treated_side: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return second differences of the means where three neighboring scores are on one side.

    Parameters
    ----------
    mean, covariance : numpy.ndarray
        Of the cells.
    steps, treated_side : numpy.ndarray, shape (cell,)
        Steps from the cutoff, and side.

    Returns
    -------
    bend, std_error : numpy.ndarray
        One a triple of scores.
    """
    rows = []
    for side in (True, False):
        place = {int(s): j for j, s in enumerate(steps) if treated_side[j] == side}
        for s in sorted(place):
            if {s + 1, s + 2} <= set(place):
                row = np.zeros(mean.size)
                row[[place[s], place[s + 1], place[s + 2]]] = 1.0, -2.0, 1.0
                rows.append(row)
    contrast = np.array(rows).reshape(-1, mean.size)
    variance = np.einsum("ij,jk,ik->i", contrast, covariance, contrast)
    return contrast @ mean, np.sqrt(np.maximum(variance, 0.0))


def p_of_bound(bend: np.ndarray, std_error: np.ndarray, curvature: float) -> float:
    """Test whether the means bend by more than the bound.

    Parameters
    ----------
    bend, std_error : numpy.ndarray
        From `bends_seen`.
    curvature : float
        The bound.

    Returns
    -------
    float
        Bonferroni's p; 1 where there is nothing to test.
    """
    if not bend.size:
        return 1.0
    excess = (np.abs(bend) - curvature) / np.where(std_error > 0, std_error, np.inf)
    return float(min(1.0, bend.size * stats.norm.sf(excess.max())))


def bounded_fit(
    mean: np.ndarray, covariance: np.ndarray, steps: np.ndarray, *, curvature: float
) -> tuple[np.ndarray, np.ndarray]:
    """Fit one side by the curve that bends no more than the bound, for a picture.

    Parameters
    ----------
    mean, covariance : numpy.ndarray
        Of the cells of one side.
    steps : numpy.ndarray of int, shape (cell,)
        Steps from the cutoff.
    curvature : float
        Largest second difference.

    Returns
    -------
    at : numpy.ndarray of int
        Steps from 0 on.
    fit : numpy.ndarray
        Least squares, weighted by the precision of the means.
    """
    at = np.arange(int(steps.max()) + 1)
    knots = at[1:-1]
    base = np.column_stack([np.ones(at.size), at, np.maximum(at[:, None] - knots, 0)])
    root = 1 / np.sqrt(np.maximum(np.diag(covariance), 1e-300))
    root = root / root.max()
    bound = np.concatenate([[np.inf, np.inf], np.full(knots.size, max(curvature, 1e-12))])
    if steps.size == 1:
        return at[:1], mean
    found = optimize.lsq_linear(root[:, None] * base[steps], root * mean, bounds=(-bound, bound))
    return at, base @ found.x
