"""Lifetime value under a constant retention rate, and what it says about a famous claim."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr

from cximpact.core import draws as dr
from cximpact.core.errors import ConfigError
from cximpact.core.results import Assumption, Provenance
from cximpact.core.rng import RngLike
from cximpact.core.units import Change, rate_per_period
from cximpact.core.validate import check_choice, check_number
from cximpact.value.joint import join
from cximpact.value.posterior import ValuePosterior
from cximpact.value.stated import fixed

_PAYMENTS = ("start", "mid", "end")
_CONSTANT_RETENTION = Assumption(
    name="constant retention",
    statement="every customer stays with the same probability in every period",
    tested=False,
)

_SORTING = Assumption(
    name="stable loyalty",
    statement="a customer's own probability to leave stays what it is, and goes with no other "
    "margin",
    tested=False,
)


def geometric_lifetime(
    margin: float | ValuePosterior,
    retention: float | xr.DataArray,
    discount_rate: float,
    *,
    currency: str | None = None,
    period: str = "year",
    payment: str = "end",
    rng: RngLike = 0,
) -> ValuePosterior:
    """Discounted margin of a customer who stays with constant probability.

    Parameters
    ----------
    margin : float or ValuePosterior
        Margin per period while the customer stays, not revenue.
    retention : float or xarray.DataArray
        Probability to stay for another period, from 0 to 1; a number or labelled draws.
    discount_rate : float
        Effective annual rate, such as 0.10. It is converted to the period by the power
        ``1 / n``, not by division.
    currency : str, optional
        ISO 4217 code; needed when the margin is a number.
    period : {"year", "quarter", "month", "week", "day"}
        Length of a period.
    payment : {"start", "mid", "end"}
        ``"start"``: a first margin is due at once, undiscounted and certain. ``"end"``: the
        first one after the first renewal. ``"mid"``: half a period earlier than that.
    rng : int or Generator, default 0
        Pairs margin and retention when both are uncertain and independent.

    Returns
    -------
    ValuePosterior
        Per customer, with horizon ``"lifetime"``.

    Raises
    ------
    ConfigError
        If a rate is out of bounds, or retention and discounting leave the sum infinite.

    Notes
    -----
    With rate ``d`` and retention ``r`` per period: start ``m (1 + d) / (1 + d - r)``, end
    ``m r / (1 + d - r)``, mid ``sqrt(1 + d)`` times the end value; start minus end is ``m``.
    Real cohorts are mixtures, whose observed retention rises with age; a constant rate taken
    from young cohorts then understates the lifetime.

    References
    ----------
    Gupta, S. and Lehmann, D. R. (2003). Customers as assets. Journal of Interactive
    Marketing 17(1).
    """
    check_choice(payment, "payment", _PAYMENTS)
    d = rate_per_period(discount_rate, period)
    worth = _as_value(margin, currency, period)
    rate = _as_rate(retention)
    joint = join({"margin": worth.draws, "retention": rate}, rng=rng)
    m, r = joint.blocks["margin"], joint.blocks["retention"]
    if float((1 + d - r).min()) <= 0:
        raise ConfigError(
            f"retention reaches {float(r.max()):g} at a discount rate of {d:.4g} a period: "
            "the lifetime is infinite. Use a finite horizon or a retention below 1 + rate."
        )
    end = m * r / (1 + d - r)
    factor = {"start": m * (1 + d) / (1 + d - r), "mid": end * np.sqrt(1 + d), "end": end}
    settings = {"discount_rate": discount_rate, "period": period, "payment": payment}
    provenance = Provenance(
        method="value.geometric_lifetime",
        settings=settings,
        parents=(*sorted(joint.order), *worth.provenance.parents),
    )
    return ValuePosterior(
        draws=joint.label(factor[payment]).rename("lifetime value"),
        currency=worth.currency,
        per="customer",
        horizon="lifetime",
        discount_rate=float(discount_rate),
        payment=payment,
        draw_kind=worth.draw_kind,
        assumptions=(*worth.assumptions, _CONSTANT_RETENTION),
        n=worth.n,
        provenance=provenance,
        would_change_it="retention that differs between customers or changes with age",
    )


def lifetime_value(
    margin: float | ValuePosterior,
    periods: xr.DataArray,
    *,
    discount_rate: float,
    currency: str | None = None,
    period: str = "year",
    n: int = 0,
    rng: RngLike = 0,
) -> ValuePosterior:
    """Multiply a margin per period by the discounted periods that a customer stays.

    Parameters
    ----------
    margin : float or ValuePosterior
        Margin per period while the customer stays.
    periods : xarray.DataArray
        Draws of the discounted expected lifetime, the first payment undiscounted.
    discount_rate : float
        The annual rate that is in them.
    currency : str, optional
        ISO 4217 code; needed when the margin is a number.
    period : {"year", "quarter", "month", "week", "day"}
        Length of a period.
    n : int, default 0
        Customers behind the lifetime.
    rng : int or Generator, default 0
        Pairs both as independent.

    Returns
    -------
    ValuePosterior
        Per customer, with horizon ``"lifetime"``.
    """
    worth = _as_value(margin, currency, period)
    joint = join({"margin": worth.draws, "periods": periods}, rng=rng)
    return ValuePosterior(
        draws=joint.label(joint.blocks["margin"] * joint.blocks["periods"]).rename(
            "lifetime value"
        ),
        currency=worth.currency,
        per="customer",
        horizon="lifetime",
        discount_rate=float(discount_rate),
        payment="start",
        draw_kind="simulation",
        assumptions=(*worth.assumptions, _SORTING),
        n=n,
        provenance=Provenance(
            method="value.lifetime_value",
            settings={"discount_rate": discount_rate, "period": period},
            parents=(*sorted(joint.order), *worth.provenance.parents),
        ),
        would_change_it="loyalty that changes with age, or margins that differ by loyalty",
    )


@dataclass(frozen=True, kw_only=True)
class RetentionClaim:
    """What a gain in retention does to the value of a customer.

    Parameters
    ----------
    profit_gain : float
        Relative gain of the lifetime value, 0.2 for 20 %.
    claimed : float
        The gain that was claimed.
    holds_at : float or None
        Retention at which the claim is exactly true, for a gain in percentage points and
        payment at the start; None where it is true nowhere between 0 and 1 or has no such
        closed form.
    """

    profit_gain: float
    claimed: float
    holds_at: float | None

    def explain(self) -> str:
        """Say what was found and where the claim is true.

        Returns
        -------
        str
            Two sentences.
        """
        where = (
            f"The claim of {self.claimed:.0%} is exact at a retention of {self.holds_at:.4g} only."
            if self.holds_at is not None
            else f"The claim was {self.claimed:.0%}."
        )
        return f"The lifetime value grows by {self.profit_gain:.1%}. {where}"


def retention_claim(
    retention: float,
    gain: Change,
    *,
    discount_rate: float,
    payment: str = "start",
    claimed: float = 0.25,
) -> RetentionClaim:
    """Check the claim that 5 % more retention makes 25 % more profit.

    Parameters
    ----------
    retention : float
        Retention per year before the gain, above 0 and below 1.
    gain : Change
        The gain, with the meaning of its percentage.
    discount_rate : float
        Annual rate.
    payment : {"start", "mid", "end"}
        When margins are paid.
    claimed : float, default 0.25
        Relative gain that was claimed.

    Returns
    -------
    RetentionClaim
        The gain in lifetime value, and where the claim is true.

    Raises
    ------
    ConfigError, UnitsError
        If a rate is out of bounds or the gain impossible.

    Notes
    -----
    At the start convention the ratio is ``(1 + d - r0) / (1 + d - r1)``: a property of a
    regime of retention and discounting, not a constant.
    """
    check_number(retention, "retention", low=0, high=1, open_low=True)
    check_number(claimed, "claimed", low=0, open_low=True)
    after = gain.apply(retention)

    def worth(rate: float) -> float:
        value = geometric_lifetime(1.0, rate, discount_rate, currency="XXX", payment=payment)
        return float(value.draws[0])

    holds = None
    if payment == "start" and gain.unit == "pp" and gain.value > 0:
        at = 1 + discount_rate - gain.value * (1 + claimed) / claimed
        holds = at if 0 <= at <= 1 - gain.value else None
    return RetentionClaim(
        profit_gain=worth(after) / worth(retention) - 1, claimed=claimed, holds_at=holds
    )


def _as_value(margin: float | ValuePosterior, currency: str | None, period: str) -> ValuePosterior:
    if isinstance(margin, ValuePosterior):
        return margin
    check_number(margin, "margin", low=0)
    return fixed(
        margin,
        "" if currency is None else currency,
        per=f"customer and {period}",
        assumption=f"the margin is {margin:g} {currency} in every {period}",
    )


def _as_rate(retention: float | xr.DataArray) -> xr.DataArray:
    if not isinstance(retention, xr.DataArray):
        value = check_number(retention, "retention", low=0, high=1)
        return dr.from_array(np.full(2, value), source="stated retention")
    dr.check_values(retention, "retention")
    outside = float(((retention < 0) | (retention > 1)).mean())
    if outside > 0:
        raise ConfigError(f"retention leaves 0 to 1 in {outside:.1%} of the draws.")
    return retention
