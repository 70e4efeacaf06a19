"""Compress a balanced panel once: counts, means and cross-products of whole paths."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
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
    starts : numpy.ndarray of int, shape (column,)
        Which period each column begins with; all of them, unless stretches of several periods
        were asked for. A stretch counts with its mean outcome.
    units : numpy.ndarray, shape (group,)
        Units a group.
    sums : numpy.ndarray, shape (group, column)
        Sums of the outcome over units.
    products : numpy.ndarray, shape (group, column, column)
        Sums over units of change times change, where a change is the outcome less that of the
        unit in the first column. Empty, shape (group, 0, 0), where they were not asked for.

    Notes
    -----
    Products are of changes, not of levels: differences-in-differences need no more, and units
    whose levels are large against the noise would cost the digits that the noise is in.
    """

    by: str
    groups: pd.DataFrame = field(repr=False)
    periods: np.ndarray = field(repr=False)
    starts: np.ndarray = field(repr=False)
    units: np.ndarray = field(repr=False)
    sums: np.ndarray = field(repr=False)
    products: np.ndarray = field(repr=False)

    def __post_init__(self) -> None:
        for name in ("periods", "starts", "units", "sums", "products"):
            getattr(self, name).setflags(write=False)

    @property
    def lengths(self) -> np.ndarray:
        """Periods of each column, shape (column,); 1, unless columns are stretches."""
        return np.diff(self.starts, append=len(self.periods))

    @property
    def means(self) -> np.ndarray:
        """Mean path of each group, shape (group, column)."""
        return self.sums / self.units[:, None]

    @property
    def covariances(self) -> np.ndarray:
        """Covariance of changes within each group, ddof 1, shape (group, column, column).

        Raises
        ------
        DesignError
            If the cross-products were not asked for.
        """
        if not self.products.size:
            raise DesignError("these moments hold no cross-products; ask for products=True.")
        change = self.sums - self.sums[:, :1]
        outer = change[:, :, None] * change[:, None, :] / self.units[:, None, None]
        with np.errstate(divide="ignore", invalid="ignore"):
            return (self.products - outer) / (self.units - 1.0)[:, None, None]

    @property
    def data_hash(self) -> str:
        """Fingerprint of the moments, to the ten digits on which engines agree."""
        parts: list[object] = [self.groups, self.periods, self.starts, self.units]
        for values in (self.sums, self.products):
            size = max(float(np.abs(values).max(initial=0.0)), 1e-300)
            parts += [f"{size:.10g}", np.round(values / size, 10) + 0.0]
        return fingerprint(*parts)


def moments(
    panel: Panel,
    by: str = "cohort",
    *,
    products: bool = True,
    starts: Sequence[int] | np.ndarray | None = None,
) -> PanelMoments:
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
    starts : sequence of int, optional
        Positions of the periods with which stretches begin, ascending from 0, if means over
        stretches will do. By default every period stands for itself.

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
    begin = np.arange(len(panel.periods)) if starts is None else np.array(starts, dtype=int)
    summed = _from_arrays if in_memory(panel) else _from_engine
    groups, units, sums, crossed = summed(panel, by, begin, products)
    return PanelMoments(
        by=by,
        groups=groups,
        periods=np.array(panel.periods),
        starts=begin,
        units=units,
        sums=sums,
        products=crossed,
    )


Summed = tuple[pd.DataFrame, np.ndarray, np.ndarray, np.ndarray]


def _from_engine(panel: Panel, by: str, starts: np.ndarray, products: bool) -> Summed:
    """Sum in the engine of the frame."""
    keys = ["first_treated", *(["cluster"] if by == "cluster" else [])]
    names = [f"y{k}" for k in range(len(starts))]
    values = {name: nw.col(name) for name in names}
    pairs = [(s, t) for s in range(1, len(names)) for t in range(s, len(names)) if products]
    for s, t in pairs:  # changes in the first column are zero
        values[f"p{s}_{t}"] = (nw.col(f"y{s}") - nw.col("y0")) * (nw.col(f"y{t}") - nw.col("y0"))
    table = frames.group_sums(_spread(panel, keys, starts), keys, values)
    if table[frames.COUNT].sum() != panel.n_units:
        raise DesignError(
            "some units change their cluster, so that no cluster has their whole path; use an "
            "estimator that reads the rows."
        )
    size = len(names) if products else 0
    crossed = np.zeros((len(table), size, size))
    for s, t in pairs:
        crossed[:, s, t] = crossed[:, t, s] = table[f"p{s}_{t}"].to_numpy()
    units, sums = table[frames.COUNT].to_numpy(copy=True), table[names].to_numpy(copy=True)
    return table[keys], units, sums, crossed


def _spread(panel: Panel, keys: list[str], starts: np.ndarray) -> nw.LazyFrame[Any]:
    """Lay out one row a unit, with the mean outcome of each stretch in a column."""
    lengths = np.diff(starts, append=len(panel.periods))
    names = [f"y{k}" for k in range(len(starts))]
    period, y = nw.col("period"), nw.col("outcome")
    if (lengths == 1).all():
        at = {
            name: nw.when(period == p).then(y).otherwise(nw.lit(0.0))
            for name, p in zip(names, panel.periods, strict=True)
        }
    else:  # sums from the start of each stretch to the end of the panel are cheaper
        since = [panel.periods[k] for k in starts[1:]]
        late = [(period >= p).cast(nw.Float64) * y for p in since]
        at = dict(zip(names, [y, *late], strict=True))
    rows = panel.open().select(nw.col("unit"), *[nw.col(k) for k in keys], **at)
    sums = [nw.col(name).sum() for name in names]
    if keys == ["first_treated"]:  # the same in all rows of a unit
        spread = rows.group_by("unit").agg(nw.col("first_treated").min(), *sums)
    else:
        spread = rows.group_by("unit", *keys).agg(*sums)
    if (lengths == 1).all():
        return spread
    inner = [nw.col(a) - nw.col(b) for a, b in pairwise(names)]
    means = [part / float(n) for part, n in zip([*inner, nw.col(names[-1])], lengths, strict=True)]
    return spread.with_columns(**dict(zip(names, means, strict=True)))


def _from_arrays(panel: Panel, by: str, starts: np.ndarray, products: bool) -> Summed:
    """Sum by matrix products, group after group."""
    paths = wide(panel)
    code = paths.cohort
    if by == "cluster":
        code = paths.cohort * len(paths.clusters) + paths.cluster
    found, units = np.unique(code, return_counts=True)
    y = paths.outcome[np.argsort(code, kind="stable")]
    if len(starts) < y.shape[1]:
        lengths = np.diff(starts, append=y.shape[1])
        y = np.add.reduceat(y, starts, axis=1) / lengths
    ends = np.cumsum(units)
    cohort, cluster = (found, None) if by == "cohort" else np.divmod(found, len(paths.clusters))
    groups = {"first_treated": paths.cohorts[cohort]}
    if cluster is not None:
        groups["cluster"] = paths.clusters[cluster]
    size = y.shape[1] if products else 0
    crossed = np.zeros((len(found), size, size))
    if products:
        for k, (end, n) in enumerate(zip(ends, units, strict=True)):
            change = y[end - n : end] - y[end - n : end, :1]
            crossed[k] = change.T @ change
    sums = np.add.reduceat(y, ends - units, axis=0)
    return pd.DataFrame(groups), units.astype(float), sums, crossed
