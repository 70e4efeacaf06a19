"""What an effect of a graph claims, and on what it rests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from cximpact.core import draws as dr
from cximpact.core.causal import CAUSAL
from cximpact.core.results import Assumption, EffectPosterior, Estimand

if TYPE_CHECKING:
    from cximpact.effects.linkage.kpi.kpi_model import KpiModel

_SCALES = {"binary": "pp", "ordinal": "points"}


def graph_effect(
    model: KpiModel,
    target: str,
    found: tuple[np.ndarray, float],
    *,
    contrast: str,
    kpis: Sequence[str] = (),
    relative: bool = False,
    path: bool = False,
) -> EffectPosterior:
    """Turn draws of an effect into a result.

    Parameters
    ----------
    model : KpiModel
        The fitted graph.
    target : str
        The outcome.
    found : tuple of numpy.ndarray and float
        Draws, shape (sample,) or (sample, kpi), and the share of their variance that was noise of
        the simulation.
    contrast : str
        What is compared with what.
    kpis : sequence of str
        KPIs along the second axis.
    relative : bool, default False
        Whether it is relative to the mean of the outcome.
    path : bool, default False
        Whether it is an effect along some paths.

    Returns
    -------
    EffectPosterior
        With the assumptions of the graph.
    """
    node = model.mechanism.nodes[target]
    scale = "money" if node.currency else _SCALES.get(node.family or "", "outcome")
    attrs = {"unit": node.currency} if node.currency and not relative else {}
    n_sim = min(model.simulated, model.n)
    return EffectPosterior(
        draws=dr.from_array(
            found[0],
            source=model.provenance.source,
            dims=("kpi",) if kpis else (),
            coords={"kpi": list(kpis)} if kpis else None,
            attrs=attrs,
            data_ids=[model.provenance.data_hash],
        ),
        estimand=Estimand(
            target="path effect" if path else "elasticity" if kpis else "effect of do",
            contrast=contrast,
            scale="relative" if relative else scale,
            population=(
                f"the process that {model.n:,} customers come from"
                if model.population == "process"
                else f"these {model.n:,} customers"
            ),
        ),
        draw_kind="asymptotic",
        n=model.n,
        assumptions=_assumptions(model, path=path),
        diagnostics={
            "independencies": len(model.independencies),
            "rejected": int(model.independencies["rejected"].sum()),
            "simulated_customers": n_sim,
            "simulation_noise": found[1],
        },
        provenance=model.provenance,
        would_change_it="a common cause that is not in the graph, or a missing arrow; an "
        f"experiment on the KPI would tell, and a measured effect on {target} comes before this "
        "chain.",
        details={CAUSAL: model.trusted},
    )


def _assumptions(model: KpiModel, *, path: bool) -> tuple[Assumption, ...]:
    tests = model.independencies
    rejected = int(tests["rejected"].sum())
    found = [
        Assumption(
            name="the graph",
            statement="a KPI acts only along the arrows",
            tested=len(tests) > 0,
            evidence=f"{rejected} of {len(tests)} implied independencies are rejected"
            if len(tests)
            else "it implies nothing that can be tested",
        ),
        Assumption(
            name="no common cause outside the graph",
            statement="nothing that is no node moves two nodes",
            tested=False,
            evidence="the data cannot show it",
        ),
        Assumption(
            name="the models of the nodes",
            statement="each KPI follows its model given its causes",
            tested=False,
            evidence="look at its residuals",
        ),
    ]
    if path:
        found.append(
            Assumption(
                name="the same noise in both worlds",
                statement="what is not changed by the cause stays as it was on the other paths",
                tested=False,
                evidence="no experiment can show it",
            )
        )
    return tuple(found)
