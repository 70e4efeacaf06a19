"""The table of headline numbers, each with its Monte Carlo error."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from cximpact.core.results import TIDY_COLUMNS
from cximpact.core.summaries import mcse_quantile
from cximpact.roi import metrics

if TYPE_CHECKING:
    from cximpact.roi.result import RoiResult

_NAN = float("nan")


def table(result: RoiResult, prob: float, *, irr: bool = True) -> pd.DataFrame:
    """Summarize a result, one row a metric.

    Parameters
    ----------
    result : RoiResult
        The simulation.
    prob : float
        Mass of the interval.
    irr : bool, default True
        Whether to find the internal rates, which takes longest.

    Returns
    -------
    pandas.DataFrame
        ``term, estimate, std_error, conf_low, conf_high, conf_level, n, mcse, unit``.
    """
    money, period = result.settings.currency, result.settings.period
    n = result.effective_draws
    npv, cost = result.npv().values, result.pv_cost().values
    rows = [
        _mean("npv", npv, prob, n, money),
        _mean("pv_benefit", result.pv_benefit().values, prob, n, money),
        _mean("pv_cost", cost, prob, n, money),
        _ratio(result, npv, cost, prob, n),
        _share("probability_of_profit", npv > 0, n),
        _cvar(npv, n, money),
    ]
    for name, discounted in (("payback", False), ("discounted_payback", True)):
        when = result.payback(discounted=discounted).values
        rows.append(_median(name, when, prob, n, period))
        rows.append(_share(f"{name}_within_horizon", np.isfinite(when), n))
    if irr:
        rates = result.irr().values
        roots = np.isfinite(rates).sum(axis=1)
        rows.append(_median("irr", rates[roots == 1, 0], prob, n, f"per {period}"))
        rows.append(_share("irr_is_unique", roots == 1, n))
    out = pd.DataFrame(rows).assign(conf_level=prob, n=npv.size)
    return out[[*TIDY_COLUMNS, "mcse", "unit"]]


def _mean(term: str, values: np.ndarray, prob: float, n: float, unit: str) -> dict[str, Any]:
    sd = float(values.std(ddof=1))
    low, high = np.quantile(values, _ends(prob))
    return _row(term, float(values.mean()), unit, sd=sd, ends=(low, high), mcse=sd / np.sqrt(n))


def _ratio(
    result: RoiResult, npv: np.ndarray, cost: np.ndarray, prob: float, n: float
) -> dict[str, Any]:
    """E[NPV] / E[cost] with its Monte Carlo error by the delta method."""
    roi, unit = result.roi(), f"{result.settings.currency} per {result.settings.currency}"
    if np.isnan(roi):
        return _row("roi", roi, unit)
    error = float((npv - roi * cost).std(ddof=1)) / float(cost.mean()) / np.sqrt(n)
    ratios = npv[cost > 0] / cost[cost > 0]
    low, high = np.quantile(ratios, _ends(prob))
    sd = float(ratios.std(ddof=1)) if ratios.size > 1 else _NAN
    return _row("roi", roi, unit, sd=sd, ends=(low, high), mcse=error)


def _share(term: str, event: np.ndarray, n: float) -> dict[str, Any]:
    share = float(event.mean())
    return _row(term, share, "probability", mcse=float(np.sqrt(share * (1 - share) / n)))


def _cvar(npv: np.ndarray, n: float, unit: str) -> dict[str, Any]:
    mean, sd = metrics.cvar(npv, 0.05)
    return _row("cvar_5", mean, unit, mcse=sd / np.sqrt(n))


def _median(term: str, values: np.ndarray, prob: float, n: float, unit: str) -> dict[str, Any]:
    if values.size == 0:
        return _row(term, _NAN, unit)
    levels = [0.5, *_ends(prob)]
    middle, low, high = np.quantile(values, levels, method="inverted_cdf")
    error = mcse_quantile(values, 0.5, min(n, values.size))
    return _row(term, middle, unit, ends=(low, high), mcse=error)


def _ends(prob: float) -> list[float]:
    return [(1 - prob) / 2, (1 + prob) / 2]


def _row(
    term: str,
    estimate: float,
    unit: str,
    *,
    sd: float = _NAN,
    ends: tuple[float, float] = (_NAN, _NAN),
    mcse: float = _NAN,
) -> dict[str, Any]:
    return {
        "term": term,
        "estimate": float(estimate),
        "std_error": sd,
        "conf_low": float(ends[0]),
        "conf_high": float(ends[1]),
        "mcse": float(mcse),
        "unit": unit,
    }
