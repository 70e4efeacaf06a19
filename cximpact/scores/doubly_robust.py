"""The doubly robust mean of a score that only some gave."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from cximpact.core.errors import DtypeError, NoRespondentsError, OverlapError
from cximpact.core.validate import check_vector


class MeanEstimate(NamedTuple):
    """A mean with its standard error.

    Parameters
    ----------
    estimate, std_error : float
        In the unit of the values.
    """

    estimate: float
    std_error: float


def doubly_robust_mean(
    values: ArrayLike, propensity: ArrayLike, predicted: ArrayLike
) -> MeanEstimate:
    """Estimate the mean of everybody from the values of those who answered.

    Parameters
    ----------
    values : array_like, shape (n,)
        What each answer counts for; NaN where there is none, never 0.
    propensity : array_like, shape (n,)
        Everybody's probability of an answer, above 0.
    predicted : array_like, shape (n,)
        Everybody's predicted value, whether they answered or not.

    Returns
    -------
    MeanEstimate
        Estimate and standard error from the efficient influence function.

    Raises
    ------
    NoRespondentsError
        If there are no values.
    OverlapError
        If a propensity is 0 or below, or above 1.
    DtypeError
        If the lengths differ.

    Notes
    -----
    mean_i [ m_i + R_i / pi_i (s_i - m_i) ] [1]_; variance = var(bracket) / n. It is consistent if
    the propensities or the predictions are right, given that answers are missing at random. The
    standard error takes both as known.

    References
    ----------
    .. [1] Robins, J. M., Rotnitzky, A. & Zhao, L. P. (1994). Estimation of regression coefficients
       when some regressors are not always observed. JASA 89, 846-866.
    """
    pi, m = check_vector(propensity, "propensity"), check_vector(predicted, "predicted")
    s = np.asarray(values)
    if s.dtype.kind not in "iuf" or not s.shape == pi.shape == m.shape:
        raise DtypeError(
            f"values has type {s.dtype} and shape {s.shape}, propensity {pi.shape}, predicted "
            f"{m.shape}; expected numbers of one length."
        )
    given = ~np.isnan(s.astype(float))
    if not given.any():
        raise NoRespondentsError(f"none of {s.size} values is known; expected at least 1.")
    check_vector(s[given], "values")
    if pi.min() <= 0 or pi.max() > 1:
        raise OverlapError(
            f"propensity runs from {pi.min():g} to {pi.max():g}; expected above 0 and up to 1. "
            "People without any chance to answer must leave the population that is spoken for."
        )
    return doubly_robust_moments(np.where(given, s, 0.0), given, pi, m, np.ones(s.size))


def doubly_robust_moments(
    values: np.ndarray,
    given: np.ndarray,
    propensity: np.ndarray,
    predicted: np.ndarray,
    count: np.ndarray,
) -> MeanEstimate:
    """Estimate the doubly robust mean from counted rows.

    Parameters
    ----------
    values : numpy.ndarray, shape (row,)
        What each answer counts for; anything where there is none.
    given : numpy.ndarray of bool, shape (row,)
        Whether there is a value.
    propensity, predicted : numpy.ndarray, shape (row,)
        As for `doubly_robust_mean`.
    count : numpy.ndarray, shape (row,)
        How often each row occurs.

    Returns
    -------
    MeanEstimate
        Estimate and standard error.
    """
    bracket = predicted + np.where(given, (values - predicted) / propensity, 0.0)
    n = count.sum()
    mean = float(count @ bracket / n)
    spread = float(count @ (bracket - mean) ** 2)
    return MeanEstimate(mean, float(np.sqrt(spread / (n - 1) / n)) if n > 1 else float("nan"))


def error_after_projection(influence: np.ndarray, scores: np.ndarray, count: np.ndarray) -> float:
    """Return the standard error of a mean that was weighted by estimated propensities.

    Parameters
    ----------
    influence : numpy.ndarray, shape (row,)
        Influence of each row as if the propensities were known.
    scores : numpy.ndarray, shape (row, parameter)
        Derivatives of each row's log-likelihood by the parameters of the response model.
    count : numpy.ndarray, shape (row,)
        How often each row occurs.

    Returns
    -------
    float
        Never larger than with known propensities.

    Notes
    -----
    Propensities estimated by maximum likelihood take out of the influence whatever the scores of
    the response model explain of it [1]_.

    References
    ----------
    .. [1] Hirano, K., Imbens, G. W. & Ridder, G. (2003). Efficient estimation of average treatment
       effects using the estimated propensity score. Econometrica 71, 1161-1189.
    """
    n = count.sum()
    if n <= 1 + scores.shape[1]:
        return float("nan")
    root = np.sqrt(count)[:, None]
    explained = scores @ np.linalg.lstsq(scores * root, influence * root[:, 0])[0]
    left = influence - explained
    return float(np.sqrt(count @ left**2 / (n - 1 - scores.shape[1]) / n))


def predict_values(design: np.ndarray, values: np.ndarray, count: np.ndarray) -> np.ndarray:
    """Predict everybody's value by least squares among those who answered.

    Parameters
    ----------
    design : numpy.ndarray, shape (row, term)
        Design matrix of everybody.
    values, count : numpy.ndarray, shape (row,)
        Values, and how often each row occurs with a value (0 without).

    Returns
    -------
    numpy.ndarray, shape (row,)
        Predictions.
    """
    root = np.sqrt(count)[:, None]
    return design @ np.linalg.lstsq(design * root, values * root[:, 0])[0]
