"""The table that every difference-in-differences regression starts from."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field

import narwhals as nw
import numpy as np
import pandas as pd

from cximpact.core.errors import (
    ClusterError,
    DataWarning,
    NoControlError,
    NoPreperiodError,
    NoTreatedError,
    RankError,
    ZeroVarianceError,
)
from cximpact.core.fingerprint import fingerprint
from cximpact.data import Panel, RepeatedCrossSection, frames


@dataclass(frozen=True, kw_only=True, eq=False)
class DidTable:
    """Rows of a difference-in-differences design under plain names.

    Parameters
    ----------
    table : pandas.DataFrame
        Columns ``entity`` (unit or group), ``time``, ``outcome``, ``first_treated`` (infinite for
        never), ``cluster``, ``weight`` and covariates. Repeated cross-sections without covariates
        are reduced to cell means, weighted by the people in them.
    n_rows : int
        Rows of the data.
    within_ss : float
        Sum of squares within the cells that were reduced to means; 0 when rows are kept.
    covariates : tuple of str
        Names of the covariates.
    weighted : bool
        Whether rows count unequally.
    kind : str
        ``"panel"`` or ``"repeated cross-section"``.
    binary : bool
        Whether every outcome is 0 or 1.
    notes : tuple of str
        What was left out.
    """

    table: pd.DataFrame = field(repr=False)
    n_rows: int
    within_ss: float
    covariates: tuple[str, ...]
    weighted: bool
    kind: str
    binary: bool
    notes: tuple[str, ...] = ()

    @property
    def treated(self) -> pd.Series:
        """Whether the row is treated, 0 or 1."""
        return (self.table["time"] >= self.table["first_treated"]).astype(float)

    @property
    def cohorts(self) -> np.ndarray:
        """First treated periods, without never."""
        first = self.table["first_treated"].unique()
        return np.sort(first[np.isfinite(first)])

    @property
    def staggered(self) -> bool:
        """Whether treatment begins at several times."""
        return len(self.cohorts) > 1

    @property
    def has_never(self) -> bool:
        """Whether somebody is never treated."""
        return bool(np.isinf(self.table["first_treated"]).any())

    @property
    def n_clusters(self) -> int:
        """How many clusters there are."""
        return int(self.table["cluster"].nunique())

    @property
    def n_treated_clusters(self) -> int:
        """How many clusters hold somebody who is ever treated."""
        ever = self.table[np.isfinite(self.table["first_treated"])]
        return int(ever["cluster"].nunique())

    @property
    def data_hash(self) -> str:
        """Fingerprint of the table, whatever the order of its rows."""
        ordered = self.table.sort_values([*self.table.columns], ignore_index=True)
        return fingerprint(ordered)


def did_table(data: Panel | RepeatedCrossSection) -> DidTable:
    """Bring a design into the one form that the regressions read.

    Parameters
    ----------
    data : Panel or RepeatedCrossSection
        The design.

    Returns
    -------
    DidTable
        Without entities that are treated in every period they are seen; the notes count them.

    Raises
    ------
    NoPreperiodError, NoControlError, NoTreatedError
        If nothing can be compared.
    ZeroVarianceError
        If the outcome does not vary.
    ClusterError
        If there are fewer than two clusters.
    """
    within_ss, binary = 0.0, None
    if isinstance(data, Panel):
        table = data.to_pandas().rename(columns={"unit": "entity", "period": "time"})
    elif data.covariates or data.cluster is not None:
        table = data.to_pandas().rename(columns={"group": "entity", "period": "time"})
    else:
        table, within_ss, binary = _cell_means(data)
    if "weight" not in table:
        table["weight"] = 1.0
    if "cluster" not in table:
        table["cluster"] = table["entity"]
    kept, notes = _without_always_treated(table)
    names = ["entity", "time", "outcome", "first_treated", "cluster", "weight"]
    out = DidTable(
        table=kept[[*names, *data.covariates]],
        n_rows=data.n_rows,
        within_ss=within_ss,
        covariates=tuple(data.covariates),
        weighted=bool(kept["weight"].nunique() > 1),
        binary=bool(table["outcome"].isin([0, 1]).all()) if binary is None else binary,
        kind="panel" if isinstance(data, Panel) else "repeated cross-section",
        notes=(*_dropped_note(data), *notes),
    )
    _check(out)
    return out


def _cell_means(data: RepeatedCrossSection) -> tuple[pd.DataFrame, float, bool]:
    """Reduce people to means per group and period in the engine of their frame."""
    rows = data.open()
    if "first_treated" not in rows.collect_schema().names():
        rows = frames.open_frame(data.to_pandas())
    weight = nw.col("weight") if data.weight is not None else nw.lit(1.0)
    values = {
        "w": weight,
        "wy": weight * nw.col("outcome"),
        "wyy": weight * nw.col("outcome") * nw.col("outcome"),
        "other": ~nw.col("outcome").is_in([0.0, 1.0]),
    }
    sums = frames.group_sums(rows, ["group", "period", "first_treated"], values)
    mean = sums["wy"] / sums["w"]
    table = pd.DataFrame(
        {
            "entity": sums["group"],
            "time": sums["period"],
            "outcome": mean,
            "first_treated": sums["first_treated"],
            "weight": sums["w"],
        }
    )
    within = float(np.maximum(sums["wyy"] - sums["w"] * mean**2, 0.0).sum())
    other = sums["other"].sum() > 0
    return table[sums["w"] > 0].reset_index(drop=True), within, not other


def _without_always_treated(table: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    first_seen = table.groupby("entity")["time"].transform("min")
    always = table["first_treated"] <= first_seen
    if not always.any():
        return table, []
    n, total = table.loc[always, "entity"].nunique(), table["entity"].nunique()
    if always[np.isfinite(table["first_treated"])].all():
        raise NoPreperiodError(
            f"all {n} treated units or groups are treated from the first period they are seen; "
            "an effect needs a period before treatment."
        )
    note = (
        f"{n} of {total} units or groups are treated in every period they are seen and were "
        "left out: they show no change."
    )
    warnings.warn(note, DataWarning, stacklevel=4)
    return table[~always].reset_index(drop=True), [note]


def _dropped_note(data: Panel | RepeatedCrossSection) -> list[str]:
    if not data.n_dropped:
        return []
    return [f"{data.n_dropped:,} rows without an outcome were left out, as asked."]


def _check(did: DidTable) -> None:
    table = did.table
    treated = did.treated
    if not (treated > 0).any():
        raise NoTreatedError("nobody is seen after treatment; the data end before it begins.")
    if not did.has_never and len(did.cohorts) < 2:
        raise NoControlError("nobody is untreated while others are treated.")
    if did.n_clusters < 2:
        raise ClusterError("there is one cluster; a standard error needs at least two.")
    if table["outcome"].nunique() < 2:
        raise ZeroVarianceError("the outcome is constant; there is nothing to compare.")
    for name in did.covariates:
        if table[name].nunique() < 2:
            raise RankError(f"Covariate {name!r} is constant; leave it out.")
