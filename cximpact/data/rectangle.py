"""Balanced panels whose rows are in memory and in order: known at a glance, without a group-by."""

from __future__ import annotations

from typing import TYPE_CHECKING

import narwhals as nw
import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from cximpact.data.panel import Panel


def rectangle(panel: Panel) -> tuple[pd.DataFrame, tuple[float, ...]] | None:
    """Summarize the units of a panel whose rows stand unit by unit, each with all periods.

    Parameters
    ----------
    panel : Panel
        Under construction; its rows were found sound, and none lacks an outcome.

    Returns
    -------
    tuple of DataFrame and tuple of float, or None
        As `paths.panel_paths`. None if rows are not in memory or not in this order, or the units
        are not whole numbers, where a group-by is needed.
    """
    opened = nw.from_native(panel.frame)
    if not isinstance(opened, nw.DataFrame) or panel.first_treated is None:
        return None
    schema = opened.schema
    if not (schema[panel.unit].is_integer() and schema[panel.first_treated].is_numeric()):
        return None
    unit, period = (opened[name].to_numpy() for name in (panel.unit, panel.period))
    t = int(np.argmax(unit != unit[0])) or len(unit)
    if len(unit) % t:
        return None
    units, periods = unit.reshape(-1, t), period.reshape(-1, t)
    each, own = units[:, 0], periods[0]
    in_order = (each[1:] > each[:-1]).all() and (own[1:] > own[:-1]).all()
    if not in_order or (units != each[:, None]).any() or (periods != own).any():
        return None
    start = opened[panel.first_treated].to_numpy().astype(float).reshape(-1, t)
    start = np.where(np.isnan(start) | (start == 0), np.inf, start)
    ends = pd.DataFrame({"rows": t, "first": start.min(axis=1), "last": start.max(axis=1)})
    alike = ends.groupby(["rows", "first", "last"], as_index=False).size()
    return alike.rename(columns={"size": "units"}), tuple(own.astype(float).tolist())
