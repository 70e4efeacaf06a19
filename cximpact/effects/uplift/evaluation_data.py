"""Held-out customers on whom scores are judged, checked once."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from cximpact.core.errors import (
    ClusterError,
    DataError,
    MissingValueError,
    NoControlError,
    NoTreatedError,
    OverlapError,
    SmallSampleWarning,
    TreatmentError,
    ZeroVarianceError,
    join_names,
    rows_phrase,
)
from cximpact.core.fingerprint import fingerprint
from cximpact.core.validate import as_array, check_vector, check_weights

FEW_CLUSTERS = 10


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class HeldOut:
    """Customers that no score was fitted on, with what was done to them and what came of it.

    Parameters
    ----------
    outcome : array_like, shape (n,)
        What happened: 0 or 1, a count, an amount of money.
    treatment : array_like, shape (n,)
        1 for treated, 0 for untreated.
    pseudo_outcome : array_like, shape (n,), optional
        Doubly robust scores of the effect, made without the customer's own row. By default they
        are made from the means of the two arms, which is right for a randomized treatment.
    propensity : array_like, shape (n,), optional
        Probability of treatment, strictly between 0 and 1; by default the treated share.
    weights : array_like, shape (n,), optional
        Weights of the customers. Whole numbers count customers: a row of weight 3 is three rows.
    cluster : array_like, shape (n,), optional
        What is drawn together, such as the store; by default the row.

    Notes
    -----
    Scores must not have been fitted on these rows: then the best rank first by luck alone.
    """

    outcome: ArrayLike
    treatment: ArrayLike
    pseudo_outcome: ArrayLike | None = None
    propensity: ArrayLike | None = None
    weights: ArrayLike | None = None
    cluster: ArrayLike | None = None

    def __post_init__(self) -> None:
        outcome = check_vector(self.outcome, "outcome")
        n = outcome.size
        treatment = _arms(self.treatment, n)
        weights = check_weights(self.weights, n)
        _both_arms(treatment, weights)
        propensity = None if self.propensity is None else _propensity(self.propensity, n)
        given = self.pseudo_outcome
        if given is None:
            gamma = _pseudo_outcome(outcome, treatment, weights, propensity)
        else:
            gamma = vector(given, n, "pseudo_outcome")
        cluster = None if self.cluster is None else cluster_codes(self.cluster, n)
        fields = {
            "outcome": outcome,
            "treatment": treatment,
            "pseudo_outcome": gamma,
            "propensity": propensity,
            "weights": weights,
            "cluster": cluster,
        }
        for name, value in fields.items():
            if value is not None:
                value.setflags(write=False)
            object.__setattr__(self, name, value)

    def __repr__(self) -> str:
        return f"HeldOut({self.n:,} rows)"

    @property
    def n(self) -> int:
        """How many rows there are."""
        return np.asarray(self.outcome).size

    @property
    def n_clusters(self) -> int | None:
        """How many clusters have a weight; None where rows are drawn one by one."""
        if self.cluster is None:
            return None
        return np.unique(np.asarray(self.cluster)[np.asarray(self.weights) > 0]).size

    @cached_property
    def binary(self) -> bool:
        """Whether every outcome is 0 or 1."""
        return bool(np.isin(np.asarray(self.outcome), (0.0, 1.0)).all())

    @property
    def randomized(self) -> bool:
        """Whether the probability of treatment is the same for everybody, as far as is known."""
        return self.propensity is None or float(np.ptp(np.asarray(self.propensity))) < 1e-9

    @cached_property
    def data_hash(self) -> str:
        """Fingerprint of the data."""
        parts = (self.outcome, self.treatment, self.pseudo_outcome, self.weights, self.cluster)
        return fingerprint(*(np.asarray(p) for p in parts if p is not None))


def vector(values: ArrayLike, n: int, name: str) -> np.ndarray:
    """Check a vector with one finite number a row.

    Parameters
    ----------
    values : array_like, shape (n,)
        Numbers.
    n : int
        How many rows there are.
    name : str
        How the message calls it.

    Returns
    -------
    numpy.ndarray, shape (n,)
        A float copy.

    Raises
    ------
    DataError
        If there are more or fewer than ``n``.
    """
    out = check_vector(values, name)
    if out.size != n:
        raise DataError(f"{name} has {out.size:,} values for {n:,} rows; expected one a row.")
    return out


def score_vector(score: ArrayLike, n: int, name: str = "score") -> np.ndarray:
    """Check a score that ranks customers.

    Parameters
    ----------
    score : array_like, shape (n,)
        Higher is treated first.
    n : int
        How many rows there are.
    name : str, default "score"
        How the message calls it.

    Returns
    -------
    numpy.ndarray, shape (n,)
        A float copy.

    Raises
    ------
    ZeroVarianceError
        If all scores are equal: they rank nobody before anybody.
    """
    out = vector(score, n, name)
    if out.min() == out.max():
        raise ZeroVarianceError(
            f"{name} is {out[0]:g} in all {n:,} rows, so it ranks nobody; expected at least two "
            "values. Judge a score that varies; for everybody alike, look at the average effect."
        )
    return out


def check_varies(data: HeldOut) -> None:
    """Check that outcomes vary among the rows with a weight.

    Parameters
    ----------
    data : HeldOut
        Customers.

    Raises
    ------
    ZeroVarianceError
        If all outcomes are equal.
    """
    y = np.asarray(data.outcome)[np.asarray(data.weights) > 0]
    if y.min() == y.max():
        raise ZeroVarianceError(
            f"the outcome is {y[0]:g} in every row; a ranking by effect needs outcomes that vary."
        )


def cluster_codes(cluster: ArrayLike, n: int) -> np.ndarray:
    """Give the clusters of rows numbers from 0.

    Parameters
    ----------
    cluster : array_like, shape (n,)
        Labels of any type.
    n : int
        How many rows there are.

    Returns
    -------
    numpy.ndarray of int, shape (n,)
        Codes, in the order of first appearance.

    Raises
    ------
    DataError, MissingValueError, ClusterError
        If the length is wrong, labels are missing, or there is only one cluster.
    """
    codes, labels = pd.factorize(pd.Series(np.asarray(cluster)))
    if codes.size != n:
        raise DataError(f"cluster has {codes.size:,} values for {n:,} rows; expected one a row.")
    if (missing := np.flatnonzero(codes < 0)).size:
        raise MissingValueError(f"cluster is missing in {rows_phrase(missing)}; fill it in.")
    if len(labels) < 2:
        raise ClusterError("all rows are in 1 cluster; a standard error needs at least 2.")
    if len(labels) < FEW_CLUSTERS:
        warnings.warn(
            f"there are {len(labels)} clusters; errors from fewer than {FEW_CLUSTERS} are rough.",
            SmallSampleWarning,
            stacklevel=3,
        )
    return codes.astype(np.int64)


def _arms(treatment: ArrayLike, n: int) -> np.ndarray:
    array = as_array(treatment, "treatment")
    if array.dtype.kind == "b":
        array = array.astype(float)
    arms = vector(array, n, "treatment")
    if not np.isin(arms, (0.0, 1.0)).all():
        found = [f"{v:g}" for v in np.unique(arms)]
        raise TreatmentError(
            f"treatment has the values {join_names(found)}; expected 0 (untreated) and 1 "
            "(treated). Recode it, and with several arms judge one against the control at a time."
        )
    return arms


def _both_arms(treatment: np.ndarray, weights: np.ndarray) -> None:
    counted = treatment[weights > 0]
    if not counted.any():
        raise NoTreatedError("no row is treated; expected treatment 1 in at least one row.")
    if counted.all():
        raise NoControlError("every row is treated; expected treatment 0 in at least one row.")


def _propensity(propensity: ArrayLike, n: int) -> np.ndarray:
    out = vector(propensity, n, "propensity")
    if (bad := np.flatnonzero((out <= 0) | (out >= 1))).size:
        raise OverlapError(
            f"propensity is not strictly between 0 and 1 in {rows_phrase(bad)}; there treated and "
            "untreated cannot be compared. Leave these customers out and say so."
        )
    return out


def _pseudo_outcome(
    outcome: np.ndarray, treatment: np.ndarray, weights: np.ndarray, propensity: np.ndarray | None
) -> np.ndarray:
    """Doubly robust scores with one constant mean an arm."""
    share = (weights * treatment).sum() / weights.sum()
    e = np.full(outcome.size, share) if propensity is None else propensity
    by_arm = weights * treatment / e, weights * (1 - treatment) / (1 - e)
    treated, untreated = ((w * outcome).sum() / w.sum() for w in by_arm)
    residual = treatment * (outcome - treated) / e
    return treated - untreated + residual - (1 - treatment) * (outcome - untreated) / (1 - e)
