"""What may come in as an effect: causal, in a named unit, and on a behavior."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from cximpact.core import draws as dr
from cximpact.core.causal import check_causal
from cximpact.core.claims import EFFECT_SCALES
from cximpact.core.errors import ConfigError, UnitsError
from cximpact.core.results import Assumption, EffectPosterior
from cximpact.core.units import UNIT, Change
from cximpact.value.posterior import ValuePosterior

_CHANGE_SCALE = {"pp": "pp", "rel": "relative", "rel_churn": "relative_churn"}
_STATED = Assumption(
    name="stated effect",
    statement="the size of the effect was stated, not estimated",
    tested=False,
)
_NO_RECORD = Assumption(
    name="draws without a record",
    statement="the draws of the effect came without their estimand, and are taken to be causal",
    tested=False,
)


@dataclass(frozen=True, kw_only=True, eq=False)
class EffectInput:
    """An effect that passed the door.

    Parameters
    ----------
    draws : xarray.DataArray
        Effect draws.
    scale : str
        One of the effect scales.
    draw_kind : str
        How the draws arose.
    assumptions : tuple of Assumption
        Conditions that ride along.
    notes : tuple of str
        What a reader must know.
    """

    draws: xr.DataArray
    scale: str
    draw_kind: str
    assumptions: tuple[Assumption, ...] = ()
    notes: tuple[str, ...] = ()


def effect_input(effect: Any, path: str = "effect") -> EffectInput:
    """Accept an effect in any of its forms.

    Parameters
    ----------
    effect : EffectPosterior, ValuePosterior, Change or DataArray
        An estimate; an amount of money per customer; a stated change; or labelled draws
        whose ``attrs["unit"]`` is an effect scale such as ``"pp"``.
    path : str, default "effect"
        How messages call it.

    Returns
    -------
    EffectInput
        The draws and their scale.

    Raises
    ------
    NotCausalError
        For a descriptive result.
    UnitsError
        For a bare number or draws without a unit.
    ConfigError
        For anything else.
    """
    if isinstance(effect, EffectPosterior):
        check_causal(effect, path)
        found = EffectInput(
            draws=effect.draws,
            scale=effect.estimand.scale,
            draw_kind=effect.draw_kind,
            assumptions=effect.assumptions,
            notes=effect.provenance.notes + _unreliable(effect.draws, path),
        )
    elif isinstance(effect, ValuePosterior):
        found = EffectInput(
            draws=effect.draws,
            scale="money",
            draw_kind=effect.draw_kind,
            assumptions=effect.assumptions,
            notes=effect.provenance.notes,
        )
    elif isinstance(effect, Change):
        draws = dr.from_array(np.full(2, effect.value), source=f"stated:{effect.value!r}")
        scale = _CHANGE_SCALE[effect.unit]
        found = EffectInput(
            draws=draws, scale=scale, draw_kind="simulation", assumptions=(_STATED,)
        )
    elif isinstance(effect, xr.DataArray):
        found = _from_draws(effect, path)
    else:
        raise _not_an_effect(effect, path)
    _check_size(found, path)
    return found


def rate_change(
    effect: xr.DataArray, scale: str, baseline: xr.DataArray | None, path: str
) -> tuple[xr.DataArray, float]:
    """Turn an effect into a change of the rate, kept within what a rate allows.

    Parameters
    ----------
    effect : xarray.DataArray
        Effect draws.
    scale : {"pp", "relative", "relative_churn", "outcome", "money"}
        Their meaning. The three meanings of a percentage are the change itself, a multiple
        of the rate, or a multiple of one minus the rate.
    baseline : xarray.DataArray, optional
        The rate without the action, between 0 and 1. Without it nothing can be clipped.
    path : str
        How messages call the effect.

    Returns
    -------
    change : xarray.DataArray
        Percentage points as a fraction, or the outcome's own unit.
    clipped : float
        Share of draws that would have left 0 to 1.

    Raises
    ------
    UnitsError
        If a relative effect has no baseline, or the mean change takes the rate out of 0 to 1.
    """
    if baseline is None:
        if scale in ("relative", "relative_churn"):
            raise UnitsError(
                f"{path} is {scale}; a baseline rate is needed to turn it into percentage points."
            )
        return effect, 0.0
    base = {"relative": baseline, "relative_churn": 1.0 - baseline}.get(scale, 1.0)
    change = effect * base
    after = float((baseline + change).mean())
    if not -1e-9 <= after <= 1 + 1e-9:
        raise UnitsError(
            f"{path} ({scale}) takes the rate from {float(baseline.mean()):.4g} to {after:.4g} "
            "on average, outside 0 to 1. Was another of 'pp', 'relative' and 'relative_churn' "
            "meant?"
        )
    kept = change.clip(-baseline, 1.0 - baseline)
    return kept, float((abs(kept - change) > 1e-12).mean())


def _from_draws(effect: xr.DataArray, path: str) -> EffectInput:
    dr.check_values(effect, path)
    dr.order_of(effect)
    scale = effect.attrs.get(UNIT)
    if scale not in EFFECT_SCALES:
        raise UnitsError(
            f"{path} has attrs['unit'] {scale!r}; expected one of {', '.join(EFFECT_SCALES)}. "
            "Give it with draws.from_array(..., attrs={'unit': 'pp'})."
        )
    return EffectInput(
        draws=effect,
        scale=scale,
        draw_kind="simulation",
        assumptions=(_NO_RECORD,),
        notes=_unreliable(effect, path),
    )


def _unreliable(draws: xr.DataArray, path: str) -> tuple[str, ...]:
    failures = draws.attrs.get("unreliable")
    return (f"{path} comes from a fit that failed the gate: {failures}.",) if failures else ()


def _check_size(found: EffectInput, path: str) -> None:
    mean = float(abs(found.draws.mean(dr.SAMPLE)).max())
    if found.scale == "pp" and mean > 1:
        raise UnitsError(
            f"{path} is {mean:.4g} in 'pp'; percentage points are fractions. "
            f"Did you mean {mean / 100:g}?"
        )


def _not_an_effect(effect: Any, path: str) -> ConfigError | UnitsError:
    if isinstance(effect, int | float | np.integer | np.floating) and not isinstance(effect, bool):
        return UnitsError(
            f"{path} is {effect!r}, a bare number; say what it means with "
            f"Change(value={effect!r}, unit='pp'), unit 'rel' or 'rel_churn'."
        )
    return ConfigError(
        f"{path} is of type {type(effect).__name__}; expected an EffectPosterior, a Change, "
        "labelled draws with a unit, or a ValuePosterior."
    )
