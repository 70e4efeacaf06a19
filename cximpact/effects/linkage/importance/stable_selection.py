"""Stability selection: which drivers are chosen again and again in halves of the customers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from cximpact.core.rng import RngLike, as_generator
from cximpact.effects.linkage.importance.lasso_kernel import first_in
from cximpact.effects.linkage.importance.second_moments import covariances, second_moments
from cximpact.effects.linkage.importance.subset_kernels import TOLERANCE, without_first
from cximpact.effects.linkage.rows import LinkedRows


@dataclass(frozen=True, kw_only=True, eq=False)
class StableSelection:
    """How often each driver was chosen, and what that promises.

    Parameters
    ----------
    inclusion : numpy.ndarray, shape (player,)
        Share of the halves in which each was chosen.
    per_half : int
        How many were chosen in each half.
    threshold : float
        Share of halves that was asked for.
    pairs : int
        Pairs of halves.
    """

    inclusion: np.ndarray = field(repr=False)
    per_half: int
    threshold: float
    pairs: int

    def stable(self, most: int, passed_over: np.ndarray) -> tuple[int, ...]:
        """Return the players that were chosen often enough.

        Parameters
        ----------
        most : int
            How many at most.
        passed_over : numpy.ndarray of bool, shape (player,)
            Who is not to be selected.

        Returns
        -------
        tuple of int
            Their numbers, most often chosen first.
        """
        ranked = np.argsort(-self.inclusion, kind="stable")
        often = (int(j) for j in ranked if self.inclusion[j] >= self.threshold)
        return tuple(j for j in often if not passed_over[j])[:most]

    @property
    def false_bound(self) -> float:
        """Most that are selected in expectation though chosen no more often than by chance."""
        return self.per_half**2 / ((2 * self.threshold - 1) * self.inclusion.size)

    @property
    def false_bound_unimodal(self) -> float:
        """The same bound where the distribution of the shares of pairs has one peak."""
        theta, tau, b = self.per_half / self.inclusion.size, self.threshold, self.pairs
        if theta > 1 / np.sqrt(3):
            return self.false_bound
        if tau > 0.75:
            factor = 4 * (1 - tau + 1 / (2 * b)) / (1 + 1 / b)
        elif tau > min(0.5 + theta**2, 0.5 + 1 / (2 * b) + 0.75 * theta**2):
            factor = 1 / (2 * (2 * tau - 1 - 1 / (2 * b)))
        else:
            return self.false_bound
        return min(factor * theta * self.per_half, self.false_bound)


def select_stable(
    rows: LinkedRows,
    columns: np.ndarray,
    first: int,
    edges: np.ndarray,
    *,
    per_half: int,
    threshold: float,
    pairs: int,
    rng: RngLike,
) -> StableSelection:
    """Choose drivers in complementary halves of the clusters.

    Parameters
    ----------
    rows : LinkedRows
        Weights and clusters.
    columns : numpy.ndarray, shape (row, first + column + 1)
        Columns that are always in, players' columns, outcome.
    first : int
        How many are always in.
    edges : numpy.ndarray of int, shape (player + 1,)
        Where the columns of each player start, without the first.
    per_half : int
        How many drivers are chosen in each half.
    threshold : float
        Share of halves in which a driver must be chosen.
    pairs : int
        Pairs of halves.
    rng : int or Generator
        Randomness of the halves.

    Returns
    -------
    StableSelection
        Inclusion of all players.

    Notes
    -----
    Each half chooses the players that enter first in the path of a lasso over groups of columns.
    Cross-products of a half and of its complement sum to those of all rows, which are made once.
    """
    generator = as_generator(rng)
    n_clusters = rows.n_clusters
    halves = np.zeros((pairs, n_clusters))
    for half in halves:
        half[generator.permutation(n_clusters)[: n_clusters // 2]] = 1.0
    blocks = (halves[i : i + 10][:, rows.cluster] * rows.weight for i in range(0, pairs, 10))
    one = second_moments(columns, blocks)
    other = second_moments(columns, [rows.weight[None]]) - one
    chosen = np.stack(
        [_chosen(moments, first, edges, per_half) for moments in np.concatenate([one, other])]
    )
    inclusion = chosen.mean(axis=0)
    return StableSelection(inclusion=inclusion, per_half=per_half, threshold=threshold, pairs=pairs)


def _chosen(moments: np.ndarray, first: int, edges: np.ndarray, wanted: int) -> np.ndarray:
    """Return who enters first in one half."""
    covariance = covariances(moments[None])
    left = without_first(np.ascontiguousarray(covariance), first)[0]
    scale = np.diag(covariance[0])[first:]
    basis, kept = _uncorrelated(left[:-1, :-1], scale, edges)
    spread = np.sqrt(max(left[-1, -1], np.finfo(float).tiny))
    gram = np.ascontiguousarray(basis.T @ left[:-1, :-1] @ basis)
    return first_in(gram, basis.T @ left[:-1, -1] / spread, kept, wanted)


def _uncorrelated(
    covariance: np.ndarray, scale: np.ndarray, edges: Sequence[int] | np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Turn the columns of each player into uncorrelated ones with variance 1."""
    q = len(covariance)
    parts, kept = [], [0]
    for start, stop in pairwise(edges):
        size = np.sqrt(np.maximum(scale[start:stop], np.finfo(float).tiny))
        block = covariance[start:stop, start:stop] / size[:, None] / size
        values, vectors = np.linalg.eigh(block)
        good = values > TOLERANCE
        part = np.zeros((q, int(good.sum())))
        part[start:stop] = vectors[:, good] / np.sqrt(values[good]) / size[:, None]
        parts.append(part)
        kept.append(kept[-1] + part.shape[1])
    return np.concatenate(parts, axis=1), np.array(kept)
