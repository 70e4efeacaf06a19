"""The pictures of a simulation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from cximpact.core.results import plotting
from cximpact.core.validate import check_choice

if TYPE_CHECKING:
    from cximpact.roi.result import RoiResult

KINDS = ("npv", "cash_flow", "tornado", "waterfall")


def draw(result: RoiResult, kind: str, **options: Any) -> Any:
    """Draw a simulation.

    Parameters
    ----------
    result : RoiResult
        The simulation.
    kind : {"npv", "cash_flow", "tornado", "waterfall"}
        Which picture.
    **options
        Passed to the picture.

    Returns
    -------
    matplotlib.axes.Axes
        Where it was drawn.
    """
    currency, plots = result.settings.currency, plotting()
    check_choice(kind, "kind", KINDS)
    if kind == "cash_flow":
        flows = result.net(discounted=True, cumulative=True)
        return plots.cash_flow_fan(flows, currency=currency, **options)
    if kind == "tornado":
        from cximpact.roi.sensitivity import tornado

        expected = float(result.npv().mean())
        return plots.tornado(tornado(result), expected=expected, currency=currency, **options)
    if kind == "waterfall":
        return plots.waterfall(steps(result), currency=currency, **options)
    return plots.npv_distribution(result.npv(), currency=currency, **options)


def steps(result: RoiResult) -> pd.DataFrame:
    """Lay out the way from what comes in to what is left.

    Parameters
    ----------
    result : RoiResult
        The simulation.

    Returns
    -------
    pandas.DataFrame
        ``label, value, kind, conf_low, conf_high``: the benefit of each initiative, the cost of
        each, and the NPV with its 90 % interval.
    """
    rows: list[dict[str, Any]] = []
    for what, sign in (("benefit", 1), ("cost", -1)):
        part = result.pv_benefit if what == "benefit" else result.pv_cost
        means = part(by_initiative=True).mean("sample")
        for name in result.names:
            amount = sign * float(means.sel(initiative=name))
            rows.append({"label": f"{name}: {what}", "value": amount, "kind": "step"})
    npv = result.npv().values
    low, high = np.quantile(npv, [0.05, 0.95])
    end = {"label": "NPV", "value": sum(r["value"] for r in rows), "kind": "total"}
    rows.append(end | {"conf_low": low, "conf_high": high})
    return pd.DataFrame(rows)
