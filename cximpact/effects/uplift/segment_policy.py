"""Whom to treat: the choice by segment that earns the most on average, and how sure it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from cximpact.core import draws as dr
from cximpact.core.causal import check_causal
from cximpact.core.errors import AlignmentError, ConfigError, UnitsError, join_names
from cximpact.core.results import EffectPosterior, result_html
from cximpact.core.rng import RngLike, seed_of
from cximpact.core.summaries import summarize
from cximpact.core.units import UNIT, Money, check_currency
from cximpact.core.validate import check_number
from cximpact.core.wording import format_probability, money

NOTHING = "do nothing"
TREAT = "treat"
OPTION, ARM = "option", "arm"
Amount = float | Money | xr.DataArray


@dataclass(frozen=True, kw_only=True, eq=False)
class SegmentPolicy:
    """What to do in each segment.

    Parameters
    ----------
    profit : xarray.DataArray
        Draws of the profit of each option in each segment, dimensions sample, ``option`` and that
        of the segments; the first option is to do nothing, which brings 0.
    effect : xarray.DataArray
        Draws of the effect, in the same order, without the first option.
    customers : mapping
        Customers by segment.
    currency : str
        Of the profit.
    choice : mapping
        Option by segment.
    """

    profit: xr.DataArray = field(repr=False)
    effect: xr.DataArray = field(repr=False)
    customers: Mapping[Any, float]
    currency: str
    choice: Mapping[Any, str]

    def __post_init__(self) -> None:
        for name in ("customers", "choice"):
            object.__setattr__(self, name, MappingProxyType(dict(getattr(self, name))))

    @property
    def by(self) -> str:
        """Name of the segments' dimension."""
        return str(self.profit.dims[2])

    @property
    def total(self) -> xr.DataArray:
        """Draws of the profit of the policy over all segments."""
        at = xr.DataArray(list(self.choice.values()), dims=(self.by,))
        return dr.map(
            lambda p: p.sel({OPTION: at}).sum(self.by).drop_vars(OPTION, errors="ignore"),
            self.profit,
        )

    @property
    def probability_right(self) -> float:
        """Probability that no other choice in any segment would earn more."""
        return float((self._lost() <= 0).mean())

    @property
    def value_of_information(self) -> float:
        """What knowing every effect exactly before choosing would add on average.

        It is also the expected regret of the policy.
        """
        return float(self._lost().mean())

    def tidy(self, prob: float = 0.9) -> pd.DataFrame:
        """Return segments and options, one row each.

        Parameters
        ----------
        prob : float, default 0.9
            Mass of the intervals.

        Returns
        -------
        pandas.DataFrame
            The segment, ``option``, ``effect``, ``estimate, std_error, conf_low, conf_high,
            conf_level`` of its profit in total, ``profit_per_customer``,
            ``probability_profitable``, ``customers`` and ``chosen``.
        """
        options = self.profit.isel({OPTION: slice(1, None)}).transpose(dr.SAMPLE, self.by, OPTION)
        table = summarize(options, prob).drop(columns="mcse")
        effect = self.effect.transpose(dr.SAMPLE, self.by, OPTION)
        table.insert(2, "effect", effect.mean(dr.SAMPLE).values.ravel())
        n = np.array([self.customers[s] for s in table[self.by]])
        table["profit_per_customer"] = table["estimate"] / np.where(n > 0, n, np.nan)
        table["probability_profitable"] = (options > 0).mean(dr.SAMPLE).values.ravel()
        table["customers"] = n
        chosen = [self.choice[s] for s in table[self.by]]
        return table.assign(chosen=table[OPTION].to_numpy() == np.array(chosen, dtype=object))

    def totals(self, prob: float = 0.9) -> pd.DataFrame:
        """Compare the policy with the same choice for everybody.

        Parameters
        ----------
        prob : float, default 0.9
            Mass of the intervals.

        Returns
        -------
        pandas.DataFrame
            ``policy, estimate, std_error, conf_low, conf_high, conf_level`` of the profit,
            ``probability_profitable`` and ``treated`` customers.
        """
        everywhere = self.profit.sum(self.by)
        n = sum(self.customers.values())
        reached = [n * (option != NOTHING) for option in everywhere[OPTION].values]
        treated = sum(self.customers[s] for s, c in self.choice.items() if c != NOTHING)
        rows = [
            summarize(draws, prob).assign(
                policy=name, probability_profitable=float((draws > 0).mean()), treated=count
            )
            for name, draws, count in [
                ("best by segment", self.total, treated),
                *(
                    (_everywhere(str(option)), everywhere.sel({OPTION: option}, drop=True), count)
                    for option, count in zip(everywhere[OPTION].values, reached, strict=True)
                ),
            ]
        ]
        table = pd.concat(rows, ignore_index=True).drop(columns="mcse")
        return table[["policy", *(c for c in table.columns if c != "policy")]]

    def explain(self, prob: float = 0.9) -> str:
        """Say whom to treat, what that brings, and how sure it is.

        Parameters
        ----------
        prob : float, default 0.9
            Mass of the interval.

        Returns
        -------
        str
            A paragraph.
        """
        rows = self.totals(prob)
        best, others = rows.iloc[0], rows.iloc[2:]
        treated = [s for s, option in self.choice.items() if option != NOTHING]
        n = self.total.sizes[dr.SAMPLE]
        cash = {k: money(best[k], self.currency) for k in ("estimate", "conf_low", "conf_high")}
        same = "; ".join(
            f"{row['policy']}: {money(row['estimate'], self.currency)}"
            for row in others.to_dict("records")
        )
        whom = join_names(treated) if treated else "nobody"
        return (
            f"Treat {whom}: {best['treated']:,.0f} of {sum(self.customers.values()):,.0f} "
            f"customers, with an expected profit of {cash['estimate']} ({100 * prob:g}% credible "
            f"interval {cash['conf_low']} to {cash['conf_high']}). For comparison, {same}. In "
            "every segment this is the choice with the highest expected profit. The probability "
            "that it is right in all of them is "
            f"{format_probability(self.probability_right, n)}; knowing the effects exactly would "
            f"add {money(self.value_of_information, self.currency)} on average, which is the most "
            "that a further test can be worth for these customers."
        )

    def _lost(self) -> xr.DataArray:
        """Draws of what the best choice of every segment would add."""
        return self.profit.max(OPTION).sum(self.by) - self.total

    def _repr_html_(self) -> str:
        return result_html("Whom to treat", self.totals(), self.explain())


