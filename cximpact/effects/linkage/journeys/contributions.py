"""Shares and scores of places in two waves, and the exact parts of the change between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy import sparse

from cximpact.core.rng import RngLike
from cximpact.effects.linkage.resampling import bootstrap_weights

MIX, WITHIN = "mix", "within"
PARTS = (MIX, WITHIN)


@dataclass(frozen=True, kw_only=True, eq=False)
class WaveShares:
    """Shares of the answers and what they add to the score, by wave and place.

    Parameters
    ----------
    share : numpy.ndarray, shape (..., wave, place)
        Share of each place in the answers of its wave; each wave sums to 1.
    added : numpy.ndarray, shape (..., wave, place)
        Share times score of the place; a wave sums to its score.
    """

    share: np.ndarray = field(repr=False)
    added: np.ndarray = field(repr=False)

    @property
    def total(self) -> np.ndarray:
        """Score of each wave, shape (..., wave)."""
        return self.added.sum(axis=-1)

    @property
    def score(self) -> np.ndarray:
        """Score of each place in each wave; NaN where it has no answers."""
        present = self.share > 0
        return np.where(present, self.added / np.where(present, self.share, 1.0), np.nan)

    def parts(self) -> np.ndarray:
        """Split the change of the score into mix and within of each place.

        Returns
        -------
        numpy.ndarray, shape (..., place, part)
            They sum to the change.
        """
        score = self.score
        before, after = score[..., 0, :], score[..., 1, :]
        # a place of one wave has the same score in the other: all it adds is mix
        before, after = (
            np.nan_to_num(np.where(np.isnan(a), b, a))
            for a, b in ((before, after), (after, before))
        )
        overall = self.total.mean(axis=-1)[..., None]
        mix = (self.share[..., 1, :] - self.share[..., 0, :]) * ((before + after) / 2 - overall)
        within = self.share.mean(axis=-2) * (after - before)
        return np.stack([mix, within], axis=-1)

    def grouped(self, group: np.ndarray, n_groups: int) -> WaveShares:
        """Add places up to larger ones.

        Parameters
        ----------
        group : numpy.ndarray of int, shape (place,)
            Number of the larger place of each.
        n_groups : int
            How many larger places there are.

        Returns
        -------
        WaveShares
            Of the larger places.
        """
        member = np.zeros((group.size, n_groups))
        member[np.arange(group.size), group] = 1.0
        return WaveShares(share=self.share @ member, added=self.added @ member)


def wave_shares(weight: np.ndarray, added: np.ndarray, target: np.ndarray) -> WaveShares:
    """Bring both waves to one composition and return shares.

    Parameters
    ----------
    weight, added : numpy.ndarray, shape (..., wave, group, place)
        Sums of weights, and of weights times values, by wave, group of respondents and place.
    target : numpy.ndarray, shape (group,)
        Share of each group in both waves; one group leaves the waves as they are.

    Returns
    -------
    WaveShares
        Of the waves as they would be with those groups.
    """
    factor = target / weight.sum(axis=-1)
    return WaveShares(
        share=(factor[..., None] * weight).sum(axis=-2),
        added=(factor[..., None] * added).sum(axis=-2),
    )


def resampled_sums(
    cell: np.ndarray,
    values: Sequence[np.ndarray],
    *,
    n_cells: int,
    weight: np.ndarray,
    cluster: np.ndarray,
    draws: int,
    rng: RngLike,
) -> np.ndarray:
    """Sum rows by cell under random weights of the Bayesian bootstrap.

    Parameters
    ----------
    cell : numpy.ndarray of int, shape (row,)
        Number of the cell of each row.
    values : sequence of numpy.ndarray, shape (row,)
        What to sum.
    n_cells : int
        How many cells there are.
    weight, cluster : numpy.ndarray, shape (row,)
        Weight, and number of the cluster, which gets one random factor in both waves.
    draws : int
        How many draws.
    rng : int or Generator
        Randomness.

    Returns
    -------
    numpy.ndarray, shape (1 + draw, value, cell)
        First the sums with the weights as they are.
    """
    rows = np.arange(cell.size)
    n_values = len(values)
    where = np.concatenate([k * n_cells + cell for k in range(n_values)])
    matrix = sparse.csr_array(
        (np.concatenate(values), (where, np.tile(rows, n_values))),
        shape=(n_values * n_cells, cell.size),
    )
    blocks = bootstrap_weights(cluster, weight, draws, rng=rng)
    sums = [(matrix @ weight)[None], *((matrix @ block.T).T for block in blocks)]
    return np.concatenate(sums).reshape(1 + draws, n_values, n_cells)
