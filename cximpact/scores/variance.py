"""Variance of a score from a simple random sample, finite populations and design effects."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from cximpact.core.errors import ConfigError, DesignError
from cximpact.core.validate import check_number, check_vector, check_weights
from cximpact.scores.counts import check_counts


def score_sd(counts: ArrayLike, values: ArrayLike, *, ddof: int = 0) -> float:
    """Return the standard deviation of one answer.

    Parameters
    ----------
    counts : array_like, shape (category,)
        How often each answer was given.
    values : array_like, shape (category,)
        What each answer counts for: (-100, 0, 100) for the classes of the NPS.
    ddof : {0, 1}, default 0
        0 for the spread of these answers, 1 for an estimate of that of the process.

    Returns
    -------
    float
        In the unit of the values; NaN for a single answer and ddof 1.

    Raises
    ------
    ConfigError
        If counts and values differ in length, or ddof is not 0 or 1.

    Notes
    -----
    sqrt(sum n_k (v_k - S)^2 / (n - ddof)); for the NPS with ddof 0, 100 sqrt(P + D - (P - D)^2).
    """
    array, points = check_counts(counts), check_vector(values, "values")
    if array.size != points.size:
        raise ConfigError(f"values has {points.size} entries for {array.size} counts.")
    if ddof not in (0, 1):
        raise ConfigError(f"ddof is {ddof!r}; expected 0 or 1.")
    n = array.sum()
    if n <= ddof:
        return float("nan")
    mean = points @ array / n
    return float(np.sqrt(array @ (points - mean) ** 2 / (n - ddof)))


def standard_error(
    counts: ArrayLike,
    values: ArrayLike,
    *,
    ddof: int = 1,
    population: int | None = None,
    design: str | None = None,
) -> float:
    """Return the standard error of a score from counts of answers.

    Parameters
    ----------
    counts, values : array_like, shape (category,)
        How often each answer was given, and what it counts for.
    ddof : {0, 1}, default 1
        1 is unbiased; 0 gives the textbook formula of the NPS.
    population : int, optional
        Size of a finite population whose own score is the target. None aims at the process.
    design : {"srs"}, optional
        Needed with ``population``: a declaration that those who answered are a simple random
        sample of it.

    Returns
    -------
    float
        In the unit of the values; exactly 0 when the whole population answered.

    Raises
    ------
    DesignError
        For a population without ``design="srs"``: people who chose to answer are no design.
    """
    array = check_counts(counts)
    n = float(array.sum())
    left = 1.0 if population is None else 1 - sampled_fraction(n, population, design)
    return score_sd(array, values, ddof=ddof) * float(np.sqrt(left / n))


def sampled_fraction(n: float, population: float, design: str | None) -> float:
    """Return n / N for the finite-population correction, if the design allows one.

    Parameters
    ----------
    n, population : float
        Answers, and everyone.
    design : {"srs"} or None
        How those who answered were drawn.

    Returns
    -------
    float
        Between 0 and 1.

    Raises
    ------
    DesignError
        Unless the design is declared to be simple random sampling.
    """
    if design != "srs":
        raise DesignError(
            f"a finite-population correction was asked for with design={design!r}; people who "
            "choose to answer are not a random sample, so n is no design. Say design='srs' if "
            "they were drawn at random and all answered; otherwise impute the rest "
            "(cximpact.imputation, target='finite')."
        )
    size = check_number(population, "population", low=0, open_low=True)
    if n > size:
        raise DesignError(
            f"{n:g} answers from a population of {size:g}; expected at most {size:g}."
        )
    return n / size


def kish_deff(weights: ArrayLike) -> float:
    """Return Kish's design effect of unequal weights.

    Parameters
    ----------
    weights : array_like, shape (n,)
        Survey weights, at least 0.

    Returns
    -------
    float
        n sum w^2 / (sum w)^2, 1 for equal weights; n / deff is the effective number of answers.

    Notes
    -----
    It assumes that weights and answers are unrelated. The standard error of `weighted_score` does
    not.

    References
    ----------
    .. [1] Kish, L. (1965). Survey Sampling. New York: Wiley.
    """
    w = check_vector(weights, "weights")
    w = check_weights(w, w.size)
    w = w / w.max()
    return float(w.size * (w @ w) / w.sum() ** 2)
