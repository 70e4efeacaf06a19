"""What a simulation of initiatives found, and the numbers people ask for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from cximpact.core import draws as dr
from cximpact.core.errors import ConfigError, join_names, unknown_name
from cximpact.core.results import (
    TIDY_COLUMNS,
    Assumption,
    DrawKind,
    Provenance,
    result_html,
)
from cximpact.core.sample_order import effective_draws
from cximpact.core.validate import check_number, check_prob
from cximpact.roi import break_even as even
from cximpact.roi import headlines, metrics, pictures, wording
from cximpact.roi.overlap import JointBenefit
from cximpact.roi.resolve import Resolved
from cximpact.roi.scenario import Scenario
from cximpact.roi.settings import Settings


@dataclass(frozen=True, kw_only=True, eq=False)
class RoiResult:
    """Draws of what initiatives cost and return. Metrics are of all of them together.

    Parameters
    ----------
    draws : xarray.Dataset
        ``cost`` and ``benefit`` in money of the period, dimensions
        ``(sample, initiative, period)``; period 0 is today.
    inputs : tuple of Resolved
        The initiatives in numbers, for break-even and what-if.
    settings : Settings
        Horizon and discounting.
    draw_kind : {"posterior", "bootstrap", "asymptotic", "simulation"}
        How the draws arose; mixed kinds are a simulation.
    is_random : bool
        False when every input was a fixed number.
    assumptions : tuple of Assumption
        Conditions of the claim.
    clipped : mapping of str to float
        Share of draws by initiative whose rate was kept within 0 to 1.
    provenance : Provenance
        Where it comes from.
    scenario : Scenario
        The state of the world.
    overlaps : tuple of JointBenefit
        What every combination of overlapping initiatives brings.
    """

    draws: xr.Dataset
    inputs: tuple[Resolved, ...]
    settings: Settings
    draw_kind: DrawKind
    is_random: bool
    assumptions: tuple[Assumption, ...]
    clipped: Mapping[str, float]
    provenance: Provenance
    scenario: Scenario = field(default_factory=Scenario)
    overlaps: tuple[JointBenefit, ...] = ()
    _pv: Mapping[str, np.ndarray] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        dr.order_of(self.draws)
        present = {
            name: metrics.present_values(self._by_period(name), self.settings.factors)
            for name in ("benefit", "cost")
        }
        object.__setattr__(self, "_pv", present)

    @property
    def effective_draws(self) -> float:
        """Effective number of draws, from which Monte Carlo errors follow."""
        return effective_draws(self.draws)

    @property
    def names(self) -> list[str]:
        """Names of the initiatives."""
        return [item.initiative.name for item in self.inputs]

    def select(self, *names: str) -> RoiResult:
        """Return the same draws for some of the initiatives.

        Parameters
        ----------
        *names : str
            Initiatives to keep.

        Returns
        -------
        RoiResult
            Joint with this one.

        Raises
        ------
        ConfigError
            For an unknown name, or a part of initiatives that overlap.
        """
        for name in names:
            if name not in self.names:
                raise unknown_name("initiative", name, self.names)
        if not names:
            raise ConfigError("select was given no name; expected at least one initiative.")
        for group in self.overlaps:
            if 0 < len(set(group.names) & set(names)) < len(group.names):
                raise ConfigError(
                    f"{join_names(group.names)} overlap, so a part of them has another benefit "
                    "than its share of all; simulate that part on its own."
                )
        kept = tuple(item for item in self.inputs if item.initiative.name in names)
        order = [item.initiative.name for item in kept]
        return replace(
            self,
            draws=self.draws.sel(initiative=order),
            inputs=kept,
            clipped={name: self.clipped[name] for name in order},
            overlaps=tuple(g for g in self.overlaps if g.names[0] in order),
        )

    def pv_benefit(self, *, by_initiative: bool = False) -> xr.DataArray:
        """Return the present value of the benefits.

        Parameters
        ----------
        by_initiative : bool, default False
            Keep the initiatives apart.

        Returns
        -------
        xarray.DataArray
            Draws in money.
        """
        return self._labelled(self._pv["benefit"], "pv_benefit", by_initiative)

    def pv_cost(self, *, by_initiative: bool = False) -> xr.DataArray:
        """Return the present value of the costs.

        Parameters
        ----------
        by_initiative : bool, default False
            Keep the initiatives apart.

        Returns
        -------
        xarray.DataArray
            Draws in money.
        """
        return self._labelled(self._pv["cost"], "pv_cost", by_initiative)

    def npv(self, *, by_initiative: bool = False) -> xr.DataArray:
        """Return the net present value.

        Parameters
        ----------
        by_initiative : bool, default False
            Keep the initiatives apart.

        Returns
        -------
        xarray.DataArray
            Draws in money.
        """
        return self._labelled(self._pv["benefit"] - self._pv["cost"], "npv", by_initiative)

    def roi(self) -> float:
        """Return the headline return on investment, ``E[NPV] / E[PV cost]``.

        Returns
        -------
        float
            Money gained per unit of money spent; NaN when nothing is spent. The ratio of
            expectations, because the mean of ratios is ruled by draws with small costs.
        """
        cost = float(self._pv["cost"].sum(axis=1).mean())
        gain = float((self._pv["benefit"] - self._pv["cost"]).sum(axis=1).mean())
        return gain / cost if cost > 0 else float("nan")

    def roi_draws(self) -> xr.DataArray:
        """Return the distribution of the ratio.

        Returns
        -------
        xarray.DataArray
            NPV over PV cost in each draw; NaN where a draw has no cost.
        """
        npv, cost = self.npv().values, self.pv_cost().values
        ratio = np.divide(npv, cost, out=np.full(npv.size, np.nan), where=cost > 0)
        return self._draws(ratio, "roi", f"{self.settings.currency} per {self.settings.currency}")

    def net(self, *, discounted: bool = False, cumulative: bool = False) -> xr.DataArray:
        """Return the net cash flow of all initiatives by period.

        Parameters
        ----------
        discounted : bool, default False
            At today's value.
        cumulative : bool, default False
            Summed up to each period.

        Returns
        -------
        xarray.DataArray
            Dimensions ``(sample, period)``.
        """
        flows = self._flows(discounted=discounted)
        flows = flows.cumsum(axis=0) if cumulative else flows
        out = self._draws(flows.T, "net", self.settings.currency, ("period",))
        return out.assign_coords(period=self.settings.periods)

    def payback(self, *, stays: bool = False, discounted: bool = False) -> xr.DataArray:
        """Return when the money is back.

        Parameters
        ----------
        stays : bool, default False
            Require that it is not spent again within the horizon.
        discounted : bool, default False
            At today's value.

        Returns
        -------
        xarray.DataArray
            Draws in periods; infinite where it does not come back within the horizon.
        """
        when = metrics.payback(self._flows(discounted=discounted), stays=stays)
        return self._draws(when, "payback", self.settings.period)

    def irr(self) -> xr.DataArray:
        """Return the internal rates of return per period.

        Returns
        -------
        xarray.DataArray
            Dimensions ``(sample, root)``, smallest first. NaN where there is none; more than
            one root when the cash flow changes sign more than once, and then none of them
            says whether the investment pays.
        """
        rates = metrics.internal_rates(self._flows(), self.settings.times)
        return self._draws(rates, "irr", f"per {self.settings.period}", ("root",))

    def probability_of_profit(self, at_least: float = 0.0) -> float:
        """Return the probability that the net present value is above an amount.

        Parameters
        ----------
        at_least : float, default 0
            Money.

        Returns
        -------
        float
            Share of the draws with an NPV above it.
        """
        target = check_number(at_least, "at_least")
        return float((self.npv() > target).mean())

    def cvar(self, alpha: float = 0.05) -> float:
        """Return the mean NPV of the worst share of the draws.

        Parameters
        ----------
        alpha : float, default 0.05
            That share.

        Returns
        -------
        float
            Money; never above the mean NPV.
        """
        return metrics.cvar(self.npv().values, check_prob(alpha, "alpha"))[0]

    def break_even(self) -> pd.DataFrame:
        """Return the value per unit and the effect at which an initiative just pays.

        Returns
        -------
        pandas.DataFrame
            Two rows an initiative: ``initiative, quantity, break_even, mcse, unit, estimate,
            estimate_mcse, probability_above``. Percentage points are fractions. Break-even is
            the one certain number that, put in place of the draws, makes ``E[NPV]`` zero while
            all else stays as drawn; NaN where no number does.
        """
        return even.table(self.inputs, self.settings, self.effective_draws)

    def summary(self, prob: float = 0.9) -> pd.DataFrame:
        """Return every headline number with its interval, Monte Carlo error and unit.

        Parameters
        ----------
        prob : float, default 0.9
            Mass of the interval.

        Returns
        -------
        pandas.DataFrame
            ``term, estimate, std_error, conf_low, conf_high, conf_level, n, mcse, unit``.
            Means for money, ``E[NPV] / E[cost]`` for ``roi``, medians for payback and IRR.
        """
        return headlines.table(self, check_prob(prob))

    def tidy(self, prob: float = 0.9) -> pd.DataFrame:
        """Return the headline numbers as a tidy table.

        Parameters
        ----------
        prob : float, default 0.9
            Mass of the interval.

        Returns
        -------
        pandas.DataFrame
            ``term, estimate, std_error, conf_low, conf_high, conf_level, n``.
        """
        return self.summary(prob)[list(TIDY_COLUMNS)]

    def headline(self, prob: float = 0.9) -> str:
        """Say the answer in one paragraph: money and probability.

        Parameters
        ----------
        prob : float, default 0.9
            Mass of the interval.

        Returns
        -------
        str
            Without digits below the Monte Carlo error.
        """
        return wording.headline(self, check_prob(prob))

    def explain(self, prob: float = 0.9) -> str:
        """Say the answer, its conditions and what would change it.

        Parameters
        ----------
        prob : float, default 0.9
            Mass of the interval.

        Returns
        -------
        str
            The headline, the assumptions and the break-even.
        """
        return wording.explain(self, check_prob(prob))

    def plot(self, kind: str = "npv", **options: Any) -> Any:
        """Draw the NPV, the cash flow, the tornado or the way from benefit to NPV.

        Parameters
        ----------
        kind : {"npv", "cash_flow", "tornado", "waterfall"}
            Which picture.
        **options
            Passed to the picture.

        Returns
        -------
        matplotlib.axes.Axes
            Where it was drawn.
        """
        return pictures.draw(self, kind, **options)

    def _repr_html_(self) -> str:
        title = f"Return of {join_names(self.names)}"
        return result_html(title, self.summary(), self.explain())

    def _by_period(self, name: str) -> np.ndarray:
        """Money as (initiative, period, sample): each period is one run of memory."""
        return self.draws[name].transpose("initiative", "period", dr.SAMPLE).values

    def _flows(self, *, discounted: bool = False) -> np.ndarray:
        """Net cash of all initiatives, shape (period, sample)."""
        cost = self._by_period("cost")
        cost = cost[:, :, :1] if cost.strides[2] == 0 else cost
        net = self._by_period("benefit").sum(axis=0) - cost.sum(axis=0)
        return net * self.settings.factors[:, None] if discounted else net

    def _labelled(self, values: np.ndarray, name: str, by_initiative: bool) -> xr.DataArray:
        if not by_initiative:
            return self._draws(values.sum(axis=1), name, self.settings.currency)
        out = self._draws(values, name, self.settings.currency, ("initiative",))
        return out.assign_coords(initiative=self.names)

    def _draws(
        self, values: np.ndarray, name: str, unit: str, dims: tuple[str, ...] = ()
    ) -> xr.DataArray:
        out = xr.DataArray(values, dims=(dr.SAMPLE, *dims), name=name)
        notes = dr.carried_notes(self.draws) | {"unit": unit}
        return dr.noted(out, dr.order_of(self.draws), notes)
