"""Predicted effects beside doubly robust scores, checked once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from cximpact.core.validate import check_vector, check_weights
from cximpact.effects.uplift.evaluation_data import cluster_codes, score_vector


@dataclass(frozen=True, kw_only=True, eq=False)
class Predictions:
    """Rows with a weight.

    Parameters
    ----------
    score, gamma, weight : numpy.ndarray, shape (n,)
        Predicted effect, doubly robust score and weight.
    cluster : numpy.ndarray of int, shape (n,), or None
        Clusters from 0.
    """

    score: np.ndarray
    gamma: np.ndarray
    weight: np.ndarray
    cluster: np.ndarray | None


def predictions(
    score: ArrayLike,
    pseudo_outcome: ArrayLike,
    weights: ArrayLike | None,
    cluster: ArrayLike | None,
) -> Predictions:
    """Check predictions and leave out rows without weight.

    Parameters
    ----------
    score, pseudo_outcome, weights, cluster : array_like, shape (n,)
        What was predicted, what was found, and how rows count.

    Returns
    -------
    Predictions
        The rows that count.
    """
    gamma = check_vector(pseudo_outcome, "pseudo_outcome")
    ordered, weight = score_vector(score, gamma.size), check_weights(weights, gamma.size)
    codes = None if cluster is None else cluster_codes(cluster, gamma.size)
    kept = weight > 0
    if codes is not None:
        codes = np.unique(codes[kept], return_inverse=True)[1]
    return Predictions(score=ordered[kept], gamma=gamma[kept], weight=weight[kept], cluster=codes)


def cluster_sums(influence: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Add up influences within clusters.

    Parameters
    ----------
    influence : numpy.ndarray, shape (n, k)
        Influence of each row on each number.
    codes : numpy.ndarray of int, shape (n,)
        Clusters from 0.

    Returns
    -------
    numpy.ndarray, shape (cluster, k)
        Sums.
    """
    return np.column_stack([np.bincount(codes, weights=column) for column in influence.T])
