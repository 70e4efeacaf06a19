"""The usual score scales."""

from __future__ import annotations

from cximpact.core.errors import ConfigError
from cximpact.core.scale import ScoreScale
from cximpact.core.validate import check_count

NPS = ScoreScale(
    name="NPS",
    low=0,
    high=10,
    higher_is_better=True,
    bands={"detractor": (0, 6), "passive": (7, 8), "promoter": (9, 10)},
    weights={"detractor": -100.0, "passive": 0.0, "promoter": 100.0},
    unit="NPS points",
    score_range=(-100.0, 100.0),
)
"""Likelihood to recommend, 0 to 10; the score is % promoters - % detractors, in points."""

CSAT5 = ScoreScale(
    name="CSAT5", low=1, high=5, higher_is_better=True, bands={"top": (4, 5), "bottom": (1, 2)}
)
"""Satisfaction, 1 to 5; the score is the mean answer, the top band the top two boxes."""

CSAT7 = ScoreScale(
    name="CSAT7", low=1, high=7, higher_is_better=True, bands={"top": (6, 7), "bottom": (1, 2)}
)
"""Satisfaction, 1 to 7; the score is the mean answer, the top band the top two boxes."""

PSAT = ScoreScale(
    name="PSAT",
    low=0,
    high=1,
    higher_is_better=True,
    bands={"top": (1, 1), "bottom": (0, 0)},
    unit="share satisfied",
)
"""Satisfaction with a product, no (0) or yes (1); the score is the share satisfied."""


def ces_scale(points: int = 7, *, higher_is_better: bool) -> ScoreScale:
    """Build a customer effort scale from 1 to ``points``.

    Parameters
    ----------
    points : int, default 7
        Number of answers, at least 3.
    higher_is_better : bool
        Direction, which has no default because both are in use: True for "how easy was it?",
        False for "how much effort did it take?".

    Returns
    -------
    ScoreScale
        The score is the mean answer. The band ``"top"`` holds the easy end: the best three of
        seven or more answers (5 and up of 7), the best two of fewer. ``"easy"`` and ``"hard"``
        hold the best and worst two answers (one of three), for `net_ease`.

    Raises
    ------
    ConfigError
        If the direction is not True or False, or there are fewer than three points.
    """
    points = check_count(points, "points", low=3)
    if not isinstance(higher_is_better, bool):
        raise ConfigError(
            f"higher_is_better is {higher_is_better!r}; expected True (easy answers are high) or "
            "False (high answers mean much effort)."
        )
    top, end = (3 if points >= 7 else 2 if points > 3 else 1), (2 if points > 3 else 1)
    upper = {n: (points - n + 1, points) for n in (1, 2, 3)}
    lower = {n: (1, n) for n in (1, 2, 3)}
    good, bad = (upper, lower) if higher_is_better else (lower, upper)
    return ScoreScale(
        name=f"CES{points}",
        low=1,
        high=points,
        higher_is_better=higher_is_better,
        bands={"top": good[top], "easy": good[end], "hard": bad[end]},
    )
