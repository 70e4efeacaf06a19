"""What each arrow of a graph passes on directly."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from cximpact.core.validate import check_prob

if TYPE_CHECKING:
    from cximpact.effects.linkage.kpi.kpi_model import KpiModel

_MOST_DRAWS, _MOST_ROWS, _STEP = 200, 1000, 0.5


def arrow_table(model: KpiModel, prob: float) -> pd.DataFrame:
    """Work out the direct effect of every parent on every child.

    Parameters
    ----------
    model : KpiModel
        The fitted graph.
    prob : float
        Mass of the intervals.

    Returns
    -------
    pandas.DataFrame
        One row an arrow, as `KpiModel.arrows` says. For a parent of 0 and 1 it is the change
        from 0 to 1; for a category, the range between its levels.
    """
    tails = [(1 - check_prob(prob)) / 2, (1 + prob) / 2]
    rows = []
    for child, node in model.mechanism.nodes.items():
        for parent in node.parents:
            drawn = _direct(model, parent, child)
            low, high = np.quantile(drawn, tails) if drawn.size > 1 else (drawn[0], drawn[0])
            spread = float(model.values[child].std())
            rows.append(
                {
                    "parent": parent,
                    "child": child,
                    "estimate": drawn.mean(),
                    "std_error": drawn.std(ddof=1) if drawn.size > 1 else 0.0,
                    "conf_low": low,
                    "conf_high": high,
                    "standardized": drawn.mean() / spread,
                }
            )
    names = ["parent", "child", "estimate", "std_error", "conf_low", "conf_high", "standardized"]
    return pd.DataFrame(rows, columns=names)


def _direct(model: KpiModel, parent: str, child: str) -> np.ndarray:
    node, values = model.mechanism.nodes[child], model.values[parent]
    if node.rule is not None:
        return np.array([node.rule[parent] * values.std()])
    family, design = model.mechanism.families[child], model.mechanism.designs[child]
    rows = np.linspace(0, model.n - 1, min(model.n, _MOST_ROWS)).astype(int)
    world = {name: model.values[name][rows] for name in node.parents}
    weight = model.weight[rows] / model.weight[rows].sum()
    settings = _settings(model, parent, values, world[parent])
    designs = [design.matrix(world | {parent: setting}) for setting in settings]
    parameters = model.parameters[child]
    draws = parameters[:: max(1, len(parameters) // _MOST_DRAWS)]
    means = np.array([[family.mean(p, x) @ weight for x in designs] for p in draws])
    if len(designs) == 2:
        return means[:, 1] - means[:, 0]
    return means.max(axis=1) - means.min(axis=1)


def _settings(model: KpiModel, parent: str, values: np.ndarray, at: np.ndarray) -> list[np.ndarray]:
    if parent in model.levels:
        return [np.full(at.shape, float(k)) for k in range(len(model.levels[parent]))]
    if np.isin(values, (0, 1)).all():
        return [np.zeros(at.shape), np.ones(at.shape)]
    step = _STEP * values.std()
    low = np.maximum(at - step, values.min())
    return [low, low + 2 * step]