def best_policy(
    effect: EffectPosterior,
    *,
    value: Amount,
    cost: Amount | Mapping[Any, Amount],
    customers: Mapping[Any, float] | None = None,
    currency: str | None = None,
    rng: RngLike = 0,
) -> SegmentPolicy:
    """Choose in every segment what earns the most on average.

    Parameters
    ----------
    effect : EffectPosterior
        Effects by segment, and by ``arm`` if there are several, such as of `HierarchicalUplift`.
    value : float, Money or xarray.DataArray
        Margin per unit of the outcome: per customer won, or per unit of spend. Draws have the
        dimension ``sample``, or ``sample`` and that of the segments.
    cost : float, Money, xarray.DataArray, or mapping
        Cost of treating a customer; by arm if there are several.
    customers : mapping, optional
        Customers by segment for whom one chooses; those of the experiment by default.
    currency : str, optional
        ISO 4217 code; needed where neither value nor cost carries one.
    rng : int or Generator, default 0
        Pairs effects with draws of value and cost that are independent of them.

    Returns
    -------
    SegmentPolicy
        Choices, with joint draws of their profit.

    Raises
    ------
    NotCausalError
        If the effect is descriptive.
    AlignmentError
        If effect, value or customers do not have the same segments.
    UnitsError
        If currencies differ or are missing, or the effect is relative.
    ConfigError
        If a number cannot be used.

    Notes
    -----
    The profit of treating segment s is ``n_s (value effect_s - cost)`` in each draw. Choosing by
    its mean is right for somebody who does not fear risk; posterior means do not suffer from the
    winner's curse as far as the prior of the model is right. Value of information:
    ``E[sum_s max(profit_s, 0)] - sum_s max(E[profit_s], 0)``.

    References
    ----------
    Raiffa, H. and Schlaifer, R. (1961). Applied Statistical Decision Theory. Harvard University.
    """
    check_causal(effect)
    if effect.estimand.scale not in ("pp", "outcome", "money", "points"):
        raise UnitsError(
            f"the effect is {effect.estimand.scale}; expected a change in the outcome's own unit."
        )
    draws = _by_option(effect)
    by = str(draws.dims[2])
    segments, options = draws[by].values.tolist(), draws[OPTION].values.tolist()
    sizes = _sizes(effect, customers, segments, by)
    costs = _costs(cost, options)
    amounts = {"value": value, **{f"cost of {o!r}": c for o, c in costs.items()}}
    unit = _currency(amounts, currency)
    numbers = {name: _number(name, amount, draws, by) for name, amount in amounts.items()}
    random = {k: v for k, v in numbers.items() if isinstance(v, xr.DataArray)}
    paired = dr.pair(draws, *random.values(), rng=seed_of(rng)) if random else (draws,)
    numbers |= dict(zip(random, paired[1:], strict=True))
    n = xr.DataArray(list(sizes.values()), dims=(by,), coords={by: segments})

    def earned(gain: xr.DataArray, *_: xr.DataArray) -> xr.DataArray:
        paid = [numbers[f"cost of {o!r}"] for o in options]
        parts = [
            n * (numbers["value"] * gain.sel({OPTION: o}, drop=True) - c)
            for o, c in zip(options, paid, strict=True)
        ]
        parts.insert(0, xr.zeros_like(parts[0]))
        named = pd.Index([NOTHING, *options], name=OPTION)
        return xr.concat(parts, named, coords="minimal").transpose(dr.SAMPLE, OPTION, by)

    profit = dr.map(earned, *paired, name="profit").assign_attrs({UNIT: unit})
    best = profit.mean(dr.SAMPLE).argmax(OPTION).values
    return SegmentPolicy(
        profit=profit,
        effect=paired[0],
        customers=sizes,
        currency=unit,
        choice={s: [NOTHING, *options][k] for s, k in zip(segments, best, strict=True)},
    )


