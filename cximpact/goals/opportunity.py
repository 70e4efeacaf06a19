"""Percent of opportunity: a goal as a share of the way that is left."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from cximpact.core.errors import ConfigError, warn_data
from cximpact.core.scale import ScoreScale
from cximpact.core.validate import check_number
from cximpact.goals.direction import best, check_score


def percent_of_opportunity(score: ArrayLike, percent: float, scale: ScoreScale) -> Any:
    """Return the goal that closes a share of the gap between a score and the best score.

    Parameters
    ----------
    score : float or array_like
        Where one starts, in score points. A goal starts from the trend baseline, not from
        the current score.
    percent : float
        Share of the opportunity as a fraction: 0.10 for 10 %.
    scale : ScoreScale
        Gives the ends of the score and its direction.

    Returns
    -------
    float or numpy.ndarray
        The goal, between ``score`` and the best score.

    Raises
    ------
    ConfigError
        If ``percent`` is no fraction.
    ScaleError
        If a score lies outside its scale.

    Notes
    -----
    ``g = s + p (best - s)``, with the upper limit of the score as ``best``, or the lower one
    where lower is better. Equal percentages are smaller steps on the way up: 10 % is 5 points
    at 50 and 2 points at 80 on a scale from 0 to 100. The rule assumes that each point costs
    more the fewer are left; nothing in it was estimated.

    Examples
    --------
    >>> from cximpact.core.scale import ScoreScale
    >>> csat = ScoreScale(name="CSAT", low=0, high=100, higher_is_better=True)
    >>> percent_of_opportunity(80, 0.10, csat)
    82.0
    """
    values = check_score(score, scale)
    share = check_fraction(percent, "percent")
    goal = values + share * (best(scale) - values)
    goal = np.full_like(values, best(scale)) if share == 1 else goal
    return goal if goal.ndim else float(goal)


def opportunity_share(score: ArrayLike, goal: ArrayLike, scale: ScoreScale) -> Any:
    """Return which share of the opportunity a goal is; the inverse of the rule.

    Parameters
    ----------
    score : float or array_like
        Where one starts, in score points.
    goal : float or array_like
        The goal, in score points; it may lie beyond the scale.
    scale : ScoreScale
        Gives the ends of the score and its direction.

    Returns
    -------
    float or numpy.ndarray
        As a fraction; negative for a goal below the start, above 1 beyond the scale, NaN
        with a warning where the start is the best score and no opportunity is left.
    """
    values = check_score(score, scale)
    room = best(scale) - values
    if (room == 0).any():
        warn_data(
            f"score is the best score of scale {scale.name} ({best(scale):g}): no opportunity is "
            "left, so its share is NaN. The goal there is to maintain."
        )
    share = share_of_room(values, np.asarray(goal, dtype=float), scale)
    return share if share.ndim else float(share)


def share_of_room(score: Any, goal: Any, scale: ScoreScale) -> np.ndarray:
    """Compute the share of the opportunity without checks.

    Parameters
    ----------
    score, goal : float or array
        Start and goal.
    scale : ScoreScale
        Scale of both.

    Returns
    -------
    numpy.ndarray
        NaN where no opportunity is left.
    """
    room = np.asarray(best(scale) - score, dtype=float)
    gain = np.asarray(goal - score, dtype=float)
    nothing = np.full(np.broadcast_shapes(room.shape, gain.shape), np.nan)
    return np.divide(gain, room, out=nothing, where=room != 0)


def check_fraction(value: Any, name: str) -> float:
    """Check a share from 0 to 1, both allowed.

    Parameters
    ----------
    value : float
        The share.
    name : str
        How the message calls it.

    Returns
    -------
    float
        The checked value.

    Raises
    ------
    ConfigError
        With the fraction that was probably meant when a percentage was given.
    """
    number = check_number(value, name, low=0)
    if number > 1:
        hint = f" Did you mean {number / 100:g}?" if number <= 100 else ""
        raise ConfigError(f"{name} is {value!r}; expected a fraction from 0 to 1.{hint}")
    return number
