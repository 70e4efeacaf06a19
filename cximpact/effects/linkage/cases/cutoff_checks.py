"""Whether scores were moved across an alert threshold, and whether customers differ there."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from cximpact.core.errors import InsufficientDataError
from cximpact.effects.linkage.cases.cutoff_cells import ScoreCells
from cximpact.effects.linkage.cases.cutoff_curvature import curvature_by_rule
from cximpact.effects.linkage.cases.cutoff_weights import best_weights, bias_loads, weigh

_HEAP = 1.3


def mass_at_cutoff(steps: np.ndarray, count: np.ndarray) -> dict[str, Any]:
    """Test whether the two scores next to the threshold hold as many as a smooth curve expects.

    Parameters
    ----------
    steps : numpy.ndarray of int, shape (cell,)
        Steps from the cutoff: from 0 where the alert goes out, below 0 where it does not.
    count : numpy.ndarray, shape (cell,)
        Customers with each score, among all.

    Returns
    -------
    dict
        ``log_ratio`` (of just without to just with an alert, less what is expected), its
        ``std_error``, ``p``, ``dispersion`` (1 where counts are as smooth as chance allows),
        and ``heaps``, the steps of scores that are chosen far more often than their neighbors.
        ``p`` is not a number where there are too few scores to draw a curve.

    Notes
    -----
    A log-linear curve of degree two is fitted to the counts of all other scores. Counts that
    heap at round scores, such as 5 and 8, are taken as noise: dispersion grows and the test
    finds only what stands out from the heaping. A heap has 1.3 times as many answers as its
    neighbors on average, three standard errors off.
    """
    edge = np.isin(steps, (0, -1))
    empty: dict[str, Any] = {"log_ratio": math.nan, "std_error": math.nan, "p": math.nan}
    free = int((~edge).sum()) - 3
    if edge.sum() < 2 or free < 1:
        return empty | {"dispersion": math.nan, "heaps": _heaps(steps, count)}
    x = (steps + 0.5) / max(np.abs(steps).max(), 1)
    design = np.column_stack([np.ones(x.size), x, x**2])
    beta, inverse = _poisson(design[~edge], count[~edge].astype(float))
    expected = np.exp(design @ beta)
    pearson = (count - expected) / np.sqrt(expected)
    dispersion = max(1.0, float((pearson[~edge] ** 2).sum() / free))
    toward = design[steps == -1][0] - design[steps == 0][0]
    seen = count[steps == -1][0] / count[steps == 0][0]
    gap = math.log(seen) - float(toward @ beta)
    noise = 1 / count[steps == -1][0] + 1 / count[steps == 0][0]
    error = math.sqrt(dispersion * (noise + float(toward @ inverse @ toward)))
    return {
        "log_ratio": gap,
        "std_error": error,
        "p": float(2 * stats.t.sf(abs(gap) / error, free)),
        "dispersion": dispersion,
        "heaps": _heaps(steps, count),
    }


def covariate_jumps(
    cells: ScoreCells, names: Sequence[str], first: int, prob: float
) -> pd.DataFrame:
    """Look for jumps at the cutoff in what was known before the alert.

    Parameters
    ----------
    cells : ScoreCells
        Means of covariates from position ``first``.
    names : sequence of str
        Names of the covariates.
    first : int
        Where their means begin.
    prob : float
        Confidence.

    Returns
    -------
    pandas.DataFrame
        ``covariate, estimate, conf_low, conf_high, jumps``; bias-aware intervals at the level
        that all together keep, with each curvature by rule of thumb.
    """
    rows = []
    level = 1 - (1 - prob) / max(len(names), 1)
    for k, name in enumerate(names):
        mean, covariance = cells.of(first + k)
        try:
            curvature = curvature_by_rule(mean, cells.steps, cells.treated_side)
        except InsufficientDataError:
            curvature = float(np.ptp(mean))
        w = best_weights(covariance, cells.steps, cells.treated_side, curvature, level)
        found = weigh(mean, covariance, bias_loads(cells.steps, cells.treated_side), w, curvature)
        half = found.half(level)
        low, high = found.estimate - half, found.estimate + half
        rows.append((name, found.estimate, low, high, not low <= 0 <= high))
    return pd.DataFrame(rows, columns=["covariate", "estimate", "conf_low", "conf_high", "jumps"])


def _heaps(steps: np.ndarray, count: np.ndarray) -> list[int]:
    """Find scores that are chosen more often than both neighbors together let expect."""
    found = dict(zip(steps.tolist(), count.astype(float).tolist(), strict=True))
    heaps = []
    for s, n in found.items():
        if s - 1 in found and s + 1 in found:
            near = (found[s - 1] + found[s + 1]) / 2
            if n > _HEAP * near and n - near > 3 * math.sqrt(n + near / 2):
                heaps.append(int(s))
    return sorted(heaps)


def _poisson(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Fit log-linear counts; return coefficients and the inverse information."""
    beta = np.linalg.lstsq(x, np.log(y + 0.5), rcond=None)[0]
    for _ in range(50):
        mean = np.exp(np.clip(x @ beta, -30, 30))
        inverse = np.linalg.pinv(x.T @ (mean[:, None] * x))
        step = inverse @ x.T @ (y - mean)
        beta = beta + step
        if np.abs(step).max() < 1e-10:
            break
    return beta, np.linalg.pinv(x.T @ (np.exp(x @ beta)[:, None] * x))
