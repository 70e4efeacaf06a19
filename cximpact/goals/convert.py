"""Carry the size of a step from one scale to another."""

from __future__ import annotations

from cximpact.core.scale import ScoreScale
from cximpact.core.validate import check_number
from cximpact.goals.direction import check_scale, sign


def convert_by_sd(gain: float, *, sd_from: float, sd_to: float) -> float:
    """Carry a step over by the spread of individuals, so that it stays equally noticeable.

    Parameters
    ----------
    gain : float
        Step on the first scale, in its points.
    sd_from, sd_to : float
        Standard deviations of individual scores on both scales.

    Returns
    -------
    float
        Step on the second scale: ``gain x sd_to / sd_from``.

    Examples
    --------
    >>> convert_by_sd(5, sd_from=20, sd_to=160)
    40.0
    """
    first = check_number(sd_from, "sd_from", low=0, open_low=True)
    second = check_number(sd_to, "sd_to", low=0, open_low=True)
    return check_number(gain, "gain") * second / first


def convert_by_range(gain: float, *, scale_from: ScoreScale, scale_to: ScoreScale) -> float:
    """Carry a step over by the range of the scores.

    Parameters
    ----------
    gain : float
        Step on the first scale, in its points.
    scale_from, scale_to : ScoreScale
        Both scales.

    Returns
    -------
    float
        Step on the second scale: ``gain x range_to / range_from``, with the other sign where
        one scale runs the other way. It ignores that answers may bunch differently, so
        `convert_by_sd` is to be preferred where both spreads are known.
    """
    first, second = (check_scale(s).limits for s in (scale_from, scale_to))
    ratio = (second[1] - second[0]) / (first[1] - first[0])
    return check_number(gain, "gain") * ratio * sign(scale_from) * sign(scale_to)
