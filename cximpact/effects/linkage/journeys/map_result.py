"""The map of a journey: scores, effort, risk and value by step, touchpoint and channel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from cximpact.core.errors import unknown_name
from cximpact.core.results import EffectPosterior, plotting, result_html
from cximpact.core.summaries import summarize
from cximpact.core.wording import number
from cximpact.effects.uplift.documented import shares_parameters


@shares_parameters(EffectPosterior)
@dataclass(frozen=True, kw_only=True, eq=False)
class JourneyMap(EffectPosterior):
    """Scores of the places of a journey, with effort, risk and value beside them.

    Its draws are those of the score, dimensions ``(sample, place)``, for places with answers.

    Parameters
    ----------
    measures : mapping of str to xarray.DataArray
        Joint draws of ``score`` and, where they were given, ``effort``, ``churn_risk`` and
        ``value_at_risk``, each over the places that have it.
    places : pandas.DataFrame
        One row a place: its levels, ``place``, ``volume`` and the counts of answers.
    estimates : mapping of str to numpy.ndarray
        The measures as they were found, one entry a row of ``places``; NaN without answers.
    min_answers : int
        Scores and efforts of fewer answers are not shown.
    """

    measures: Mapping[str, xr.DataArray] = field(repr=False)
    places: pd.DataFrame = field(repr=False)
    estimates: Mapping[str, np.ndarray] = field(repr=False)
    min_answers: int

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("measures", "estimates"):
            object.__setattr__(self, name, MappingProxyType(dict(getattr(self, name))))

    @property
    def levels(self) -> tuple[str, ...]:
        """Columns that name a place, the outermost first."""
        columns = list(self.places.columns)
        return tuple(columns[: columns.index("place")])

    def cells(self, prob: float = 0.9, *, suppress: bool = True) -> pd.DataFrame:
        """Return all that is known of each place.

        Parameters
        ----------
        prob : float, default 0.9
            Mass of the intervals.
        suppress : bool, default True
            Leave scores and efforts of fewer than ``min_answers`` answers empty.

        Returns
        -------
        pandas.DataFrame
            One row a place: its levels, ``place, volume, n_score, n_effort, shown``, then each
            measure with ``_low`` and ``_high``.
        """
        out = self.places.copy()
        out["shown"] = out["n_score"] >= self.min_answers
        for name, draws in self.measures.items():
            ends = summarize(draws, prob).set_index("place").reindex(out["place"])
            out[name] = self.estimates[name]
            out[f"{name}_low"] = ends["conf_low"].to_numpy()
            out[f"{name}_high"] = ends["conf_high"].to_numpy()
            if suppress and f"n_{name}" in out:
                few = (out[f"n_{name}"] < self.min_answers).to_numpy()
                out.loc[few, [name, f"{name}_low", f"{name}_high"]] = np.nan
        return out

    def measure(self, name: str) -> xr.DataArray:
        """Return the draws of one measure.

        Parameters
        ----------
        name : str
            ``"score"``, ``"effort"``, ``"churn_risk"`` or ``"value_at_risk"``.

        Returns
        -------
        xarray.DataArray
            Dimensions ``(sample, place)``; joint with those of the other measures.

        Raises
        ------
        ConfigError
            If it was not given.
        """
        if name not in self.measures:
            raise unknown_name("measure", name, self.measures)
        return self.measures[name]

    def explain(self, prob: float = 0.9) -> str:
        """Say in a paragraph where the score is lowest and where most value is at risk.

        Parameters
        ----------
        prob : float, default 0.9
            Mass of the intervals.

        Returns
        -------
        str
            Without places of too few answers.
        """
        cells = self.cells(prob)
        known = cells.dropna(subset=["score"])
        few = int((~cells["shown"]).sum())
        parts = [f"{len(cells)} places with {int(cells['volume'].sum()):,} contacts."]
        if len(known):
            low = known.loc[known["score"].idxmin()]
            ends = " to ".join(number(float(low[c])) for c in ("score_low", "score_high"))
            parts.append(
                f"The score is lowest at {low['place']}: {number(float(low['score']))} "
                f"({prob:.0%} confidence interval {ends}, {int(low['n_score']):,} answers)."
            )
        if "value_at_risk" in self.measures:
            top = cells.loc[cells["value_at_risk"].idxmax()]
            parts.append(
                f"Most value is at risk at {top['place']}: {number(float(top['value_at_risk']))}."
            )
        if few:
            parts.append(f"Not shown, with fewer than {self.min_answers} answers: {few} of them.")
        parts.append("It describes where customers are; it does not say what a change would do.")
        return " ".join([*parts, *self.provenance.notes])

    def plot(self, **options: Any) -> Any:
        """Draw the map: a cell a place, colored by its score.

        Parameters
        ----------
        **options
            Passed to `cximpact.plots.journey_heat`; ``measure`` chooses the color.

        Returns
        -------
        matplotlib.axes.Axes
            Where it was drawn.
        """
        options.setdefault("unit", self.draws.attrs.get("unit", ""))
        *rows, column = self.levels
        table = self.cells(options.pop("prob", 0.9))
        return plotting().journey_heat(table, rows=rows, column=column, **options)

    def _repr_html_(self) -> str:
        return result_html("Journey map", self.cells(), self.explain())
