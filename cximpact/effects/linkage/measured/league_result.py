"""A league table: scores shrunk to what they can be trusted with, and ranks with intervals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from cximpact.core.errors import unknown_name
from cximpact.core.results import EffectPosterior, plotting, result_html
from cximpact.core.summaries import summarize
from cximpact.core.validate import check_prob
from cximpact.core.wording import number, percent
from cximpact.effects.uplift.documented import shares_parameters

_TOLD_APART = 0.95


@shares_parameters(EffectPosterior)
@dataclass(frozen=True, kw_only=True, eq=False)
class LeagueTable(EffectPosterior):
    """Scores of units, with draws that know how unsure the whole table is.

    Its draws have the dimensions ``(sample, unit)``: long-run scores at the average case mix.

    Parameters
    ----------
    units : pandas.DataFrame
        One row a unit: ``unit, n, raw, adjusted, reliability, funnel_low, funnel_high``.
    higher_is_better : bool
        Direction of the score.
    """

    units: pd.DataFrame = field(repr=False)
    higher_is_better: bool

    @property
    def ranks(self) -> np.ndarray:
        """Rank of each unit in each draw, 1 for the best, shape (sample, unit)."""
        values = self.draws.values
        order = np.argsort(-values if self.higher_is_better else values, axis=1, kind="stable")
        out = np.empty_like(order)
        np.put_along_axis(out, order, np.arange(1, values.shape[1] + 1)[None], axis=1)
        return out

    def table(self, prob: float = 0.9) -> pd.DataFrame:
        """Return the league table, the best first.

        Parameters
        ----------
        prob : float, default 0.9
            Mass of the intervals.

        Returns
        -------
        pandas.DataFrame
            One row a unit: ``unit, n, raw, adjusted, estimate, conf_low, conf_high,
            conf_level, rank, rank_low, rank_high, p_best, p_worst_decile, tier, reliability,
            funnel_low, funnel_high, outside_funnel``. Units of one ``tier`` cannot be told apart
            from its first.
        """
        tail = (1 - check_prob(prob)) / 2
        rows, ranks = summarize(self.draws, prob), self.ranks
        low, high = np.quantile(ranks, [tail, 1 - tail], axis=0, method="inverted_cdf").astype(int)
        n = ranks.shape[1]
        out = self.units[["unit", "n", "raw", "adjusted"]].copy()
        for name in ("estimate", "conf_low", "conf_high", "conf_level"):
            out[name] = rows[name].to_numpy()
        out["rank"] = np.argsort(np.argsort(ranks.mean(axis=0), kind="stable")) + 1
        out["rank_low"], out["rank_high"] = low, high
        out["p_best"] = (ranks == 1).mean(axis=0)
        out["p_worst_decile"] = (ranks > n - int(np.ceil(n / 10))).mean(axis=0)
        out["tier"] = self._tiers(out["rank"].to_numpy())
        for name in ("reliability", "funnel_low", "funnel_high"):
            out[name] = self.units[name].to_numpy()
        out["outside_funnel"] = ~out["adjusted"].between(out["funnel_low"], out["funnel_high"])
        return out.sort_values("rank", ignore_index=True)

    def probability_better(self, first: Any, second: Any) -> float:
        """Return the probability that one unit is better than another.

        Parameters
        ----------
        first, second : object
            Names of two units.

        Returns
        -------
        float
            Near .5 where nobody can tell.

        Raises
        ------
        ConfigError
            If there is no such unit.
        """
        names = list(self.units["unit"])
        for name in (first, second):
            if str(name) not in names:
                raise unknown_name("unit", name, names)
        a, b = (self.draws.values[:, names.index(str(name))] for name in (first, second))
        return float((a > b if self.higher_is_better else a < b).mean())

    def explain(self, prob: float = 0.9) -> str:
        """Say in a paragraph how far the ranking can be trusted.

        Parameters
        ----------
        prob : float, default 0.9
            Mass of the intervals.

        Returns
        -------
        str
            Reliability, the best unit, and how many cannot be told from it.
        """
        rows = self.table(prob)
        best, ties = rows.iloc[0], int((rows["tier"] == 1).sum())
        spread = self.details["between"]
        parts = [
            f"{len(rows)} units with {self.n:,} answers; the reliability of a unit's score is "
            f"{number(float(rows['reliability'].median()))} in the middle.",
            f"True scores differ by a standard deviation of {number(spread)}, single answers by "
            f"{number(self.details['within'])}.",
            f"{best['unit']} is first with {number(float(best['estimate']))} and is the best with "
            f"probability {percent(float(best['p_best']))}; its rank is {best['rank_low']} to "
            f"{best['rank_high']} ({prob:.0%} credible interval).",
            f"{ties} of {len(rows)} units cannot be told from the first."
            if ties > 1
            else "It stands apart from the others.",
            f"What would change it: {self.would_change_it}",
            *self.provenance.notes,
        ]
        return " ".join(parts)

    def plot(self, **options: Any) -> Any:
        """Draw the units from the best down, with the intervals of score and rank.

        Parameters
        ----------
        **options
            Passed to `cximpact.plots.unit_ranks`; ``prob`` is the mass of the intervals.

        Returns
        -------
        matplotlib.axes.Axes
            Where it was drawn.
        """
        options.setdefault("unit", self.draws.attrs.get("unit", ""))
        return plotting().unit_ranks(self.table(options.pop("prob", 0.9)), **options)

    def _tiers(self, rank: np.ndarray) -> np.ndarray:
        """Start a tier where a unit is surely worse than the first of the one before."""
        order, tier = np.argsort(rank), np.ones(rank.size, dtype=int)
        values = self.draws.values if self.higher_is_better else -self.draws.values
        first, current = order[0], 1
        for j in order[1:]:
            if (values[:, first] > values[:, j]).mean() >= _TOLD_APART:
                first, current = j, current + 1
            tier[j] = current
        return tier

    def _repr_html_(self) -> str:
        return result_html("League table", self.table(), self.explain())


def details_of(between: np.ndarray, within: np.ndarray) -> Mapping[str, float]:
    """Return the standard deviations that are worth telling.

    Parameters
    ----------
    between, within : numpy.ndarray, shape (draw,)
        Draws of both.

    Returns
    -------
    mapping
        Medians of ``between`` and ``within``.
    """
    return {"between": float(np.median(between)), "within": float(np.median(within))}
