"""Cash flows of all initiatives of a simulation, draw by draw."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr

from cximpact.core import draws as dr
from cximpact.roi.cashflow import units_by_period
from cximpact.roi.metrics import present_values
from cximpact.roi.overlap import JointBenefit, joint_benefits, members, shapley
from cximpact.roi.resolve import Resolved, cost_in_period
from cximpact.roi.scenario import Scenario
from cximpact.roi.settings import Settings
from cximpact.value.joint import Joint


def cash_flows(
    resolved: Sequence[Resolved], settings: Settings, joint: Joint, scenario: Scenario
) -> tuple[xr.Dataset, tuple[JointBenefit, ...]]:
    """Lay out benefit and cost; buffers are period by period, each a run over the draws.

    Parameters
    ----------
    resolved : sequence of Resolved
        Initiatives in numbers.
    settings : Settings
        Horizon and discounting.
    joint : Joint
        The joint sample.
    scenario : Scenario
        Which initiatives overlap.

    Returns
    -------
    flows : xarray.Dataset
        ``benefit`` and ``cost``, dimensions ``(sample, initiative, period)``.
    overlaps : tuple of JointBenefit
        What every combination of overlapping initiatives brings.
    """
    shape = (len(resolved), settings.horizon + 1, joint.size)
    benefit = np.zeros(shape)
    flat = all(np.ndim(c) == 0 for r in resolved for c in r.costs.values())
    cost = np.zeros((*shape[:2], 1 if flat else joint.size))
    groups = [members(resolved, overlap) for overlap in scenario.overlaps]
    grouped = {k for group in groups for k in group}
    for i, item in enumerate(resolved):
        for segment in item.segments if i not in grouped else ():
            for t, units in units_by_period(item.plan, segment.tau, segment.baseline):
                benefit[i, t] += units * segment.reached * segment.value
        for t in range(settings.horizon + 1):
            cost[i, t] = cost_in_period(item, t)
    overlaps = []
    for group, overlap in zip(groups, scenario.overlaps, strict=True):
        together = [resolved[k] for k in group]
        joint_benefit = joint_benefits(together, overlap, settings.horizon, joint.size)
        benefit[group] = shapley(joint_benefit)
        present = present_values(joint_benefit, settings.factors).T
        overlaps.append(JointBenefit(names=tuple(overlap.initiatives), present=present))
    benefit.setflags(write=False)
    dims = ("initiative", "period", dr.SAMPLE)
    coords = {
        "initiative": [r.initiative.name for r in resolved],
        "period": settings.periods,
    }
    attrs = {"unit": settings.currency}
    data = {"benefit": benefit, "cost": np.broadcast_to(cost, shape)}
    flows = xr.Dataset({k: (dims, v, attrs) for k, v in data.items()}, coords)
    return joint.label(flows.transpose(dr.SAMPLE, ...)), tuple(overlaps)
