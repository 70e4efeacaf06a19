"""Random weights of the Bayesian bootstrap, one a cluster, in blocks that fit in memory."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from cximpact.core.rng import RngLike, as_generator
from cximpact.core.validate import check_count

_NUMBERS = 4_000_000


def bootstrap_weights(
    cluster: np.ndarray, weight: np.ndarray, draws: int, *, rng: RngLike
) -> Iterator[np.ndarray]:
    """Draw weights of rows, the same random factor for all rows of a cluster.

    Parameters
    ----------
    cluster : numpy.ndarray of int, shape (row,)
        Numbers of the clusters, from 0.
    weight : numpy.ndarray, shape (row,)
        What each row counts for.
    draws : int
        How many sets of weights.
    rng : int or Generator
        Randomness.

    Yields
    ------
    numpy.ndarray, shape (draw, row)
        Some sets at a time; the size of the blocks does not change the numbers.

    Notes
    -----
    Factors are exponential with mean 1, so a weighted mean has the posterior of Rubin (1981),
    The Bayesian bootstrap, Annals of Statistics 9, 130-134. No row ever gets weight 0, so a
    regression that can be fitted once can be fitted every time.
    """
    generator = as_generator(rng)
    draws = check_count(draws, "draws")
    n_clusters = int(cluster.max()) + 1
    block = max(1, _NUMBERS // cluster.size)
    for start in range(0, draws, block):
        size = min(block, draws - start)
        yield generator.standard_exponential((size, n_clusters))[:, cluster] * weight
