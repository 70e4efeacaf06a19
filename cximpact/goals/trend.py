"""From a history of scores to the trend baseline."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike
from scipy import special

from cximpact.core import draws as dr
from cximpact.core.errors import (
    ConfigError,
    DesignError,
    InsufficientPeriodsError,
    SmallSampleWarning,
)
from cximpact.core.fingerprint import fingerprint
from cximpact.core.results import Provenance
from cximpact.core.rng import RngLike, seed_of, spawn
from cximpact.core.scale import ScoreScale
from cximpact.core.validate import check_choice, check_count, check_number
from cximpact.goals.baseline import TrendBaseline
from cximpact.goals.direction import check_scale
from cximpact.goals.forecast import Forecast, History, flat, ols, theil_sen
from cximpact.goals.history import Seen, read_history, time_axis, working_history
from cximpact.goals.local_linear import local_linear
from cximpact.goals.season import Forecaster, Trend, with_season

PRIOR_SLOPE = 0.025
"""Prior sd of a slope that nobody has seen, as a share of the scale's range, a period."""
_WORDS = {
    "local_linear": "a local linear trend",
    "ols": "a least squares line",
    "theil_sen": "a Theil-Sen line",
    "flat": "the last score",
}
_MIN_PERIODS, _MIN_LOCAL = 4, 8


def trend_baseline(
    periods: Sequence[Any] | ArrayLike | None,
    estimates: ArrayLike | xr.DataArray,
    std_errors: ArrayLike | None = None,
    *,
    scale: ScoreScale | None = None,
    horizon: int = 1,
    method: str | Trend = "auto",
    next_std_error: float | None = None,
    rng: RngLike = None,
    n_draws: int = 4000,
) -> TrendBaseline:
    """Forecast a score as it would go on without any initiative.

    Parameters
    ----------
    periods : sequence of length n_periods, or None
        When the scores were measured, in order. Numbers keep their gaps (a missing year is a
        gap of two), and so do `pandas.Period` values; anything else counts as equally
        spaced. None takes the coordinate of the draws.
    estimates : array_like of shape (n_periods,), or DataArray (sample, period)
        Scores, or draws of the whole history such as imputed scores: then their joint
        uncertainty flows into the forecast, draw by draw.
    std_errors : array_like, shape (n_periods,), optional
        Standard errors of the scores. They are taken as known: what they explain is not
        taken for movement of the score. Not with draws, which carry their own.
    scale : ScoreScale, optional
        Limits and direction. A goal needs it.
    horizon : int, default 1
        How many periods ahead.
    method : {"auto", "local_linear", "ols", "theil_sen", "flat"} or Trend
        A `Trend` adds a season or a fading slope. "auto" takes the local linear trend from 8
        periods on, a least squares line from 4 to 7, and with fewer the last score with a wide
        prior on the slope.
    next_std_error : float, optional
        Standard error of the survey to come; by default as in the past.
    rng : int or Generator, optional
        Randomness of the draws.
    n_draws : int, default 4000
        How many; draws of a history keep their number.

    Returns
    -------
    TrendBaseline
        Draws of the true and of the measured score for each period ahead.

    Raises
    ------
    InsufficientPeriodsError
        If a trend method was asked for by name and there are fewer than 4 periods.
    DataError, ScaleError, AlignmentError, DesignError
        If periods, scores and errors do not fit together or the scale.

    Warns
    -----
    SmallSampleWarning
        With fewer than 4 periods: insufficient for a trend.

    Notes
    -----
    Estimand: the score in the periods ahead if the past pattern goes on. The interval is a
    *prediction* interval, wider than the confidence interval of the line: it holds the
    movement of the score around its trend and, for the measured score, the survey error to
    come. It breaks when the population surveyed, the questionnaire or the market changes.

    The local linear trend is fitted to the logit of the score within its limits, where all
    scores lie inside them; the other methods are linear and their draws are clipped to the
    limits. The notes of the result say which, and how many draws were clipped.

    Examples
    --------
    >>> trend_baseline([1, 2, 3, 4, 5], [58, 56, 54, 52, 50], method="ols", rng=1).base
    48.0
    """
    horizon, seed = check_count(horizon, "horizon"), seed_of(rng)
    how = method if isinstance(method, Trend) else Trend(kind=_checked(method))
    if scale is not None:
        check_scale(scale)
    if next_std_error is not None:
        check_number(next_std_error, "next_std_error", low=0)
    seen = read_history(periods, estimates, std_errors, scale)
    time, ahead, names = time_axis(seen.periods, horizon)
    chosen, note = _choose(how.kind, time)
    limits = _logit_limits(chosen, seen, scale)
    settings = {
        "horizon": horizon,
        "method": chosen + how.words(),
        "scale": scale.name if scale else "",
        "next_std_error": next_std_error,
        "n_draws": check_count(n_draws, "n_draws"),
    }
    data = fingerprint(seen.scores, seen.std_errors, [str(p) for p in seen.periods])
    source = Provenance(
        method="trend_baseline",
        data_hash=data,
        settings=settings,
        seed=seed,
        parents=tuple(seen.order),
        notes=(*seen.notes, *note),
    )
    streams = spawn(seed, *(f"{name} {data}" for name in ("history", "trend", "survey")))
    history = working_history(seen, (time, ahead), limits, n_draws, streams[0])
    forecast = with_season(history, how, _forecaster(chosen, scale), streams[1])
    return _Assembly(
        seen=seen,
        history=history,
        forecast=forecast,
        scale=scale,
        limits=limits,
        names=names,
        next_std_error=next_std_error,
        words=_WORDS[chosen] + how.words(),
    ).result(source, streams[2])


