"""Halo: what all ratings have in common, taken out before variance is shared out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cximpact.effects.linkage.importance.rating_players import Players
from cximpact.effects.linkage.importance.subset_kernels import without_first

_NOTHING = 1e-6


def with_common_factor(matrices: np.ndarray, first: int, ratings: Sequence[int]) -> np.ndarray:
    """Add the common factor of the ratings as one more column that is always in.

    Parameters
    ----------
    matrices : numpy.ndarray, shape (draw, first + column + 1, first + column + 1)
        Covariances: columns that are always in, players' columns, outcome.
    first : int
        How many columns are always in.
    ratings : sequence of int
        Which of the players' columns are ratings.

    Returns
    -------
    numpy.ndarray, shape (draw, first + column + 2, first + column + 2)
        Covariances with the factor as column ``first``.

    Notes
    -----
    The factor is the first principal component of the ratings, standardized, of what is left when
    the first columns are taken out. It is a sum of the ratings, so what it explains and what the
    ratings explain beyond it sum to the same R2. Means of the other ratings would be another factor
    for each rating, and would not.
    """
    left = without_first(np.ascontiguousarray(matrices), first)
    at = np.asarray(ratings, dtype=int)
    block = left[:, at[:, None], at]
    scale = np.sqrt(np.maximum(np.diagonal(block, axis1=1, axis2=2), 0.0))
    # a rating that the first columns tell is no part of the factor
    scale = np.where(scale > _NOTHING, scale, np.inf)
    vectors = np.linalg.eigh(block / scale[:, :, None] / scale[:, None, :])[1][:, :, -1]
    loads = np.zeros((len(matrices), matrices.shape[1]))
    loads[:, first + at] = vectors / scale
    cross = np.einsum("dij,dj->di", matrices, loads)
    variance = np.einsum("di,di->d", cross, loads)
    order = [*range(first), first, *range(first, matrices.shape[1])]
    out = matrices[:, order][:, :, order]
    out[:, first, :] = out[:, :, first] = cross[:, order]
    out[:, first, first] = variance
    return out


def directions(matrix: np.ndarray, first: int, players: Players) -> np.ndarray:
    """Say whether the outcome is higher or lower where a driver is rated higher.

    Parameters
    ----------
    matrix : numpy.ndarray, shape (1, first + column + 1, first + column + 1)
        Covariances: columns that are always in, players' columns, outcome.
    first : int
        How many columns are always in.
    players : Players
        Drivers.

    Returns
    -------
    numpy.ndarray, shape (player,)
        1 or -1, of what is left when the first columns are taken out; of several ratings, that of
        their sum.
    """
    with_outcome = without_first(np.ascontiguousarray(matrix), first)[0, :-1, -1]
    sums = [with_outcome[players.places(j)].sum() for j in range(players.n)]
    return np.where(np.array(sums) >= 0, 1, -1)
