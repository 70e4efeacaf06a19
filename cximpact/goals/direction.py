"""Which way is better on a scale, and how far it goes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from cximpact.core.errors import (
    ConfigError,
    DtypeError,
    EmptyDataError,
    NonFiniteError,
    ScaleError,
    rows_phrase,
)
from cximpact.core.scale import ScoreScale
from cximpact.core.validate import as_array


def check_scale(scale: Any) -> ScoreScale:
    """Check that a scale was given.

    Parameters
    ----------
    scale : ScoreScale
        The scale of the score.

    Returns
    -------
    ScoreScale
        The same object.

    Raises
    ------
    ConfigError
        If it is something else, such as a name or a pair of limits.
    """
    if not isinstance(scale, ScoreScale):
        raise ConfigError(
            f"scale is a {type(scale).__name__}; expected a ScoreScale, such as scores.NPS: a goal "
            "needs the ends of the scale and its direction."
        )
    return scale


def sign(scale: ScoreScale) -> float:
    """Return +1 where a higher score is better, -1 where a lower one is.

    Parameters
    ----------
    scale : ScoreScale
        The scale of the score.

    Returns
    -------
    float
        1.0 or -1.0.
    """
    return 1.0 if scale.higher_is_better else -1.0


def best(scale: ScoreScale) -> float:
    """Return the best possible score.

    Parameters
    ----------
    scale : ScoreScale
        The scale of the score.

    Returns
    -------
    float
        The upper limit of the score, or the lower one where lower is better.
    """
    return scale.limits[1] if scale.higher_is_better else scale.limits[0]


def slack(scale: ScoreScale) -> float:
    """Return the difference of scores that is rounding and no difference.

    Parameters
    ----------
    scale : ScoreScale
        The scale of the score.

    Returns
    -------
    float
        A billionth of the range of the score.
    """
    return 1e-9 * (scale.limits[1] - scale.limits[0])


def reaches(score: Any, goal: float, scale: ScoreScale) -> Any:
    """Say where a score is at least as good as a goal.

    Parameters
    ----------
    score : float or array
        Scores.
    goal : float
        The goal.
    scale : ScoreScale
        The scale of both.

    Returns
    -------
    bool or array of bool
        Same shape as ``score``.
    """
    return sign(scale) * (score - goal) >= -slack(scale)


def check_score(score: ArrayLike, scale: ScoreScale, name: str = "score") -> np.ndarray:
    """Check scores against the limits of their scale.

    Parameters
    ----------
    score : array_like
        Scores, in any shape.
    scale : ScoreScale
        The scale.
    name : str, default "score"
        How the message calls them.

    Returns
    -------
    numpy.ndarray
        The scores as floats.

    Raises
    ------
    DtypeError, EmptyDataError, NonFiniteError, ScaleError
        If they are no numbers, none at all, not finite, or outside the limits.
    """
    array = as_array(score, name)
    if array.dtype.kind not in "iuf":
        raise DtypeError(f"{name} has type {array.dtype}; expected numbers.")
    if array.size == 0:
        raise EmptyDataError(f"{name} has 0 values; expected at least 1.")
    values = array.astype(float)
    flat = values.ravel()
    if (wrong := np.flatnonzero(~np.isfinite(flat))).size:
        raise NonFiniteError(f"{name} is NaN or infinite: {rows_phrase(wrong)}.")
    low, high = check_scale(scale).limits
    if (outside := np.flatnonzero((flat < low - slack(scale)) | (flat > high + slack(scale)))).size:
        raise ScaleError(
            f"{name} ranges from {flat.min():g} to {flat.max():g} but scores on scale "
            f"{scale.name} run from {low:g} to {high:g}: {rows_phrase(outside)}."
        )
    return np.clip(values, low, high)
