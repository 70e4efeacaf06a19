"""Whether treated customers might have changed what their untreated neighbors did."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from cximpact.core.errors import (
    AssumptionWarning,
    MissingValueError,
    NoControlError,
    NoTreatedError,
    TreatmentError,
    join_names,
)
from cximpact.core.wording import percent
from cximpact.data import frames


@dataclass(frozen=True, kw_only=True, eq=False)
class InterferenceCheck:
    """How treated and untreated customers are spread over clusters such as stores.

    Parameters
    ----------
    table : pandas.DataFrame
        ``cluster, n, treated, share``: customers of each cluster, and those treated.
    cluster : str
        Name of the column.
    n_clusters, n_mixed : int
        Clusters, and those that hold both arms.
    exposed : float
        Share of untreated customers who share a cluster with treated ones.
    """

    table: pd.DataFrame = field(repr=False)
    cluster: str
    n_clusters: int
    n_mixed: int
    exposed: float

    @property
    def share_mixed(self) -> float:
        """Share of clusters that hold both arms."""
        return self.n_mixed / self.n_clusters

    def tidy(self) -> pd.DataFrame:
        """Return the clusters.

        Returns
        -------
        pandas.DataFrame
            As ``table``.
        """
        return self.table.copy()

    def explain(self) -> str:
        """Say whether spill-over could bias the effect.

        Returns
        -------
        str
            A few sentences.
        """
        if not self.n_mixed:
            return (
                f"Treatment is one for all customers of each of {self.n_clusters:,} clusters "
                f"({self.cluster!r}): none of the untreated share one with the treated. Take the "
                "cluster as the unit of the standard errors."
            )
        return (
            f"{self.n_mixed:,} of {self.n_clusters:,} clusters ({self.cluster!r}) hold treated and "
            f"untreated customers, and {percent(self.exposed)} of the untreated share one with "
            "treated customers. If treating some changes what others there do (queues, staff time, "
            "word of mouth), the comparison is biased: toward zero where it spreads, away from "
            "zero where it takes from the untreated. Compare whole clusters instead, or argue why "
            "nothing spills over."
        )


def interference_check(frame: Any, treatment: str, cluster: str) -> InterferenceCheck:
    """Count the clusters that hold both treated and untreated customers.

    Parameters
    ----------
    frame : frame
        One row a customer; any engine. The counting is done there.
    treatment : str
        Column of 0 and 1.
    cluster : str
        Column such as the store.

    Returns
    -------
    InterferenceCheck
        Counts and sentences.

    Raises
    ------
    MissingColumnError, TreatmentError, NoControlError, NoTreatedError, MissingValueError
        If the columns cannot be used.

    Warns
    -----
    AssumptionWarning
        If any cluster holds both.

    Notes
    -----
    An effect is that of treating one customer only if nobody's outcome depends on the treatment of
    others. Data do not show whether that holds; they show where it could fail.

    References
    ----------
    Hudgens, M. G. and Halloran, M. E. (2008). Toward causal inference with interference. Journal
    of the American Statistical Association 103, 832-842.
    """
    opened = frames.open_frame(frame)
    roles = {"treatment": treatment, "cluster": cluster}
    frames.check_columns(opened, roles)
    frames.count_rows(opened)
    frames.check_keys(opened, [treatment, cluster])
    for column in roles.values():
        missing = frames.is_missing(opened, column)
        if n := frames.count_where(opened, missing):
            raise MissingValueError(
                f"Column {column!r} is missing in {frames.where(opened, missing, n)}; fill it in."
            )
    counts = frames.group_sums(frames.select(opened, roles), ["cluster", "treatment"], {})
    counts["treated"] = np.where(_arms(counts, treatment), counts[frames.COUNT], 0.0)
    sums = counts.groupby("cluster", sort=False)[[frames.COUNT, "treated"]].sum().astype(int)
    table = sums.rename(columns={frames.COUNT: "n"}).reset_index()
    table["share"] = table["treated"] / table["n"]
    untreated = table["n"] - table["treated"]
    mixed = (table["treated"] > 0) & (untreated > 0)
    found = InterferenceCheck(
        table=table,
        cluster=cluster,
        n_clusters=len(table),
        n_mixed=int(mixed.sum()),
        exposed=float(untreated[mixed].sum() / untreated.sum()),
    )
    if found.n_mixed:
        warnings.warn(found.explain(), AssumptionWarning, stacklevel=2)
    return found


def _arms(counts: pd.DataFrame, name: str) -> np.ndarray:
    """Check the values of treatment, one row a cluster and value."""
    if not counts["treatment"].isin([0, 1]).all():
        values = join_names(sorted(counts["treatment"].astype(str).unique()), limit=6)
        raise TreatmentError(f"Column {name!r} has the values {values}; expected 0 and 1.")
    treated = counts["treatment"].to_numpy(dtype=float) == 1
    total = int(counts[frames.COUNT].sum())
    if treated.all():
        raise NoControlError(f"all {total:,} customers are treated; none are left to compare.")
    if not treated.any():
        raise NoTreatedError(f"none of {total:,} customers are treated.")
    return treated
