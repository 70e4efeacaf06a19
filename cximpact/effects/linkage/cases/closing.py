"""How long cases take to close, and how they end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from cximpact.core import draws as dr
from cximpact.core.causal import CAUSAL
from cximpact.core.errors import ConfigError
from cximpact.core.results import Assumption, EffectPosterior, Estimand, Provenance, plotting
from cximpact.core.rng import RngLike, seed_of, spawn
from cximpact.core.validate import check_count, check_prob, check_vector
from cximpact.core.versions import versions
from cximpact.core.wording import number, percent
from cximpact.effects.linkage.cases.incidence import (
    EventTable,
    at_times,
    event_table,
    incidence,
    incidence_draws,
    incidence_variance,
)
from cximpact.effects.uplift.documented import shares_parameters

_GRID = 60


@shares_parameters(EffectPosterior)
@dataclass(frozen=True, kw_only=True, eq=False)
class ClosingTimes(EffectPosterior):
    """Share of cases closed in each way by each time since opening.

    Its draws have the dimensions ``outcome`` and ``time``, before them ``group`` where there are
    groups. They describe how cases went; they are no effect.

    Parameters
    ----------
    tables : mapping of str to EventTable
        Ends by time, one a group.
    """

    tables: dict[str, EventTable]

    def median(self, prob: float = 0.9) -> pd.DataFrame:
        """Return the time by which half of the cases are closed, in whatever way.

        Parameters
        ----------
        prob : float, default 0.9
            Mass of the interval.

        Returns
        -------
        pandas.DataFrame
            ``group`` where there are groups, ``estimate, conf_low, conf_high, conf_level, n``.
            Infinite where half are not closed within the time that was seen.
        """
        check_prob(prob)
        rows = []
        seed = self.provenance.seed
        streams = spawn(seed, *(f"median:{group}" for group in self.tables))
        for (group, table), stream in zip(self.tables.items(), streams, strict=True):
            found, _ = incidence(table.events, table.censored)
            drawn = incidence_draws(table, table.times, self.draws.sizes["sample"], rng=stream)
            middle = _first_half(drawn.sum(axis=1), table.times)
            tail = (1 - prob) / 2
            low, high = np.quantile(middle, [tail, 1 - tail], method="inverted_cdf")
            estimate = _first_half(found.sum(axis=0)[None], table.times)[0]
            rows.append((group, estimate, low, high, prob, int(table.at_risk[0])))
        names = ["group", "estimate", "conf_low", "conf_high", "conf_level", "n"]
        out = pd.DataFrame(rows, columns=names)
        return out if "group" in self.draws.dims else out.drop(columns="group")

    def explain(self, prob: float = 0.9) -> str:
        """Say how long cases take to close, and how they end.

        Parameters
        ----------
        prob : float, default 0.9
            Mass of the interval.

        Returns
        -------
        str
            The median time, and the shares by the last time that was looked at.
        """
        last = self.summary(prob)
        last = last[last["time"] == last["time"].max()]
        told = [f"{self.estimand}."]
        for row in self.median(prob).to_dict("records"):
            head = f"{row['group']}: half" if "group" in row else "Half"
            found, low, high = (number(row[k]) for k in ("estimate", "conf_low", "conf_high"))
            told.append(
                f"{head} of {row['n']:,} cases are closed within {found} "
                f"({100 * prob:g}% confidence interval {low} to {high})."
            )
            mine = last[last["group"] == row["group"]] if "group" in row else last
            shares = ", ".join(f"{r.outcome} {percent(r.estimate)}" for r in mine.itertuples())
            told.append(f"By {number(mine['time'].iloc[0])}: {shares}.")
        condition = self.assumptions[0]
        told.append(f"This rests on: {condition.name} (not tested: {condition.evidence}).")
        return " ".join([*told, f"What would change it: {self.would_change_it}"])

    def plot(self, **options: Any) -> Any:
        """Draw the shares closed in each way over time.

        Parameters
        ----------
        **options
            Passed to `cximpact.plots.closing_curves`; ``group`` picks one group, and ``prob``
            sets the mass of the band.

        Returns
        -------
        matplotlib.axes.Axes
            Where it was drawn.

        Raises
        ------
        ConfigError
            If there are groups and none was picked.
        """
        table = self.summary(options.pop("prob", 0.9))
        group = options.pop("group", None)
        if "group" in table:
            known = list(self.tables)
            if str(group) not in known:
                raise ConfigError(f"group is {group!r}; expected one of {known[:12]}.")
            table = table[table["group"] == str(group)].drop(columns="group")
        return plotting().closing_curves(table, **options)


def closing_times(
    duration: np.ndarray,
    cause: np.ndarray,
    names: Sequence[str],
    *,
    groups: np.ndarray | None,
    times: Any,
    draws: int,
    rng: RngLike,
    data_hash: str,
) -> ClosingTimes:
    """Estimate cumulative incidences of closing.

    Parameters
    ----------
    duration : numpy.ndarray, shape (case,)
        Time from opening to closing, or to the last look.
    cause : numpy.ndarray of int, shape (case,)
        Number of the outcome; -1 while open.
    names : sequence of str
        Outcomes.
    groups : numpy.ndarray, shape (case,), or None
        Group of each case.
    times : array_like or None
        When to estimate.
    draws : int
        How many draws.
    rng : int or Generator
        Randomness.
    data_hash : str
        Fingerprint of the cases.

    Returns
    -------
    ClosingTimes
        Shares by outcome and time.

    Notes
    -----
    Estimand: P(closed in a given way within t of opening). Cases still open count for as long as
    they were seen; leaving them out would make closing look quick. It needs cases that are still
    open to go on as closed ones of their age did, which a change of practice breaks: compare
    cohorts of opening. Treating other ends as censored, and taking one minus Kaplan-Meier, would
    overstate every share.

    References
    ----------
    Aalen, O. O. and Johansen, S. (1978). Scandinavian Journal of Statistics 5, 141-150.
    """
    check_count(draws, "draws", low=100)
    wanted = _wanted(times, duration[cause >= 0])
    labels = np.full(duration.size, "all", dtype=object) if groups is None else groups
    tables = {
        str(g): event_table(duration[labels == g], cause[labels == g], len(names))
        for g in sorted(set(labels.tolist()))
    }
    seed = seed_of(rng)
    provenance = Provenance(
        method="AalenJohansen",
        data_hash=data_hash,
        settings={"times": wanted, "draws": draws, "groups": list(tables)},
        seed=seed,
        versions=versions("numpy"),
    )
    drawn, point, error = [], [], []
    for table, stream in zip(tables.values(), spawn(seed, *tables), strict=True):
        drawn.append(incidence_draws(table, wanted, draws, rng=stream))
        point.append(at_times(incidence(table.events, table.censored)[0], table.times, wanted))
        error.append(np.sqrt(at_times(incidence_variance(table), table.times, wanted)))
    dims, coords = ("outcome", "time"), {"outcome": list(names), "time": wanted}
    stack = (lambda parts, axis: parts[0]) if groups is None else np.stack
    if groups is not None:
        dims, coords = ("group", *dims), {"group": list(tables), **coords}
    still = int((cause < 0).sum())
    return ClosingTimes(
        draws=dr.from_array(
            stack(drawn, 1),
            source=provenance.source,
            dims=dims,
            coords=coords,
            attrs={"unit": "share"},
            data_ids=[data_hash],
        ),
        estimate=xr.DataArray(stack(point, 0), dims=dims, coords=coords),
        std_error=xr.DataArray(stack(error, 0), dims=dims, coords=coords),
        estimand=Estimand(
            target="risk",
            contrast="share of cases closed in each way by time since opening",
            scale="pp",
            population="cases of the ledger",
        ),
        draw_kind="bootstrap",
        n=duration.size,
        assumptions=(_independent(still, duration.size),),
        diagnostics={"still_open": still, "closed": int(duration.size - still)},
        provenance=provenance,
        would_change_it="cases still open that take another course than closed ones did.",
        details={CAUSAL: False},
        tables=tables,
    )


def _wanted(times: Any, seen: np.ndarray) -> np.ndarray:
    if times is not None:
        return np.unique(check_vector(times, "times"))
    known = np.unique(seen)
    if not known.size:
        raise ConfigError("no case is closed yet; nothing can be said of times to close.")
    if known.size <= _GRID:
        return known
    often = np.quantile(seen, np.linspace(0, 1, _GRID // 2), method="inverted_cdf")
    return np.unique(np.append(often, np.linspace(known[0], known[-1], _GRID // 2)))


def _first_half(share: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Return the first time at which a share reaches one half; infinite where it does not."""
    reached = share >= 0.5 - 1e-12
    return np.where(reached.any(axis=1), times[np.argmax(reached, axis=1)], np.inf)


def _independent(still: int, n: int) -> Assumption:
    return Assumption(
        name="independent censoring",
        statement="cases still open go on as closed cases of their age did",
        tested=False,
        evidence=f"{still:,} of {n:,} cases are still open",
    )
