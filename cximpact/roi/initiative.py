"""An initiative: what it costs, whom it reaches, what it changes and when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import xarray as xr

from cximpact.core import draws as dr
from cximpact.core.claims import EFFECT_SCALES
from cximpact.core.errors import AlignmentError, ConfigError, UnitsError, closest, join_names
from cximpact.core.results import EffectPosterior
from cximpact.core.units import Change, Money, check_currency
from cximpact.core.validate import check_choice, check_count, check_number
from cximpact.roi.cashflow import Timing
from cximpact.value.incremental import effect_blocks
from cximpact.value.inputs import effect_input
from cximpact.value.posterior import ValuePosterior
from cximpact.value.stated import fixed

MECHANISMS = ("retention", "per_period", "one_time")
COSTS = ("one_off", "recurring", "per_treated")
_RATES = ("pp", "outcome", "relative", "relative_churn")


@dataclass(frozen=True, kw_only=True, eq=False)
class Initiative:
    """Something that could be done for customers, and what is known about it.

    Parameters
    ----------
    name : str
        How results call it.
    n : float or mapping of str to float
        Customers it could reach: in total, or per segment with the labels of the effect.
    effect : EffectPosterior, Change, ValuePosterior or xarray.DataArray
        What it changes per customer reached: an estimate, a stated change, an amount of
        money per customer, or labelled draws whose ``attrs["unit"]`` names their meaning.
    mechanism : {"retention", "per_period", "one_time"}
        ``"retention"``: the effect raises the probability to stay for another period, and
        gains compound. ``"per_period"``: it changes what a customer does in every period.
        ``"one_time"``: it changes one decision, once per customer.
    value : float, Money or ValuePosterior, optional
        Margin per unit of behavior: with ``"retention"`` per retained customer and period.
        None only when the effect is money already.
    currency : str, optional
        ISO 4217 code; needed where neither value nor effect carries one.
    costs : mapping
        ``one_off`` at time 0, ``recurring`` in every period, ``per_treated`` once when a
        customer is first reached. Each a number, Money or a ValuePosterior.
    baseline : float or xarray.DataArray, optional
        Rate without the initiative, from 0 to 1: the retention per period, or the rate of
        the one decision.
    coverage : float, default 1
        Share of the customers who are reached.
    lag : int, default 0
        Periods between reaching customers and the effect.
    ramp : int, default 0
        Periods over which the effect is phased in linearly; 0 is at once.
    decay : float, default 0
        Rate at which the effect fades per period after its first one:
        ``exp(-decay * periods)``.
    stops : int, optional
        Last period in which it is run and its recurring cost paid; the horizon by default.
    persists : bool, default False
        Whether the effect goes on after it stopped.
    pull_forward, cannibalization : float, default 0
        Shares of the gain that are only early, or lost elsewhere.
    link : EffectPosterior or xarray.DataArray, optional
        Causal change in behavior per score point, for an effect on a score.
    """

    name: str
    n: float | Mapping[str, float]
    effect: EffectPosterior | Change | ValuePosterior | xr.DataArray
    mechanism: str
    value: float | Money | ValuePosterior | None = None
    currency: str | None = None
    costs: Mapping[str, float | Money | ValuePosterior] = field(default_factory=dict)
    baseline: float | xr.DataArray | None = None
    coverage: float = 1.0
    lag: int = 0
    ramp: int = 0
    decay: float = 0.0
    stops: int | None = None
    persists: bool = False
    pull_forward: float = 0.0
    cannibalization: float = 0.0
    link: EffectPosterior | xr.DataArray | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name.strip():
            raise ConfigError(f"initiative.name is {self.name!r}; expected a name.")
        check_choice(self.mechanism, self.path("mechanism"), MECHANISMS)
        _check_numbers(self)
        found = effect_input(self.effect, self.path("effect"))
        blocks, scale = effect_blocks(found, self.link, self.path("effect"))
        _set(self, "n", _checked_n(self, blocks))
        _set(self, "currency", _currency(self))
        _set(self, "value", _checked_value(self, scale))
        _set(self, "costs", _checked_costs(self))
        _check_mechanism(self, scale)

    def path(self, key: str) -> str:
        """Return how messages call a setting.

        Parameters
        ----------
        key : str
            Such as ``"costs.one_off"``.

        Returns
        -------
        str
            Such as ``"initiative 'x'.costs.one_off"``.
        """
        return f"initiative {self.name!r}.{key}"

    @property
    def timing(self) -> Timing:
        """When it works."""
        return Timing(
            lag=self.lag,
            ramp=self.ramp,
            decay=self.decay,
            stops=self.stops,
            persists=self.persists,
        )

    @property
    def customers(self) -> float:
        """Customers that it could reach, over all segments."""
        return sum(self.n.values()) if isinstance(self.n, Mapping) else self.n


def _set(initiative: Initiative, name: str, value: Any) -> None:
    object.__setattr__(initiative, name, value)


def _check_numbers(it: Initiative) -> None:
    for name in ("coverage", "pull_forward", "cannibalization"):
        check_number(getattr(it, name), it.path(name), low=0, high=1)
    for name in ("lag", "ramp"):
        check_count(getattr(it, name), it.path(name), low=0)
    check_number(it.decay, it.path("decay"), low=0)
    if it.stops is not None:
        check_count(it.stops, it.path("stops"), low=0)
    if isinstance(it.baseline, xr.DataArray):
        dr.check_values(it.baseline, it.path("baseline"))
        dr.order_of(it.baseline)
        outside = float(((it.baseline < 0) | (it.baseline > 1)).mean())
        if outside > 0:
            raise ConfigError(f"{it.path('baseline')} leaves 0 to 1 in {outside:.1%} of the draws.")
    elif it.baseline is not None:
        check_number(it.baseline, it.path("baseline"), low=0, high=1)


def _checked_n(it: Initiative, blocks: Mapping[str, xr.DataArray]) -> Any:
    """Check the customers, and that whatever has segments has these segments."""
    parts = dict(blocks)
    parts |= {k: v for k in ("baseline",) if isinstance(v := getattr(it, k), xr.DataArray)}
    if isinstance(it.value, ValuePosterior):
        parts["value"] = it.value.draws
    segmented = {
        name: dims
        for name, block in parts.items()
        if (dims := [str(d) for d in block.dims if d != dr.SAMPLE])
    }
    labels = sorted(it.n) if isinstance(it.n, Mapping) else []
    for name, dims in segmented.items():
        if len(dims) > 1 or not labels or len({d[0] for d in segmented.values()}) > 1:
            raise AlignmentError(
                f"{it.path(name)} has the dimensions {join_names(dims)}; give one number a draw, "
                f"or one segment dimension and {it.path('n')} per segment. An effect over event "
                "time is aggregated first."
            )
        found = sorted(str(v) for v in parts[name][dims[0]].values)
        if found != labels:
            raise AlignmentError(
                f"{it.path(name)} has {dims[0]} {join_names(found)} but {it.path('n')} names "
                f"{join_names(labels)}; expected the same segments (0 for one not reached)."
            )
    if not isinstance(it.n, Mapping):
        return check_number(it.n, it.path("n"), low=0)
    if not it.n:
        raise ConfigError(f"{it.path('n')} names no segment; expected at least one.")
    return MappingProxyType(
        {str(s): check_number(v, it.path(f"n.{s}"), low=0) for s, v in it.n.items()}
    )


def _currency(it: Initiative) -> str:
    carried = [it.value, it.effect, *(it.costs.values() if isinstance(it.costs, Mapping) else ())]
    known = {v.currency for v in carried if isinstance(v, ValuePosterior | Money)}
    known |= {check_currency(it.currency)} if it.currency is not None else set()
    if isinstance(it.effect, EffectPosterior) and it.effect.estimand.scale == "money":
        unit = it.effect.draws.attrs.get("unit")
        known |= {check_currency(unit)} if unit and unit not in EFFECT_SCALES else set()
    if len(known) > 1:
        raise UnitsError(
            f"initiative {it.name!r} mixes the currencies {join_names(sorted(map(str, known)))}; "
            "convert them to one first."
        )
    if not known:
        raise ConfigError(f"{it.path('currency')} is missing; expected a code such as 'EUR'.")
    return known.pop()


def _checked_value(it: Initiative, scale: str) -> ValuePosterior | None:
    if scale == "money":
        if it.value is not None:
            raise UnitsError(
                f"{it.path('effect')} is money already; leave {it.path('value')} away."
            )
        return None
    if it.value is None:
        raise ConfigError(f"{it.path('value')} is missing; expected money per unit of behavior.")
    if isinstance(it.value, ValuePosterior):
        return it.value
    amount = it.value.amount if isinstance(it.value, Money) else it.value
    return fixed(
        check_number(amount, it.path("value"), low=0),
        str(it.currency),
        per="unit of behavior",
        assumption=f"the value of {amount:g} {it.currency} was stated for {it.name!r}",
    )


def _checked_costs(it: Initiative) -> Mapping[str, float | ValuePosterior]:
    if not isinstance(it.costs, Mapping):
        raise ConfigError(
            f"{it.path('costs')} is {it.costs!r}; expected a mapping with {join_names(COSTS)}."
        )
    checked: dict[str, float | ValuePosterior] = {}
    for key, cost in it.costs.items():
        if key not in COSTS:
            best = closest(str(key), COSTS)
            hint = f" Did you mean {best!r}?" if best else ""
            raise ConfigError(
                f"{it.path(f'costs.{key}')} is unknown; expected {join_names(COSTS)}.{hint}"
            )
        path = it.path(f"costs.{key}")
        if not isinstance(cost, ValuePosterior):
            amount = cost.amount if isinstance(cost, Money) else cost
            checked[key] = check_number(amount, path, low=0)
            continue
        if cost.draws.dims != (dr.SAMPLE,):
            raise AlignmentError(f"{path} has dimensions {cost.draws.dims}; expected only draws.")
        if bad := int((cost.draws < 0).sum()):
            raise ConfigError(f"{path} is negative in {bad} draws; expected at least 0.")
        checked[key] = cost
    return MappingProxyType(checked)


def _check_mechanism(it: Initiative, scale: str) -> None:
    if it.mechanism == "retention":
        if it.baseline is None:
            raise ConfigError(
                f"{it.path('baseline')} is missing; mechanism 'retention' needs the retention "
                "per period without the initiative."
            )
        if scale not in _RATES:
            raise UnitsError(
                f"{it.path('effect')} is in {scale!r}; mechanism 'retention' needs a change of "
                "the retention rate. Money per customer goes with 'per_period' or 'one_time'."
            )
    if it.baseline is None and scale in ("relative", "relative_churn"):
        raise UnitsError(
            f"{it.path('effect')} is {scale}; {it.path('baseline')} is needed to turn it into "
            "percentage points."
        )
    worth = it.effect if isinstance(it.effect, ValuePosterior) else it.value
    paid_out = it.mechanism != "one_time"
    if paid_out and isinstance(worth, ValuePosterior) and worth.horizon == "lifetime":
        raise UnitsError(
            f"{it.path('value')} is a lifetime value; mechanism {it.mechanism!r} would pay it "
            "out again in every period. Use 'one_time', or a margin per period."
        )
