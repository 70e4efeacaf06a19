"""Answers, counted: all that a score and its variance need to know."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from cximpact.core.errors import WeightError, warn_data
from cximpact.core.scale import ScoreScale
from cximpact.core.validate import check_vector, check_weights


@dataclass(frozen=True, kw_only=True, eq=False)
class AnswerCounts:
    """Counts of the answers on a scale.

    Parameters
    ----------
    count, weight, weight_sq : numpy.ndarray, shape (category,)
        Answers, their weights and their squared weights, summed.
    """

    count: np.ndarray
    weight: np.ndarray
    weight_sq: np.ndarray

    @property
    def shares(self) -> np.ndarray:
        """Weighted share of each answer, shape (category,)."""
        return self.weight / self.weight.sum()


def count_answers(
    answers: ArrayLike, scale: ScoreScale, weights: ArrayLike | None = None, name: str = "answers"
) -> AnswerCounts:
    """Check answers against their scale and count them.

    Parameters
    ----------
    answers : array_like, shape (n,)
        Answers without missing values.
    scale : ScoreScale
        Scale of the answers.
    weights : array_like, shape (n,), optional
        Survey weights, at least 0.
    name : str, default "answers"
        How messages call the answers.

    Returns
    -------
    AnswerCounts
        One entry a category of the scale.

    Raises
    ------
    ScaleError, MissingValueError, NonFiniteError, DtypeError, EmptyDataError
        If the answers are not usable.
    WeightError
        If the weights are not.

    Warns
    -----
    DataWarning
        If 100 or more answers on a scale from 0 look like answers on a scale from 1.
    """
    codes = scale.codes(answers, name)
    size = scale.n_categories
    count = np.bincount(codes, minlength=size).astype(float)
    seen = np.flatnonzero(count)
    ends = scale.values[seen[[0, -1]]]
    if hint := scale.shift_hint(ends[0], ends[1], codes.size, int(count[seen[0]])):
        warn_data(f"{name}: {hint}")
    if weights is None:
        return AnswerCounts(count=count, weight=count, weight_sq=count)
    w = check_weights(weights, codes.size)
    return AnswerCounts(
        count=count,
        weight=np.bincount(codes, weights=w, minlength=size),
        weight_sq=np.bincount(codes, weights=w * w, minlength=size),
    )


def check_counts(counts: ArrayLike, name: str = "counts") -> np.ndarray:
    """Check a vector of counts: none negative, not all zero.

    Parameters
    ----------
    counts : array_like, shape (category,)
        Counts, or sums of weights.
    name : str, default "counts"
        How messages call them.

    Returns
    -------
    numpy.ndarray, shape (category,)
        As floats.

    Raises
    ------
    WeightError
        If a count is negative or all are zero.
    """
    array = check_vector(counts, name)
    if (array < 0).any() or not array.sum() > 0:
        raise WeightError(
            f"{name} runs from {array.min():g} and sums to {array.sum():g}; expected counts of at "
            "least 0 with a positive sum."
        )
    return array
