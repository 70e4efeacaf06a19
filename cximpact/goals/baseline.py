"""The trend baseline: what the score will be if nothing is done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from scipy import stats

from cximpact.core import draws as dr
from cximpact.core.errors import ConfigError
from cximpact.core.results import Provenance, plotting, quantile, result_html, tidy
from cximpact.core.scale import ScoreScale
from cximpact.core.summaries import summarize, to_table
from cximpact.core.validate import check_choice, check_number, check_prob
from cximpact.core.wording import number, percent
from cximpact.goals.direction import best, reaches, sign

KINDS = ("true", "measured")


@dataclass(frozen=True, kw_only=True, eq=False)
class TrendBaseline:
    """The forecast of a score without any initiative, as a predictive distribution.

    Parameters
    ----------
    draws : xarray.Dataset
        Joint draws: ``true`` and ``measured`` (sample, period), the score to come and the
        score that a survey will find; ``survey_noise`` (sample, period), standard normal;
        ``current`` (sample,), the true score of the last period that was seen.
    point : xarray.DataArray
        Central forecast (period,), without Monte Carlo error.
    history : pandas.DataFrame
        Columns ``period, estimate, std_error``.
    method : str
        How it was forecast.
    scale : ScoreScale or None
        The scale of the score.
    next_std_error : float or None
        Standard error of the next survey; None where survey error is not told apart from
        the movement of the score.
    provenance : Provenance
        Where it comes from; its notes say what a reader must know.
    std_error : xarray.DataArray, optional
        Predictive standard error (period,), where the predictive distribution is exactly t.
    df : float, optional
        Its degrees of freedom.
    """

    draws: xr.Dataset
    point: xr.DataArray
    history: pd.DataFrame
    method: str
    scale: ScoreScale | None
    next_std_error: float | None
    provenance: Provenance
    std_error: xr.DataArray | None = None
    df: float | None = None

    @property
    def current(self) -> float:
        """The last score that was seen."""
        return float(self.history["estimate"].iloc[-1])

    @property
    def base(self) -> float:
        """The central forecast of the last period of the horizon, where a goal starts."""
        return float(self.point[-1])

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader must know."""
        return self.provenance.notes

    @property
    def metric(self) -> str:
        """Name of the score."""
        return self.scale.name if self.scale else "score"

    def probability(self, score: float, *, kind: str = "measured") -> float:
        """Return the probability that the last period is at least as good as a score.

        Parameters
        ----------
        score : float
            In score points.
        kind : {"measured", "true"}
            The score that a survey will find, or the one behind it.

        Returns
        -------
        float
            Exact where the predictive distribution is a t distribution, else a share of
            draws. Without a scale, higher is taken as better.
        """
        goal = check_number(score, "score")
        check_choice(kind, "kind", KINDS)
        direction = sign(self.scale) if self.scale else 1.0
        if self.scale and not reaches(best(self.scale), goal, self.scale):
            return 0.0
        if self.std_error is not None and self.df is not None and float(self.std_error[-1]) > 0:
            gap = direction * (goal - self.base) / float(self.std_error[-1])
            return float(stats.t.sf(gap, self.df))
        values = self.draws[kind].isel(period=-1).values
        hit = reaches(values, goal, self.scale) if self.scale else values >= goal
        return float(np.mean(hit))

    def summary(self, prob: float = 0.9, kind: str = "eti") -> pd.DataFrame:
        """Summarize the forecast with its prediction intervals.

        Parameters
        ----------
        prob : float, default 0.9
            Mass of the interval.
        kind : {"eti", "hdi"}
            Which interval.

        Returns
        -------
        pandas.DataFrame
            One row for the true and one for the measured ``score`` of each ``period``.
            ``estimate`` is the central forecast; an exact t prediction interval stands where
            there is one.
        """
        table = summarize(self._both(), prob, kind)
        points = to_table({"x": self.point})["x"].to_numpy()
        table["estimate"] = np.tile(points, len(KINDS))
        if self.std_error is not None and kind == "eti":
            spread = np.tile(self.std_error.values, len(KINDS))
            half = quantile(self.df, (1 + check_prob(prob)) / 2) * spread
            limits = self.scale.limits if self.scale else (-np.inf, np.inf)
            table["std_error"] = spread
            table["conf_low"] = np.clip(table["estimate"] - half, *limits)
            table["conf_high"] = np.clip(table["estimate"] + half, *limits)
            table["mcse"] = 0.0
        return table

    def tidy(self, prob: float = 0.9) -> pd.DataFrame:
        """Return the forecast as a tidy table.

        Parameters
        ----------
        prob : float, default 0.9
            Mass of the interval.

        Returns
        -------
        pandas.DataFrame
            ``score, period``, then the tidy columns; ``n`` counts the periods behind it.
        """
        return tidy(self.summary(prob), self._both(), len(self.history), default="score")

    def explain(self, prob: float = 0.9) -> str:
        """Say in a paragraph what is forecast, and under which conditions.

        Parameters
        ----------
        prob : float, default 0.9
            Mass of the interval.

        Returns
        -------
        str
            Forecast, prediction intervals, method and notes.
        """
        rows = self.summary(prob)
        last = rows[rows["period"] == rows["period"].iloc[-1]].set_index("score")
        spans = "; ".join(
            f"{number(last.loc[k, 'conf_low'])} to {number(last.loc[k, 'conf_high'])} {words}"
            for k, words in (("true", "for the true score"), ("measured", "as measured"))
        )
        return " ".join(
            [
                f"Without any initiative {self.metric} is forecast at {number(self.base)} in "
                f"period {rows['period'].iloc[-1]}, after {number(self.current)} in the last "
                f"period seen ({percent(prob)} prediction interval {spans}).",
                f"The forecast is {self.method} over {len(self.history)} periods and assumes "
                "that the past pattern goes on.",
                *self.notes,
            ]
        )

    def plot(self, **options: Any) -> Any:
        """Draw the history and the forecast.

        Parameters
        ----------
        **options
            Passed to `cximpact.plots.scores`.

        Returns
        -------
        matplotlib.axes.Axes
            Where it was drawn.
        """
        table = self._plot_table(options.pop("prob", 0.9))
        return plotting().scores(table, x="period", by="kind", **options)

    def _plot_table(self, prob: float) -> pd.DataFrame:
        past = self.history.assign(kind="seen")
        spread = quantile(None, (1 + check_prob(prob)) / 2) * past["std_error"].fillna(0.0)
        past["conf_low"], past["conf_high"] = past["estimate"] - spread, past["estimate"] + spread
        rows = self.summary(prob)
        future = rows[rows["score"] == "measured"].assign(kind="forecast")
        columns = ["period", "estimate", "conf_low", "conf_high", "kind"]
        table = pd.concat([past, future], ignore_index=True).filter(columns)
        if not pd.api.types.is_numeric_dtype(table["period"]):
            table["period"] = table["period"].astype(str)
        return table

    def _both(self) -> xr.DataArray:
        return dr.concat([self.draws[k] for k in KINDS], "score", list(KINDS)).transpose(
            dr.SAMPLE, "score", "period"
        )

    def _repr_html_(self) -> str:
        return result_html(f"Trend baseline of {self.metric}", self.tidy(), self.explain())


def needs_scale(baseline: TrendBaseline) -> ScoreScale:
    """Return the scale of a baseline.

    Parameters
    ----------
    baseline : TrendBaseline
        From `trend_baseline`.

    Returns
    -------
    ScoreScale
        Its scale.

    Raises
    ------
    ConfigError
        If the baseline was made without one.
    """
    if not isinstance(baseline, TrendBaseline):
        raise ConfigError(
            f"baseline is a {type(baseline).__name__}; expected the result of trend_baseline. A "
            "goal starts from where the score is heading, not from the current score."
        )
    if baseline.scale is None:
        raise ConfigError("The baseline has no scale; pass scale= to trend_baseline.")
    return baseline.scale
