"""Average effects by group of a score: who should gain more, and who does."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats

from cximpact.core.errors import ConfigError, InsufficientDataError
from cximpact.core.rng import RngLike, seed_of
from cximpact.core.validate import check_count
from cximpact.effects.uplift.calibration_data import cluster_sums, predictions
from cximpact.effects.uplift.calibration_groups import GroupEffects
from cximpact.effects.uplift.curve_sums import ranking


def gates(
    score: ArrayLike,
    pseudo_outcome: ArrayLike,
    groups: int = 5,
    *,
    weights: ArrayLike | None = None,
    cluster: ArrayLike | None = None,
    rng: RngLike = 0,
) -> GroupEffects:
    """Estimate the average effect by group of a score.

    Parameters
    ----------
    score : array_like, shape (n,)
        Predicted effects, or any score; higher is treated first.
    pseudo_outcome : array_like, shape (n,)
        Doubly robust scores of the effect.
    groups : int, default 5
        How many groups of about equal weight. Customers who tie stay together, so that groups may
        be uneven and some may be missing.
    weights : array_like, shape (n,), optional
        Weights of the customers.
    cluster : array_like, shape (n,), optional
        What is independent; by default the row.
    rng : int or Generator, default 0
        Randomness of the quantile behind the simultaneous band.

    Returns
    -------
    GroupEffects
        Effects, the group with the highest scores first.

    Raises
    ------
    InsufficientDataError
        If a group holds a single row, or the scores make only one group.

    Notes
    -----
    Estimand: ``E[effect | group of the score]``, for a score made without these rows. Variances
    are those of means with ``n / (n - 1)`` in each group, or sums of clusters with
    ``G / (G - 1)`` and t with ``G - 1`` degrees of freedom.

    References
    ----------
    Chernozhukov, V., Demirer, M., Duflo, E. and Fernandez-Val, I. (2025). Generic machine
    learning inference on heterogeneous treatment effects in randomized experiments. Econometrica
    93, 1121-1164.
    """
    check_count(groups, "groups", low=2)
    rows = predictions(score, pseudo_outcome, weights, cluster)
    member = _members(rows.score, rows.weight, groups)
    k, size = member.max() + 1, np.bincount(member)
    if k < 2 or size.min() < 2:
        raise InsufficientDataError(
            f"the scores make {k} groups, the smallest of {size.min()} rows; expected at least 2 "
            "groups of 2. Take fewer groups, or a score with fewer ties."
        )
    one_hot = (member[:, None] == np.arange(k)) * rows.weight[:, None]
    total = one_hot.sum(axis=0)
    effect, predicted = rows.gamma @ one_hot / total, rows.score @ one_hot / total
    influence = one_hot * (rows.gamma[:, None] - effect) / total
    if rows.cluster is None:
        covariance, df = np.diag((influence**2).sum(axis=0) * size / (size - 1)), None
    else:
        sums = cluster_sums(influence, rows.cluster)
        covariance, df = sums.T @ sums * len(sums) / (len(sums) - 1), float(len(sums) - 1)
    return GroupEffects(
        effect=effect,
        covariance=covariance,
        predicted=predicted,
        size=size,
        df=df,
        seed=seed_of(rng),
    )


def calibration_table(
    score: ArrayLike,
    pseudo_outcome: ArrayLike,
    groups: int = 10,
    *,
    weights: ArrayLike | None = None,
    cluster: ArrayLike | None = None,
    prob: float = 0.9,
) -> pd.DataFrame:
    """Compare predicted effects with those that were found, by group of the prediction.

    Parameters
    ----------
    score : array_like, shape (n,)
        Predicted effects, in the unit of the outcome.
    pseudo_outcome : array_like, shape (n,)
        Doubly robust scores of the effect.
    groups : int, default 10
        How many groups, as for `gates`.
    weights, cluster : array_like, shape (n,), optional
        As for `gates`.
    prob : float, default 0.9
        Mass of the intervals.

    Returns
    -------
    pandas.DataFrame
        ``group, n, predicted, observed, std_error, conf_low, conf_high, conf_level, difference``
        (observed less predicted) and ``p_value`` that the difference is 0.

    Raises
    ------
    ConfigError
        If ``groups`` is one.
    """
    if groups == 1:
        raise ConfigError("groups is 1; expected at least 2, or look at the average effect.")
    found = gates(score, pseudo_outcome, groups, weights=weights, cluster=cluster)
    table = found.tidy(prob).rename(columns={"estimate": "observed"})
    law = stats.norm if found.df is None else stats.t(found.df)
    difference = table["observed"] - table["predicted"]
    table = table.assign(
        difference=difference, p_value=2 * law.sf(np.abs(difference / table["std_error"]))
    )
    return table.drop(columns=[c for c in table if c.startswith(("band_", "sorted_"))])


def _members(score: np.ndarray, weights: np.ndarray, groups: int) -> np.ndarray:
    """Group of each row from 0, the highest scores first, by the middle of its tie."""
    ranked = ranking(score, weights)
    end = ranked.cumulated(weights)
    middle = (np.append(0.0, end[:-1]) + end) / 2 / end[-1]
    _, group = np.unique((middle * groups).astype(int), return_inverse=True)
    out = np.empty(score.size, int)
    out[ranked.order] = np.repeat(group, np.diff(np.append(-1, ranked.ends)))
    return out
