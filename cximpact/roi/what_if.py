"""The same draws under other terms: what a slider does, in numbers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from cximpact.core.errors import ConfigError
from cximpact.core.units import PERIODS_PER_YEAR
from cximpact.core.validate import check_count, check_number
from cximpact.roi.break_even import present_cost, present_gain
from cximpact.roi.cashflow import Number, schedule
from cximpact.roi.resolve import Resolved
from cximpact.roi.result import RoiResult

MOST_DRAWS = 4000
_RATES = ("pp", "relative", "relative_churn")


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What is changed.

    Parameters
    ----------
    cost, value : float, default 1
        Multiples of what was planned.
    coverage : float, default 1
        Multiple of the share of customers who are reached; no more than all are.
    extra_lag : int, default 0
        Further periods until the effect.
    discount_rate : float, optional
        Annual rate; that of the simulation by default.
    delta : float, default 0
        What is taken off every draw of the effect, in its own unit (percentage points as a
        fraction): a bias that nobody has measured.
    """

    cost: float = 1.0
    value: float = 1.0
    coverage: float = 1.0
    extra_lag: int = 0
    discount_rate: float | None = None
    delta: float = 0.0

    def __post_init__(self) -> None:
        for name in ("cost", "value", "coverage"):
            check_number(getattr(self, name), name, low=0)
        check_count(self.extra_lag, "extra_lag", low=0)
        check_number(self.delta, "delta")
        if self.discount_rate is not None:
            check_number(self.discount_rate, "discount_rate", low=-1, open_low=True)


@dataclass(frozen=True, kw_only=True)
class WhatIf:
    """The headline numbers under other terms.

    Parameters
    ----------
    npv : float
        Expected net present value.
    roi : float
        ``E[NPV] / E[cost]``; NaN without a cost.
    probability : float
        That the NPV, and with it the ROI, is above 0.
    terms : Terms
        What was changed.
    """

    npv: float
    roi: float
    probability: float
    terms: Terms

    def shown(self) -> tuple[str, str, str]:
        """Write the numbers as the page does.

        Returns
        -------
        tuple of str
            NPV in whole money, ROI with three decimals, probability in percent with one.
        """
        roi = "none" if np.isnan(self.roi) else f"{_clean(self.roi, 3):.3f}"
        return f"{_clean(self.npv, 0):,.0f}", roi, f"{100 * self.probability:.1f}%"


def what_if(result: RoiResult, **terms: Any) -> WhatIf:
    """Recompute the headline of a simulation under other terms, on the same draws.

    Parameters
    ----------
    result : RoiResult
        The simulation.
    **terms
        Fields of `Terms`: cost, value, coverage, extra_lag, discount_rate, delta.

    Returns
    -------
    WhatIf
        NPV, ROI and the chance of a gain. The first ``MOST_DRAWS`` draws are used, as on the
        page.

    Raises
    ------
    ConfigError
        If initiatives overlap, or a term is out of bounds.
    """
    _check_apart(result)
    asked = Terms(**terms)
    settings = result.settings
    if asked.discount_rate is not None:
        settings = replace(settings, discount_rate=asked.discount_rate)
    factors, npv, spent = settings.factors, np.zeros(_kept(result)), np.zeros(_kept(result))
    for item in result.inputs:
        other = _under(item, asked, settings.horizon)
        npv += asked.value * present_gain(other, factors)
        spent += asked.cost * present_cost(other, factors)
    npv -= spent
    total = float(spent.mean())
    gain = float(npv.mean())
    return WhatIf(
        npv=gain,
        roi=gain / total if total > 0 else float("nan"),
        probability=float((npv > 0).mean()),
        terms=asked,
    )


def panel_data(result: RoiResult) -> dict[str, Any]:
    """Return everything that a page needs to recompute the headline itself.

    Parameters
    ----------
    result : RoiResult
        The simulation.

    Returns
    -------
    dict
        Plain numbers and lists: settings and, for each initiative, its timing, segments and
        costs with at most ``MOST_DRAWS`` draws.

    Raises
    ------
    ConfigError
        If initiatives overlap.
    """
    _check_apart(result)
    settings = result.settings
    return {
        "currency": settings.currency,
        "period": settings.period,
        "horizon": settings.horizon,
        "perYear": PERIODS_PER_YEAR[settings.period],
        "early": {"start": 1.0, "mid": 0.5, "end": 0.0}[settings.payment],
        "rate": settings.discount_rate,
        "draws": _kept(result),
        "unit": _unit(result),
        "items": [_item(item, result) for item in result.inputs],
    }


def _unit(result: RoiResult) -> str | None:
    """Return the unit of a bias of the effects; none where they are in different ones."""
    scales = {"pp" if item.scale in _RATES else item.scale for item in result.inputs}
    return scales.pop() if len(scales) == 1 else None


def _item(item: Resolved, result: RoiResult) -> dict[str, Any]:
    it = item.initiative
    return {
        "name": it.name,
        "mechanism": it.mechanism,
        "lag": it.lag,
        "ramp": it.ramp,
        "decay": it.decay,
        "stops": it.stops,
        "persists": it.persists,
        "drift": result.scenario.retention_drift if it.mechanism == "retention" else 0.0,
        "growth": result.scenario.growth,
        "clips": it.baseline is not None,
        "customers": it.customers,
        "coverage": it.coverage,
        "segments": [
            {
                "reached": s.reached,
                "tau": _plain(s.tau),
                "baseline": _plain(s.baseline),
                "value": _plain(s.value),
            }
            for s in item.segments
        ],
        "costs": {kind: _plain(cost) for kind, cost in item.costs.items()},
    }


def _check_apart(result: RoiResult) -> None:
    if result.overlaps:
        raise ConfigError(
            "initiatives overlap, so one's terms change the benefit of the others; simulate again "
            "with other terms instead."
        )


def _kept(result: RoiResult) -> int:
    return min(result.draws.sizes["sample"], MOST_DRAWS)


def _first(values: Number) -> Number:
    return values[:MOST_DRAWS] if isinstance(values, np.ndarray) else values


def _plain(values: Number) -> float | list[float]:
    kept = _first(values)
    return kept.tolist() if isinstance(kept, np.ndarray) else float(kept)


def _under(item: Resolved, asked: Terms, horizon: int) -> Resolved:
    """Return the first draws of an initiative under other timing, reach and effect."""
    it, old, share = item.initiative, item.plan, item.initiative.coverage
    more = min(asked.coverage, 1 / share) if share > 0 else asked.coverage
    plan = schedule(it.mechanism, horizon, replace(it.timing, lag=it.lag + asked.extra_lag))
    return replace(
        item,
        initiative=replace(it, coverage=min(share * more, 1.0)),
        plan=replace(plan, drift=old.drift, size=old.size),
        segments=tuple(
            replace(
                s,
                reached=s.reached * more,
                tau=_kept_rate(item, _first(s.tau) - asked.delta, _first(s.baseline)),
                baseline=_first(s.baseline),
                value=_first(s.value),
            )
            for s in item.segments
        ),
        costs={kind: _first(cost) for kind, cost in item.costs.items()},
    )


def _kept_rate(item: Resolved, tau: Number, baseline: Number) -> Number:
    if item.initiative.baseline is None:
        return tau
    return np.clip(tau, -np.asarray(baseline), 1 - np.asarray(baseline))


def _clean(value: float, decimals: int) -> float:
    """Round, without a minus before zero."""
    return round(value, decimals) + 0.0
