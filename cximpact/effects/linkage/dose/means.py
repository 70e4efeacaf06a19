"""Mean behavior at each level of a score, with the share of every row in its error."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from cximpact.core.errors import OverlapError
from cximpact.core.rng import RngLike, spawn
from cximpact.core.validate import check_count
from cximpact.effects.linkage.dose.levels import FEW, Levels
from cximpact.effects.linkage.rows import LinkedRows
from cximpact.effects.uplift.outcome_models import family_of, fit_mean, fit_shares

RARE = 0.01
_LEAST_EFFECTIVE = 10.0
_MOST_WITHOUT_LIKE = 0.5


@dataclass(frozen=True, kw_only=True, eq=False)
class LevelMeans:
    """Means by level and outcome, with their covariance.

    Parameters
    ----------
    value : numpy.ndarray, shape (level, outcome)
        Means.
    covariance : numpy.ndarray, shape (level * outcome, level * outcome)
        Of the means, outcomes running fastest.
    weight : numpy.ndarray, shape (level, outcome)
        How much each level counts when neighbors are pooled.
    df : float
        Clusters less one.
    support : pandas.DataFrame
        One row a level: how well it is represented.
    """

    value: np.ndarray = field(repr=False)
    covariance: np.ndarray = field(repr=False)
    weight: np.ndarray = field(repr=False)
    df: float
    support: pd.DataFrame = field(repr=False)


def raw_means(
    rows: LinkedRows, levels: Levels, y: np.ndarray, used: np.ndarray | None = None
) -> LevelMeans:
    """Return the observed mean at each level.

    Parameters
    ----------
    rows : LinkedRows
        Rows with weights and clusters.
    levels : Levels
        Level of each row.
    y : numpy.ndarray, shape (row, outcome)
        Outcomes.
    used : numpy.ndarray of bool, shape (row, outcome), optional
        Which rows an outcome has; all by default.

    Returns
    -------
    LevelMeans
        Weighted means; errors by the clusters.
    """
    member = _member(levels)
    w = rows.weight[:, None] * (np.ones(y.shape) if used is None else used)
    mass = member.T @ w
    value = member.T @ (w * y) / mass
    residual = y - value[levels.code]
    influence = member[:, :, None] * (w * residual / mass[levels.code])[:, None, :]
    effective = mass**2 / (member.T @ w**2)
    extra = _too_sure(levels, w, residual, mass)
    return LevelMeans(
        value=value,
        covariance=_covariance(influence, rows) + np.diag(extra.ravel()),
        weight=mass,
        df=float(rows.n_clusters - 1),
        support=_support(levels, effective.min(axis=1)),
    )


def adjusted_means(
    rows: LinkedRows,
    levels: Levels,
    y: np.ndarray,
    *,
    learner: object,
    folds: int,
    rng: RngLike,
) -> LevelMeans:
    """Return the mean at each level if everybody were at it, given the covariates.

    Parameters
    ----------
    rows : LinkedRows
        Rows with covariates.
    levels : Levels
        Level of each row.
    y : numpy.ndarray, shape (row, outcome)
        Outcomes.
    learner : str or object
        ``"linear"``, ``"boosting"`` or a classifier.
    folds : int
        Parts for fitting on others.
    rng : int or Generator
        Randomness of the folds.

    Returns
    -------
    LevelMeans
        Augmented inverse probability weighted means. No row counts for more than a hundred:
        beyond that the models of the outcome are trusted, and the support says for how many.

    Raises
    ------
    OverlapError
        If a level has nobody comparable for many rows.
    """
    folds = check_count(folds, "folds", low=2)
    split, models = spawn(rng, "folds", "models")
    fold = _folds(rows, levels, folds, split)
    seed = int(models.integers(2**31))
    x = rows.design
    propensity = np.empty((rows.n, levels.size))
    mean = np.empty((rows.n, levels.size, y.shape[1]))
    dummies = np.eye(levels.size)[:, 1:]
    families = [family_of(y[:, o]) for o in range(y.shape[1])]
    for f in range(folds):
        learn, use = fold != f, fold == f
        shares = fit_shares(
            learner, x[learn], levels.code[learn], levels.size, rows.weight[learn], seed
        )
        propensity[use] = shares(x[use])
        features = np.column_stack([x, dummies[levels.code]])
        for o, family in enumerate(families):
            predict = fit_mean(
                learner, family, features[learn], y[learn, o], rows.weight[learn], seed
            )
            for k in range(levels.size):
                row = np.tile(dummies[k], (int(use.sum()), 1))
                mean[use, k, o] = predict(np.column_stack([x[use], row]))
    member = _member(levels)
    inverse = member / np.maximum(propensity, RARE)
    support = _overlap(levels, propensity, inverse * rows.weight[:, None])
    scores = mean + inverse[:, :, None] * (y[:, None, :] - mean)
    total = rows.weight.sum()
    value = np.einsum("i,iko->ko", rows.weight, scores) / total
    influence = (rows.weight / total)[:, None, None] * (scores - value)
    return LevelMeans(
        value=value,
        covariance=_covariance(influence, rows),
        weight=np.tile(support["n_effective"].to_numpy()[:, None], (1, y.shape[1])),
        df=float(rows.n_clusters - 1),
        support=support,
    )


def _member(levels: Levels) -> np.ndarray:
    return (levels.code[:, None] == np.arange(levels.size)).astype(float)


def _covariance(influence: np.ndarray, rows: LinkedRows) -> np.ndarray:
    """Add up shares of the error within clusters, with the factor for few clusters."""
    flat = influence.reshape(rows.n, -1)
    if rows.is_clustered:
        sums = np.zeros((rows.n_clusters, flat.shape[1]))
        np.add.at(sums, rows.cluster, flat)
        flat = sums
    return flat.T @ flat * rows.n_clusters / (rows.n_clusters - 1)


def _too_sure(levels: Levels, w: np.ndarray, residual: np.ndarray, mass: np.ndarray) -> np.ndarray:
    """Give levels with few or like rows the variance that rows have elsewhere."""
    extra = np.zeros(mass.shape)
    for o in range(mass.shape[1]):
        some = w[:, o] > 0
        pooled = (residual[some, o] ** 2).sum() / max(int(some.sum()) - levels.size, 1)
        for k in range(levels.size):
            own = some & (levels.code == k)
            if own.sum() < FEW or np.abs(residual[own, o]).max() <= 1e-12:
                extra[k, o] = pooled * (w[own, o] ** 2).sum() / mass[k, o] ** 2
    return extra


def _folds(rows: LinkedRows, levels: Levels, folds: int, rng: np.random.Generator) -> np.ndarray:
    """Put clusters into folds, levels spread evenly."""
    least = levels.n.min()
    if least < 2 * folds:
        few = [f"{v:g} ({n})" for v, n in zip(levels.value, levels.n, strict=True) if n < 2 * folds]
        raise OverlapError(
            f"levels {', '.join(few)} have fewer than {2 * folds} rows, too few to adjust in "
            f"{folds} folds; join them with others by bands=, or use fewer folds."
        )
    first = np.full(rows.n_clusters, 0)
    first[rows.cluster[::-1]] = levels.code[::-1]
    order = rng.permutation(rows.n_clusters)
    order = order[np.argsort(first[order], kind="stable")]
    of_cluster = np.empty(rows.n_clusters, dtype=int)
    of_cluster[order] = np.arange(rows.n_clusters) % folds
    return of_cluster[rows.cluster]


def _overlap(levels: Levels, propensity: np.ndarray, inverse: np.ndarray) -> pd.DataFrame:
    effective = inverse.sum(axis=0) ** 2 / (inverse**2).sum(axis=0)
    rare = (propensity < RARE).mean(axis=0)
    table = _support(levels, effective).assign(
        least_probability=propensity.min(axis=0), share_without_like=rare
    )
    bad = (effective < _LEAST_EFFECTIVE) | (rare > _MOST_WITHOUT_LIKE)
    if bad.any():
        named = ", ".join(
            f"{levels.value[k]:g} ({levels.n[k]:,} rows that count as {effective[k]:.1f})"
            for k in np.flatnonzero(bad)
        )
        raise OverlapError(
            f"levels {named} have too few customers like the others given the covariates; join "
            "them with others by bands=, or leave out the covariate that decides the score."
        )
    return table


def _support(levels: Levels, effective: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame({"score_level": levels.value, "n": levels.n, "n_effective": effective})
