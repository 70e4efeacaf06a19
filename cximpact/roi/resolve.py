"""An initiative in numbers: vectors of draws in one joint order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import xarray as xr

from cximpact.core import draws as dr
from cximpact.roi.cashflow import Number, Schedule, Segment, schedule
from cximpact.roi.initiative import COSTS, Initiative
from cximpact.roi.scenario import Scenario
from cximpact.roi.settings import Settings
from cximpact.value.incremental import effect_blocks, linked
from cximpact.value.inputs import EffectInput, rate_change
from cximpact.value.joint import Joint
from cximpact.value.posterior import ValuePosterior


@dataclass(frozen=True, kw_only=True, eq=False)
class Resolved:
    """One initiative in numbers, in the joint sample order.

    Parameters
    ----------
    initiative : Initiative
        What was asked for.
    segments : tuple of Segment
        Its segments.
    plan : Schedule
        When it works.
    costs : mapping of str to (float or numpy.ndarray)
        Money by kind of cost.
    scale : str
        Scale of the effect as it came in.
    clipped : float
        Share of draws whose rate was kept within 0 to 1.
    """

    initiative: Initiative
    segments: tuple[Segment, ...]
    plan: Schedule
    costs: Mapping[str, Number]
    scale: str
    clipped: float


def blocks_of(it: Initiative, found: EffectInput) -> dict[str, xr.DataArray]:
    """Collect everything of an initiative that may be uncertain.

    Parameters
    ----------
    it : Initiative
        The initiative.
    found : EffectInput
        Its effect.

    Returns
    -------
    dict of str to DataArray
        Draws, by the name of the initiative and the part they play.
    """
    blocks, _ = effect_blocks(found, it.link, it.path("effect"))
    if isinstance(it.baseline, xr.DataArray):
        blocks["baseline"] = it.baseline
    if isinstance(it.value, ValuePosterior):
        blocks["value"] = it.value.draws
    blocks |= {k: c.draws for k, c in it.costs.items() if isinstance(c, ValuePosterior)}
    return {f"{it.name}.{key}": _plain(it, block) for key, block in blocks.items()}


def _plain(it: Initiative, block: xr.DataArray) -> xr.DataArray:
    """Name the segment dimension by initiative, so that two of them may differ."""
    dims = [d for d in block.dims if d != dr.SAMPLE]
    if not dims or not isinstance(it.n, Mapping):
        return block
    labels = [str(v) for v in block[dims[0]].values]
    named = block.assign_coords({dims[0]: labels}).rename({dims[0]: f"{it.name} segment"})
    return named.sel({f"{it.name} segment": list(it.n)})


def resolve(
    it: Initiative, settings: Settings, joint: Joint, found: EffectInput, scenario: Scenario
) -> Resolved:
    """Turn an initiative into numbers.

    Parameters
    ----------
    it : Initiative
        The initiative.
    settings : Settings
        Horizon and discounting.
    joint : Joint
        All inputs in one sample order.
    found : EffectInput
        Its effect.
    scenario : Scenario
        The state of the world.

    Returns
    -------
    Resolved
        Numbers and vectors of draws.
    """
    own = {
        key.removeprefix(f"{it.name}."): block
        for key, block in joint.blocks.items()
        if key.startswith(f"{it.name}.")
    }
    _, scale = effect_blocks(found, it.link, it.path("effect"))
    baseline = own.get("baseline")
    if baseline is None and it.baseline is not None:
        baseline = xr.DataArray(float(it.baseline))  # type: ignore[arg-type]
    tau, clipped = rate_change(linked(own) * scenario.effect, scale, baseline, it.path("effect"))
    keep = (1 - it.pull_forward) * (1 - it.cannibalization)
    factor = _shared(joint, scenario)
    counts = it.n if isinstance(it.n, Mapping) else {"": it.n}
    segments = tuple(
        Segment(
            reached=n * it.coverage * keep,
            tau=_part(tau, it, label),
            baseline=0.0 if baseline is None else _part(baseline, it, label),
            value=factor * (_part(own["value"], it, label) if "value" in own else 1.0),
        )
        for label, n in counts.items()
    )
    costs = {
        key: scenario.cost
        * (_part(own[key], it, "") if key in own else float(it.costs.get(key, 0.0)))  # type: ignore[arg-type]
        for key in COSTS
    }
    plan = schedule(
        it.mechanism,
        settings.horizon,
        it.timing,
        drift=scenario.retention_drift if it.mechanism == "retention" else 0.0,
        growth=scenario.growth,
    )
    return Resolved(
        initiative=it, segments=segments, plan=plan, costs=costs, scale=scale, clipped=clipped
    )


def _shared(joint: Joint, scenario: Scenario) -> Number:
    """Multiply what moves the value of all initiatives, draw by draw."""
    factor: Number = scenario.value
    for name in scenario.shared:
        block = joint.blocks[f"shared {name}"].values
        factor = factor * (float(block) if block.ndim == 0 else block)
    return factor


def _part(block: xr.DataArray, it: Initiative, label: str) -> Number:
    """Take one segment of an input as a number or a vector of draws."""
    dim = f"{it.name} segment"
    values = (block.sel({dim: label}) if dim in block.dims else block).values
    return float(values) if values.ndim == 0 else np.ascontiguousarray(values)


def cost_in_period(item: Resolved, t: int) -> Number:
    """Return what an initiative costs in one period.

    Parameters
    ----------
    item : Resolved
        The initiative in numbers.
    t : int
        Period; 0 is today.

    Returns
    -------
    float or numpy.ndarray, shape (sample,)
        Money.
    """
    if t == 0:
        return item.costs["one_off"]
    treated = item.initiative.customers * item.initiative.coverage * item.plan.treated[t]
    return item.costs["recurring"] * item.plan.paid[t] + item.costs["per_treated"] * treated
