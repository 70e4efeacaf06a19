"""What a change of retention is worth: two survival curves, compounded and discounted."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from cximpact.core import draws as dr
from cximpact.core.errors import AlignmentError, ConfigError, UnitsError
from cximpact.core.results import Assumption, EffectPosterior, Provenance
from cximpact.core.rng import RngLike
from cximpact.core.units import Change, discount_factors, rate_per_period
from cximpact.core.validate import check_count, check_number, check_vector
from cximpact.value.inputs import effect_input, rate_change
from cximpact.value.joint import join
from cximpact.value.posterior import ValuePosterior


def retained_value(
    effect: EffectPosterior | Change | xr.DataArray,
    margin: ValuePosterior,
    *,
    baseline: float | ArrayLike,
    horizon: int,
    rng: RngLike,
    discount_rate: float = 0.10,
    period: str = "month",
    payment: str = "end",
    lasts: int | None = None,
) -> ValuePosterior:
    """Value a change of the retention per period, for a customer who is there today.

    Parameters
    ----------
    effect : EffectPosterior, Change or xarray.DataArray
        Change of the retention rate per period.
    margin : ValuePosterior
        Margin of a retained customer and period, not revenue and not a lifetime value.
    baseline : float or array_like, shape (horizon,)
        Retention without the change: one rate, or one a period, such as
        ``fit.retention(range(1, horizon + 1))`` of a `ShiftedBetaGeometric` fit.
    horizon : int
        Periods that are counted.
    rng : int or Generator
        Pairs effect and margin where they are independent.
    discount_rate : float, default 0.10
        Effective annual rate.
    period : {"year", "quarter", "month", "week", "day"}
        Length of a period.
    payment : {"start", "mid", "end"}
        When in a period the margin is paid.
    lasts : int, optional
        Periods in which the effect works; all by default. What was gained stays gained and
        decays at the baseline afterwards.

    Returns
    -------
    ValuePosterior
        Money per customer over the horizon. ``details["clipped_share"]`` counts the rates that
        were kept within 0 to 1, period by period.

    Raises
    ------
    NotCausalError, UnitsError, ConfigError
        For a descriptive effect, one that is no rate, or settings out of bounds.

    Notes
    -----
    Per draw ``sum over t of m (S1(t) - S0(t)) / (1 + d)^t`` with ``S1(t) = S1(t-1) (r_t + tau)``
    and ``S0(t) = S0(t-1) r_t``: the gain compounds, and is not ``tau`` times all customers in
    every period. Estimand: margin gained per customer who is there at the start.
    """
    found = effect_input(effect)
    if found.scale in ("points", "money"):
        raise UnitsError(
            f"effect is in {found.scale!r}; expected a change of the retention rate per period."
        )
    if margin.horizon == "lifetime":
        raise UnitsError(
            "margin is a lifetime value; it would be paid out again in every period. Use "
            "incremental, or a margin per period."
        )
    rates = _rates(baseline, check_count(horizon, "horizon"))
    works = horizon if lasts is None else check_count(lasts, "lasts", low=0)
    factors = discount_factors(
        rate_per_period(discount_rate, period), np.arange(1, horizon + 1), payment
    )
    joint = join({"effect": found.draws, "margin": margin.draws}, rng=rng)
    units, clipped = _units(joint.blocks["effect"], found.scale, rates, works, factors)
    settings = {"baseline": rates, "horizon": horizon, "discount_rate": discount_rate}
    settings |= {"period": period, "payment": payment, "lasts": lasts}
    return ValuePosterior(
        draws=joint.label(units * joint.blocks["margin"]).rename("retained value"),
        currency=margin.currency,
        per="customer",
        horizon="lifetime",
        discount_rate=float(discount_rate),
        payment=payment,
        draw_kind=found.draw_kind if not _varies(margin) else "simulation",  # type: ignore[arg-type]
        assumptions=(*found.assumptions, *margin.assumptions, _ALIKE),
        provenance=Provenance(
            method="value.retained_value",
            settings=settings,
            parents=tuple(sorted(joint.order)),
            notes=found.notes,
        ),
        would_change_it="an effect that fades, or retained customers who are worth less",
        details={"clipped_share": clipped},
    )


_ALIKE = Assumption(
    name="value of those retained",
    statement="customers who stay because of it are worth as much as those who stay anyway",
    tested=False,
)


def effect_weighted_margin(
    effect: EffectPosterior | xr.DataArray,
    margin: ValuePosterior,
    share: dict[Any, float],
    *,
    rng: RngLike,
) -> ValuePosterior:
    """Return the margin of those who were moved: ``E[tau m] / E[tau]`` over segments.

    Parameters
    ----------
    effect : EffectPosterior or xarray.DataArray
        Effect by segment, dimensions ``(sample, segment)``.
    margin : ValuePosterior
        Margin by segment, with the same labels.
    share : mapping of segment to float
        Customers, or their share, by segment.
    rng : int or Generator
        Pairs both where they are independent.

    Returns
    -------
    ValuePosterior
        One margin. ``details["average"]`` is the mean margin of all customers, and their
        difference is what valuing the gain by the average customer gets wrong.

    Raises
    ------
    AlignmentError
        If segments differ.
    ConfigError
        If the mean effect is not clearly away from 0: the ratio then has no mean.

    Notes
    -----
    If an action moves those who buy little, the average margin overstates its gain by the
    covariance of effect and margin.
    """
    found = effect_input(effect)
    dims = [str(d) for d in found.draws.dims if d != dr.SAMPLE]
    if len(dims) != 1 or margin.draws.dims != (dr.SAMPLE, dims[0]):
        raise AlignmentError(
            f"effect has the dimensions {dims} and margin {list(margin.draws.dims[1:])}; expected "
            "the same one dimension of segments."
        )
    labels = [str(v) for v in found.draws[dims[0]].values]
    counts = {str(k): check_number(v, f"share[{k!r}]", low=0) for k, v in share.items()}
    if sorted(counts) != sorted(labels):
        raise AlignmentError(f"share names {sorted(counts)}; expected {sorted(labels)}.")
    weight = xr.DataArray([counts[v] for v in labels], dims=dims)
    weight = weight / weight.sum()
    joint = join({"effect": found.draws, "margin": margin.draws}, rng=rng)
    tau, worth = joint.blocks["effect"], joint.blocks["margin"]
    moved = (tau * weight).sum(dims[0])
    if _crosses_zero(moved):
        raise ConfigError(
            "the mean effect is not clearly away from 0 (90 % of its draws are not on one side), "
            "so the margin per customer moved is not defined. Value the gain per segment."
        )
    return ValuePosterior(
        draws=joint.label((tau * worth * weight).sum(dims[0]) / moved).rename("margin"),
        currency=margin.currency,
        per=margin.per,
        horizon=margin.horizon,
        draw_kind="simulation",
        assumptions=margin.assumptions,
        provenance=Provenance(
            method="value.effect_weighted_margin",
            settings={"share": counts},
            parents=tuple(sorted(joint.order)),
        ),
        would_change_it="another pattern of the effect over segments",
        details={"average": float((worth * weight).sum(dims[0]).mean())},
    )


def pull_forward_share(
    effect: EffectPosterior, *, during: tuple[int, int], after: tuple[int, int]
) -> xr.DataArray:
    """Estimate which share of a gain was only bought earlier, from the dip that follows it.

    Parameters
    ----------
    effect : EffectPosterior
        Effect on purchases by event time, as ``aggregate("event")`` gives it.
    during, after : tuple of int
        First and last event time of the gain, and of the time after it. The latter must hold at
        least one repurchase cycle, or the share is understated.

    Returns
    -------
    xarray.DataArray
        Draws of ``-sum(after) / sum(during)``, kept within 0 and 1.

    Raises
    ------
    ConfigError
        If there are no event times, or the gain is not clearly above 0.
    """
    if effect.draws.dims != (dr.SAMPLE, "event_time"):
        raise ConfigError(
            f"effect has the dimensions {effect.draws.dims}; expected event times, as from "
            'aggregate("event").'
        )
    gain, dip = (_window(effect, *window) for window in (during, after))
    if _crosses_zero(gain):
        raise ConfigError(
            f"the gain in event times {during[0]} to {during[1]} is not clearly above 0; there is "
            "nothing of which a share could have been pulled forward."
        )
    share = (-dip / gain).clip(0, 1).rename("pull forward")
    return dr.noted(share, dr.order_of(effect.draws), dr.carried_notes(effect.draws))


def _window(effect: EffectPosterior, first: int, last: int) -> xr.DataArray:
    times = effect.draws["event_time"].values
    inside = (times >= first) & (times <= last)
    if first > last or not inside.any():
        raise ConfigError(
            f"there is no event time from {first} to {last}; found {times.min()} to {times.max()}."
        )
    return effect.draws.isel(event_time=inside).sum("event_time")


def _crosses_zero(draws: xr.DataArray) -> bool:
    low, high = np.quantile(draws.values, [0.05, 0.95])
    return bool(low <= 0 <= high)


def _rates(baseline: float | ArrayLike, horizon: int) -> np.ndarray:
    if np.ndim(baseline) == 0:
        rate = float(baseline) if isinstance(baseline, xr.DataArray) else baseline
        return np.full(horizon, check_number(rate, "baseline", low=0, high=1))
    rates = check_vector(np.asarray(baseline), "baseline")
    if rates.size != horizon or rates.min() < 0 or rates.max() > 1:
        raise ConfigError(
            f"baseline has {rates.size} rates from {rates.min():g} to {rates.max():g}; expected "
            f"one for each of {horizon} periods, from 0 to 1."
        )
    return rates


def _units(
    effect: xr.DataArray, scale: str, rates: np.ndarray, works: int, factors: np.ndarray
) -> tuple[xr.DataArray, float]:
    """Discounted extra periods of a customer, and the share of clipped rates."""
    with_it = without = xr.ones_like(effect)
    total, clipped = xr.zeros_like(effect), 0.0
    for t, rate in enumerate(rates):
        change = xr.zeros_like(effect)
        if t < works:
            change, share = rate_change(effect, scale, xr.DataArray(float(rate)), "effect")
            clipped += share / min(works, rates.size)
        with_it, without = with_it * (rate + change), without * rate
        total = total + factors[t] * (with_it - without)
    return total, clipped


def _varies(value: ValuePosterior) -> bool:
    return float(value.draws.std(dr.SAMPLE).max()) > 0
