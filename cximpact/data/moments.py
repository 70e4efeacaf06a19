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
from cximpact.data.wide import in_memory, wide


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
        Sums over units of change times change, where a change is the outcome less that of the
        unit in the first period. Empty, shape (group, 0, 0), where they were not asked for.
    low, high : numpy.ndarray, shape (group,)
        Least and greatest outcome.
    other : numpy.ndarray, shape (group,)
        How many outcomes are neither 0 nor 1.

    Notes
    -----
    Products are of changes, not of levels: differences-in-differences need no more, and units
    whose levels are large against the noise would cost the digits that the noise is in.
    """

    by: str
    groups: pd.DataFrame = field(repr=False)
    periods: np.ndarray = field(repr=False)
    units: np.ndarray = field(repr=False)
    sums: np.ndarray = field(repr=False)
    products: np.ndarray = field(repr=False)
    low: np.ndarray = field(repr=False)
    high: np.ndarray = field(repr=False)
    other: np.ndarray = field(repr=False)

    def __post_init__(self) -> None:
        for name in ("periods", "units", "sums", "products", "low", "high", "other"):
            getattr(self, name).setflags(write=False)

    @property
    def means(self) -> np.ndarray:
        """Mean path of each group, shape (group, period)."""
        return self.sums / self.units[:, None]

    @property
    def covariances(self) -> np.ndarray:
        """Covariance of changes within each group, ddof 1, shape (group, period, period)."""
        if not self.products.size:
            raise DesignError("these moments hold no cross-products; ask for products=True.")
        change = self.sums - self.sums[:, :1]
        outer = change[:, :, None] * change[:, None, :] / self.units[:, None, None]
        with np.errstate(divide="ignore", invalid="ignore"):
            return (self.products - outer) / (self.units - 1.0)[:, None, None]

    @property
    def data_hash(self) -> str:
        """Fingerprint of the moments, to the ten digits on which engines agree."""
        parts: list[object] = [self.groups, self.periods, self.units]
        for values in (self.sums, self.products):
            size = max(float(np.abs(values).max(initial=0.0)), 1e-300)
            parts += [f"{size:.10g}", np.round(values / size, 10) + 0.0]
        return fingerprint(*parts)


def moments(panel: Panel, by: str = "cohort", *, products: bool = True) -> PanelMoments:
    """Compress a balanced panel in the engine of its frame, or by matrix products in memory.

    In an engine: conditional sums per unit, then products, then sums per group, in one scan. A
    frame in memory is laid out one row a unit, see `wide`.

    Parameters
    ----------
    panel : Panel
        Balanced, unweighted, with ``first_treated``.
    by : {"cohort", "cluster"}
        What to sum over.
    products : bool, default True
        Whether cross-products are wanted; sums alone need less memory where groups are many.

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
    if in_memory(panel):
        return _from_arrays(panel, by, products=products)
    return _from_engine(panel, by, products=products)


def _from_engine(panel: Panel, by: str, *, products: bool) -> PanelMoments:
    """Sum in the engine of the frame."""
    keys = ["first_treated", *(["cluster"] if by == "cluster" else [])]
    names = [f"y{t}" for t in range(len(panel.periods))]
    y = {name: nw.col(name) for name in names}
    values, pairs = dict(y), [] if not products else _pairs(len(names))
    for s, t in pairs:
        change = [y[names[k]] - y[names[0]] for k in (s, t)]
        values[f"p{s}_{t}"] = change[0] * change[1]
    odd = [((value != 0) & (value != 1)).cast(nw.Float64) for value in y.values()]
    values["other"] = nw.sum_horizontal(*odd)
    table = frames.group_sums(
        _spread(panel, keys, names),
        keys,
        values,
        least={"low": nw.min_horizontal(*names)},
        greatest={"high": nw.max_horizontal(*names)},
    )
    if table[frames.COUNT].sum() != panel.n_units:
        raise DesignError(
            "some units change their cluster, so that no cluster has their whole path; use an "
            "estimator that reads the rows."
        )
    size = len(names) if products else 0
    out = np.zeros((len(table), size, size))
    for s, t in pairs:
        out[:, s, t] = out[:, t, s] = table[f"p{s}_{t}"].to_numpy()
    return PanelMoments(
        by=by,
        groups=table[keys],
        periods=np.array(panel.periods),
        units=table[frames.COUNT].to_numpy(copy=True),
        sums=table[names].to_numpy(copy=True),
        products=out,
        low=table["low"].to_numpy(copy=True),
        high=table["high"].to_numpy(copy=True),
        other=table["other"].to_numpy(copy=True),
    )


def _pairs(n: int) -> list[tuple[int, int]]:
    """Pairs of periods after the first; changes in the first period are zero."""
    return [(s, t) for s in range(1, n) for t in range(s, n)]


def _spread(panel: Panel, keys: list[str], names: list[str]) -> nw.LazyFrame[Any]:
    """Lay out one row a unit, with the outcome of each period in a column."""
    rows = panel.open()
    at = {
        name: nw.when(nw.col("period") == period).then(nw.col("outcome")).otherwise(nw.lit(0.0))
        for name, period in zip(names, panel.periods, strict=True)
    }
    spread = rows.select(nw.col("unit"), *[nw.col(k) for k in keys], **at)
    sums = [nw.col(name).sum() for name in names]
    return spread.group_by("unit", *keys).agg(*sums)


def _from_arrays(panel: Panel, by: str, *, products: bool) -> PanelMoments:
    """Sum by matrix products, group after group."""
    paths = wide(panel)
    code = paths.cohort
    if by == "cluster":
        code = paths.cohort * len(paths.clusters) + paths.cluster
    found, units = np.unique(code, return_counts=True)
    order = np.argsort(code, kind="stable")
    y = paths.outcome[order]
    starts = np.concatenate([[0], np.cumsum(units)[:-1]])
    cohort, cluster = (found, None) if by == "cohort" else np.divmod(found, len(paths.clusters))
    groups = {"first_treated": paths.cohorts[cohort]}
    if cluster is not None:
        groups["cluster"] = paths.clusters[cluster]
    size = len(paths.periods) if products else 0
    out = np.zeros((len(found), size, size))
    if products:
        for k, (start, n) in enumerate(zip(starts, units, strict=True)):
            change = y[start : start + n] - y[start : start + n, :1]
            out[k] = change.T @ change
    odd = ((y != 0) & (y != 1)).sum(axis=1)
    return PanelMoments(
        by=by,
        groups=pd.DataFrame(groups),
        periods=paths.periods,
        units=units.astype(float),
        sums=np.add.reduceat(y, starts, axis=0),
        products=out,
        low=np.minimum.reduceat(y.min(axis=1), starts),
        high=np.maximum.reduceat(y.max(axis=1), starts),
        other=np.add.reduceat(odd, starts).astype(float),
    )
