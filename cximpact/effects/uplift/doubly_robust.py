"""Doubly robust scores, and the average effects they give."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from cximpact.core.errors import OverlapError
from cximpact.data.customer_rows import CustomerRows
from cximpact.effects.uplift.crossfit import Nuisances

TARGETS = ("ate", "att", "overlap", "trimmed")


@dataclass(frozen=True, kw_only=True, eq=False)
class AverageEffects:
    """Average effects of several arms with the share of every customer in their error.

    Parameters
    ----------
    value : numpy.ndarray, shape (arm,)
        Effects against the control.
    covariance : numpy.ndarray, shape (arm, arm)
        Their covariance.
    """

    value: np.ndarray
    covariance: np.ndarray = field(repr=False)


def doubly_robust_scores(
    outcome: np.ndarray, arm: np.ndarray, mean: np.ndarray, propensity: np.ndarray
) -> np.ndarray:
    """Return the doubly robust score of the effect of each treated arm.

    Parameters
    ----------
    outcome : numpy.ndarray, shape (row,)
        Outcomes.
    arm : numpy.ndarray of int, shape (row,)
        Arms, 0 for the control.
    mean, propensity : numpy.ndarray, shape (row, 1 + arm)
        Predicted mean outcome and probability of each arm, by models that did not see the row.

    Returns
    -------
    numpy.ndarray, shape (row, arm)
        ``mu_a - mu_0 + 1{T=a} (Y - mu_a) / e_a - 1{T=0} (Y - mu_0) / e_0``; its mean given the
        features is the effect when either the means or the propensities are right.

    References
    ----------
    Robins, J. M., Rotnitzky, A. and Zhao, L. P. (1994). Estimation of regression coefficients when
    some regressors are not always observed. JASA 89, 846-866.
    """
    levels = mean + residuals(outcome, arm, mean, propensity)
    return levels[:, 1:] - levels[:, :1]


def residuals(
    outcome: np.ndarray, arm: np.ndarray, mean: np.ndarray, propensity: np.ndarray
) -> np.ndarray:
    """Return what each customer's outcome adds to the mean of the own arm.

    Parameters
    ----------
    outcome, arm, mean, propensity : numpy.ndarray
        As in `doubly_robust_scores`.

    Returns
    -------
    numpy.ndarray, shape (row, 1 + arm)
        ``1{T=a} (Y - mu_a) / e_a``; zero for the other arms.
    """
    out = np.zeros_like(mean)
    at = np.arange(len(outcome)), arm
    out[at] = (outcome - mean[at]) / propensity[at]
    return out


def average_effects(
    rows: CustomerRows,
    nuisances: Nuisances,
    target: str = "ate",
    bounds: tuple[float, float] = (0, 1),
) -> AverageEffects:
    """Average the effects over a population.

    Parameters
    ----------
    rows : CustomerRows
        Customers.
    nuisances : Nuisances
        Means and propensities.
    target : {"ate", "att", "overlap", "trimmed"}
        Over all; over the treated; weighted by ``e (1 - e)``; over those whose propensity lies
        between ``bounds``. All but ``"ate"`` need one treated arm.
    bounds : tuple of float
        Ends of the propensity for ``"trimmed"``.

    Returns
    -------
    AverageEffects
        Estimates with their covariance; the variance is that of cluster sums where rows have a
        cluster, with the factor G / (G - 1).

    Raises
    ------
    OverlapError
        If nobody's propensity lies within the bounds.

    Notes
    -----
    For a population weighted by ``h(e)``, the efficient estimator is the mean of
    ``h(e) (Gamma) + h'(e) (T - e) (mu_1 - mu_0)`` over that of ``h(e) + h'(e) (T - e)``, where the
    terms with the derivative ``h'`` account for weights that depend on an estimated propensity.
    With ``h = 1`` it is AIPW; with ``h = e`` the doubly robust effect on the treated.

    References
    ----------
    Hirano, K., Imbens, G. W. and Ridder, G. (2003). Efficient estimation of average treatment
    effects using the estimated propensity score. Econometrica 71, 1161-1189. Li, F., Morgan, K. L.
    and Zaslavsky, A. M. (2018). Balancing covariates via propensity score weighting. JASA 113,
    390-400.
    """
    mean, e = nuisances.mean, nuisances.propensity
    gamma = doubly_robust_scores(rows.outcome, rows.arm, mean, e)
    if target == "ate":
        return weighted_mean(gamma, np.ones_like(gamma), rows.weight, rows.cluster)
    score = e[:, 1]
    h, slope = _tilt(score, target, bounds)
    moved = slope * ((rows.arm == 1) - score)
    if not nuisances.estimated:
        moved = np.zeros_like(moved)
    top = h * gamma[:, 0] + moved * (mean[:, 1] - mean[:, 0])
    return weighted_mean(top[:, None], (h + moved)[:, None], rows.weight, rows.cluster)


def weighted_mean(
    top: np.ndarray, bottom: np.ndarray, weight: np.ndarray, cluster: np.ndarray
) -> AverageEffects:
    """Return ratios of weighted sums with their covariance by cluster.

    Parameters
    ----------
    top, bottom : numpy.ndarray, shape (row, term)
        What is divided.
    weight : numpy.ndarray, shape (row,)
        Weights.
    cluster : numpy.ndarray of int, shape (row,)
        Clusters.

    Returns
    -------
    AverageEffects
        Ratios and their linearized covariance.
    """
    w = weight[:, None]
    total = (w * bottom).sum(axis=0)
    value = (w * top).sum(axis=0) / total
    influence = w * (top - value * bottom) / total
    n_clusters = int(cluster.max()) + 1
    if n_clusters < len(weight):
        influence = np.column_stack(
            [np.bincount(cluster, column, minlength=n_clusters) for column in influence.T]
        )
    factor = n_clusters / (n_clusters - 1)
    return AverageEffects(value=value, covariance=factor * influence.T @ influence)


def combine_repeats(parts: list[AverageEffects]) -> AverageEffects:
    """Combine splits into folds by their median.

    Parameters
    ----------
    parts : list of AverageEffects
        One a split.

    Returns
    -------
    AverageEffects
        Median estimates; the covariance is the median over splits of the covariance plus the
        product of the deviations from the median.

    References
    ----------
    Chernozhukov, V. et al. (2018). Double/debiased machine learning for treatment and structural
    parameters. Econometrics Journal 21, C1-C68.
    """
    if len(parts) == 1:
        return parts[0]
    value = np.median([p.value for p in parts], axis=0)
    spread = [p.covariance + np.outer(p.value - value, p.value - value) for p in parts]
    return AverageEffects(value=value, covariance=np.median(spread, axis=0))


def _tilt(
    score: np.ndarray, target: str, bounds: tuple[float, float]
) -> tuple[np.ndarray, np.ndarray]:
    """Return the weight of the population and its derivative."""
    if target == "att":
        return score, np.ones_like(score)
    if target == "overlap":
        return score * (1 - score), 1 - 2 * score
    inside = ((score >= bounds[0]) & (score <= bounds[1])).astype(float)
    if not inside.any():
        raise OverlapError(
            f"no customer has a propensity from {bounds[0]:g} to {bounds[1]:g}; it runs from "
            f"{score.min():.3g} to {score.max():.3g}. Widen the bounds."
        )
    return inside, np.zeros_like(score)
