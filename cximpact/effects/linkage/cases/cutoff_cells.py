"""Means of an outcome at each value of a score, on both sides of an alert threshold."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from cximpact.core.errors import ClusterError, InsufficientDataError, ScaleError, rows_phrase
from cximpact.effects.linkage.rows import LinkedRows

_TOLERANCE = 1e-6
MOST_STEPS = 60
FEW = 20
"""Rows below which a score's own variance is not trusted."""


@dataclass(frozen=True, kw_only=True, eq=False)
class ScoreCells:
    """Means by score, and their covariance.

    Parameters
    ----------
    score : numpy.ndarray, shape (cell,)
        Scores that occur, ascending.
    steps : numpy.ndarray of int, shape (cell,)
        Steps from the cutoff, at least 0, whatever the side.
    treated_side : numpy.ndarray of bool, shape (cell,)
        Whether an alert goes out at the score.
    count : numpy.ndarray, shape (cell,)
        Rows.
    means : numpy.ndarray, shape (outcome, cell)
        Mean of each outcome.
    covariance : numpy.ndarray, shape (outcome, cell, outcome, cell)
        Of the means.
    """

    score: np.ndarray
    steps: np.ndarray
    treated_side: np.ndarray
    count: np.ndarray
    means: np.ndarray = field(repr=False)
    covariance: np.ndarray = field(repr=False)

    def of(self, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the means of one outcome and their covariance.

        Parameters
        ----------
        k : int
            Which outcome.

        Returns
        -------
        mean : numpy.ndarray, shape (cell,)
            Means.
        covariance : numpy.ndarray, shape (cell, cell)
            Their covariance.
        """
        return self.means[k], self.covariance[k, :, k, :]


def steps_from(score: np.ndarray, cutoff: float, step: float, *, low: bool) -> np.ndarray:
    """Count the steps from the cutoff; positive where the alert goes out, or at the cutoff.

    Parameters
    ----------
    score : numpy.ndarray, shape (row,)
        Scores.
    cutoff : float
        Last score at which the alert goes out.
    step : float
        Distance between neighboring scores.
    low : bool
        Whether alerts go out at low scores.

    Returns
    -------
    numpy.ndarray of int, shape (row,)
        From 0 where the alert goes out, below 0 where it does not.

    Raises
    ------
    ScaleError
        If a score does not lie on the grid.
    """
    exact = (cutoff - score) / step if low else (score - cutoff) / step
    whole = np.round(exact)
    if (off := np.flatnonzero(np.abs(exact - whole) > _TOLERANCE)).size:
        raise ScaleError(
            f"the score is no whole number of steps of {step:g} from the cutoff {cutoff:g} in "
            f"{rows_phrase(off)}, the first {score[off[0]]:g}; give the distance of neighboring "
            "scores as step=, or round a finer score to a grid first."
        )
    return whole.astype(int)


def score_cells(
    rows: LinkedRows, outcomes: list[np.ndarray], steps: np.ndarray, kept: np.ndarray
) -> ScoreCells:
    """Take means by score.

    Parameters
    ----------
    rows : LinkedRows
        Scores, weights and clusters.
    outcomes : list of numpy.ndarray, shape (row,)
        What is averaged.
    steps : numpy.ndarray of int, shape (row,)
        From `steps_from`.
    kept : numpy.ndarray of bool, shape (row,)
        Rows that are used.

    Returns
    -------
    ScoreCells
        Means and covariances. Rows of one cluster are dependent across scores, too. A score of
        few rows gets the variance of a row of all scores.

    Raises
    ------
    InsufficientDataError
        If every score has one row, or there are too many scores.
    """
    value = rows.numbers["score"][kept] + 0.0  # no negative zero
    score, cell, count = np.unique(value, return_inverse=True, return_counts=True)
    near = np.array([steps[kept][np.argmax(cell == j)] for j in range(score.size)])
    if count.max() < 2:
        raise InsufficientDataError(
            f"each of {count.size:,} scores occurs once; an error needs scores that repeat. Round "
            "the score to a coarser grid first."
        )
    if np.abs(near).max() > MOST_STEPS:
        raise InsufficientDataError(
            f"scores reach {np.abs(near).max()} steps from the cutoff; at most {MOST_STEPS} are "
            "used. Narrow them with window=, or round the score to a coarser grid."
        )
    w, y = rows.weight[kept], np.column_stack([o[kept] for o in outcomes])
    total = np.bincount(cell, weights=w)
    if (total <= 0).any():
        raise InsufficientDataError(
            f"all rows with the score {score[np.argmin(total)]:g} have weight 0; leave them out."
        )
    means = np.column_stack([np.bincount(cell, weights=w * v) for v in y.T]) / total[:, None]
    residual = w[:, None] * (y - means[cell]) / total[cell][:, None]
    return ScoreCells(
        score=score,
        steps=np.abs(near),
        treated_side=near >= 0,
        count=count,
        means=means.T,
        covariance=_covariance(rows, kept, cell, count, residual),
    )


def _covariance(
    rows: LinkedRows, kept: np.ndarray, cell: np.ndarray, count: np.ndarray, residual: np.ndarray
) -> np.ndarray:
    k, j = residual.shape[1], count.size
    alone = np.zeros((k, j, k, j))
    factor = count / np.maximum(count - 1.0, 1.0)
    for a in range(k):
        for b in range(k):
            sums = np.bincount(cell, weights=residual[:, a] * residual[:, b], minlength=j)
            alone[a, np.arange(j), b, np.arange(j)] = factor * sums
    alone = _steadied(alone, count)
    if not rows.is_clustered:
        return alone
    codes = np.unique(rows.cluster[kept], return_inverse=True)[1]
    g = int(codes.max()) + 1
    if g < 2:
        raise ClusterError("there is one cluster among these scores; an error needs two.")
    sums = np.zeros((g, k, j))
    for a in range(k):
        np.add.at(sums[:, a], (codes, cell), residual[:, a])
    flat = sums.reshape(g, -1)
    together = (g / (g - 1) * flat.T @ flat).reshape(k, j, k, j)
    # a cell of few rows shows too little of how its clusters differ
    few = np.flatnonzero(count < FEW)
    for a in range(k):
        own = together[a, few, a, few]
        together[a, few, a, few] = np.maximum(own, alone[a, few, a, few])
    return together


def _steadied(covariance: np.ndarray, count: np.ndarray) -> np.ndarray:
    """Give cells of few rows, or in which nothing varies, the variance of a row of all cells."""
    at = np.arange(count.size)
    unsure = (count < FEW) | (np.einsum("ajaj->j", covariance) <= 0)
    for a in range(len(covariance)):
        for b in range(len(covariance)):
            own = covariance[a, at, b, at]
            pooled = float((own * count * (count - 1)).sum() / (count - 1).sum())
            covariance[a, at, b, at] = np.where(unsure, pooled / count, own)
    return covariance
