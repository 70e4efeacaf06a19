"""From customers to the effect of every arm on everybody and on each: one path for all learners."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cximpact.core.rng import spawn
from cximpact.data import CrossSection
from cximpact.data.customer_rows import CustomerRows
from cximpact.effects.uplift.crossfit import (
    CrossFit,
    Nuisances,
    check_overlap,
    cross_fit,
    pooled_columns,
)
from cximpact.effects.uplift.doubly_robust import (
    AverageEffects,
    average_effects,
    combine_repeats,
    doubly_robust_scores,
)
from cximpact.effects.uplift.effect_models import EffectModel, bagged, fit_effect
from cximpact.effects.uplift.features import FeatureEncoder
from cximpact.effects.uplift.outcome_models import Predict, check_varies, family_of, fit_mean


@dataclass(frozen=True, kw_only=True, eq=False)
class Prepared:
    """Customers with what was learned about them fold by fold.

    Parameters
    ----------
    rows : CustomerRows
        Customers.
    encoder : FeatureEncoder
        How features become numbers.
    x : numpy.ndarray, shape (row, column)
        The numbers.
    nuisances : Nuisances
        Means and propensities; the average over repeats.
    averages : AverageEffects
        Effect of each arm on the population that was asked for.
    pooled : bool
        Whether one model of the mean serves all arms.
    """

    rows: CustomerRows = field(repr=False)
    encoder: FeatureEncoder = field(repr=False)
    x: np.ndarray = field(repr=False)
    nuisances: Nuisances = field(repr=False)
    averages: AverageEffects
    pooled: bool = False


def prepare(
    data: CrossSection,
    outcome_model: Any,
    crossfit: CrossFit,
    seed: int,
    *,
    pooled: bool = False,
    need_overlap: bool = True,
    average: Callable[[CustomerRows, Nuisances], AverageEffects] = average_effects,
) -> Prepared:
    """Read the customers and fit means and propensities.

    Parameters
    ----------
    data : CrossSection
        Customers.
    outcome_model : str or estimator
        Model of the mean outcome.
    crossfit : CrossFit
        How it is fitted.
    seed : int
        Randomness.
    pooled : bool, default False
        Whether one model with the arm as a feature serves all arms.
    need_overlap : bool, default True
        Whether every customer must be comparable.
    average : callable
        From customers and nuisances to average effects.

    Returns
    -------
    Prepared
        What learners build on.

    Raises
    ------
    ZeroVarianceError
        If the outcome is the same for all of an arm.
    OverlapError
        If some customers are not comparable and need to be.
    """
    rows = data.to_arrays()
    check_varies(rows.outcome, rows.arm, [data.control, *data.arms])
    encoder = FeatureEncoder.learn(rows.table, allow_missing=data.missing_features == "indicator")
    x = encoder.encode(rows.table)
    parts = []
    for generator in spawn(seed, *(f"folds {r}" for r in range(crossfit.repeats))):
        parts.append(
            cross_fit(
                crossfit, outcome_model, x, rows, 1 + len(data.arms), generator, pooled=pooled
            )
        )
    nuisances = Nuisances.averaged(parts)
    if need_overlap and nuisances.estimated:
        check_overlap(nuisances.propensity)
    return Prepared(
        rows=rows,
        encoder=encoder,
        x=x,
        nuisances=nuisances,
        averages=combine_repeats([average(rows, part) for part in parts]),
        pooled=pooled,
    )


def unmodeled(
    data: CrossSection, rows: CustomerRows, averages: AverageEffects, n_arms: int
) -> Prepared:
    """Lay out averages that rest on no model.

    Parameters
    ----------
    data : CrossSection
        Customers.
    rows : CustomerRows
        Their arrays.
    averages : AverageEffects
        What was found.
    n_arms : int
        Arms, with the control.

    Returns
    -------
    Prepared
        Every customer with the mean and the share of each arm.
    """
    check_varies(rows.outcome, rows.arm, [data.control, *data.arms])
    x = np.empty((rows.n_rows, 0))
    encoder = FeatureEncoder(columns=(), levels={}, medians={}, allow_missing=False)
    if data.features:
        encoder = FeatureEncoder.learn(
            rows.table, allow_missing=data.missing_features == "indicator"
        )
        x = encoder.encode(rows.table)
    weight = np.bincount(rows.arm, rows.weight, n_arms)
    mean = np.bincount(rows.arm, rows.weight * rows.outcome, n_arms) / weight
    share = weight / weight.sum() if rows.propensity is None else rows.propensity[0]
    nuisances = Nuisances(
        mean=np.tile(mean, (rows.n_rows, 1)),
        propensity=np.tile(share, (rows.n_rows, 1)),
        estimated=False,
        means=[],
        shares=[],
        family=family_of(rows.outcome),
    )
    return Prepared(rows=rows, encoder=encoder, x=x, nuisances=nuisances, averages=averages)


def means_effect(
    ready: Prepared, outcome_model: Any, arm: int, bags: int, rng: np.random.Generator
) -> EffectModel:
    """Take the difference of the means: the S- and the T-learner.

    Parameters
    ----------
    ready : Prepared
        Customers and the folds' models.
    outcome_model : str or estimator
        Model of the mean outcome.
    arm : int
        Treated arm, from 1.
    bags : int
        Fits on halves.
    rng : numpy.random.Generator
        Randomness.

    Returns
    -------
    EffectModel
        The average of the folds' models, less that of the control.
    """
    rows, x = ready.rows, ready.x

    def whole(z: np.ndarray) -> np.ndarray:
        mean = ready.nuisances.mean_of(z)
        return mean[:, arm] - mean[:, 0]

    def fit_once(chosen: np.ndarray, seed: int) -> Predict:
        family = ready.nuisances.family
        if ready.pooled:
            n_arms = ready.nuisances.mean.shape[1]
            of = pooled_columns(x[chosen], rows.arm[chosen], n_arms)
            y, w = rows.outcome[chosen], rows.weight[chosen]
            mean = fit_mean(outcome_model, family, of, y, w, seed)
            both = (arm, 0)
            return lambda z: np.subtract(
                *(mean(pooled_columns(z, np.full(len(z), a), n_arms)) for a in both)
            )
        models = []
        for a in (arm, 0):
            own = chosen[rows.arm[chosen] == a]
            y, w = rows.outcome[own], rows.weight[own]
            models.append(fit_mean(outcome_model, family, x[own], y, w, seed))
        return lambda z: models[0](z) - models[1](z)

    return bagged(fit_once, rows.cluster, bags=bags, rng=rng, whole=whole)


def crossed_effect(
    ready: Prepared,
    outcome_model: Any,
    final_model: Any,
    arm: int,
    bags: int,
    rng: np.random.Generator,
) -> EffectModel:
    """Impute each customer's effect from the other arm's model: the X-learner.

    Parameters
    ----------
    ready : Prepared
        Customers and means.
    outcome_model : str or estimator
        Model of the mean outcome, fitted anew on each half.
    final_model : HonestForest, str or estimator
        Regresses imputed effects.
    arm : int
        Treated arm, from 1.
    bags : int
        Fits on halves. Errors of the means go into the imputed effects undiminished, so that
        halves repeat both steps; the groups of a forest would know of the second alone.
    rng : numpy.random.Generator
        Randomness.

    Returns
    -------
    EffectModel
        ``e tau_0 + (1 - e) tau_1`` with e the mean propensity of the pair.
    """
    rows, e = ready.rows, ready.nuisances.propensity
    share = float((e[:, arm] / (e[:, arm] + e[:, 0])).mean())
    pair = np.flatnonzero((rows.arm == 0) | (rows.arm == arm))

    def from_means(chosen: np.ndarray, mean: dict[int, np.ndarray], seed: int) -> Predict:
        own, y = rows.arm[chosen], rows.outcome[chosen]
        imputed = {0: mean[arm] - y, arm: y - mean[0]}
        parts = {}
        for a, target in imputed.items():
            of = chosen[own == a]
            parts[a] = fit_effect(
                final_model,
                ready.x[of],
                target[own == a],
                rows.weight[of],
                rows.cluster[of],
                bags=0,
                rng=np.random.default_rng([seed, a]),
            )
        return lambda z: share * parts[0].point(z) + (1 - share) * parts[arm].point(z)

    def fit_once(half: np.ndarray, seed: int) -> Predict:
        chosen, mean = pair[half], {}
        for a in (0, arm):
            of = chosen[rows.arm[chosen] == a]
            model = fit_mean(
                outcome_model,
                ready.nuisances.family,
                ready.x[of],
                rows.outcome[of],
                rows.weight[of],
                seed,
            )
            mean[a] = model(ready.x[chosen])
        return from_means(chosen, mean, seed)

    known = {a: ready.nuisances.mean[pair, a] for a in (0, arm)}
    whole = from_means(pair, known, int(rng.integers(2**31)))
    return bagged(fit_once, rows.cluster[pair], bags=bags, rng=rng, whole=whole)


def residual_effect(
    ready: Prepared, final_model: Any, arm: int, bags: int, rng: np.random.Generator
) -> EffectModel:
    """Regress what is left of the outcome on what is left of treatment: the R-learner.

    Parameters
    ----------
    ready : Prepared
        Customers, means and propensities.
    final_model : HonestForest, str or estimator
        Regresses the ratio with weights.
    arm : int
        Treated arm, from 1.
    bags : int
        Fits on halves.
    rng : numpy.random.Generator
        Randomness.

    Returns
    -------
    EffectModel
        Minimizes ``sum((Y - m) - (T - e) tau(x))^2`` within the arm and the control.
    """
    rows, mean = ready.rows, ready.nuisances.mean
    pair = np.flatnonzero((rows.arm == 0) | (rows.arm == arm))
    e = ready.nuisances.propensity[pair]
    e = e[:, arm] / (e[:, arm] + e[:, 0])
    m = e * mean[pair, arm] + (1 - e) * mean[pair, 0]
    left = (rows.arm[pair] == arm) - e
    return fit_effect(
        final_model,
        ready.x[pair],
        (rows.outcome[pair] - m) / left,
        rows.weight[pair] * left**2,
        rows.cluster[pair],
        bags=bags,
        rng=rng,
    )


def score_effect(
    ready: Prepared, final_model: Any, arm: int, bags: int, rng: np.random.Generator
) -> EffectModel:
    """Regress the doubly robust scores: the DR-learner.

    Parameters
    ----------
    ready : Prepared
        Customers, means and propensities.
    final_model : HonestForest, str or estimator
        Regresses the scores.
    arm : int
        Treated arm, from 1.
    bags : int
        Fits on halves.
    rng : numpy.random.Generator
        Randomness.

    Returns
    -------
    EffectModel
        Effects.
    """
    rows, known = ready.rows, ready.nuisances
    scores = doubly_robust_scores(rows.outcome, rows.arm, known.mean, known.propensity)
    return fit_effect(
        final_model,
        ready.x,
        scores[:, arm - 1],
        rows.weight,
        rows.cluster,
        bags=bags,
        rng=rng,
    )
