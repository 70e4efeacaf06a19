"""The result of tracing a change in a score to touchpoints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from cximpact.core import draws as dr
from cximpact.core.errors import unknown_name
from cximpact.core.results import EffectPosterior, plotting
from cximpact.core.summaries import summarize
from cximpact.core.validate import check_choice
from cximpact.core.wording import number
from cximpact.effects.linkage.journeys.answers import place_labels
from cximpact.effects.linkage.journeys.contributions import MIX, PARTS, WITHIN, WaveShares
from cximpact.effects.uplift.documented import shares_parameters

_CHANGE = ("before", "after", "change", MIX, WITHIN)


@shares_parameters(EffectPosterior)
@dataclass(frozen=True, kw_only=True, eq=False)
class ScoreTrace(EffectPosterior):
    """The change of a score, as a sum over touchpoints of mix and of change within.

    Its draws have the dimensions ``(sample, touchpoint, part)``; in each draw, and in the
    estimate, the parts sum to the change of the score.

    Parameters
    ----------
    found : WaveShares
        Shares and scores of the touchpoints as they were found.
    drawn : WaveShares
        The same in each draw.
    touchpoints : pandas.DataFrame
        One row a touchpoint: its levels, answers, shares and scores in both waves, and whether
        it is ``new`` or ``vanished``.
    """

    found: WaveShares = field(repr=False)
    drawn: WaveShares = field(repr=False)
    touchpoints: pd.DataFrame = field(repr=False)

    @property
    def levels(self) -> tuple[str, ...]:
        """Columns that name a touchpoint, the outermost first."""
        columns = list(self.touchpoints.columns)
        return tuple(columns[: columns.index("status")])

    def change(self, prob: float = 0.9) -> pd.DataFrame:
        """Return the score of both waves, its change and the two sums that make it up.

        Parameters
        ----------
        prob : float, default 0.9
            Mass of the intervals.

        Returns
        -------
        pandas.DataFrame
            Rows ``before, after, change, mix, within`` with their intervals.
        """
        values = np.stack(_totals(self.drawn, self.draws.values), axis=-1)
        coords = {"quantity": list(_CHANGE)}
        table = summarize(xr.DataArray(values, dims=(dr.SAMPLE, "quantity"), coords=coords), prob)
        table["estimate"] = np.array(_totals(self.found, self.found.parts()))
        return table

    def totals(self, prob: float = 0.9) -> pd.DataFrame:
        """Return what each touchpoint adds to the change, mix and within together.

        Parameters
        ----------
        prob : float, default 0.9
            Mass of the intervals.

        Returns
        -------
        pandas.DataFrame
            One row a touchpoint, the largest fall first: ``touchpoint, estimate, std_error,
            conf_low, conf_high, conf_level, mcse``, and the share of draws in which it fell as
            ``p_negative``.
        """
        both = self.draws.sum("part")
        table = summarize(both, prob)
        table["estimate"] = self.found.parts().sum(axis=-1)
        table["p_negative"] = (both.values < 0).mean(axis=0)
        return table.sort_values("estimate", kind="stable", ignore_index=True)

    def at(self, level: str) -> ScoreTrace:
        """Add touchpoints up to an outer level, such as from channels to journeys.

        Parameters
        ----------
        level : str
            One of `levels`; the result is split by it and the levels outside it.

        Returns
        -------
        ScoreTrace
            Of the larger places. What one adds in total is exactly the sum of what its
            touchpoints add; shifts between its touchpoints now count as change within.

        Raises
        ------
        ConfigError
            If there is no such level.
        """
        if level not in self.levels:
            raise unknown_name("level", level, self.levels)
        kept = self.levels[: self.levels.index(level) + 1]
        group, labels = pd.factorize(place_labels(self.touchpoints, kept), sort=True)
        found, drawn = (w.grouped(group, len(labels)) for w in (self.found, self.drawn))
        counts = self.touchpoints.groupby(list(kept), sort=False)[["n_before", "n_after"]].sum()
        places = counts.reset_index()
        order = np.argsort(place_labels(places, kept).to_numpy(), kind="stable")
        return with_parts(self, found, drawn, places.iloc[order].reset_index(drop=True), kept)

    def explain(self, prob: float = 0.9) -> str:
        """Say in a paragraph how much the score changed and where.

        Parameters
        ----------
        prob : float, default 0.9
            Mass of the intervals.

        Returns
        -------
        str
            The change, its two sums, the touchpoints that add most, and what is not known.
        """
        rows = self.change(prob).set_index("quantity")
        change, mix, within = (_told(rows.loc[name]) for name in ("change", MIX, WITHIN))
        first, last = (number(float(rows.loc[w, "estimate"])) for w in ("before", "after"))
        tops = self.totals(prob)
        tops = tops.reindex(tops["estimate"].abs().sort_values(ascending=False).index).head(3)
        most = "; ".join(f"{r.touchpoint} {_told(r)}" for r in tops.itertuples())
        conditions = " ".join(
            f"It supposes that {a.statement} ({'tested' if a.tested else 'not tested'}: "
            f"{a.evidence})."
            for a in self.assumptions
        )
        parts = [
            f"The score went from {first} to {last}: {change}, with {prob:.0%} confidence "
            "intervals.",
            f"Other shares of the touchpoints account for {mix}, other scores within them for "
            f"{within}.",
            f"Most is added by {most}.",
            conditions,
            self.would_change_it and f"What would change it: {self.would_change_it}",
            *self.provenance.notes,
        ]
        return " ".join(p for p in parts if p)

    def plot(self, *, by: str = "part", **options: Any) -> Any:
        """Draw the way from the first score to the second.

        Parameters
        ----------
        by : {"part", "touchpoint"}
            Mix and within of each touchpoint apart, or together.
        **options
            Passed to `cximpact.plots.score_waterfall`; ``prob`` is the mass of the intervals.

        Returns
        -------
        matplotlib.axes.Axes
            Where it was drawn.
        """
        check_choice(by, "by", ("part", "touchpoint"))
        prob = options.pop("prob", 0.9)
        options.setdefault("unit", self.draws.attrs.get("unit", ""))
        steps = self.summary(prob) if by == "part" else self.totals(prob)
        return plotting().score_waterfall(self.change(prob), steps, **options)


def with_parts(
    base: ScoreTrace,
    found: WaveShares,
    drawn: WaveShares,
    places: pd.DataFrame,
    levels: Sequence[str],
) -> ScoreTrace:
    """Return a trace by other places, from the same draws.

    Parameters
    ----------
    base : ScoreTrace
        Trace of the same waves.
    found, drawn : WaveShares
        Shares and scores of the other places.
    places : pandas.DataFrame
        Levels of each, and answers.
    levels : sequence of str
        Columns of the levels.

    Returns
    -------
    ScoreTrace
        Draws and table of the other places.
    """
    labels = list(place_labels(places, levels))
    draws, estimate = labelled_parts(found, drawn, labels, like=base.draws)
    table = touchpoint_table(places, levels, found)
    return replace(
        base, draws=draws, estimate=estimate, found=found, drawn=drawn, touchpoints=table
    )


def labelled_parts(
    found: WaveShares, drawn: WaveShares, labels: Sequence[str], *, like: xr.DataArray
) -> tuple[xr.DataArray, xr.DataArray]:
    """Label the parts of the change.

    Parameters
    ----------
    found, drawn : WaveShares
        As found, and in each draw.
    labels : sequence of str
        One a touchpoint.
    like : xarray.DataArray
        Draws whose order they share.

    Returns
    -------
    tuple of xarray.DataArray
        Draws and estimates.
    """
    coords = {"touchpoint": list(labels), "part": list(PARTS)}
    dims = ("touchpoint", "part")
    estimate = xr.DataArray(found.parts(), dims=dims, coords=coords)
    draws = xr.DataArray(
        drawn.parts(), dims=(dr.SAMPLE, *dims), coords=coords, attrs=dict(like.attrs)
    )
    return dr.with_order(draws, dr.order_of(like)), estimate


def touchpoint_table(
    places: pd.DataFrame, levels: Sequence[str], found: WaveShares
) -> pd.DataFrame:
    """Lay out what is known of each touchpoint in both waves.

    Parameters
    ----------
    places : pandas.DataFrame
        Levels, ``n_before`` and ``n_after``.
    levels : sequence of str
        Columns of the levels.
    found : WaveShares
        Shares and scores.

    Returns
    -------
    pandas.DataFrame
        Levels, ``status``, then counts, shares and scores.
    """
    out = places[list(levels)].copy()
    out["status"] = np.select(
        [found.share[0] == 0, found.share[1] == 0], ["new", "vanished"], "both"
    )
    for name in ("before", "after"):
        out[f"n_{name}"] = places[f"n_{name}"].to_numpy()
    for w, name in enumerate(("before", "after")):
        out[f"share_{name}"] = found.share[w]
    for w, name in enumerate(("before", "after")):
        out[f"score_{name}"] = found.score[w]
    return out


def _totals(shares: WaveShares, parts: np.ndarray) -> list[np.ndarray]:
    """Score before and after, change, mix and within."""
    total, both = shares.total, parts.sum(axis=-2)
    before, after = total[..., 0], total[..., 1]
    return [before, after, after - before, both[..., 0], both[..., 1]]


def _told(row: Any) -> str:
    estimate, low, high = (
        number(float(getattr(row, c)), signed=True) for c in ("estimate", "conf_low", "conf_high")
    )
    return f"{estimate} points ({low} to {high})"
