"""The value per unit and the effect at which an initiative just pays for itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy import optimize

from cximpact.roi.cashflow import Number, present_units
from cximpact.roi.resolve import Resolved
from cximpact.roi.settings import Settings

_WIDEST = 2.0**40


def table(inputs: Sequence[Resolved], settings: Settings, ess: float) -> pd.DataFrame:
    """Return break-even numbers of each initiative.

    Parameters
    ----------
    inputs : sequence of Resolved
        Initiatives in numbers.
    settings : Settings
        Horizon and discounting.
    ess : float
        Effective number of draws.

    Returns
    -------
    pandas.DataFrame
        ``initiative, quantity, break_even, mcse, unit, estimate, estimate_mcse,
        probability_above``.
    """
    factors, rows = settings.factors, []
    for item in inputs:
        it = item.initiative
        if item.scale != "money":
            unit = f"{it.currency} per {getattr(it.value, 'per', 'unit of behavior')}"
            at = break_even_value(item, factors)
            rows.append(_row(item, "value", at, unit, [s.value for s in item.segments], ess))
        at = break_even_effect(item, factors)
        taus = [s.tau for s in item.segments]
        rows.append(_row(item, "effect", at, _effect_unit(item), taus, ess))
    return pd.DataFrame(rows)


def present_cost(item: Resolved, factors: np.ndarray) -> Number:
    """Return the present value of what an initiative costs.

    Parameters
    ----------
    item : Resolved
        The initiative in numbers.
    factors : numpy.ndarray, shape (period,)
        Discount factors.

    Returns
    -------
    float or numpy.ndarray, shape (sample,)
        Money.
    """
    treated = item.initiative.customers * item.initiative.coverage
    return (
        item.costs["one_off"]
        + item.costs["recurring"] * float(factors @ item.plan.paid)
        + item.costs["per_treated"] * treated * float(factors @ item.plan.treated)
    )


def present_gain(item: Resolved, factors: np.ndarray, tau: float | None = None) -> Number:
    """Return the present value of what an initiative brings, before its costs.

    Parameters
    ----------
    item : Resolved
        The initiative in numbers.
    factors : numpy.ndarray, shape (period,)
        Discount factors.
    tau : float, optional
        Another change in behavior than that of the segments.

    Returns
    -------
    float or numpy.ndarray, shape (sample,)
        Money.
    """
    units = present_units(item.segments, item.plan, factors, tau)
    return sum((u * s.value for u, s in zip(units, item.segments, strict=True)), 0.0)


def break_even_value(item: Resolved, factors: np.ndarray) -> tuple[float, float]:
    """Return the certain value per unit at which ``E[NPV]`` is zero.

    Parameters
    ----------
    item : Resolved
        The initiative in numbers.
    factors : numpy.ndarray, shape (period,)
        Discount factors.

    Returns
    -------
    tuple of float
        Money per unit, and the standard deviation of its error per draw; NaN when the
        initiative is not expected to bring any units.
    """
    units: Number = sum(present_units(item.segments, item.plan, factors), 0.0)
    cost, expected = present_cost(item, factors), float(np.mean(units))
    if expected <= 0:
        return float("nan"), float("nan")
    at = float(np.mean(cost)) / expected
    return at, _sd(cost - at * units) / expected


def break_even_effect(item: Resolved, factors: np.ndarray) -> tuple[float, float]:
    """Return the certain effect, equal in all segments, at which ``E[NPV]`` is zero.

    Parameters
    ----------
    item : Resolved
        The initiative in numbers.
    factors : numpy.ndarray, shape (period,)
        Discount factors.

    Returns
    -------
    tuple of float
        Percentage points as a fraction, or the outcome's own unit, and the standard deviation
        of its error per draw; NaN when no effect that a rate allows is enough.
    """
    cost, top = present_cost(item, factors), _largest(item)

    def npv(tau: float) -> Number:
        return present_gain(item, factors, tau) - cost

    def expected(tau: float) -> float:
        return float(np.mean(npv(tau)))

    if expected(0.0) >= 0:
        return 0.0, 0.0
    high = min(1e-6, top)
    while expected(high) < 0 and high < top:
        high = min(2 * high, top)
    if expected(high) < 0:
        return float("nan"), float("nan")
    at = float(optimize.brentq(expected, 0.0, high, xtol=1e-15, rtol=1e-13))
    slope = (expected(at) - expected(0.99 * at)) / (0.01 * at)
    return at, _sd(npv(at)) / slope


def _sd(values: Number) -> float:
    return float(np.std(values, ddof=1)) if np.ndim(values) else 0.0


def _largest(item: Resolved) -> float:
    if item.initiative.baseline is not None:
        return 1.0 - max(float(np.max(s.baseline)) for s in item.segments)
    return 1.0 if item.scale == "pp" else _WIDEST


def _row(
    item: Resolved,
    quantity: str,
    at: tuple[float, float],
    unit: str,
    parts: Sequence[Number],
    ess: float,
) -> dict[str, Any]:
    """Set the break-even beside what the inputs say, averaged over the customers reached."""
    weights = np.array([s.reached for s in item.segments])
    share = weights / weights.sum() if weights.sum() > 0 else np.full(len(parts), 1 / len(parts))
    values: Number = sum((w * p for w, p in zip(share, parts, strict=True)), 0.0)
    above = float(np.mean(values > at[0])) if np.isfinite(at[0]) else float("nan")
    return {
        "initiative": item.initiative.name,
        "quantity": quantity,
        "break_even": at[0],
        "mcse": at[1] / np.sqrt(ess),
        "unit": unit,
        "estimate": float(np.mean(values)),
        "estimate_mcse": _sd(values) / np.sqrt(ess),
        "probability_above": above,
    }


def _effect_unit(item: Resolved) -> str:
    if item.scale == "money":
        return f"{item.initiative.currency} per customer reached"
    return "outcome unit" if item.scale == "outcome" else "pp"
