"""Untreated outcomes of treated rows from the untreated rows, and the error by cluster."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from cximpact.core.errors import RankError
from cximpact.effects.did.imputed_averages import ImputedCells, treated_cells
from cximpact.effects.did.imputed_blocks import RCOND, Block, Rows, Sums, sum_rows


def fit_rows(
    rows: Rows, cohort: np.ndarray, period: np.ndarray, *, jackknife: bool
) -> ImputedCells:
    """Estimate the effect in every treated cell, and the joint error of all averages.

    Parameters
    ----------
    rows : Rows
        The design.
    cohort, period : numpy.ndarray, shape (cell,)
        What the cells are.
    jackknife : bool
        Standard errors by leaving out one cluster at a time, else from the influence of each
        cluster with effects taken as equal within a cell.

    Returns
    -------
    ImputedCells
        Cells whose untreated outcome cannot be told are left out and noted.
    """
    total = sum_rows(rows)
    inverse = total.inverse()
    _check_covariates(total, rows)
    kept = total.seen(inverse)
    cells = treated_cells(cohort[kept], period[kept])
    coefficients = inverse @ total.right
    value, count = total.effects(coefficients)[kept], total.count[kept]
    if jackknife:
        stack = cells.stack(value, count)
        parts = (
            cells.stack(*_without_each(total, block.sums(), kept)) - stack
            for block in rows.blocks()
        )
        covariance = _jackknife(parts, len(rows.begin) - 1)
    else:
        influence = _Influence(rows, total, coefficients, inverse)
        jacobian = cells.jacobian(count)
        scores = [influence.of(block)[:, kept] @ jacobian.T for block in rows.blocks()]
        covariance = np.sum([s.T @ s for s in scores], axis=0)
    return ImputedCells(
        cells=cells,
        value=value,
        count=count,
        covariance=covariance,
        notes=unseen_note(cohort[~kept], period[~kept]),
    )


def unseen_note(cohort: np.ndarray, period: np.ndarray) -> tuple[str, ...]:
    """Say which treated cells have no untreated outcome.

    Parameters
    ----------
    cohort, period : numpy.ndarray, shape (cell,)
        The cells.

    Returns
    -------
    tuple of str
        A note, or none.
    """
    if not len(cohort):
        return ()
    periods = ", ".join(f"{t:g}" for t in np.unique(period)[:6])
    return (
        f"{len(cohort)} treated cells (periods {periods}) have no untreated outcome to compare "
        "with, as nobody untreated is seen then, and are left out of every average.",
    )


def _check_covariates(total: Sums, rows: Rows) -> None:
    """Refuse covariates that do not move apart from units and periods among the untreated."""
    own = np.arange(rows.n_periods, rows.n_periods + rows.n_own)
    other = np.setdiff1d(np.arange(rows.n_columns), own)
    inner = total.normal
    across = np.linalg.pinv(inner[np.ix_(other, other)], rcond=RCOND, hermitian=True)
    link = inner[np.ix_(own, other)]
    left = inner[np.ix_(own, own)] - link @ across @ link.T
    size = rows.weight[rows.cell < 0].sum()
    if left.size and np.linalg.eigvalsh(left / size).min() < 1e-10:
        raise RankError(
            "a covariate is a combination of the others and of the unit and period effects in the "
            "untreated rows; leave it out."
        )


def _without_each(total: Sums, each: Sums, kept: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Effects and counts without each cluster, each (cluster, cell)."""
    left = total - each
    inverse = left.inverse()
    coefficients = np.einsum("gij,gj->gi", inverse, left.right)
    count = np.where(np.abs(left.count) < 1e-9 * total.count, 0.0, left.count)
    left = Sums(**(vars(left) | {"count": count}))
    count = np.where(left.seen(inverse), count, 0.0)
    return left.effects(coefficients)[:, kept], count[:, kept]


def _jackknife(parts: Iterator[np.ndarray], n: int) -> np.ndarray:
    """Covariance of estimates that leave out one cluster each."""
    sums = [(part.sum(axis=0), part.T @ part) for part in parts]
    mean = np.sum([s for s, _ in sums], axis=0) / n
    outer = np.sum([o for _, o in sums], axis=0)
    return (n - 1) / n * (outer - n * np.outer(mean, mean))


class _Influence:
    """How far each cluster moves the effects of the cells."""

    def __init__(self, rows: Rows, total: Sums, coefficients: np.ndarray, inverse: np.ndarray):
        self.coefficients, self.count = coefficients, total.count
        self.spread = total.columns @ inverse
        sums = np.zeros((2, rows.n_cells))
        for block in rows.blocks():
            error = block.y - block.z @ coefficients
            squares = [block.weight_sq * error, block.weight_sq]
            sums += [block.by_cell(values).sum(axis=0) for values in squares]
        self.mean = sums[0] / sums[1]

    def of(self, block: Block) -> np.ndarray:
        """Return the influence of each cluster, shape (cluster, cell)."""
        error = block.y - block.z @ self.coefficients
        treated = block.cell >= 0
        around = np.where(treated, error - self.mean[block.cell], 0.0)
        free = np.where(treated, 0.0, block.weight)
        scores = np.add.reduceat(block.z * (free * error)[:, None], block.begin[:-1])
        return (block.by_cell(block.weight * around) - scores @ self.spread.T) / self.count
