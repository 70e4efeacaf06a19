"""The answer in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cximpact.core.errors import join_names
from cximpact.core.results import INTERVAL_WORD, Assumption
from cximpact.core.summaries import mcse_quantile
from cximpact.core.wording import format_number, format_probability
from cximpact.roi import headlines

if TYPE_CHECKING:
    from cximpact.roi.result import RoiResult


def headline(result: RoiResult, prob: float) -> str:
    """Say what is gained or lost, how sure that is, and when the money is back.

    Parameters
    ----------
    result : RoiResult
        The simulation.
    prob : float
        Mass of the interval.

    Returns
    -------
    str
        One paragraph.
    """
    settings = result.settings
    rows = headlines.table(result, prob, irr=False).set_index("term").to_dict("index")
    npv, gross, cost = rows["npv"], rows["pv_benefit"], rows["pv_cost"]
    mcse, money = float(npv["mcse"]), settings.currency
    verb, amount = ("gain", npv["estimate"]) if npv["estimate"] >= 0 else ("lose", -npv["estimate"])
    who, is_are = join_names(result.names), "is" if len(result.names) == 1 else "are"
    plural = "" if settings.horizon == 1 else "s"
    parts = [
        f"Over {settings.horizon} {settings.period}{plural} {who} {is_are} expected to {verb} "
        f"{format_number(amount, mcse)} {money}: "
        f"{format_number(gross['estimate'], float(gross['mcse']))} {money} come in for a cost of "
        f"{format_number(cost['estimate'], float(cost['mcse']))} {money} "
        f"(present values at {settings.discount_rate * 100:g}% a year)"
    ]
    if result.is_random:
        low, high = (_quantile(result, q) for q in ((1 - prob) / 2, (1 + prob) / 2))
        word = INTERVAL_WORD[result.draw_kind]
        chance = format_probability(result.probability_of_profit(), result.effective_draws)
        parts.append(
            f"; the {prob:.0%} {word} interval of the net gain runs from {low} to {high} {money}. "
            f"The chance that it pays is {chance}."
        )
    else:
        parts.append(
            ". Every input was a fixed number, so there is no interval and no probability."
        )
    parts.append(_return(rows["roi"], money))
    parts.append(_payback(result, rows))
    return "".join(parts)


def explain(result: RoiResult, prob: float) -> str:
    """Add the conditions and what would change the answer to the headline.

    Parameters
    ----------
    result : RoiResult
        The simulation.
    prob : float
        Mass of the interval.

    Returns
    -------
    str
        A few sentences.
    """
    n = result.effective_draws
    drawn = f"Based on {result.draws.sizes['sample']:,} joint draws" if result.is_random else ""
    drawn = f"{drawn} (effectively {n:,.0f})." if drawn else ""
    conditions = " ".join(_condition(a) for a in result.assumptions)
    parts = [
        headline(result, prob),
        drawn,
        f"This rests on: {conditions}",
        _clipped(result),
        f"What would change it: {_break_even(result)}",
        " ".join(result.provenance.notes),
    ]
    return " ".join(part for part in parts if part)


def _quantile(result: RoiResult, q: float) -> str:
    values = result.npv().values
    error = mcse_quantile(values, q, result.effective_draws)
    return format_number(float(np.quantile(values, q)), error)


def _return(row: dict[str, Any], money: str) -> str:
    if np.isnan(row["estimate"]):
        return " No cost was given, so there is no return on it."
    roi = format_number(row["estimate"], float(row["mcse"]), digits=3)
    return f" That is {roi} {money} for each {money} spent (expected NPV over expected cost)."


def _payback(result: RoiResult, rows: dict[Any, dict[Any, Any]]) -> str:
    period, when = result.settings.period, rows["payback"]["estimate"]
    if not result.is_random:
        back = f"after {when:g} {period}s" if np.isfinite(when) else "not within the horizon"
        return f" The money is back {back}, undiscounted."
    share = format_probability(rows["payback_within_horizon"]["estimate"], result.effective_draws)
    if not np.isfinite(when):
        return f" The money is back within the horizon with a probability of {share}, undiscounted."
    middle = format_number(when, max(float(rows["payback"]["mcse"]), 1.0))
    return (
        f" The money is back within the horizon with a probability of {share}, and by {period} "
        f"{middle} with one of one half, undiscounted."
    )


def _condition(a: Assumption) -> str:
    status = "tested" if a.tested else "not tested"
    evidence = f": {a.evidence}" if a.evidence else ""
    return f"{a.name} ({status}{evidence}): {a.statement.rstrip('.')}."


def _clipped(result: RoiResult) -> str:
    found = {name: share for name, share in result.clipped.items() if share > 0}
    return " ".join(
        f"{name!r}: {share:.2%} of the draws were clipped to keep the rate within 0 to 1."
        for name, share in found.items()
    )


def _break_even(result: RoiResult) -> str:
    sentences = []
    alone = {name for group in result.overlaps for name in group.names}
    for row in result.break_even().to_dict("records"):
        name, what = row["initiative"], row["quantity"]
        if np.isnan(row["break_even"]):
            sentences.append(f"No {what} makes {name!r} pay, all else as drawn.")
            continue
        chance = ""
        if result.is_random and 0 < row["probability_above"] < 1:
            share = format_probability(row["probability_above"], result.effective_draws)
            chance = f", above break-even with probability {share}"
        at = _amount(row["break_even"], row["mcse"], row["unit"])
        here = _amount(row["estimate"], row["estimate_mcse"], row["unit"])
        start = f"Done alone, {name!r}" if name in alone else repr(name)
        sentences.append(f"{start} breaks even at the {what} {at} (here {here}{chance}).")
    return " ".join(sentences)


def _amount(value: float, mcse: float, unit: str) -> str:
    if unit == "pp":
        return f"{format_number(100 * value, 100 * mcse, digits=3)} percentage points"
    return f"{format_number(value, mcse)} {unit}"
