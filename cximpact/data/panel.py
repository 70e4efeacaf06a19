"""Panels and repeated cross-sections: who was treated when, checked once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import narwhals as nw
import pandas as pd

from cximpact.data import checks, frames
from cximpact.data.paths import NEVER, check_paths, cohorts, distinct_periods, panel_paths, paths
from cximpact.data.rectangle import rectangle
from cximpact.data.roles import check_roles, check_rows


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
    outcome_range : tuple of float
        Least and greatest outcome.
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
    outcome_range: tuple[float, float] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        opened = check_roles(self, "unit")
        seen = check_rows(self, opened, self.unit, checks.exact_ids(opened, self.unit))
        checks.warn_float_ids(opened, self.unit)
        found = rectangle(self) if not self.n_dropped else None
        alike, periods = found or panel_paths(self.open(), seen, (self.unit, self.period))
        _keep(self, "unit", alike, periods)
        object.__setattr__(self, "n_units", int(alike["units"].sum()))
        object.__setattr__(self, "balanced", bool((alike["rows"] == len(periods)).all()))

    def open(self) -> nw.LazyFrame[Any]:
        """Open the rows that are used under the names of their roles.

        Returns
        -------
        narwhals.LazyFrame
            Columns ``unit, period, outcome, first_treated`` (infinite for never, when it was
            named) or ``treated``, then ``cluster``, ``weight`` and covariates where there are any.
        """
        return _open_roles(self, "unit")

    def to_pandas(self) -> pd.DataFrame:
        """Bring the rows that are used into memory, under the names of their roles.

        Returns
        -------
        pandas.DataFrame
            As `open`, always with ``first_treated``, sorted by unit and period.
        """
        table = frames.collect(self.open())
        if self.first_treated is None:
            table["first_treated"] = _first_from_treated(self, table, "unit")
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
    outcome_range : tuple of float
        Least and greatest outcome.
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
    outcome_range: tuple[float, float] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        opened = check_roles(self, "group")
        named = checks.present(opened, self.group, "name the group of every row")
        check_rows(self, opened, self.group, [named])
        rows = self.open()
        alike = paths(rows, "group")
        _keep(self, "group", alike, distinct_periods(rows))
        object.__setattr__(self, "n_groups", int(alike["units"].sum()))

    def open(self) -> nw.LazyFrame[Any]:
        """Open the rows that are used under the names of their roles.

        Returns
        -------
        narwhals.LazyFrame
            Columns ``group, period, outcome, first_treated`` or ``treated``, then ``cluster``,
            ``weight`` and covariates where there are any.
        """
        return _open_roles(self, "group")

    def to_pandas(self) -> pd.DataFrame:
        """Bring the rows that are used into memory, under the names of their roles.

        Returns
        -------
        pandas.DataFrame
            As `open`, always with ``first_treated``.
        """
        table = frames.collect(self.open())
        if self.first_treated is None:
            table["first_treated"] = _first_from_treated(self, table, "group")
        return table


def _keep(
    data: Panel | RepeatedCrossSection, who: str, alike: pd.DataFrame, periods: tuple[float, ...]
) -> None:
    """Check who is treated when, and remember it."""
    object.__setattr__(data, "n_rows", int((alike["rows"] * alike["units"]).sum()))
    object.__setattr__(data, "periods", periods)
    by_period = data.treated is not None
    if by_period and data.n_dropped:  # a row without an outcome still says when treatment began
        alike = paths(_open_roles(data, who, every_row=True), who)
    check_paths(alike, who, by_period=by_period)
    object.__setattr__(data, "cohorts", cohorts(alike))


def _open_roles(
    data: Panel | RepeatedCrossSection, who: str, *, every_row: bool = False
) -> nw.LazyFrame[Any]:
    opened = frames.open_frame(data.frame)
    if data.missing == "drop" and not every_row:
        opened = opened.filter(~frames.is_missing(opened, data.outcome))
    columns: dict[str, nw.Expr] = {who: nw.col(getattr(data, who))}
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


def _first_from_treated(
    data: Panel | RepeatedCrossSection, table: pd.DataFrame, who: str
) -> pd.Series:
    """First treated period of each row's unit, learned from rows without an outcome, too."""
    treated = _open_roles(data, who, every_row=True).filter(nw.col("treated") == 1)
    first = frames.collect(treated.group_by(who).agg(nw.col("period").min()))
    return table[who].map(first.set_index(who)["period"]).astype(float).fillna(NEVER)
