"""What may be wrong with the values of a column, as conditions that no row may meet."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
from pyarrow import types as pt

from cximpact.core.errors import DataError, DtypeError, IdTypeError, MissingValueError
from cximpact.repository.contracts import Column, Kind
from cximpact.repository.sql import Fragment, sql


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A condition that no row may meet.

    Parameters
    ----------
    error : type
        What is raised.
    when : Fragment
        The condition.
    found, fix : str
        Message before and after the row positions.
    values : tuple
        Values to bind.
    """

    error: type[DataError]
    when: Fragment
    found: str
    fix: str
    values: tuple[Any, ...] = ()


def missing(name: str, found: pa.DataType) -> Fragment:
    """Return the condition that a raw column has no value.

    Parameters
    ----------
    name : str
        Column.
    found : pyarrow.DataType
        Its type.

    Returns
    -------
    Fragment
        True where it is null or NaN.
    """
    if pt.is_floating(found):
        return sql("({c} IS NULL OR isnan({c}))", c=name)
    return sql("({c} IS NULL)", c=name)


def required_rules(column: Column, found: pa.DataType) -> list[Rule]:
    """Return the rule that every row has a value, where the contract says so.

    Parameters
    ----------
    column : Column
        Its contract.
    found : pyarrow.DataType
        Type that came in.

    Returns
    -------
    list of Rule
        One or none.
    """
    if not column.required:
        return []
    return [
        Rule(
            error=missing_error(column),
            when=missing(column.name, found),
            found=f"Column {column.name!r} is missing",
            fix="every row needs a value",
        )
    ]


def range_rules(column: Column, value: Fragment, sql_type: str) -> list[Rule]:
    """Return the rules on how small and how late values may be.

    Parameters
    ----------
    column : Column
        Its contract.
    value : Fragment
        Expression of its value in the repository.
    sql_type : str
        Type there.

    Returns
    -------
    list of Rule
        Those that the contract sets.
    """
    rules = []
    if column.low is not None:
        rules.append(
            Rule(
                error=DataError,
                when=sql("{value} < ?", value=value),
                found=f"Column {column.name!r} is below {column.low:g}",
                fix="correct those values, or make them missing if they are codes",
                values=(column.low,),
            )
        )
    if column.past and sql_type == "TIMESTAMP":
        tomorrow = datetime.now(UTC).replace(tzinfo=None) + timedelta(days=1)
        rules.append(
            Rule(
                error=DataError,
                when=sql("{value} > ?", value=value),
                found=f"Column {column.name!r} lies in the future",
                fix="only what has happened belongs here; check how the dates were read",
                values=(tomorrow,),
            )
        )
    return rules


def plausible(name: str, value: Fragment) -> Rule:
    """Return the rule against times that are numbers read as dates.

    Parameters
    ----------
    name : str
        Column.
    value : Fragment
        Expression of its value.

    Returns
    -------
    Rule
        Years from 1900 to 2199, and not the day from which computers count.
    """
    return Rule(
        error=DtypeError,
        when=sql(
            "({value} < DATE '1900-01-01' OR {value} >= DATE '2200-01-01' OR "
            "({value} >= DATE '1970-01-01' AND {value} < DATE '1970-01-02'))",
            value=value,
        ),
        found=f"Column {name!r} lies before 1900, after 2199 or on 1 January 1970",
        fix="numbers were probably read as dates: parse them with their format written out",
    )


def missing_error(column: Column) -> type[DataError]:
    """Return the error for a missing value: identifiers have one of their own.

    Parameters
    ----------
    column : Column
        Its contract.

    Returns
    -------
    type
        The class.
    """
    return IdTypeError if column.kind is Kind.ID else MissingValueError
