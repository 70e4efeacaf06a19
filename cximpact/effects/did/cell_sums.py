"""Sums by cluster, cohort and period, and the error of what is computed from cell means."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from scipy import sparse

from cximpact.effects.did.design import DidTable
from cximpact.effects.did.trend_scale import CellMeans

BLOCK = 50_000
"""Clusters at once."""


@dataclass(frozen=True, kw_only=True, eq=False)
class CellSums:
    """A design as sums by cluster and cell.

    Parameters
    ----------
    cells : CellMeans
        All clusters together.
    weight, total : scipy.sparse.csr_array, shape (cluster, cell)
        Weight of the rows and weighted sum of their outcomes.
    noise : numpy.ndarray, shape (cell,)
        Weighted squares of outcomes around the mean of their cell.
    """

    cells: CellMeans
    weight: sparse.csr_array = field(repr=False)
    total: sparse.csr_array = field(repr=False)
    noise: np.ndarray = field(repr=False)

    def clustered(self, moves: np.ndarray, fitted: np.ndarray, shares: np.ndarray) -> np.ndarray:
        """Covariance of numbers by cluster.

        Parameters
        ----------
        moves : numpy.ndarray, shape (number, cell)
            How they move with the sum of errors of each cell.
        fitted : numpy.ndarray, shape (cell,)
            What errors are around.
        shares : numpy.ndarray, shape (number, cell)
            How they move with the weight of each cell.

        Returns
        -------
        numpy.ndarray, shape (number, number)
            Sum of outer products by cluster, times ``G / (G - 1)``.
        """
        n = self.weight.shape[0]
        out = np.zeros((len(moves), len(moves)))
        level = shares - moves * fitted
        for start in range(0, n, BLOCK):
            some = slice(start, start + BLOCK)
            influence = self.total[some] @ moves.T + self.weight[some] @ level.T
            out += influence.T @ influence
        return out * n / (n - 1)

    def independent(self, moves: np.ndarray, fitted: np.ndarray) -> np.ndarray:
        """Covariance of numbers when people are independent, given the size of the cells.

        Parameters
        ----------
        moves : numpy.ndarray, shape (number, cell)
            As in `clustered`.
        fitted : numpy.ndarray, shape (cell,)
            What errors are around.

        Returns
        -------
        numpy.ndarray, shape (number, number)
            With squared errors as they are, without a factor.
        """
        error = self.noise + self.cells.weight * (self.cells.mean - fitted) ** 2
        return (moves * error) @ moves.T


def cell_sums(did: DidTable, anticipation: int) -> CellSums:
    """Add up a design by cluster, cohort and period.

    Parameters
    ----------
    did : DidTable
        The design.
    anticipation : int
        Periods before treatment that count as treated.

    Returns
    -------
    CellSums
        Its sums.
    """
    table = did.table
    first, time = (table[name].to_numpy(dtype=float) for name in ("first_treated", "time"))
    labels, code = np.unique(np.column_stack([first, time]), axis=0, return_inverse=True)
    code = code.ravel()
    cluster, names = pd.factorize(table["cluster"])
    weight = table["weight"].to_numpy(dtype=float)
    outcome = table["outcome"].to_numpy(dtype=float)
    shape = (len(names), len(labels))
    by_cell = np.bincount(code, weights=weight)
    mean = np.bincount(code, weights=weight * outcome) / by_cell
    within = table["within"].to_numpy(dtype=float) + weight * (outcome - mean[code]) ** 2
    return CellSums(
        cells=CellMeans(
            cohort=labels[:, 0],
            period=labels[:, 1],
            weight=by_cell,
            mean=mean,
            free=labels[:, 1] < labels[:, 0] - anticipation,
        ),
        weight=sparse.csr_array((weight, (cluster, code)), shape=shape),
        total=sparse.csr_array((weight * outcome, (cluster, code)), shape=shape),
        noise=np.bincount(code, weights=within),
    )
