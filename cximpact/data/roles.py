"""Checks of a panel's roles: columns, types and values, in one scan of the rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import narwhals as nw
import pandas as pd

from cximpact.core.errors import (
    ColumnError,
    ConfigError,
    MissingOutcomeError,
    TreatmentError,
    join_names,
)
from cximpact.core.validate import check_choice
from cximpact.data import checks, frames
from cximpact.data.sound import sound_rows

if TYPE_CHECKING:
    from cximpact.data.panel import Panel, RepeatedCrossSection

_ROLES = ("period", "outcome", "first_treated", "treated", "cluster", "weight")


def check_roles(data: Panel | RepeatedCrossSection, who: str) -> nw.LazyFrame[Any]:
    """Check that the columns of the roles exist and have usable types.

    Parameters
    ----------
    data : Panel or RepeatedCrossSection
        Under construction.
    who : {"unit", "group"}
        Role of those who are treated.

    Returns
    -------
    narwhals.LazyFrame
        The opened frame.

    Raises
    ------
    ConfigError, ColumnError, EmptyDataError, DtypeError
        If a role cannot be read.
    """
    object.__setattr__(data, "covariates", frames.column_names(data.covariates, "covariates"))
    check_choice(data.missing, "missing", ("raise", "drop"))
    if (data.first_treated is None) == (data.treated is None):
        raise ConfigError("name exactly one of first_treated and treated.")
    if taken := [c for c in data.covariates if c in (who, *_ROLES)]:
        raise ConfigError(f"covariates names {join_names(taken)}, a role; rename the column.")
    opened = frames.open_frame(data.frame)
    roles = {role: getattr(data, role) for role in (who, *_ROLES)}
    covariates = {f"covariates[{i}]": c for i, c in enumerate(data.covariates)}
    frames.check_columns(opened, roles | covariates)
    frames.count_rows(opened)
    numbers = ("period", "outcome", "first_treated", "treated", "weight")
    for role, column in ({r: roles[r] for r in numbers} | covariates).items():
        if column is not None:
            frames.check_numeric(opened, column, role)
    keys = [getattr(data, who), *([data.cluster] if data.cluster is not None else [])]
    frames.check_keys(opened, keys)
    return opened


def check_rows(
    data: Panel | RepeatedCrossSection,
    opened: nw.LazyFrame[Any],
    who: str,
    named: list[checks.RowCheck],
) -> pd.Series:
    """Check every row in one scan, and count those without an outcome.

    Parameters
    ----------
    data : Panel or RepeatedCrossSection
        Under construction; its ``n_dropped`` and ``outcome_range`` are set.
    opened : narwhals.LazyFrame
        Its frame.
    who : str
        Column of those who are treated.
    named : list of RowCheck
        Checks of that column.

    Returns
    -------
    pandas.Series
        ``first`` and ``last`` period, and how many are ``fractional``.

    Raises
    ------
    DataError, TreatmentError
        With the rows at fault.
    """
    seen = sound_rows(data, opened, who)
    if seen is None:
        seen = _row_by_row(data, opened, named)
    else:
        object.__setattr__(data, "n_dropped", 0)
    object.__setattr__(data, "outcome_range", (float(seen["low"]), float(seen["high"])))
    return seen


def _row_by_row(
    data: Panel | RepeatedCrossSection, opened: nw.LazyFrame[Any], named: list[checks.RowCheck]
) -> pd.Series:
    """Count the rows that fail each check, and refuse them."""
    fix = "fill or remove those rows explicitly"
    needed = [c for c in (data.period, data.treated, data.cluster) if c is not None]
    to_check = [*named, *(checks.present(opened, column, fix) for column in needed)]
    for column in (data.period, data.outcome, *data.covariates):
        to_check += checks.finite(opened, column)
    period = nw.col(data.period).cast(nw.Float64)
    values = {
        "first": period.min(),
        "last": period.max(),
        "fractional": (period != period.round(0)).cast(nw.Float64).sum(),
        "low": frames.known(opened, data.outcome).min(),
        "high": frames.known(opened, data.outcome).max(),
    }
    for column in (data.outcome, *data.covariates):
        values[f"known {column}"] = frames.known(opened, column).count()
    if data.weight is not None:
        to_check += checks.sound_weights(opened, data.weight)
        values["weight"] = frames.known(opened, data.weight).sum()
    if data.treated is not None:
        values["odd"] = _not_zero_one(opened, data.treated).cast(nw.Float64).sum()
    if data.first_treated is not None:
        first = frames.known(opened, data.first_treated)
        values["zero"] = (first == 0).cast(nw.Float64).sum()
        values["before all"] = (first == -float("inf")).cast(nw.Float64).sum()
    seen = checks.run(opened, to_check, values).fillna(0.0)
    if data.weight is not None:
        checks.check_weight_sum(float(seen["weight"]), data.weight)
    _check_coding(data, opened, seen)
    _check_gaps(data, opened, seen)
    return seen


def _not_zero_one(opened: nw.LazyFrame[Any], column: str) -> nw.Expr:
    value = frames.known(opened, column)
    return (value != 0) & (value != 1)


def _check_coding(
    data: Panel | RepeatedCrossSection, opened: nw.LazyFrame[Any], seen: pd.Series
) -> None:
    """Refuse treatment that can be read in two ways."""
    if data.treated is not None and seen["odd"]:
        other = _not_zero_one(opened, data.treated)
        odd = frames.collect(opened.filter(other).select(data.treated).unique())[data.treated]
        shown = join_names([f"{v:g}" for v in sorted(odd)[:5]])
        raise TreatmentError(
            f"Column {data.treated!r} (role 'treated') has values other than 0 and 1 ({shown}) in "
            f"{frames.where(opened, other, int(seen['odd']))}; code treatment as 0/1."
        )
    if data.first_treated is not None and seen["before all"]:
        raise TreatmentError(
            f"Column {data.first_treated!r} (role 'first_treated') is minus infinity in "
            f"{seen['before all']:.0f} rows; give the first treated period, or missing for never."
        )
    if data.first_treated is not None and seen["zero"] and seen["first"] <= 0 <= seen["last"]:
        raise TreatmentError(
            f"Column {data.first_treated!r} (role 'first_treated') is 0 in {seen['zero']:.0f} "
            f"rows, which means never, but periods run from {seen['first']:g} to "
            f"{seen['last']:g}. Write missing for never, and number the periods from 1."
        )


def _check_gaps(
    data: Panel | RepeatedCrossSection, opened: nw.LazyFrame[Any], seen: pd.Series
) -> None:
    for column in data.covariates:
        if not seen[f"known {column}"]:
            raise ColumnError(f"Covariate {column!r} has no values at all; leave it out.")
        if seen[f"known {column}"] < seen[checks.ROWS]:
            checks.check_no_missing(opened, [column], "impute it or remove those rows explicitly")
    n = int(seen[checks.ROWS] - seen[f"known {data.outcome}"])
    if n and data.missing == "raise":
        missing = frames.is_missing(opened, data.outcome)
        raise MissingOutcomeError(
            f"Column {data.outcome!r} (role 'outcome') is missing in "
            f"{frames.where(opened, missing, n)}; impute it, or say missing='drop'."
        )
    if n == seen[checks.ROWS]:
        raise MissingOutcomeError(f"Column {data.outcome!r} (role 'outcome') has no values at all.")
    object.__setattr__(data, "n_dropped", n)
