"""Normal equations of two-way fixed effects by cluster: all that resampling of clusters needs."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from cximpact.effects.did.design import DidTable
from cximpact.effects.did.imputed_blocks import RCOND, Rows, by_cluster
from cximpact.effects.did.regression import small_sample_factor


@dataclass(frozen=True, kw_only=True, eq=False)
class ClusterSums:
    """Sums over the rows of each cluster, less the means of its units.

    Parameters
    ----------
    normal : numpy.ndarray, shape (cluster, column, column)
        Cross-products of periods and covariates.
    right : numpy.ndarray, shape (cluster, column)
        Their products with the outcome.
    treated : numpy.ndarray, shape (cluster, column)
        Their products with treatment.
    square, outcome : numpy.ndarray, shape (cluster,)
        Square of treatment, and its product with the outcome.
    periods : numpy.ndarray, shape (period,)
        What the first columns are.
    first : numpy.ndarray, shape (cluster,)
        First treated period; not a number in clusters that hold several.
    factor : float
        Small-sample factor on the variance.
    """

    normal: np.ndarray = field(repr=False)
    right: np.ndarray = field(repr=False)
    treated: np.ndarray = field(repr=False)
    square: np.ndarray = field(repr=False)
    outcome: np.ndarray = field(repr=False)
    periods: np.ndarray
    first: np.ndarray = field(repr=False)
    factor: float

    @property
    def n(self) -> int:
        """How many clusters there are."""
        return len(self.normal)

    def inverse(self) -> np.ndarray:
        """Pseudo-inverse of the cross-products, shape (column, column)."""
        return np.linalg.pinv(self.normal.sum(axis=0), rcond=RCOND, hermitian=True)


def cluster_sums(did: DidTable) -> ClusterSums:
    """Add up a design by cluster.

    Parameters
    ----------
    did : DidTable
        The design.

    Returns
    -------
    ClusterSums
        Its sums.

    Raises
    ------
    ClusterError
        If a unit lies in several clusters.
    """
    table = by_cluster(did.table)
    periods, period = np.unique(table["time"].to_numpy(dtype=float), return_inverse=True)
    first = table["first_treated"].to_numpy(dtype=float)
    d = (table["time"].to_numpy(dtype=float) >= first).astype(float)
    x = table[list(did.covariates)].to_numpy(dtype=float)
    outcome = table["outcome"].to_numpy(dtype=float)
    rows = Rows(
        entity=table["entity"].to_numpy(),
        period=period,
        cluster=table["cluster"].to_numpy(),
        cell=np.full(len(table), -1),
        since=table["time"].to_numpy(dtype=float) - first,
        outcome=outcome - outcome.mean(),
        weight=table["weight"].to_numpy(dtype=float),
        weight_sq=table["weight_sq"].to_numpy(dtype=float),
        covariates=np.column_stack([(x - x.mean(axis=0)) / x.std(axis=0), d]),
        n_own=0,
        n_periods=len(periods),
        n_cells=0,
    )
    sums = [block.sums() for block in rows.blocks()]
    normal = np.concatenate([s.normal for s in sums])
    right = np.concatenate([s.right for s in sums])
    starts = pd.Series(first).groupby(table["cluster"].to_numpy())
    alone = starts.nunique().to_numpy() == 1
    effects = [did.table[k].nunique() - 1 for k in ("entity", "time") if not did.nested(k)]
    return ClusterSums(
        normal=normal[:, :-1, :-1],
        right=right[:, :-1],
        treated=normal[:, :-1, -1],
        square=normal[:, -1, -1],
        outcome=right[:, -1],
        periods=periods,
        first=np.where(alone, starts.first().to_numpy(), np.nan),
        factor=small_sample_factor(
            did.n_rows, len(did.covariates) + 2 + sum(effects), did.n_clusters
        ),
    )
