"""From an effect on behavior to money per customer."""

from __future__ import annotations

from typing import Any

import xarray as xr

from cximpact.core import draws as dr
from cximpact.core.errors import ConfigError, UnitsError
from cximpact.core.results import Assumption, EffectPosterior, Provenance
from cximpact.core.rng import RngLike
from cximpact.core.units import Change
from cximpact.core.validate import check_number
from cximpact.value.inputs import EffectInput, effect_input, rate_change
from cximpact.value.joint import join
from cximpact.value.posterior import ValuePosterior


def incremental(
    effect: EffectPosterior | Change | xr.DataArray,
    value: ValuePosterior,
    *,
    rng: RngLike,
    link: EffectPosterior | xr.DataArray | None = None,
    baseline: float | None = None,
    pull_forward: float = 0.0,
    cannibalization: float = 0.0,
    incentive: float = 0.0,
    assume_independent: str | None = None,
) -> ValuePosterior:
    """Value the change in behavior that an action causes, per customer reached.

    Parameters
    ----------
    effect : EffectPosterior, Change or xarray.DataArray
        Change in behavior per customer. An effect on a score needs ``link``.
    value : ValuePosterior
        Margin per unit of that behavior, not revenue.
    rng : int or Generator
        Pairs effect and value where they are independent.
    link : EffectPosterior or xarray.DataArray, optional
        Causal change in behavior per score point.
    baseline : float, optional
        Rate of the behavior without the action, from 0 to 1. Needed for relative effects and
        for an incentive; with it no draw may take the rate out of 0 to 1.
    pull_forward : float, default 0
        Share of the gain that is only bought earlier, from 0 to 1.
    cannibalization : float, default 0
        Share of the gain that is lost by other products, from 0 to 1.
    incentive : float, default 0
        Money given to everyone who shows the behavior, also to those who would have shown
        it anyway.
    assume_independent : str, optional
        Reason for treating effect and value as independent although they used the same data.

    Returns
    -------
    ValuePosterior
        Money per customer reached. ``details`` holds ``clipped_share`` and ``subsidy``, the
        incentive per customer reached that goes to those who would have stayed anyway.

    Raises
    ------
    NotCausalError
        If the effect or the link is descriptive.
    UnitsError
        If the effect is on a score without a link, or already in money.
    ConfigError
        If a share is out of bounds.

    Notes
    -----
    Per draw: ``tau (v (1 - phi) (1 - kappa) - c) - c p0`` with incentive ``c`` and baseline
    ``p0``. Estimand: change in margin per customer reached. It holds if the effect is
    causal and the value of the customers who were moved equals ``value``; with segments
    the product is taken per segment, so that a value that goes with the effect is kept.
    """
    found = effect_input(effect)
    if not isinstance(value, ValuePosterior):
        raise ConfigError(
            f"value is of type {type(value).__name__}; expected a ValuePosterior, "
            "such as value.fixed(...)."
        )
    blocks, scale = effect_blocks(found, link)
    _check_money(scale)
    keep, incentive = _leakage(pull_forward, cannibalization, incentive, baseline)
    joint = join(blocks | {"value": value.draws}, rng=rng, assume_independent=assume_independent)
    rate = None if baseline is None else xr.DataArray(float(baseline))
    tau, clipped = rate_change(linked(joint.blocks), scale, rate, "effect")
    subsidy = incentive * (0.0 if baseline is None else baseline)
    money = tau * (joint.blocks["value"] * keep - incentive) - subsidy
    settings = {
        "pull_forward": pull_forward,
        "cannibalization": cannibalization,
        "incentive": incentive,
        "baseline": baseline,
    }
    return ValuePosterior(
        draws=joint.label(money).rename("incremental value"),
        currency=value.currency,
        per="customer reached",
        horizon=value.horizon,
        discount_rate=value.discount_rate,
        payment=value.payment,
        draw_kind=_kind(found, value),
        assumptions=(*found.assumptions, *value.assumptions, _average_value(value)),
        provenance=Provenance(
            method="value.incremental",
            settings=settings,
            parents=tuple(sorted(joint.order)),
            notes=found.notes,
        ),
        would_change_it=value.would_change_it or "another effect or value",
        details={"clipped_share": clipped, "subsidy": subsidy, "via_score": link is not None},
    )


def effect_blocks(
    found: EffectInput, link: Any, path: str = "effect"
) -> tuple[dict[str, xr.DataArray], str]:
    """Return the draws that make up an effect on behavior, and its scale.

    Parameters
    ----------
    found : EffectInput
        The effect.
    link : EffectPosterior, DataArray or None
        Behavior per score point.
    path : str, default "effect"
        How messages call the effect.

    Returns
    -------
    blocks : dict of str to DataArray
        ``effect`` and, if there is one, ``link``.
    scale : str
        Scale of their product.

    Raises
    ------
    UnitsError
        If the effect is on a score and there is no link, or the other way round.
    """
    if found.scale != "points":
        if link is not None:
            raise UnitsError(f"{path} is in {found.scale!r}; a link is for effects on a score.")
        return {"effect": found.draws}, found.scale
    if link is None:
        raise UnitsError(
            f"{path} is in score points, and a score is not money. Give link=, the causal change "
            "in behavior per score point, or estimate the effect on the behavior itself."
        )
    per_point = effect_input(link, f"{path} link")
    if per_point.scale not in ("pp", "outcome", "money"):
        raise UnitsError(
            f"{path} link is in {per_point.scale!r}; expected 'pp' or 'outcome' per score point."
        )
    return {"effect": found.draws, "link": per_point.draws}, per_point.scale


def linked(blocks: Any) -> xr.DataArray:
    """Multiply an effect by its link, if it has one.

    Parameters
    ----------
    blocks : mapping of str to DataArray
        Joint draws named as by `effect_blocks`.

    Returns
    -------
    xarray.DataArray
        Change in behavior.
    """
    return blocks["effect"] * blocks["link"] if "link" in blocks else blocks["effect"]


def _check_money(scale: str) -> None:
    if scale == "money":
        raise UnitsError("effect is already money per customer; it needs no value per unit.")


def _leakage(
    pull_forward: float, cannibalization: float, incentive: float, baseline: float | None
) -> tuple[float, float]:
    phi = check_number(pull_forward, "pull_forward", low=0, high=1)
    kappa = check_number(cannibalization, "cannibalization", low=0, high=1)
    incentive = check_number(incentive, "incentive", low=0)
    if baseline is not None:
        check_number(baseline, "baseline", low=0, high=1)
    elif incentive > 0:
        raise ConfigError(
            "baseline is missing; an incentive is also paid to those who would have stayed "
            "anyway, so their rate is needed."
        )
    return (1 - phi) * (1 - kappa), incentive


def _kind(found: EffectInput, value: ValuePosterior) -> Any:
    return found.draw_kind if float(value.draws.std(dr.SAMPLE).max()) == 0 else "simulation"


def _average_value(value: ValuePosterior) -> Assumption:
    return Assumption(
        name="value of those who were moved",
        statement=f"they are worth as much per {value.per} as the customers it was taken from",
        tested=False,
    )
