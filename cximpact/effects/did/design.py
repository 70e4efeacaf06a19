"""The table that every difference-in-differences regression starts from."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from functools import cached_property

import narwhals as nw
import numpy as np
import pandas as pd

from cximpact.core.errors import (
    AssumptionWarning,
    DataWarning,
    RankError,
)
from cximpact.core.fingerprint import fingerprint
from cximpact.data import Panel, RepeatedCrossSection, frames
from cximpact.effects.did.design_checks import (
    always_note,
    check_comparison,
    dropped_note,
    later_note,
    outcome_id,
)

ROLES = ("entity", "time", "outcome", "first_treated", "cluster")
SIZES = ("weight", "weight_sq", "rows", "within")


@dataclass(frozen=True, kw_only=True, eq=False)
class DidTable:
    """Rows of a difference-in-differences design under plain names.

    Parameters
    ----------
    table : pandas.DataFrame
        Columns ``entity`` (unit or group), ``time``, ``outcome``, ``first_treated`` (infinite for
        those not treated in the periods seen), ``cluster``, ``weight``, ``weight_sq`` (sum of
        squared weights), ``rows`` (of the data), ``within`` (weighted sum of squares within the
        cell) and covariates. Repeated cross-sections without covariates are reduced to the means
        of their cells; else a line is a row.
    covariates : tuple of str
        Their columns.
    kind : str
        ``"panel"`` or ``"repeated cross-section"``.
    weighted : bool
        Whether the rows of the data count unequally.
    binary : bool
        Whether every outcome is 0 or 1.
    notes : tuple of str
        What was left out.
    """

    table: pd.DataFrame = field(repr=False)
    covariates: tuple[str, ...]
    kind: str
    weighted: bool
    binary: bool
    notes: tuple[str, ...] = ()

    @property
    def path(self) -> str:
        """Always ``"rows"``."""
        return "rows"

    @property
    def n_rows(self) -> int:
        """Rows of the data that are used."""
        return int(self.table["rows"].sum())

    @property
    def treated(self) -> pd.Series:
        """Whether the row is treated, 0 or 1."""
        return (self.table["time"] >= self.table["first_treated"]).astype(float)

    @property
    def ever(self) -> pd.Series:
        """Whether the row belongs to somebody who is treated at some time."""
        return pd.Series(np.isfinite(self.table["first_treated"]), index=self.table.index)

    @property
    def cohorts(self) -> np.ndarray:
        """First treated periods, without never."""
        return self._first[np.isfinite(self._first)]

    @property
    def staggered(self) -> bool:
        """Whether treatment begins at several times."""
        return len(self.cohorts) > 1

    @property
    def has_never(self) -> bool:
        """Whether somebody is never treated."""
        return bool(np.isinf(self._first).any())

    @property
    def last_period(self) -> float:
        """Last period that is seen."""
        return float(self.table["time"].max())

    @property
    def periods_before(self) -> int:
        """How many periods the earliest treated cohort is seen before treatment."""
        first, table = self.cohorts[0], self.table
        early = (table["first_treated"] == first) & (table["time"] < first)
        return int(table.loc[early, "time"].nunique())

    @property
    def n_clusters(self) -> int:
        """How many clusters there are."""
        return self._clusters[0]

    @property
    def n_treated_clusters(self) -> int:
        """How many clusters hold somebody who is ever treated."""
        return self._clusters[1]

    @property
    def n_untreated_clusters(self) -> int:
        """How many clusters hold somebody who is never treated."""
        return self._clusters[2]

    @property
    def data_hash(self) -> str:
        """Fingerprint of the table, whatever the order of its rows."""
        return self._hash

    @property
    def outcome_id(self) -> str:
        """Which outcomes these are, however they were read."""
        table = self.table
        return outcome_id(table["first_treated"], table["rows"], table["weight"] * table["outcome"])

    @cached_property
    def _first(self) -> np.ndarray:
        return np.unique(self.table["first_treated"].to_numpy(dtype=float))

    @cached_property
    def _clusters(self) -> tuple[int, int, int]:
        """Clusters, those with somebody ever treated, and those with somebody never treated."""
        pairs = self.table.assign(ever=self.ever)[["cluster", "ever"]].drop_duplicates()
        n = pairs["ever"].sum()
        return int(pairs["cluster"].nunique()), int(n), len(pairs) - int(n)

    @cached_property
    def _hash(self) -> str:
        keys = ["entity", "time"] if self.kind == "panel" else [*self.table.columns]
        return fingerprint(self.table.sort_values(keys, ignore_index=True))

    def nested(self, column: str) -> bool:
        """Say whether every level of a column lies in one cluster.

        Parameters
        ----------
        column : {"entity", "time"}
            Which effects.

        Returns
        -------
        bool
            True if they are nested in the clusters.
        """
        return bool((self.table.groupby(column)["cluster"].nunique() == 1).all())


def did_table(data: Panel | RepeatedCrossSection) -> DidTable:
    """Bring a design into the one form that the regressions read.

    Parameters
    ----------
    data : Panel or RepeatedCrossSection
        The design.

    Returns
    -------
    DidTable
        Without rows of weight zero and without entities that are treated in every period they
        are seen; the notes count them. Entities that are first treated after the last period
        count as never treated.

    Raises
    ------
    NoPreperiodError, NoControlError, NoTreatedError
        If nothing can be compared.
    ZeroVarianceError, RankError
        If the outcome or a covariate does not vary.
    ClusterError
        If there are fewer than two clusters.

    Warns
    -----
    DataWarning
        If entities are left out.
    AssumptionWarning
        If an entity is in several clusters.
    """
    panel = isinstance(data, Panel)
    covariates = {c: f"covariate[{c}]" for c in data.covariates}
    table = _rows(data, covariates) if panel or covariates else _cells(data)
    table = table.rename(columns={"unit": "entity", "group": "entity", "period": "time"})
    if "cluster" not in table:
        table["cluster"] = table["entity"]
    kept, notes = _with_weight(table, data)
    kept, later = _not_yet_as_never(kept)
    kept, always = _without_always_treated(kept)
    out = DidTable(
        table=kept[[*ROLES, *SIZES, *covariates.values()]],
        covariates=tuple(covariates.values()),
        kind="panel" if panel else "repeated cross-section",
        weighted=bool((kept["weight"] != kept["rows"]).any()),
        binary=not kept["other"].any(),
        notes=(*dropped_note(data), *notes, *later, *always),
    )
    _check(out)
    if not out.nested("entity"):
        warnings.warn(
            "some units or groups are in several clusters, so that errors of one that is treated "
            "as a whole count as independent; the interval may be too narrow.",
            AssumptionWarning,
            stacklevel=3,
        )
    return out


def _rows(data: Panel | RepeatedCrossSection, covariates: dict[str, str]) -> pd.DataFrame:
    """Read the rows as they are."""
    table = data.to_pandas().rename(columns=covariates)
    weight = table["weight"] if data.weight is not None else 1.0
    other = ~table["outcome"].isin([0.0, 1.0])
    table = table.assign(weight=weight, rows=1, within=0.0, other=other)
    return table.assign(weight_sq=table["weight"] ** 2)


def _cells(data: RepeatedCrossSection) -> pd.DataFrame:
    """Reduce people to means per group and period in the engine of their frame."""
    rows = data.open()
    if data.first_treated is None:
        rows = frames.open_frame(data.to_pandas())
    keys = ["group", "period", "first_treated", *(["cluster"] if data.cluster is not None else [])]
    weight = nw.col("weight") if data.weight is not None else nw.lit(1.0)
    y = nw.col("outcome")
    values = {
        "weight": weight,
        "weight_sq": weight * weight,
        "wy": weight * y,
        "wyy": weight * y * y,
        "used": weight > 0,
        "other": ~y.is_in([0.0, 1.0]),
    }
    sums = frames.group_sums(rows, keys, values)
    mean = sums["wy"] / sums["weight"].where(sums["weight"] > 0)
    within = np.maximum(sums["wyy"] - sums["weight"] * mean**2, 0.0)
    return sums.assign(outcome=mean, within=within, rows=sums["used"].astype(int))


def _with_weight(
    table: pd.DataFrame, data: Panel | RepeatedCrossSection
) -> tuple[pd.DataFrame, list[str]]:
    """Leave out what has no weight: as in other packages, it does not count as a row."""
    kept = table[table["weight"] > 0].reset_index(drop=True)
    kept["rows"] = kept["rows"].astype(int)
    n = data.n_rows - int(kept["rows"].sum())
    return kept, [f"{n:,} rows have weight 0 and do not count."] if n else []


def _not_yet_as_never(table: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    first, last = table["first_treated"], table["time"].max()
    later = np.isfinite(first) & (first > last)
    if not later.any():
        return table, []
    n = table.loc[later, "entity"].nunique()
    return table.assign(first_treated=first.mask(later, np.inf)), [later_note(n, last)]


def _without_always_treated(table: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    first_seen = table.groupby("entity")["time"].transform("min")
    always = table["first_treated"] <= first_seen
    if not always.any():
        return table, []
    n, total = table.loc[always, "entity"].nunique(), table["entity"].nunique()
    every = bool(always[np.isfinite(table["first_treated"])].all())
    note = always_note(n, total, every=every)
    warnings.warn(note, DataWarning, stacklevel=4)
    return table[~always].reset_index(drop=True), [note]


def _check(did: DidTable) -> None:
    table = did.table
    constant = table["outcome"].nunique() < 2 and not table["within"].any()
    check_comparison(did, treated=bool((did.treated > 0).any()), constant=constant)
    for name in did.covariates:
        if table[name].nunique() < 2:
            raise RankError(f"{name} is constant; leave it out.")
