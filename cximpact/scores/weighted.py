"""Weighted, clustered and stratified scores: variance by linearization."""

from __future__ import annotations

import warnings
from collections.abc import Hashable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from cximpact.core.errors import (
    ClusterError,
    DesignError,
    DtypeError,
    MissingValueError,
    SmallSampleWarning,
    WeightError,
    join_names,
    rows_phrase,
)
from cximpact.core.validate import check_vector, check_weights
from cximpact.scores.variance import kish_deff, sampled_fraction

FEW_CLUSTERS = 10


@dataclass(frozen=True, kw_only=True)
class WeightedScore:
    """A weighted mean with its variance by linearization.

    Parameters
    ----------
    estimate, std_error : float
        In the unit of the values.
    df : int
        Degrees of freedom: primary units less strata.
    n : int
        Answers.
    n_eff : float
        Answers of a simple random sample with the same weights, ``n / deff``.
    deff : float
        Kish's design effect of the weights.
    variance : str
        How the variance was found, in words.
    """

    estimate: float
    std_error: float
    df: int
    n: int
    n_eff: float
    deff: float
    variance: str


def stratified_variance(
    first: np.ndarray, second: np.ndarray, n_units: np.ndarray, fraction: np.ndarray | float = 0.0
) -> np.ndarray:
    """Add up the variance of a total over strata.

    Parameters
    ----------
    first, second : numpy.ndarray, shape (..., stratum)
        Sums and sums of squares of the linearized primary units.
    n_units : numpy.ndarray, shape (..., stratum)
        Primary units in each stratum of the sample, at least 2 where any are.
    fraction : numpy.ndarray or float, default 0
        Sampled fraction of each stratum.

    Returns
    -------
    numpy.ndarray
        Variance, without the last axis.

    Notes
    -----
    sum_h (1 - f_h) n_h / (n_h - 1) (sum u^2 - (sum u)^2 / n_h).
    """
    some = n_units > 0
    safe = np.where(some, n_units, 2)
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = safe / (safe - 1) * np.maximum(second - first**2 / safe, 0)
    return np.sum(np.where(some, (1 - np.asarray(fraction)) * spread, 0.0), axis=-1)


def weighted_score(
    values: ArrayLike,
    weights: ArrayLike | None = None,
    *,
    clusters: ArrayLike | None = None,
    strata: ArrayLike | None = None,
    populations: Mapping[Hashable, float] | None = None,
    design: str | None = None,
) -> WeightedScore:
    """Estimate a mean from a weighted, clustered or stratified sample.

    Parameters
    ----------
    values : array_like, shape (n,)
        What each answer counts for; (-100, 0, 100) for the NPS.
    weights : array_like, shape (n,), optional
        Survey weights; where ``populations`` is given, N_h / n_h by default.
    clusters : array_like, shape (n,), optional
        Primary sampling unit of each answer, such as the store or the household.
    strata : array_like, shape (n,), optional
        Stratum of each answer.
    populations : mapping of stratum to float, optional
        Size of each stratum, for a finite population whose own score is the target.
    design : {"srs"}, optional
        Needed with ``populations``: simple random samples within strata.

    Returns
    -------
    WeightedScore
        Estimate, standard error and what they rest on.

    Raises
    ------
    ClusterError
        If a stratum holds a single primary unit.
    WeightError, DesignError
        If weights, strata or populations do not fit together.

    Warns
    -----
    SmallSampleWarning
        With fewer than 10 clusters.

    Notes
    -----
    Estimand: the mean over the population that the weights stand for. S = sum w s / sum w; the
    variance is that of the linearized values u = w (s - S) / sum w, summed within clusters, by
    strata: n/(n-1) sum u^2 without either [1]_. It takes clusters as drawn with replacement, which
    errs on the safe side; correct for a finite population only where no clusters are given.

    References
    ----------
    .. [1] Lumley, T. (2004). Analysis of complex survey samples. Journal of Statistical
       Software 9(8).
    """
    s = check_vector(values, "values")
    groups, levels = label_codes(strata, s.size, "strata")
    units, unit_levels = label_codes(clusters, s.size, "clusters")
    fraction = _fractions(groups, levels, populations, design, clusters is not None)
    if weights is None and populations is not None:
        w = (1 / fraction)[groups]
    else:
        w = check_weights(weights, s.size)
    estimate = float(w @ s / w.sum())
    u = w * (s - estimate) / w.sum()
    if clusters is not None:
        pairs, first_row, inverse = np.unique(
            np.stack([groups, units]), axis=1, return_index=True, return_inverse=True
        )
        u, groups = np.bincount(inverse.ravel(), weights=u), groups[first_row]
        if np.unique(pairs[1]).size < pairs.shape[1]:
            raise ClusterError(
                "a cluster lies in more than one stratum; strata hold whole clusters."
            )
    n_units = np.bincount(groups, minlength=len(levels)).astype(float)
    _check_units(n_units, levels, "clusters" if clusters is not None else "answers")
    first = np.bincount(groups, weights=u, minlength=len(levels))
    second = np.bincount(groups, weights=u * u, minlength=len(levels))
    variance = float(stratified_variance(first, second, n_units, fraction))
    if clusters is not None and len(unit_levels) < FEW_CLUSTERS:
        warnings.warn(
            f"only {len(unit_levels)} clusters: the standard error is rough; use t with df="
            f"{len(unit_levels) - len(levels)} and prefer 10 clusters or more.",
            SmallSampleWarning,
            stacklevel=2,
        )
    deff = kish_deff(w)
    return WeightedScore(
        estimate=estimate,
        std_error=float(np.sqrt(variance)),
        df=int(n_units.sum()) - len(levels),
        n=s.size,
        n_eff=s.size / deff,
        deff=deff,
        variance=describe(clusters is not None, strata is not None, populations is not None),
    )


