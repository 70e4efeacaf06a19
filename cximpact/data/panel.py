"""Panels and repeated cross-sections: who was treated when, checked once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd

from cximpact.core.errors import (
    ConfigError,
    DtypeError,
    DuplicateKeyError,
    MissingOutcomeError,
    NoControlError,
    NoTreatedError,
    TreatmentError,
    TreatmentReversalError,
    join_names,
)
from cximpact.core.validate import check_choice
from cximpact.data import frames

NEVER = float("inf")
_ROLES = ("unit", "period", "outcome", "first_treated", "treated", "cluster", "weight")


@dataclass(frozen=True, kw_only=True, eq=False)
class Panel:
    """Units observed over periods, with the period of first treatment.

    Parameters
    ----------
    frame : frame
        One row a unit and period; any engine.
    unit, period, outcome : str
        Columns. Periods are numbers; the distance between them matters.
    first_treated : str, optional
        Column with the first treated period of the unit; missing, infinite or 0 means never.
    treated : str, optional
        Instead of ``first_treated``: a 0/1 column that says whether the unit is treated in the
        period. Treatment must stay once it has begun.
    cluster : str, optional
        Column at which errors are dependent; the unit by default.
    weight : str, optional
        Column of weights.
    covariates : sequence of str
        Further columns.
    missing : {"raise", "drop"}
        What to do with rows without an outcome.

    Attributes
    ----------
    n_rows, n_units, n_dropped : int
        Rows that are used, their units, and rows left out for a missing outcome.
    periods : tuple of float
        Periods that occur, ascending.
    cohorts : pandas.DataFrame
        ``first_treated`` (infinite for never) and ``units``.
    balanced : bool
        Whether every unit is seen in every period.
    """

    frame: Any = field(kw_only=False, repr=False)
    unit: str
    period: str
    outcome: str
    first_treated: str | None = None
    treated: str | None = None
    cluster: str | None = None
    weight: str | None = None
    covariates: Sequence[str] = ()
    missing: str = "raise"
    n_rows: int = field(init=False)
    n_units: int = field(init=False)
    n_dropped: int = field(init=False)
    periods: tuple[float, ...] = field(init=False)
    cohorts: pd.DataFrame = field(init=False, repr=False)
    balanced: bool = field(init=False)

    def __post_init__(self) -> None:
        opened = _check_roles(self, ["unit"])
        frames.check_ids(opened, self.unit)
        _keep_outcomes(self, opened)
        rows = self.open()
        units = _units(rows)
        _check_units(units, self)
        cohorts = _count_cohorts(units["first"].to_numpy(dtype=float))
        _check_cohorts(cohorts)
        periods = _distinct_periods(rows)
        object.__setattr__(self, "periods", periods)
        object.__setattr__(self, "cohorts", cohorts)
        object.__setattr__(self, "n_rows", int(units["rows"].sum()))
        object.__setattr__(self, "n_units", len(units))
        object.__setattr__(self, "balanced", bool((units["rows"] == len(periods)).all()))

    def open(self) -> nw.LazyFrame[Any]:
        """Open the rows that are used under the names of their roles.

        Returns
        -------
        narwhals.LazyFrame
            Columns ``unit, period, outcome, first_treated`` (infinite for never, when it was
            named) or ``treated``, then ``cluster``, ``weight`` and covariates where there are any.
        """
        return _open_roles(self, ["unit"])

    def to_pandas(self) -> pd.DataFrame:
        """Bring the rows that are used into memory, under the names of their roles.

        Returns
        -------
        pandas.DataFrame
            As `open`, always with ``first_treated``, sorted by unit and period.
        """
        table = frames.collect(self.open())
        if self.first_treated is None:
            table["first_treated"] = _first_from_treated(table, "unit")
        return table.sort_values(["unit", "period"], kind="stable", ignore_index=True)


@dataclass(frozen=True, kw_only=True, eq=False)
class RepeatedCrossSection:
    """Different people in each period, in groups that are treated together.

    Parameters
    ----------
    frame : frame
        One row a person; any engine.
    period, outcome : str
        Columns.
    group : str
        Column at which treatment is assigned, such as store or airline.
    first_treated : str, optional
        Column with the first treated period of the group; missing, infinite or 0 means never.
    treated : str, optional
        Instead: a 0/1 column that says whether the group is treated in the period.
    cluster : str, optional
        Column at which errors are dependent; the group by default.
    weight : str, optional
        Column of weights.
    covariates : sequence of str
        Further columns.
    missing : {"raise", "drop"}
        What to do with rows without an outcome.

    Attributes
    ----------
    n_rows, n_groups, n_dropped : int
        Rows that are used, their groups, and rows left out for a missing outcome.
    periods : tuple of float
        Periods that occur, ascending.
    cohorts : pandas.DataFrame
        ``first_treated`` (infinite for never) and ``units``, here groups.
    """

    frame: Any = field(kw_only=False, repr=False)
    period: str
    outcome: str
    group: str
    first_treated: str | None = None
    treated: str | None = None
    cluster: str | None = None
    weight: str | None = None
    covariates: Sequence[str] = ()
    missing: str = "raise"
    n_rows: int = field(init=False)
    n_groups: int = field(init=False)
    n_dropped: int = field(init=False)
    periods: tuple[float, ...] = field(init=False)
    cohorts: pd.DataFrame = field(init=False, repr=False)

    def __post_init__(self) -> None:
        opened = _check_roles(self, ["group"])
        frames.check_no_missing(opened, [self.group], "name the group of every row")
        _keep_outcomes(self, opened)
        rows = self.open()
        groups = _units(rows, "group")
        _check_first_treated_constant(groups, self.group)
        cohorts = _count_cohorts(groups["first"].to_numpy(dtype=float))
        _check_cohorts(cohorts)
        object.__setattr__(self, "periods", _distinct_periods(rows))
        object.__setattr__(self, "cohorts", cohorts)
        object.__setattr__(self, "n_rows", int(groups["rows"].sum()))
        object.__setattr__(self, "n_groups", len(groups))

    def open(self) -> nw.LazyFrame[Any]:
        """Open the rows that are used under the names of their roles.

        Returns
        -------
        narwhals.LazyFrame
            Columns ``group, period, outcome, first_treated`` or ``treated``, then ``cluster``,
            ``weight`` and covariates where there are any.
        """
        return _open_roles(self, ["group"])

    def to_pandas(self) -> pd.DataFrame:
        """Bring the rows that are used into memory, under the names of their roles.

        Returns
        -------
        pandas.DataFrame
            As `open`, always with ``first_treated``.
        """
        table = frames.collect(self.open())
        if self.first_treated is None:
            table["first_treated"] = _first_from_treated(table, "group")
        return table


def _check_roles(data: Panel | RepeatedCrossSection, who: Sequence[str]) -> nw.LazyFrame[Any]:
    if isinstance(data.covariates, str):
        raise DtypeError(f"covariates is the text {data.covariates!r}; expected a list of columns.")
    object.__setattr__(data, "covariates", tuple(data.covariates))
    check_choice(data.missing, "missing", ("raise", "drop"))
    if (data.first_treated is None) == (data.treated is None):
        raise ConfigError("name exactly one of first_treated and treated.")
    opened = frames.open_frame(data.frame)
    roles = {role: getattr(data, role, None) for role in (*who, *_ROLES)}
    roles |= {f"covariates[{i}]": c for i, c in enumerate(data.covariates)}
    frames.check_columns(opened, roles)
    frames.count_rows(opened)
    for role in ("period", "outcome", "first_treated", "treated", "weight"):
        if (column := getattr(data, role)) is not None:
            frames.check_numeric(opened, column, role)
            if role != "first_treated":
                frames.check_finite(opened, column)
    keys = [c for c in (data.period, data.cluster, data.treated, data.weight) if c is not None]
    frames.check_no_missing(opened, keys, "fill or remove those rows explicitly")
    if data.treated is not None:
        _check_zero_one(opened, data.treated)
    return opened


def _check_zero_one(opened: nw.LazyFrame[Any], column: str) -> None:
    other = ~nw.col(column).is_in([0, 1])
    if n := frames.count_where(opened, other):
        values = frames.collect(opened.filter(other).select(column).unique())[column]
        shown = join_names([f"{v:g}" for v in sorted(values)[:5]])
        raise TreatmentError(
            f"Column {column!r} (role 'treated') has values other than 0 and 1 ({shown}) in "
            f"{frames.where(opened, other, n)}; code treatment as 0/1."
        )


def _keep_outcomes(data: Panel | RepeatedCrossSection, opened: nw.LazyFrame[Any]) -> None:
    missing = frames.is_missing(opened, data.outcome)
    n = frames.count_where(opened, missing)
    if n and data.missing == "raise":
        raise MissingOutcomeError(
            f"Column {data.outcome!r} (role 'outcome') is missing in "
            f"{frames.where(opened, missing, n)}; impute it, or say missing='drop'."
        )
    if n and n == frames.count_rows(opened):
        raise MissingOutcomeError(f"Column {data.outcome!r} (role 'outcome') has no values at all.")
    object.__setattr__(data, "n_dropped", n)


def _open_roles(data: Panel | RepeatedCrossSection, who: Sequence[str]) -> nw.LazyFrame[Any]:
    opened = frames.open_frame(data.frame)
    if data.missing == "drop":
        opened = opened.filter(~frames.is_missing(opened, data.outcome))
    columns: dict[str, nw.Expr] = {name: nw.col(getattr(data, name)) for name in who}
    for role in ("period", "outcome", "treated", "weight"):
        if (column := getattr(data, role)) is not None:
            columns[role] = nw.col(column).cast(nw.Float64)
    if data.first_treated is not None:
        first = nw.col(data.first_treated).cast(nw.Float64)
        never = frames.is_missing(opened, data.first_treated) | (first == 0)
        columns["first_treated"] = nw.when(never).then(nw.lit(NEVER)).otherwise(first)
    if data.cluster is not None:
        columns["cluster"] = nw.col(data.cluster)
    return opened.select(**columns, **{c: nw.col(c) for c in data.covariates})


def _units(rows: nw.LazyFrame[Any], who: str = "unit") -> pd.DataFrame:
    """Summarize each unit: rows, first and last value of first_treated, order of treatment."""
    if "first_treated" in rows.collect_schema().names():
        per_unit = rows.group_by(who).agg(
            nw.len().alias("rows"),
            nw.col("first_treated").min().alias("first"),
            nw.col("first_treated").max().alias("last"),
        )
        return frames.collect(per_unit)
    treated = nw.col("treated") == 1
    marked = rows.select(
        nw.col(who),
        on=nw.when(treated).then(nw.col("period")),
        off=nw.when(~treated).then(nw.col("period")),
    )
    per_unit = marked.group_by(who).agg(
        nw.len().alias("rows"), nw.col("on").min().alias("first"), nw.col("off").max().alias("off")
    )
    units = frames.collect(per_unit)
    reversed_ = units["off"] > units["first"]
    if reversed_.any():
        raise TreatmentReversalError(
            f"{int(reversed_.sum())} of {len(units)} {who}s leave treatment again; these "
            "estimators need treatment that stays. Give first_treated for the effect of having "
            "been treated, or remove those units explicitly."
        )
    units["first"] = units["first"].fillna(NEVER)
    units["last"] = units["first"]
    return units


def _check_units(units: pd.DataFrame, panel: Panel) -> None:
    _check_first_treated_constant(units, panel.unit)
    doubled = frames.collect(
        panel.open()
        .group_by("unit", "period")
        .agg(nw.len().alias("n"))
        .filter(nw.col("n") > 1)
        .select(keys=nw.len())
    )["keys"].iloc[0]
    if doubled:
        raise DuplicateKeyError(
            f"{int(doubled)} pairs of {panel.unit!r} and {panel.period!r} occur more than once; "
            "aggregate them to one row a unit and period first."
        )


def _check_first_treated_constant(units: pd.DataFrame, column: str) -> None:
    changing = (units["first"] != units["last"]).sum()
    if changing:
        raise TreatmentError(
            f"first_treated changes within {int(changing)} of {len(units)} values of {column!r}; "
            "it must be one period for all rows of a unit."
        )


def _count_cohorts(first: np.ndarray) -> pd.DataFrame:
    values, counts = np.unique(first, return_counts=True)
    return pd.DataFrame({"first_treated": values, "units": counts})


def _check_cohorts(cohorts: pd.DataFrame) -> None:
    treated = np.isfinite(cohorts["first_treated"])
    if not treated.any():
        raise NoTreatedError(
            f"none of {int(cohorts['units'].sum())} units is ever treated: first_treated is "
            "missing, infinite or 0 everywhere."
        )
    if treated.sum() == len(cohorts) == 1:
        raise NoControlError(
            f"all {int(cohorts['units'].sum())} units are treated from the same period on; "
            "there is no untreated comparison."
        )


def _distinct_periods(rows: nw.LazyFrame[Any]) -> tuple[float, ...]:
    found = frames.collect(rows.select("period").unique())["period"]
    return tuple(sorted(float(p) for p in found))


def _first_from_treated(table: pd.DataFrame, who: str) -> pd.Series:
    on = table["period"].where(table["treated"] == 1)
    return on.groupby(table[who]).transform("min").fillna(NEVER)
