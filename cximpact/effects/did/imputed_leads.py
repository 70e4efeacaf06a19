"""Trends ahead of treatment, tested on untreated rows alone.

Estimating trends and effects in one regression would mix them; here rows after treatment play no
part, so that what the test says does not depend on the effects.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from cximpact.effects.did.imputed_blocks import RCOND, Rows, arrays, sum_rows
from cximpact.effects.did.imputed_moments import CohortPaths, cohort_paths, group_table
from cximpact.effects.did.moments_design import MomentsDesign
from cximpact.effects.did.regression import small_sample_factor

_EACH = ("entity", "period", "cluster", "cell", "since", "outcome", "weight", "weight_sq")


@dataclass(frozen=True, kw_only=True, eq=False)
class Leads:
    """Coefficients of the periods ahead of treatment.

    Parameters
    ----------
    times : numpy.ndarray, shape (lead,)
        Periods since treatment, negative; empty where trends cannot be tested.
    estimate : numpy.ndarray, shape (lead,)
        Against the untreated and the periods further ahead.
    covariance : numpy.ndarray, shape (lead, lead)
        By cluster, with the small-sample factor.
    """

    times: np.ndarray
    estimate: np.ndarray
    covariance: np.ndarray


def leads_of_rows(rows: Rows, most: int | None, n: int) -> Leads:
    """Estimate the leads from rows.

    Parameters
    ----------
    rows : Rows
        The design.
    most : int, optional
        How many leads at most; by default all but the earliest.
    n : int
        Untreated rows of the data.

    Returns
    -------
    Leads
        None of them where they cannot be told apart.
    """
    free = rows.cell < 0
    times = lead_times(rows.since[free], most)
    dummies = (rows.since[free][:, None] == times).astype(float)
    untreated = replace(
        rows,
        **{name: getattr(rows, name)[free] for name in _EACH},
        covariates=np.concatenate([dummies, rows.covariates[free]], axis=1),
        n_cells=0,
    )
    total = sum_rows(untreated)
    normal, right = total.normal, total.right
    inverse = np.linalg.pinv(normal, rcond=RCOND, hermitian=True)
    coefficients = inverse @ right
    meat = np.zeros_like(normal)
    for block in untreated.blocks():
        error = block.weight * (block.y - block.z @ coefficients)
        scores = np.add.reduceat(block.z * error[:, None], block.begin[:-1])
        meat += scores.T @ scores
    mine = np.arange(rows.n_periods, rows.n_periods + len(times))
    other = np.setdiff1d(np.arange(len(normal)), mine)
    if not _apart(_partial(normal, mine, other), normal[mine, mine]):
        return _none()
    used = np.linalg.matrix_rank(normal, hermitian=True)
    factor = small_sample_factor(n, int(used) + 1, len(untreated.begin) - 1)
    covariance = (inverse @ meat @ inverse)[np.ix_(mine, mine)]
    return Leads(times=times, estimate=coefficients[mine], covariance=covariance * factor)


def leads_of_moments(did: MomentsDesign, anticipation: int, most: int | None) -> Leads:
    """Estimate the leads from moments.

    Parameters
    ----------
    did : MomentsDesign
        The design.
    anticipation : int
        Periods before treatment that count as treated.
    most : int, optional
        As in `leads_of_rows`.

    Returns
    -------
    Leads
        The same as from the rows.
    """
    if did.moments.by == "cluster":
        rows = arrays(group_table(did), (), anticipation)[0]
        return leads_of_rows(rows, most, int(rows.weight[rows.cell < 0].sum()))
    paths = cohort_paths(did, anticipation)
    since = (paths.periods - paths.cohorts[:, None]).ravel()
    free = paths.free.ravel()
    times = lead_times(since[free], most)
    return _leads_of_paths(paths, times, (since[:, None] == times).astype(float))


def lead_times(since: np.ndarray, most: int | None) -> np.ndarray:
    """Choose the leads: all periods ahead of treatment but the earliest.

    Parameters
    ----------
    since : numpy.ndarray, shape (row,)
        Periods since treatment of untreated rows; minus infinity for never.
    most : int, optional
        Only the last so many.

    Returns
    -------
    numpy.ndarray, shape (lead,)
        Ascending. Without never-treated units the two earliest are left out, as a common
        trend over time since treatment is then not to be seen.
    """
    seen = np.unique(since[np.isfinite(since)])
    times = seen[1 if np.isinf(since).any() else 2 :]
    return times if most is None else times[max(len(times) - most, 0) :]


def _leads_of_paths(paths: CohortPaths, times: np.ndarray, dummies: np.ndarray) -> Leads:
    hat, _ = paths.design(paths.units)
    keep = np.eye(len(hat)) - hat
    weight = np.where(paths.free, paths.units[:, None], 0.0).ravel()
    left = keep @ dummies
    normal = left.T @ (weight[:, None] * left)
    if not _apart(normal, (weight[:, None] * dummies**2).sum(axis=0)):
        return _none()
    inverse = np.linalg.inv(normal)
    estimate = inverse @ (left.T @ (weight * paths.mean.ravel()))
    error = np.where(paths.free.ravel(), keep @ paths.mean.ravel() - left @ estimate, 0.0)
    shape = (-1, *paths.mean.shape)
    weights = (inverse @ np.where(paths.free.ravel(), left.T, 0.0)).reshape(shape)
    shift = (weights * error.reshape(shape)).sum(axis=2)
    n, t = paths.units.sum(), (weight.reshape(paths.mean.shape).sum(axis=0) > 0).sum()
    factor = small_sample_factor(int(weight.sum()), len(times) + int(t), int(n))
    return Leads(times=times, estimate=estimate, covariance=paths.scores(weights, shift) * factor)


def _partial(normal: np.ndarray, mine: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Take other columns out of the normal equations of some."""
    link = normal[np.ix_(mine, other)]
    across = np.linalg.pinv(normal[np.ix_(other, other)], rcond=RCOND, hermitian=True)
    return normal[np.ix_(mine, mine)] - link @ across @ link.T


def _apart(left: np.ndarray, size: np.ndarray) -> bool:
    """Whether no lead is a combination of others and the fixed effects."""
    if not len(size):
        return False
    root = np.sqrt(np.maximum(size, 1e-300))
    return bool(np.linalg.eigvalsh(left / np.outer(root, root)).min() > 1e-9)


def _none() -> Leads:
    return Leads(times=np.zeros(0), estimate=np.zeros(0), covariance=np.zeros((0, 0)))
