"""High enough: when the right goal is to keep the score."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr

from cximpact.core.draws import SAMPLE, check_values, order_of
from cximpact.core.errors import AlignmentError
from cximpact.core.scale import ScoreScale
from cximpact.core.validate import check_number, check_prob
from cximpact.goals.direction import check_scale, reaches, sign


@dataclass(frozen=True, kw_only=True, eq=False)
class Enough:
    """Whether a score is high enough.

    Parameters
    ----------
    ceiling : float
        Score above which improvement is not worth its cost.
    probability : float
        Probability that the true score is at least as good.
    threshold : float
        Probability that is asked for.
    """

    ceiling: float
    probability: float
    threshold: float

    @property
    def is_enough(self) -> bool:
        """Whether the goal is to maintain."""
        return self.probability >= self.threshold


def high_enough(
    current: xr.DataArray, ceiling: float, scale: ScoreScale, *, prob: float = 0.9
) -> Enough:
    """Say whether the true score is surely enough as good as a ceiling.

    Parameters
    ----------
    current : xarray.DataArray
        Draws of the true score now, (sample,), such as ``baseline.draws["current"]``.
    ceiling : float
        Score above which improvement is not worth its cost, in score points.
    scale : ScoreScale
        Gives the direction.
    prob : float, default 0.9
        How sure one has to be.

    Returns
    -------
    Enough
        The probability and the verdict.

    Raises
    ------
    AlignmentError
        If the draws have a dimension besides ``sample``.

    Notes
    -----
    ``P(true score >= ceiling) >= prob``, at most instead of at least where lower is better.
    A measured score above the ceiling is not enough: with much survey error the true one may
    well lie below.
    """
    order_of(current)
    if current.dims != (SAMPLE,):
        raise AlignmentError(
            f"draws of the score now have the dimensions {tuple(map(str, current.dims))}; expected "
            "sample alone. Select one period and segment."
        )
    value = check_number(ceiling, "ceiling")
    good = reaches(check_values(current).values, value, check_scale(scale))
    return Enough(ceiling=value, probability=float(np.mean(good)), threshold=check_prob(prob))


def derived_ceiling(
    scores: np.ndarray, value_per_point: xr.DataArray, cost_per_point: float
) -> float:
    """Return the score above which another point is worth less than it costs.

    Parameters
    ----------
    scores : numpy.ndarray, shape (score,)
        Scores, increasing towards the better end.
    value_per_point : xarray.DataArray
        Draws of what one more point is worth at each score, ``(sample, score)``, such as the
        slope of a dose-response times the margin.
    cost_per_point : float
        What one more point costs.

    Returns
    -------
    float
        The first score from which on the expected worth stays below the cost; infinite where it
        never does.

    Raises
    ------
    AlignmentError
        If the draws do not fit the scores.

    Notes
    -----
    The expectation is over the draws; a decision for all customers is neutral to their spread.
    """
    order_of(value_per_point)
    at = np.asarray(scores, dtype=float)
    if value_per_point.ndim != 2 or value_per_point.shape[1] != at.size:
        raise AlignmentError(
            f"value_per_point has the shape {value_per_point.shape}; expected (sample, {at.size})."
        )
    worth = check_values(value_per_point).mean(SAMPLE).values
    cheap = worth < check_number(cost_per_point, "cost_per_point", low=0)
    stays = np.logical_and.accumulate(cheap[::-1])[::-1]
    return float(at[stays.argmax()]) if stays.any() else float("inf")


def maintenance_goal(current: float, detectable: float | None, scale: ScoreScale) -> float:
    """Return the score that must not be missed when the goal is to maintain.

    Parameters
    ----------
    current : float
        Score now, in score points.
    detectable : float or None
        Minimum detectable change of the planned survey; None leaves no margin.
    scale : ScoreScale
        Gives the direction.

    Returns
    -------
    float
        Half a minimum detectable change on the worse side of the score, within the scale: a
        non-inferiority margin, so that survey error alone does not raise an alarm.
    """
    guard = current - sign(scale) * (detectable or 0.0) / 2
    return float(np.clip(guard, *scale.limits))