def describe(clustered: bool, stratified: bool, finite: bool) -> str:
    """Say in words how a variance was found.

    Parameters
    ----------
    clustered, stratified, finite : bool
        Whether it used clusters, strata and a finite-population correction.

    Returns
    -------
    str
        Such as ``"linearized; clusters within strata"``.
    """
    parts = ["clusters"] if clustered else ["answers"]
    parts += ["within strata"] if stratified else []
    tail = "; finite-population correction" if finite else ""
    return f"linearized; {' '.join(parts)}{tail}"


def label_codes(labels: ArrayLike | None, n: int, name: str) -> tuple[np.ndarray, list[Hashable]]:
    """Give numbers to the labels of clusters or strata.

    Parameters
    ----------
    labels : array_like, shape (n,), or None
        Labels; None puts all rows into one.
    n : int
        How many rows there are.
    name : str
        How messages call the labels.

    Returns
    -------
    tuple
        Number of each row's label, shape (n,), and the labels.

    Raises
    ------
    DtypeError, MissingValueError
        If there is not one label a row.
    """
    if labels is None:
        return np.zeros(n, dtype=int), [None]
    array = np.asarray(labels)
    if array.ndim != 1 or array.size != n:
        raise DtypeError(f"{name} has shape {array.shape} for {n} values; expected one a value.")
    if (missing := np.flatnonzero(pd.isna(array))).size:
        raise MissingValueError(f"{name} is missing in {rows_phrase(missing)}; give them a level.")
    codes, levels = pd.factorize(array, sort=False)
    return codes, list(levels)


def _fractions(
    groups: np.ndarray,
    levels: list[Hashable],
    populations: Mapping[Hashable, float] | None,
    design: str | None,
    clustered: bool,
) -> np.ndarray:
    if populations is None:
        return np.zeros(len(levels))
    if clustered:
        raise DesignError("populations count answers, not clusters; leave one of the two out.")
    if missing := [level for level in levels if level not in populations]:
        raise WeightError(
            f"populations lacks {join_names(missing)}; expected the size of every stratum."
        )
    sizes = np.bincount(groups, minlength=len(levels))
    pairs = zip(sizes, levels, strict=True)
    return np.array([sampled_fraction(float(n), populations[level], design) for n, level in pairs])


def _check_units(n_units: np.ndarray, levels: list[Hashable], what: str) -> None:
    lonely = [str(level) for level, n in zip(levels, n_units, strict=True) if n < 2]
    if lonely:
        where = f" in stratum {join_names(lonely)}" if levels != [None] else ""
        raise ClusterError(
            f"fewer than 2 {what}{where}; a variance needs 2. Merge strata, or gather more."
        )
