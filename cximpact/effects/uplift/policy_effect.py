"""The effect on the customers of a list, in the form that returns are computed from."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from cximpact.core import draws as dr
from cximpact.core.errors import DesignError
from cximpact.core.provenance import Provenance
from cximpact.core.results import Assumption, EffectPosterior, Estimand
from cximpact.core.sample_order import DATA_PREFIX
from cximpact.core.units import UNIT
from cximpact.effects.uplift.policy_worth import PolicyValue

ASSUMPTIONS = (
    Assumption(
        name="no unmeasured confounding",
        statement="who was contacted is independent of what would have happened, given features",
        tested=False,
        evidence="holds by design where contacts were randomized",
    ),
    Assumption(
        name="list chosen without these outcomes",
        statement="the list does not depend on the outcomes that it is valued by",
        tested=False,
        evidence="effects have to come from models that did not see the customer",
    ),
    Assumption(
        name="no spill-over",
        statement="a contact changes nothing for those who are not contacted",
        tested=False,
    ),
)
BEFORE_COST = "This is the gain before the cost of contacts; enter the cost beside it."


def effect_on_list(found: PolicyValue, *, kind: str, scale: str) -> EffectPosterior:
    """Return the average effect on the customers of a list.

    Parameters
    ----------
    found : PolicyValue
        The list, valued.
    kind : {"gain", "behavior"}
        In money before cost, or in the unit of the outcome.
    scale : str
        Meaning of the outcome; ``"money"`` with a gain.

    Returns
    -------
    EffectPosterior
        Per contact; its draws are joint with those of the value.

    Raises
    ------
    DesignError
        If nobody is on the list.

    Notes
    -----
    ``sum w share value score / sum w share``, over the customers of the list, with errors by
    cluster; several arms are averaged as the list mixes them.
    """
    if not found.sums.contacts[0] > 0:
        raise DesignError("nobody is on the list, so there is no effect on its customers.")
    drawn = found.parts[f"list_{kind}"]
    certain = kind == "behavior" or "value" not in found.uncertain
    stored: dict[str, Any] = {}
    if certain:
        at = found.sums.part(np.arange(len(found.sums.value)), f"list_{kind}")
        error = np.sqrt(max(found.sums.covariance[at, at], 0.0))
        stored = {
            "estimate": xr.DataArray(found.sums.value[at]),
            "std_error": xr.DataArray(error),
            "df": float(found.sums.df),
        }
    money = kind == "gain"
    p = found.provenance
    return EffectPosterior(
        draws=drawn.assign_attrs({UNIT: found.currency}) if money else drawn,
        estimand=Estimand(
            target="ate",
            contrast="contacting as the list says against not contacting",
            scale=scale,
            population="customers on the list",
        ),
        draw_kind="asymptotic" if certain else "simulation",
        n=found.sums.n,
        assumptions=ASSUMPTIONS,
        diagnostics={
            "contacts": float(found.sums.contacts[0]),
            "clusters": found.sums.clusters,
        },
        provenance=Provenance(
            method=p.method,
            data_hash=p.data_hash,
            settings=p.settings,
            seed=p.seed,
            versions=p.versions,
            parents=tuple(s for s in dr.order_of(drawn) if not s.startswith(DATA_PREFIX)),
            notes=(BEFORE_COST,) if money else (),
        ),
        would_change_it="a roll-out to customers who differ from those studied.",
        **stored,
    )