def _checked(method: str) -> str:
    return check_choice(method, "method", ("auto", *_WORDS))


def _choose(method: str, time: np.ndarray) -> tuple[str, tuple[str, ...]]:
    n, is_whole = time.size, bool(np.allclose(time, np.rint(time), atol=1e-6))
    if method == "auto":
        if n < _MIN_PERIODS:
            message = (
                f"{n} {'period is' if n == 1 else 'periods are'} insufficient for a trend (at "
                f"least {_MIN_PERIODS}): the baseline is the last score with a wide prior on its "
                f"slope, {PRIOR_SLOPE:.1%} of the scale a period."
            )
            warnings.warn(message, SmallSampleWarning, stacklevel=3)
            return "flat", (message,)
        return ("local_linear" if n >= _MIN_LOCAL and is_whole else "ols"), ()
    if method != "flat" and n < _MIN_PERIODS:
        raise InsufficientPeriodsError(
            f"method={method!r} has {n} periods; a trend needs at least {_MIN_PERIODS}. "
            "method='auto' takes the last score with a wide prior on the slope."
        )
    if method == "local_linear" and not is_whole:
        raise DesignError(
            "periods is not on a grid of equal steps, which a local linear trend needs; use "
            "method='ols' or 'theil_sen'."
        )
    return method, ()


def _logit_limits(chosen: str, seen: Seen, scale: ScoreScale | None) -> tuple[float, float] | None:
    if scale is None or chosen != "local_linear":
        return None
    low, high = scale.limits
    inside = (seen.scores > low) & (seen.scores < high)
    return (low, high) if inside.all() else None


def _forecaster(chosen: str, scale: ScoreScale | None) -> Forecaster:
    if chosen != "flat":
        return {"ols": ols, "theil_sen": theil_sen, "local_linear": local_linear}[chosen]
    if scale is None:
        raise ConfigError("A flat baseline needs scale=, which sets how wide its prior is.")
    low, high = scale.limits
    return lambda history, rng: flat(history, rng, PRIOR_SLOPE * (high - low))


@dataclass(frozen=True, kw_only=True, eq=False)
class _Assembly:
    """A forecast on its way back to the scale of the score."""

    seen: Seen
    history: History
    forecast: Forecast
    scale: ScoreScale | None
    limits: tuple[float, float] | None
    names: list[Any]
    next_std_error: float | None
    words: str

    def result(self, provenance: Provenance, rng: np.random.Generator) -> TrendBaseline:
        """Put draws, notes and intervals together."""
        forecast, coords = self.forecast, {"period": self.names}
        next_se = self._next_std_error()
        noise = rng.standard_normal(forecast.true.shape)
        true = self._back(forecast.true)
        measured = true + (next_se or 0.0) * noise
        if forecast.extra is not None:
            measured = self._back(forecast.true + forecast.extra)
        chosen = str(provenance.settings["method"])
        notes = (*provenance.notes, *self._notes(chosen, true))
        blocks = {
            "true": self._clip(true),
            "measured": self._clip(measured),
            "survey_noise": noise,
            "current": self._clip(self._back(self.history.draws[:, -1])),
        }
        arrays = {
            name: dr.from_array(
                values,
                source=provenance.source,
                dims=("period",)[: values.ndim - 1],
                coords=coords if values.ndim > 1 else None,
                name=name,
            )
            for name, values in blocks.items()
        }
        order = {**self.seen.order, **dr.order_of(arrays["true"])}
        return TrendBaseline(
            draws=dr.with_order(xr.Dataset(arrays), order),
            point=self._along(self._clip(self._back(forecast.point))),
            history=self.seen.table(),
            method=self.words,
            scale=self.scale,
            next_std_error=next_se,
            provenance=Provenance(**{**vars(provenance), "notes": notes}),
            std_error=None if forecast.std_error is None else self._along(forecast.std_error),
            df=forecast.df,
        )

    def _along(self, values: np.ndarray) -> xr.DataArray:
        return xr.DataArray(values, dims="period", coords={"period": self.names})

    def _next_std_error(self) -> float | None:
        if not self.seen.has_errors:
            return None
        past = float(np.sqrt(np.mean(self.seen.std_errors**2)))
        return past if self.next_std_error is None else float(self.next_std_error)

    def _back(self, values: np.ndarray) -> np.ndarray:
        if self.limits is None:
            return values
        low, high = self.limits
        return low + (high - low) * special.expit(values)

    def _clip(self, values: np.ndarray) -> np.ndarray:
        return values if self.scale is None else np.clip(values, *self.scale.limits)

    def _notes(self, chosen: str, true: np.ndarray) -> list[str]:
        notes = []
        if self.limits is not None:
            notes.append("The trend is fitted to the logit of the score within its limits.")
        if (share := float(np.mean(self._clip(true) != true))) > 0:
            notes.append(f"{share:.1%} of the draws left the scale and were clipped to it.")
        if not self.seen.has_errors:
            notes.append(
                "No standard errors were given: survey error was estimated from the history."
                if chosen == "local_linear"
                else "No standard errors were given, so survey error is not told apart from "
                "movement of the score: true and measured score have one forecast."
            )
        return notes
