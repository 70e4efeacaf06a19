"""The two models inside a doubly robust contrast, with what each row adds to their error."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy.special import expit

from cximpact.core.errors import OverlapError, RankError, SeparationError

TRIM = 0.995
"""Untreated rows with a propensity from here on get no weight."""
_CLOSEST = 1e-6
_TOLERANCE = 1e-10


@dataclass(frozen=True, kw_only=True, eq=False)
class OutcomeModel:
    """A weighted linear regression for one or several outcomes.

    Parameters
    ----------
    fitted : numpy.ndarray, shape (row, outcome)
        Predictions for every row, also those that the fit did not use.
    residual : numpy.ndarray, shape (row, outcome)
        Weight times outcome less prediction; zero for rows that were not used.
    bread : numpy.ndarray, shape (covariate, covariate)
        Inverse of the mean of ``weight * x * x'``.
    """

    fitted: np.ndarray = field(repr=False)
    residual: np.ndarray = field(repr=False)
    bread: np.ndarray = field(repr=False)


@dataclass(frozen=True, kw_only=True, eq=False)
class Propensity:
    """A weighted logit of being treated.

    Parameters
    ----------
    odds : numpy.ndarray, shape (row,)
        Odds of being treated; 0 for untreated rows that are trimmed.
    score : numpy.ndarray, shape (row,)
        Weight times treatment less its probability.
    bread : numpy.ndarray, shape (covariate, covariate)
        Inverse of the mean Hessian.
    trimmed : int
        Untreated rows without weight.
    """

    odds: np.ndarray = field(repr=False)
    score: np.ndarray = field(repr=False)
    bread: np.ndarray = field(repr=False)
    trimmed: int


def outcome_model(
    x: np.ndarray, y: np.ndarray, weight: np.ndarray, where: str = ""
) -> OutcomeModel:
    """Regress outcomes on covariates by weighted least squares.

    Parameters
    ----------
    x : numpy.ndarray, shape (row, covariate)
        With a constant.
    y : numpy.ndarray, shape (row, outcome)
        Outcomes.
    weight : numpy.ndarray, shape (row,)
        0 for rows that are predicted but not used.
    where : str
        For the message.

    Returns
    -------
    OutcomeModel
        Predictions and what the error of the coefficients needs.

    Raises
    ------
    RankError
        If the covariates are collinear among the rows that are used.
    """
    weighted = x * weight[:, None]
    inverse = _inverse(weighted.T @ x, where)
    fitted = x @ (inverse @ (weighted.T @ y))
    return OutcomeModel(
        fitted=fitted, residual=weight[:, None] * (y - fitted), bread=inverse * len(x)
    )


def propensity(
    x: np.ndarray, treated: np.ndarray, weight: np.ndarray, where: str = ""
) -> Propensity:
    """Fit the probability of being treated by weighted logistic regression.

    Parameters
    ----------
    x : numpy.ndarray, shape (row, covariate)
        With a constant.
    treated : numpy.ndarray of float, shape (row,)
        0 or 1.
    weight : numpy.ndarray, shape (row,)
        Weights.
    where : str
        For the message.

    Returns
    -------
    Propensity
        Odds and what the error of the coefficients needs.

    Raises
    ------
    SeparationError
        If covariates separate treated and untreated.
    OverlapError
        If no untreated row is left after trimming.
    RankError
        If the covariates are collinear.
    """
    probability = _logit(x, treated, weight, where)
    bread = _inverse(x.T @ (x * (weight * probability * (1 - probability))[:, None]), where)
    probability = np.minimum(probability, 1 - _CLOSEST)
    kept = (treated > 0) | (probability < TRIM)
    odds = np.where(kept, probability / (1 - probability), 0.0)
    if not (odds * weight * (1 - treated)).any():
        raise OverlapError(
            f"{where}every untreated row has a probability of treatment of {TRIM} or more given "
            "the covariates: nobody is comparable. Leave out covariates, or compare fewer cohorts."
        )
    return Propensity(
        odds=odds,
        score=weight * (treated - probability),
        bread=bread * len(x),
        trimmed=int((~kept & (weight > 0)).sum()),
    )


def _logit(x: np.ndarray, treated: np.ndarray, weight: np.ndarray, where: str) -> np.ndarray:
    """Return fitted probabilities, by Newton steps that are halved while they do not improve."""
    scale = np.sqrt((x**2).mean(axis=0))
    scaled = x / np.where(scale > 0, scale, 1.0)
    beta = np.zeros(x.shape[1])
    value = -np.inf
    for _ in range(60):
        eta = scaled @ beta
        probability = expit(eta)
        hessian = scaled.T @ (scaled * (weight * probability * (1 - probability))[:, None])
        if np.linalg.cond(hessian) > 1e14:
            if value == -np.inf:
                _inverse(hessian, where)
            break
        value = _log_likelihood(eta, treated, weight)
        step = np.linalg.solve(hessian, scaled.T @ (weight * (treated - probability)))
        size = 1.0
        while size > 1e-6 and _log_likelihood(scaled @ (beta + size * step), treated, weight) < (
            value - 1e-9 * abs(value)
        ):
            size /= 2
        beta = beta + size * step
        if np.abs(step).max() < _TOLERANCE * max(1.0, float(np.abs(beta).max())):
            return expit(scaled @ beta)
    raise SeparationError(
        f"{where}the covariates separate treated from untreated rows, so that no propensity can "
        "be fitted. Leave out the covariate that does, or use method='reg'."
    )


def _log_likelihood(eta: np.ndarray, treated: np.ndarray, weight: np.ndarray) -> float:
    return float(weight @ (treated * eta - np.logaddexp(0.0, eta)))


def _inverse(normal: np.ndarray, where: str) -> np.ndarray:
    """Invert a matrix of cross-products, or say that covariates are collinear."""
    size = np.sqrt(np.maximum(np.diag(normal), 0.0))
    unit = np.where(size > 0, size, 1.0)
    correlation = normal / np.outer(unit, unit)
    if (size == 0).any() or np.linalg.cond(correlation) > 1e12:
        raise RankError(
            f"{where}the covariates are collinear, or constant, among the rows that are compared; "
            "leave out what is redundant."
        )
    return np.linalg.inv(correlation) / np.outer(unit, unit)
