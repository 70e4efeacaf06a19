"""Tests of what a graph implies: independencies that its missing arrows stand for."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy import stats

from cximpact.core.rng import RngLike, as_generator
from cximpact.effects.linkage.kpi.network import local_independencies
from cximpact.effects.linkage.kpi.terms import Values

LEVEL = 0.05
_MANY = 20_000
_COLUMNS = ("node", "independent_of", "given", "partial_correlation", "p_value", "q_value")


def independence_tests(
    parents: Mapping[str, tuple[str, ...]],
    values: Values,
    designs: Mapping[str, np.ndarray],
    residuals: Mapping[str, np.ndarray],
    cluster: np.ndarray,
    *,
    permutations: int,
    rng: RngLike,
) -> pd.DataFrame:
    """Test every node against what comes before it and has no arrow to it.

    Parameters
    ----------
    parents : mapping of str to tuple of str
        The arrows.
    values : mapping of str to numpy.ndarray, shape (row,)
        Numeric nodes; pairs with others are left out.
    designs : mapping of str to numpy.ndarray, shape (row, term)
        Design of each modeled node.
    residuals : mapping of str to numpy.ndarray, shape (row,)
        What its model leaves of each modeled node.
    cluster : numpy.ndarray of int, shape (row,)
        Clusters.
    permutations : int
        How many.
    rng : int or Generator
        Randomness.

    Returns
    -------
    pandas.DataFrame
        One row a pair: ``node, independent_of, given, partial_correlation, p_value, q_value,
        rejected``.

    Notes
    -----
    The residual of the node is set against what its parents leave of the other node. The
    statistic is their summed product over its robust error. Its distribution comes from
    permuting residuals (above 20,000 rows it is taken as normal), or from flipping the signs of
    clusters where rows are clustered. q
    values control the false discovery rate (Benjamini and Hochberg); a pair is rejected at .05.
    A graph that passes may still be wrong: other graphs imply the same.
    """
    generator = as_generator(rng)
    rows = []
    for node, other, given in local_independencies(parents):
        if node not in residuals or other not in values:
            continue
        x, z = designs[node], values[other]
        left = z - x @ np.linalg.lstsq(x, z, rcond=None)[0]
        mine = residuals[node]
        if left @ left <= 1e-12 * max(float(z @ z), 1e-300):
            continue
        size = float(left @ mine / np.sqrt((left @ left) * (mine @ mine)))
        p = _p_value(left, mine, cluster, permutations, generator)
        rows.append((node, other, ", ".join(given), size, p))
    table = pd.DataFrame(rows, columns=list(_COLUMNS[:5]))
    q = stats.false_discovery_control(table["p_value"]) if len(table) else np.empty(0)
    return table.assign(q_value=q, rejected=q < LEVEL)


def _p_value(
    left: np.ndarray,
    mine: np.ndarray,
    cluster: np.ndarray,
    permutations: int,
    generator: np.random.Generator,
) -> float:
    n_clusters = int(cluster.max()) + 1
    if n_clusters < cluster.size:
        sums = np.bincount(cluster, weights=left * mine)
        observed = abs(sums.sum())
        signs = generator.choice([-1.0, 1.0], (permutations, n_clusters))
        drawn = np.abs(signs @ sums)
    else:
        observed = _studentized(left, mine)
        if cluster.size > _MANY:
            return float(2 * stats.norm.sf(observed))
        drawn = np.array(
            [_studentized(left, generator.permutation(mine)) for _ in range(permutations)]
        )
    return float((1 + (drawn >= observed - 1e-12).sum()) / (1 + permutations))


def _studentized(a: np.ndarray, b: np.ndarray) -> float:
    product = a * b
    return abs(float(product.sum())) / float(np.sqrt(product @ product))
