"""The result of a search for drivers: shares of R2, who is stable, halo, quadrants."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from cximpact.core.errors import ConfigError
from cximpact.core.results import EffectPosterior, plotting
from cximpact.core.validate import check_choice, check_count, check_prob
from cximpact.core.wording import number, percent
from cximpact.effects.linkage.importance.adjusted_effects import AdjustedEffects
from cximpact.effects.linkage.importance.quadrant_table import on_scales, quadrant_table
from cximpact.effects.linkage.importance.stable_selection import StableSelection
from cximpact.effects.uplift.documented import shares_parameters

ALL_RATINGS = "what all ratings share"


@dataclass(frozen=True, kw_only=True, eq=False)
class DriverParts:
    """What was found beside the shares; draws are joint with them.

    Parameters
    ----------
    outcome : str
        Column of what is explained.
    ratings : mapping of str to tuple of str
        Ratings of each driver.
    own : xarray.DataArray, dims (sample, driver)
        Shares of R2 beyond what all ratings have in common.
    common : xarray.DataArray, dims (sample,)
        Share of the variance that the common factor explains.
    performance : xarray.DataArray, dims (sample, driver)
        Mean ratings of those who rated.
    r2, first : xarray.DataArray, dims (sample,)
        What everything explains together, and covariates by themselves.
    estimates : mapping of str to numpy.ndarray
        The same five in the data, not resampled.
    directions : mapping of str to numpy.ndarray
        Signs, for ``raw`` and ``own``: whether the outcome is higher where a driver is.
    selection : StableSelection
        Who is chosen in halves.
    stable : tuple of int
        Numbers of the selected drivers.
    effects : AdjustedEffects
        Coefficients.
    """

    outcome: str
    ratings: Mapping[str, tuple[str, ...]]
    own: xr.DataArray = field(repr=False)
    common: xr.DataArray = field(repr=False)
    performance: xr.DataArray = field(repr=False)
    r2: xr.DataArray = field(repr=False)
    first: xr.DataArray = field(repr=False)
    estimates: Mapping[str, np.ndarray] = field(repr=False)
    directions: Mapping[str, np.ndarray] = field(repr=False)
    selection: StableSelection
    stable: tuple[int, ...]
    effects: AdjustedEffects


@shares_parameters(EffectPosterior)
@dataclass(frozen=True, kw_only=True, eq=False)
class DriverImportance(EffectPosterior):
    """Shares of R2 by driver, and which drivers are stable; a description, never an effect.

    Parameters
    ----------
    parts : DriverParts
        What was found beside the shares.
    """

    parts: DriverParts = field(repr=False)

    @property
    def drivers(self) -> tuple[str, ...]:
        """All drivers, in the order of the ratings."""
        return tuple(str(name) for name in self.draws["driver"].values)

    @property
    def selected(self) -> tuple[str, ...]:
        """The stable drivers, the most important first; never more than asked for, maybe none."""
        estimate = self._estimate()
        chosen = sorted(self.parts.stable, key=lambda j: -estimate[j])
        return tuple(self.drivers[j] for j in chosen)

    def inclusion(self) -> pd.DataFrame:
        """Say how often each driver was chosen in halves of the customers.

        Returns
        -------
        pandas.DataFrame
            ``driver, share, inclusion, against, selected``, the most important first. One that is
            ``against`` rises with the outcome, or falls, only as long as the others are not held
            fixed, and then does the opposite; it is never selected.
        """
        table = pd.DataFrame(
            {
                "driver": list(self.drivers),
                "share": self._estimate(),
                "inclusion": self.parts.selection.inclusion,
                "against": self._against(),
                "selected": [name in self.selected for name in self.drivers],
            }
        )
        return table.sort_values("share", ascending=False, kind="stable", ignore_index=True)

    def rank_probability(self) -> pd.DataFrame:
        """Return the probability of every rank.

        Returns
        -------
        pandas.DataFrame
            One row a driver, the most important first, one column a rank from 1 on; rows and
            columns sum to 1.
        """
        ranks = _ranks(self.draws.values)
        k = len(self.drivers)
        shares = np.stack([(ranks == r).mean(axis=0) for r in range(1, k + 1)], axis=1)
        table = pd.DataFrame(shares, index=list(self.drivers), columns=range(1, k + 1))
        table.index.name, table.columns.name = "driver", "rank"
        return table.iloc[np.argsort(-self._estimate(), kind="stable")]

    def among_first(self, k: int = 3) -> pd.DataFrame:
        """Return the probability of being among the most important drivers.

        Parameters
        ----------
        k : int, default 3
            How many are the first.

        Returns
        -------
        pandas.DataFrame
            ``driver, probability``, the most important first.

        Raises
        ------
        ConfigError
            If there are fewer drivers.
        """
        if check_count(k, "k") > len(self.drivers):
            raise ConfigError(f"k is {k}; there are {len(self.drivers)} drivers.")
        table = self.rank_probability()
        sums = table.loc[:, :k].sum(axis=1)
        return pd.DataFrame({"driver": list(table.index), "probability": sums.to_numpy()})

    def halo(self, prob: float = 0.9) -> pd.DataFrame:
        """Return importance before and after what all ratings have in common is taken out.

        Parameters
        ----------
        prob : float, default 0.9
            Mass of the interval.

        Returns
        -------
        pandas.DataFrame
            ``driver, share, estimate, conf_low, conf_high, conf_level, direction``: the raw share
            of R2, then that of what is left of the ratings, and 1 or -1 as the outcome is higher or
            lower where more is left. Those with 1 come first. The last row is the common factor,
            which has no raw share; with the covariates, estimates sum to R2.

        Notes
        -----
        What is left of a rating is how it differs from the others of the same customer. Where a few
        ratings go with the outcome, the rest go against it in this sense: a share with direction -1
        is no driver. All numbers are shares of R2, also where deviance is shared out elsewhere.
        """
        tail = (1 - check_prob(prob)) / 2
        parts = self.parts
        values = np.column_stack([parts.own.values, parts.common.values])
        low, high = np.quantile(values, [tail, 1 - tail], axis=0)
        raw = parts.estimates["linear"]
        order = [*np.lexsort((-parts.estimates["own"], -parts.directions["own"])), len(raw)]
        table = pd.DataFrame(
            {
                "driver": [*self.drivers, ALL_RATINGS],
                "share": [*raw, np.nan],
                "estimate": [*parts.estimates["own"], float(parts.estimates["common"])],
                "conf_low": low,
                "conf_high": high,
                "conf_level": prob,
                "direction": [*parts.directions["own"], 1],
            }
        )
        return table.iloc[order].reset_index(drop=True)

    def quadrants(
        self,
        prob: float = 0.9,
        *,
        scales: Mapping[str, Sequence[float]] | Sequence[float] | None = None,
        halo: bool = False,
    ) -> pd.DataFrame:
        """Place the drivers by importance and performance.

        Parameters
        ----------
        prob : float, default 0.9
            Mass of the intervals.
        scales : mapping of str to (float, float), or (float, float), optional
            Worst and best answer of each driver, or of all; performance is then the share of the
            way. Needed where ratings have different scales.
        halo : bool, default False
            Take importance beyond what all ratings have in common.

        Returns
        -------
        pandas.DataFrame
            ``driver``, importance and performance with intervals, the most probable ``quadrant``
            with its ``probability``, and the probability of each: ``fix first`` (important, rated
            low), ``keep up``, ``low priority`` and ``possible overkill``.
        """
        tail = (1 - check_prob(prob)) / 2
        draws, estimate = self.parts.performance.values, self.parts.estimates["performance"]
        if scales is not None:
            draws, estimate = (on_scales(a, self.drivers, scales) for a in (draws, estimate))
        importance = self.parts.own.values if halo else self.draws.values
        found = self.parts.estimates["own"] if halo else self._estimate()
        return quadrant_table(self.drivers, importance, draws, (found, estimate), tail)

    def effects(self, prob: float = 0.9) -> pd.DataFrame:
        """Return the change of the outcome per point of each rating, adjusted for the others.

        Parameters
        ----------
        prob : float, default 0.9
            Mass of the interval.

        Returns
        -------
        pandas.DataFrame
            One row a driver, the most important first: coefficient with interval, ``partial_r2``
            and the robustness values ``robustness`` and ``robustness_test``: how much of what is
            left of both rating and outcome something unmeasured must explain to bring the
            coefficient to 0, or to where a test at ``1 - prob`` no longer refuses 0.
        """
        table = self.parts.effects.table(prob)
        return table.iloc[np.argsort(-self._estimate(), kind="stable")].reset_index(drop=True)

    def explain(self, prob: float = 0.9) -> str:
        """Say which drivers are stable, and what the numbers are not.

        Parameters
        ----------
        prob : float, default 0.9
            Mass of the interval.

        Returns
        -------
        str
            A paragraph.
        """
        kept, found = self.parts.selection, self.parts.estimates
        adjusted = self.diagnostics["n_covariates"] > 0
        chosen = ", ".join(f"{name} ({self._interval(name, prob)})" for name in self.selected)
        what = self._what()
        return " ".join(
            [
                f"{len(self.drivers)} drivers{' and the covariates' if adjusted else ''} explain "
                f"{percent(float(found['r2']))} of the {what} of {self.parts.outcome!r}, from "
                f"{self.n:,} rows.",
                f"Stable are {chosen}." if chosen else "No driver is stable.",
                *self._suppressors(),
                *self._only_halo(),
                f"The numbers are shares of the {what} with {100 * prob:g}% confidence intervals. "
                f"Stable means among the first {kept.per_half} in at least "
                f"{percent(kept.threshold)} of {2 * kept.pairs} halves; at most "
                f"{number(kept.false_bound, digits=2)} such drivers are expected that are chosen "
                "no more often than by chance.",
                f"What all ratings share explains {percent(float(found['common']))} of the "
                "variance, which no single rating can claim.",
                "This describes how ratings and outcome go together. It claims no effect and is "
                f"not admitted to return on investment. What would change it: "
                f"{self.would_change_it}",
                *self.provenance.notes,
            ]
        )

    def plot(self, kind: str = "bars", **options: Any) -> Any:
        """Draw the importance of all drivers, or the map of importance and performance.

        A diamond beside a bar is the share beyond what all ratings have in common; there is none
        where that goes against the outcome.

        Parameters
        ----------
        kind : {"bars", "quadrants"}
            Which picture.
        **options
            ``prob``; for quadrants also ``scales`` and ``halo`` as `quadrants` takes them. Others
            are passed to `cximpact.plots.driver_importance` or `cximpact.plots.driver_quadrants`.

        Returns
        -------
        matplotlib.axes.Axes
            Where it was drawn.
        """
        check_choice(kind, "kind", ("bars", "quadrants"))
        prob = options.pop("prob", 0.9)
        options.setdefault("what", f"share of the {self._what()} of {self.parts.outcome}")
        if kind == "bars":
            table = self.inclusion().merge(self.summary(prob), on="driver")
            left = self.halo(prob).query("direction > 0")[["driver", "estimate"]]
            left = left.rename(columns={"estimate": "own"})
            table = table.merge(left, on="driver", how="left")
            return plotting().driver_importance(table, **options)
        wanted = {name: options.pop(name) for name in ("scales", "halo") if name in options}
        table = self.quadrants(prob, **wanted)
        options.setdefault("performance_unit", "share" if wanted.get("scales") else "points")
        return plotting().driver_quadrants(table, **options)

    def _estimate(self) -> np.ndarray:
        return self.draws.values.mean(axis=0) if self.estimate is None else self.estimate.values

    def _what(self) -> str:
        return "deviance" if self.diagnostics["measure"] == "deviance" else "variance"

    def _against(self) -> np.ndarray:
        return self.parts.effects.estimate * self.parts.directions["raw"] < 0

    def _suppressors(self) -> list[str]:
        """Name those that are chosen often but for the wrong reason."""
        kept = self.parts.selection
        often = np.flatnonzero(self._against() & (kept.inclusion >= kept.threshold))
        if not often.size:
            return []
        names = ", ".join(self.drivers[j] for j in often)
        return [
            f"{names}: chosen as often, but against the outcome once the others are held fixed, "
            "contrary to the plain correlation; passed over."
        ]

    def _only_halo(self) -> list[str]:
        """Name stable drivers that have nothing of their own."""
        raw, own = (self.parts.directions[kind] for kind in ("raw", "own"))
        names = [n for n in self.selected if (raw * own)[self.drivers.index(n)] < 0]
        if not names:
            return []
        return [
            f"Without what all ratings share, {', '.join(names)} would go against the outcome: "
            "stable, but with nothing of its own."
        ]

    def _interval(self, name: str, prob: float) -> str:
        row = self.summary(prob).set_index("driver").loc[name]
        shown = [number(100 * row[c], digits=2) for c in ("estimate", "conf_low", "conf_high")]
        return f"{shown[0]}%, {shown[1]} to {shown[2]}"


def _ranks(draws: np.ndarray) -> np.ndarray:
    """Rank the drivers of each draw, 1 for the largest share."""
    order = np.argsort(-draws, axis=1, kind="stable")
    ranks = np.empty_like(order)
    np.put_along_axis(ranks, order, np.arange(1, draws.shape[1] + 1)[None], axis=1)
    return ranks