def _everywhere(option: str) -> str:
    return {NOTHING: "treat nobody", TREAT: "treat everybody"}.get(
        option, f"{option} for everybody"
    )


def _by_option(effect: EffectPosterior) -> xr.DataArray:
    """Lay out effect draws as sample, option, segment."""
    draws = effect.draws
    others = [str(d) for d in draws.dims if d not in (dr.SAMPLE, ARM)]
    if len(others) != 1:
        raise AlignmentError(
            f"the effect has the dimensions {join_names([str(d) for d in draws.dims])}; expected "
            "one of segments, and at most one of arms."
        )
    if ARM in draws.dims:
        labels = [str(a) for a in draws[ARM].values]
        named = draws.assign_coords({ARM: labels}).rename({ARM: OPTION})
    else:
        named = dr.map(lambda x: x.expand_dims({OPTION: [TREAT]}), draws)
    return dr.map(lambda x: x.transpose(dr.SAMPLE, OPTION, others[0]), named)


def _sizes(
    effect: EffectPosterior, customers: Mapping[Any, float] | None, segments: list[Any], by: str
) -> dict[Any, float]:
    given = effect.details.get("customers") if customers is None else customers
    if not isinstance(given, Mapping):
        raise ConfigError("customers is missing; give the number of customers of each segment.")
    if set(given) != set(segments):
        raise AlignmentError(
            f"customers names {join_names(list(given))} but the effect has {by} "
            f"{join_names(segments)}; expected the same segments (0 for one not reached)."
        )
    return {s: check_number(given[s], f"customers of {s!r}", low=0) for s in segments}


def _costs(cost: Any, options: list[str]) -> dict[str, Any]:
    if not isinstance(cost, Mapping):
        return dict.fromkeys(options, cost)
    given = {str(arm): amount for arm, amount in cost.items()}
    if set(given) != set(options):
        raise AlignmentError(
            f"cost names {join_names(list(given))}; expected {join_names(options)}."
        )
    return {option: given[option] for option in options}


def _currency(amounts: Mapping[str, Any], currency: str | None) -> str:
    known = {a.currency for a in amounts.values() if isinstance(a, Money)}
    known |= {
        str(a.attrs[UNIT])
        for a in amounts.values()
        if isinstance(a, xr.DataArray) and UNIT in a.attrs
    }
    known |= {check_currency(currency)} if currency is not None else set()
    if len(known) > 1:
        raise UnitsError(f"value and cost are in {join_names(sorted(known))}; convert them first.")
    if not known:
        raise UnitsError("currency is missing; expected a code such as 'EUR'.")
    return check_currency(known.pop())


def _number(name: str, amount: Any, draws: xr.DataArray, by: str) -> float | xr.DataArray:
    """Check an amount of money."""
    low = 0.0 if name.startswith("cost") else -np.inf
    if not isinstance(amount, xr.DataArray):
        return check_number(amount.amount if isinstance(amount, Money) else amount, name, low=low)
    dr.check_values(amount, name)
    dr.order_of(amount)
    extra = [str(d) for d in amount.dims if d != dr.SAMPLE]
    if extra not in ([], [by]):
        raise AlignmentError(
            f"{name} has the dimensions {join_names([dr.SAMPLE, *extra])}; expected only draws, or "
            f"draws by {by}."
        )
    if extra and amount[by].values.tolist() != draws[by].values.tolist():
        raise AlignmentError(f"{name} has other segments than the effect, or in another order.")
    if (bad := int((amount < low).sum())) > 0:
        raise ConfigError(f"{name} is negative in {bad} draws; expected at least 0.")
    return amount
