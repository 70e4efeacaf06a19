"""Scores as plain numbers from plain arrays."""

from __future__ import annotations

from numpy.typing import ArrayLike

from cximpact.core.scale import ScoreScale
from cximpact.core.validate import check_number
from cximpact.scores.counts import count_answers
from cximpact.scores.scales import CSAT5, NPS, PSAT, ces_scale
from cximpact.scores.statistic import Statistic, statistic_of


def nps(answers: ArrayLike, weights: ArrayLike | None = None) -> float:
    """Return the Net Promoter Score.

    Parameters
    ----------
    answers : array_like of whole numbers, shape (n,)
        Likelihood to recommend, 0 to 10, without missing values.
    weights : array_like, shape (n,), optional
        Survey weights.

    Returns
    -------
    float
        Percent promoters (9-10) minus percent detractors (0-6): points from -100 to 100.

    Raises
    ------
    ScaleError, MissingValueError, DtypeError, WeightError
        If the answers or weights cannot be used. Missing answers are never read as 0.

    Warns
    -----
    DataWarning
        If 100 or more answers hold no 0 but both 1 and 10: probably a scale from 1 to 10.

    References
    ----------
    .. [1] Reichheld, F. F. (2003). The one number you need to grow. Harvard Business Review 81,
       46-54.

    Examples
    --------
    >>> nps([10, 9, 8, 3])
    25.0
    """
    return _estimate(answers, NPS, statistic_of(NPS), weights)


def csat(
    answers: ArrayLike,
    scale: ScoreScale = CSAT5,
    top: int = 2,
    weights: ArrayLike | None = None,
) -> float:
    """Return the share of satisfied answers (top-box CSAT).

    Parameters
    ----------
    answers : array_like, shape (n,)
        Answers on ``scale``, without missing values.
    scale : ScoreScale, default CSAT5
        Scale of the answers.
    top : int, default 2
        How many boxes at the good end count as satisfied.
    weights : array_like, shape (n,), optional
        Survey weights.

    Returns
    -------
    float
        A fraction from 0 to 1, not a percentage. For the mean answer see `mean_score`.

    Raises
    ------
    ScaleError, MissingValueError, DtypeError, WeightError, ConfigError
        If answers, weights or the number of boxes cannot be used.

    Examples
    --------
    >>> csat([5, 4, 3, 1])
    0.5
    """
    return _estimate(answers, scale, statistic_of(scale, "top_box", top), weights)


def psat(
    answers: ArrayLike,
    scale: ScoreScale = PSAT,
    top: int | None = None,
    weights: ArrayLike | None = None,
) -> float:
    """Return the share satisfied with a product.

    Parameters
    ----------
    answers : array_like, shape (n,)
        0 (no) or 1 (yes), or answers on another ``scale``; no missing values.
    scale : ScoreScale, default PSAT
        Scale of the answers; `CSAT5` or `CSAT7` where the question has boxes.
    top : int, optional
        How many boxes count as satisfied; the scale's own top band by default.
    weights : array_like, shape (n,), optional
        Survey weights.

    Returns
    -------
    float
        A fraction from 0 to 1.

    Raises
    ------
    ScaleError, MissingValueError, DtypeError, WeightError, ConfigError
        If answers, weights or the number of boxes cannot be used.

    Examples
    --------
    >>> psat([1, 1, 0, 1])
    0.75
    """
    return _estimate(answers, scale, statistic_of(scale, "top_box", top), weights)


def ces(
    answers: ArrayLike,
    *,
    points: int = 7,
    higher_is_better: bool,
    weights: ArrayLike | None = None,
) -> float:
    """Return the Customer Effort Score, the mean answer.

    Parameters
    ----------
    answers : array_like, shape (n,)
        Whole numbers from 1 to ``points``, without missing values.
    points : int, default 7
        Number of answers on the scale.
    higher_is_better : bool
        Direction of the question; there is no default because both are in use.
    weights : array_like, shape (n,), optional
        Survey weights.

    Returns
    -------
    float
        From 1 to ``points``, in the direction of the question: it is not turned round. The
        direction is part of the answer, and `net_ease` and top-box shares depend on it. For the
        scale itself, as `SurveyWave` wants it, see `ces_scale`.

    Raises
    ------
    ScaleError, MissingValueError, DtypeError, WeightError, ConfigError
        If answers, weights or the scale cannot be used.

    Examples
    --------
    >>> ces([7, 6, 5, 2], higher_is_better=True)
    5.0
    """
    scale = ces_scale(points, higher_is_better=higher_is_better)
    return _estimate(answers, scale, statistic_of(scale), weights)


def net_ease(
    answers: ArrayLike,
    *,
    points: int = 7,
    higher_is_better: bool,
    weights: ArrayLike | None = None,
) -> float:
    """Return net ease: easy answers minus hard answers.

    Parameters
    ----------
    answers : array_like, shape (n,)
        Whole numbers from 1 to ``points``, without missing values.
    points : int, default 7
        Number of answers on the scale.
    higher_is_better : bool
        Direction of the question; there is no default.
    weights : array_like, shape (n,), optional
        Survey weights.

    Returns
    -------
    float
        Percent in the two easiest minus percent in the two hardest answers: points from -100 to
        100, above 0 where easy answers prevail.

    Raises
    ------
    ScaleError, MissingValueError, DtypeError, WeightError, ConfigError
        If answers, weights or the scale cannot be used.

    Examples
    --------
    >>> net_ease([7, 6, 4, 1], higher_is_better=True)
    25.0
    """
    scale = ces_scale(points, higher_is_better=higher_is_better)
    return _estimate(answers, scale, statistic_of(scale, "net"), weights)


def mean_score(answers: ArrayLike, scale: ScoreScale, weights: ArrayLike | None = None) -> float:
    """Return the mean answer.

    Parameters
    ----------
    answers : array_like, shape (n,)
        Answers on ``scale``, without missing values.
    scale : ScoreScale
        Scale of the answers.
    weights : array_like, shape (n,), optional
        Survey weights.

    Returns
    -------
    float
        In scale points.

    Raises
    ------
    ScaleError, MissingValueError, DtypeError, WeightError
        If answers or weights cannot be used.

    Examples
    --------
    >>> mean_score([5, 4, 3, 4], CSAT5)
    4.0
    """
    return _estimate(answers, scale, statistic_of(scale, "mean"), weights)


def rescale(score: float, scale: ScoreScale) -> float:
    """Put a mean answer on a scale from 0 to 100.

    Parameters
    ----------
    score : float
        Mean answer, in scale points.
    scale : ScoreScale
        Its scale.

    Returns
    -------
    float
        100 (score - low) / (high - low); the direction stays that of the question.

    Raises
    ------
    ConfigError
        If the score lies outside the scale.

    Examples
    --------
    >>> rescale(4.05, CSAT5)
    76.25
    """
    value = check_number(score, "score", low=scale.low, high=scale.high)
    return 100 * (value - scale.low) / (scale.high - scale.low)


def _estimate(
    answers: ArrayLike, scale: ScoreScale, statistic: Statistic, weights: ArrayLike | None
) -> float:
    counted = count_answers(answers, scale, weights)
    return float(counted.weight @ statistic.values / counted.weight.sum())
