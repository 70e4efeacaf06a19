"""Lay a balanced panel out one row a unit, as arrays in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd

from cximpact.core.errors import DesignError
from cximpact.data import frames
from cximpact.data.panel import Panel
from cximpact.data.paths import NEVER


@dataclass(frozen=True, kw_only=True, eq=False)
class WidePanel:
    """Outcome paths of a balanced panel, one row a unit.

    Parameters
    ----------
    outcome : numpy.ndarray, shape (unit, period)
        Units in the order of their names.
    periods : numpy.ndarray, shape (period,)
        Ascending.
    cohort : numpy.ndarray of int, shape (unit,)
        Position of the unit's first treated period in ``cohorts``.
    cohorts : numpy.ndarray, shape (cohort,)
        First treated periods, ascending; infinite for never.
    cluster : numpy.ndarray of int, shape (unit,)
        Position of the unit's cluster in ``clusters``; the unit itself, where none was named.
    clusters : numpy.ndarray, shape (cluster,)
        Names of the clusters, in sorted order; numbers of the units, where none was named.
    covariates : numpy.ndarray, shape (unit, period, covariate)
        Those that were asked for.
    """

    outcome: np.ndarray = field(repr=False)
    periods: np.ndarray
    cohort: np.ndarray = field(repr=False)
    cohorts: np.ndarray
    cluster: np.ndarray = field(repr=False)
    clusters: np.ndarray = field(repr=False)
    covariates: np.ndarray = field(repr=False)

    def __post_init__(self) -> None:
        for name in ("outcome", "periods", "cohort", "cohorts", "cluster", "clusters"):
            view = getattr(self, name).view()  # the caller's own array stays as it is
            view.setflags(write=False)
            object.__setattr__(self, name, view)


def in_memory(panel: Panel) -> bool:
    """Say whether the rows of a panel are in memory already.

    Parameters
    ----------
    panel : Panel
        The panel.

    Returns
    -------
    bool
        True for pandas, polars and pyarrow tables; False for lazy frames, DuckDB and PySpark.
    """
    return isinstance(nw.from_native(panel.frame), nw.DataFrame)


def wide(panel: Panel, *, covariates: bool = False) -> WidePanel:
    """Lay a balanced panel out one row a unit.

    Parameters
    ----------
    panel : Panel
        Balanced, with ``first_treated``. Weights are not read.
    covariates : bool, default False
        Whether to read the covariates of the panel.

    Returns
    -------
    WidePanel
        A view of the outcome column, where its rows are in order; else one copy.

    Raises
    ------
    DesignError
        If the panel is not balanced, or a unit's cluster changes.

    Notes
    -----
    Rows that are sorted by unit and period are found by comparing them with that order, and
    are only reshaped. Others are put in their places, without sorting the rows.
    """
    if not panel.balanced or panel.first_treated is None:
        raise DesignError(
            "paths side by side need a balanced panel whose first_treated is a column; use an "
            "estimator that reads the rows."
        )
    extra = panel.covariates if covariates else ()
    columns = _columns(panel, extra)
    shape, periods = (panel.n_units, len(panel.periods)), np.array(panel.periods)
    place = _place(columns["unit"], _floats(columns["period"]), shape, periods)
    first = _floats(columns["first_treated"])
    first = _by_unit(first, place, shape)[:, 0]
    first = np.where(np.isnan(first) | (first == 0), NEVER, first)
    cohorts, cohort = np.unique(first, return_inverse=True)
    cluster = clusters = np.arange(panel.n_units)
    if "cluster" in columns:
        codes, clusters = _sorted_codes(columns["cluster"])
        paths = _by_unit(codes, place, shape)
        if (paths != paths[:, :1]).any():
            raise DesignError(
                "some units change their cluster, so that no cluster has their whole path; use "
                "an estimator that reads the rows."
            )
        cluster = np.ascontiguousarray(paths[:, 0])
    return WidePanel(
        outcome=_by_unit(_floats(columns["outcome"]), place, shape),
        periods=periods,
        cohort=cohort,
        cohorts=cohorts,
        cluster=cluster,
        clusters=clusters,
        covariates=_stacked([_by_unit(_floats(columns[c]), place, shape) for c in extra], shape),
    )


def _stacked(layers: list[np.ndarray], shape: tuple[int, int]) -> np.ndarray:
    return np.stack(layers, axis=2) if layers else np.empty((*shape, 0))


def _columns(panel: Panel, covariates: Sequence[str]) -> dict[str, pd.Series]:
    """Read the columns of the roles, without copying those of a frame in memory."""
    roles = ["unit", "period", "outcome", "first_treated"]
    if panel.cluster is not None:
        roles.append("cluster")
    opened: Any = nw.from_native(panel.frame)
    if isinstance(opened, nw.DataFrame) and not panel.n_dropped:
        names = {role: getattr(panel, role) for role in roles} | {c: c for c in covariates}
        return {role: opened.get_column(name).to_pandas() for role, name in names.items()}
    table = frames.collect(panel.open().select(*roles, *covariates))
    return {role: table[role] for role in [*roles, *covariates]}


def _floats(column: pd.Series) -> np.ndarray:
    """Read numbers, NaN where they are missing."""
    if isinstance(column.dtype, np.dtype):
        return column.to_numpy(dtype=float)
    return column.to_numpy(dtype=float, na_value=np.nan)


def _sorted_codes(column: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Replace the values of a column by their rank among its values."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype(column.dtype.categories.dtype)
    codes, names = pd.factorize(column, sort=True)
    return codes, np.asarray(names)


def _place(
    unit: pd.Series, period: np.ndarray, shape: tuple[int, int], periods: np.ndarray
) -> np.ndarray | None:
    """Find the place of every row in the layout; None where the rows are in order."""
    if _numbers(unit):
        paths = unit.to_numpy().reshape(shape)
        names = paths[:, 0]
        if (
            (names[1:] > names[:-1]).all()
            and (paths == names[:, None]).all()
            and (period.reshape(shape) == periods).all()
        ):
            return None
    codes, _ = _sorted_codes(unit)
    return codes * shape[1] + np.searchsorted(periods, period)


def _numbers(unit: pd.Series) -> bool:
    return isinstance(unit.dtype, np.dtype) and unit.dtype.kind in "iuf"


def _by_unit(values: np.ndarray, place: np.ndarray | None, shape: tuple[int, int]) -> np.ndarray:
    """Arrange values of the rows one row a unit."""
    if place is None:
        return values.reshape(shape)
    out = np.empty(shape, dtype=values.dtype)
    out.ravel()[place] = values
    return out
