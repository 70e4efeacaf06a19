"""Seasons and fading slopes: what a straight trend must be relieved of, and given back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from cximpact.core.errors import DesignError, InsufficientPeriodsError
from cximpact.core.validate import check_choice, check_count, check_number
from cximpact.goals.forecast import Forecast, History

KINDS = ("auto", "local_linear", "ols", "theil_sen", "flat")
Forecaster = Callable[[History, np.random.Generator], Forecast]


@dataclass(frozen=True, kw_only=True)
class Trend:
    """How a score is forecast, with season and fading.

    Parameters
    ----------
    kind : {"auto", "local_linear", "ols", "theil_sen", "flat"}
        The trend, as in `trend_baseline`.
    season : int, optional
        Periods of a season, such as 4 for quarters of a year; at least two whole seasons must
        have been seen. Seasonal levels are estimated beside a straight line.
    damping : float, default 1
        Factor by which the slope fades each period ahead; 1 goes on for ever.
    """

    kind: str = "auto"
    season: int | None = None
    damping: float = 1.0

    def __post_init__(self) -> None:
        check_choice(self.kind, "kind", KINDS)
        check_number(self.damping, "damping", low=0, high=1)
        if self.season is not None:
            check_count(self.season, "season", low=2)

    def words(self) -> str:
        """Return what is added to the name of the method.

        Returns
        -------
        str
            Such as ``" with a season of 4 periods"``.
        """
        season = f" with a season of {self.season} periods" if self.season else ""
        fading = f", its slope fading by {self.damping:g} a period" if self.damping < 1 else ""
        return season + fading


def with_season(
    history: History, trend: Trend, forecast: Forecaster, rng: np.random.Generator
) -> Forecast:
    """Forecast without the season and give it back; then let the slope fade.

    Parameters
    ----------
    history : History
        Scores.
    trend : Trend
        Season and damping.
    forecast : callable
        Forecast of a history without season.
    rng : Generator
        Randomness.

    Returns
    -------
    Forecast
        With the season of the periods ahead.

    Raises
    ------
    DesignError, InsufficientPeriodsError
        If times are no whole steps, or fewer than two seasons were seen.

    Notes
    -----
    Each draw of the history has its own seasonal levels, from least squares on a line and
    seasonal dummies, so that their uncertainty stays with the draws. With a season the
    predictive distribution is no exact t distribution.
    """
    if trend.season is None:
        return _fading(forecast(history, rng), history, trend.damping)
    design, ahead = _seasonal(history, trend.season)
    solve = np.linalg.pinv(design)
    noise = _noise(history, design, solve)
    around = history.draws + noise * rng.standard_normal(history.draws.shape)
    at_point = solve @ history.estimate
    each = around @ solve.T
    plain = replace(
        history,
        estimate=history.estimate - design[:, 2:] @ at_point[2:],
        draws=history.draws - each[:, 2:] @ design[:, 2:].T,
        used=trend.season - 1,
    )
    found = _fading(forecast(plain, rng), plain, trend.damping)
    return Forecast(
        point=found.point + ahead @ at_point[2:],
        true=found.true + each[:, 2:] @ ahead.T,
        extra=found.extra,
    )


def _seasonal(history: History, season: int) -> tuple[np.ndarray, np.ndarray]:
    """Line and centered seasonal dummies for what was seen; the dummies for what is ahead."""
    steps = np.concatenate([history.time, history.future])
    if not np.allclose(steps, np.rint(steps), atol=1e-6):
        raise DesignError("periods is not on a grid of equal steps, which a season needs.")
    place = np.rint(steps).astype(int) % season
    seen = history.time.size
    if history.time[-1] + 1 < 2 * season or seen < season + 3:
        raise InsufficientPeriodsError(
            f"{seen} periods were seen; a season of {season} needs two whole seasons."
        )
    if missing := sorted(set(place[seen:]) - set(place[:seen])):
        raise DesignError(
            f"place {missing[0]} of the season lies ahead and was never seen; shorten the horizon."
        )
    dummies = (place[:, None] == np.arange(1, season)).astype(float) - (place == 0)[:, None]
    line = np.column_stack([np.ones(seen), history.time - history.time.mean()])
    return np.column_stack([line, dummies[:seen]]), dummies[seen:]


def _noise(history: History, design: np.ndarray, solve: np.ndarray) -> float:
    """Return the spread of the score around line and season, less the survey error."""
    rest = history.estimate - design @ (solve @ history.estimate)
    df = max(history.estimate.size - design.shape[1], 1)
    survey = 0.0 if history.survey_cov is None else float(np.diag(history.survey_cov).mean())
    return float(np.sqrt(max(rest @ rest / df - survey, 0.0)))


def _fading(found: Forecast, history: History, damping: float) -> Forecast:
    """Move the forecast by what the slope loses; its spread stays."""
    if damping == 1.0:
        return found
    start = found.point[0] - (found.point[-1] - found.point[0]) / max(found.point.size - 1, 1)
    if found.point.size == 1:
        start = _level(history)
    steps = np.diff(found.point, prepend=start)
    lost = np.cumsum((damping ** np.arange(1, steps.size + 1) - 1) * steps)
    return replace(found, point=found.point + lost, true=found.true + lost)


def _level(history: History) -> float:
    """Where a straight line through the history ends."""
    slope, level = np.polyfit(history.time - history.time[-1], history.estimate, 1)
    return float(level) if np.isfinite(slope) else float(history.estimate[-1])
