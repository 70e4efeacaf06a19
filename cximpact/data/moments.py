"""Compress a balanced panel once: counts, means and cross-products of whole paths."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd

from cximpact.core.errors import DesignError
from cximpact.core.fingerprint import fingerprint
from cximpact.core.validate import check_choice
from cximpact.data import frames
from cximpact.data.panel import Panel


@dataclass(frozen=True, kw_only=True, eq=False)
class PanelMoments:
    """Sums and cross-products of the outcome paths of a balanced panel.

    Parameters
    ----------
    by : {"cohort", "cluster"}
        What a group is. By cluster, groups are pairs of cluster and cohort.
    groups : pandas.DataFrame, shape (group, ...)
        ``first_treated`` of each group, and its ``cluster`` where groups are clusters.
    periods : numpy.ndarray, shape (period,)
        Periods, ascending.
    units : numpy.ndarray, shape (group,)
        Units a group.
    sums : numpy.ndarray, shape (group, period)
        Sums of the outcome.
    products : numpy.ndarray, shape (group, period, period)
        Sums over units of outcome times outcome.
    """

    by: str
    groups: pd.DataFrame = field(repr=False)
    periods: np.ndarray = field(repr=False)
    units: np.ndarray = field(repr=False)
    sums: np.ndarray = field(repr=False)
    products: np.ndarray = field(repr=False)

    def __post_init__(self) -> None:
        for name in ("periods", "units", "sums", "products"):
            getattr(self, name).setflags(write=False)

    @property
    def means(self) -> np.ndarray:
        """Mean path of each group, shape (group, period)."""
        return self.sums / self.units[:, None]

    @property
    def covariances(self) -> np.ndarray:
        """Covariance of the paths within each group, ddof 1, shape (group, period, period)."""
        outer = self.sums[:, :, None] * self.sums[:, None, :] / self.units[:, None, None]
        with np.errstate(divide="ignore", invalid="ignore"):
            return (self.products - outer) / (self.units - 1.0)[:, None, None]

    @property
    def data_hash(self) -> str:
        """Fingerprint of the moments, to the ten digits on which engines agree."""
        parts: list[object] = [self.groups, self.periods, self.units]
        for values in (self.sums, self.products):
            size = max(float(np.abs(values).max()), 1e-300)
            parts += [f"{size:.10g}", np.round(values / size, 10) + 0.0]
        return fingerprint(*parts)


def moments(panel: Panel, by: str = "cohort") -> PanelMoments:
    """Compress a balanced panel in the engine of its frame.

    Conditional sums per unit, then products, then sums per group: one scan.

    Parameters
    ----------
    panel : Panel
        Balanced, unweighted, with ``first_treated``.
    by : {"cohort", "cluster"}
        What to sum over.

    Returns
    -------
    PanelMoments
        Groups in sorted order.

    Raises
    ------
    DesignError
        If the panel is unbalanced or weighted, or a unit's cluster changes: its rows are needed
        then.
    """
    check_choice(by, "by", ("cohort", "cluster"))
    if not panel.balanced or panel.weight is not None or panel.first_treated is None:
        raise DesignError(
            "moments need a balanced panel without weights whose first_treated is a column; "
            "use an estimator that reads the rows."
        )
    if by == "cluster" and panel.cluster is None:
        raise DesignError("by='cluster' needs a panel with a cluster column.")
    keys = ["first_treated", *(["cluster"] if by == "cluster" else [])]
    names = [f"y{t}" for t in range(len(panel.periods))]
    pairs = [(s, t) for s in range(len(names)) for t in range(s, len(names))]
    products = {f"p{s}_{t}": nw.col(names[s]) * nw.col(names[t]) for s, t in pairs}
    values = {name: nw.col(name) for name in names} | products
    table = frames.group_sums(_wide(panel, keys, names), keys, values)
    if table[frames.COUNT].sum() != panel.n_units:
        raise DesignError(
            "some units change their cluster, so that no cluster has their whole path; use an "
            "estimator that reads the rows."
        )
    out = np.empty((len(table), len(names), len(names)))
    for s, t in pairs:
        out[:, s, t] = out[:, t, s] = table[f"p{s}_{t}"].to_numpy()
    return PanelMoments(
        by=by,
        groups=table[keys],
        periods=np.array(panel.periods),
        units=table[frames.COUNT].to_numpy(copy=True),
        sums=table[names].to_numpy(copy=True),
        products=out,
    )


def _wide(panel: Panel, keys: list[str], names: list[str]) -> nw.LazyFrame[Any]:
    """Lay out one row a unit, with the outcome of each period in a column."""
    rows = panel.open()
    at = {
        name: nw.when(nw.col("period") == period).then(nw.col("outcome")).otherwise(nw.lit(0.0))
        for name, period in zip(names, panel.periods, strict=True)
    }
    spread = rows.select(nw.col("unit"), *[nw.col(k) for k in keys], **at)
    sums = [nw.col(name).sum() for name in names]
    return spread.group_by("unit", *keys).agg(*sums)
