"""How a column that came in becomes a column of the repository, and what could be wrong with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pyarrow as pa
from pyarrow import types as pt

from cximpact.core.errors import (
    DataError,
    DtypeError,
    IdTypeError,
    NonFiniteError,
    TimezoneError,
)
from cximpact.repository.contracts import Column, Kind
from cximpact.repository.rules import (
    Rule,
    missing,
    missing_error,
    plausible,
    range_rules,
    required_rules,
)
from cximpact.repository.sql import Fragment, sql, type_name

MAX_EXACT_INTEGER = 2**53
MAX_INTEGER = 2**63 - 1
MAX_NUMBERED_PERIOD = 9999


@dataclass(frozen=True, kw_only=True)
class Target:
    """A column on its way in.

    Parameters
    ----------
    name : str
        Name in the repository.
    sql_type : str
        Type in the repository.
    value : Fragment
        Expression of its value there.
    rules : tuple of Rule
        What must not be.
    is_float_id : bool
        Whether identifiers came as floats, which deserves a warning.
    """

    name: str
    sql_type: str
    value: Fragment
    rules: tuple[Rule, ...] = ()
    is_float_id: bool = False


def target(name: str, found: pa.DataType, column: Column | None) -> Target | None:
    """Decide how a column is stored.

    Parameters
    ----------
    name : str
        Name in the repository.
    found : pyarrow.DataType
        Type that came in.
    column : Column or None
        Its contract; None for an attribute.

    Returns
    -------
    Target or None
        None for a column of nothing but nulls that nobody requires.

    Raises
    ------
    DtypeError, IdTypeError, TimezoneError
        If a column of this type cannot be taken for what it should be.
    """
    if pt.is_dictionary(found):
        found = found.value_type
    if pt.is_null(found):
        if column is None or not column.required:
            return None
        raise missing_error(column)(f"Column {name!r} has no values; every row needs one.")
    if column is None:
        return _attribute(name, found)
    made = _MAKERS[column.kind](name, found, column)
    return Target(
        name=name,
        sql_type=made.sql_type,
        value=made.value,
        rules=(
            *required_rules(column, found),
            *made.rules,
            *range_rules(column, made.value, made.sql_type),
        ),
        is_float_id=column.kind is Kind.ID and pt.is_floating(found),
    )


def _id(name: str, found: pa.DataType, column: Column) -> Target:
    if _is_text(found):
        empty = Rule(
            error=IdTypeError,
            when=sql("CAST({c} AS VARCHAR) = ''", c=name),
            found=f"Identifier {name!r} is an empty text",
            fix="every row needs an identifier",
        )
        return Target(
            name=name,
            sql_type="VARCHAR",
            value=sql("CAST({c} AS VARCHAR)", c=name),
            rules=(empty,),
        )
    if pt.is_integer(found):
        return _whole(name, found, IdTypeError)
    if pt.is_floating(found):
        lossy = Rule(
            error=IdTypeError,
            when=sql("NOT isnan({c}) AND ({c} <> round({c}) OR abs({c}) > ?)", c=name),
            found=f"Identifier {name!r} is a float with lost or fractional digits",
            fix="read it as text or integer",
            values=(MAX_EXACT_INTEGER,),
        )
        return Target(name=name, sql_type="BIGINT", value=_float_to("BIGINT", name), rules=(lossy,))
    raise IdTypeError(f"Identifier {name!r} has type {found}; expected {column.kind.value}.")


def _text(name: str, found: pa.DataType, column: Column) -> Target:
    if not _is_text(found):
        raise _dtype_error(
            name, found, column, "convert it explicitly, for instance by astype(str)"
        )
    return Target(name=name, sql_type="VARCHAR", value=sql("CAST({c} AS VARCHAR)", c=name))


def _flag(name: str, found: pa.DataType, column: Column) -> Target:
    if pt.is_boolean(found):
        return Target(name=name, sql_type="BOOLEAN", value=sql("{c}", c=name))
    if not (pt.is_integer(found) or pt.is_floating(found)):
        raise _dtype_error(name, found, column, "write it as 0 and 1")
    other = Rule(
        error=DtypeError,
        when=sql("NOT {missing} AND {c} NOT IN (0, 1)", missing=missing(name, found), c=name),
        found=f"Column {name!r} has values other than 0 and 1",
        fix="write it as 0 and 1, missing where nobody knows",
    )
    value = sql(
        "CASE WHEN {missing} THEN NULL ELSE {c} = 1 END", missing=missing(name, found), c=name
    )
    return Target(name=name, sql_type="BOOLEAN", value=value, rules=(other,))


def _number(name: str, found: pa.DataType, column: Column) -> Target:
    if pt.is_boolean(found) or not _is_number(found):
        fix = "convert it explicitly, for instance with pandas.to_numeric"
        if pt.is_boolean(found):
            fix = "write it as 0 and 1 if that is what is meant"
        if pt.is_duration(found):
            fix = "give seconds, for instance by dt.total_seconds()"
        raise _dtype_error(name, found, column, fix)
    if pt.is_floating(found):
        return _float(name)
    return Target(name=name, sql_type="DOUBLE", value=sql("CAST({c} AS DOUBLE)", c=name))


def _count(name: str, found: pa.DataType, column: Column) -> Target:
    made = _number(name, found, column)
    if pt.is_integer(found):
        return _whole(name, found, DtypeError)
    return _whole_float(name, made.rules, "expected whole numbers")


def _moment(name: str, found: pa.DataType, column: Column) -> Target:
    if pt.is_date(found):
        value = sql("CAST({c} AS TIMESTAMP)", c=name)
    elif pt.is_timestamp(found):
        value = _as_utc(name, found)
    else:
        fix = "parse it first, for instance with pandas.to_datetime and the format written out"
        raise _dtype_error(name, found, column, fix)
    return Target(name=name, sql_type="TIMESTAMP", value=value, rules=(plausible(name, value),))


def _time(name: str, found: pa.DataType, column: Column) -> Target:
    if pt.is_integer(found) or pt.is_floating(found):
        return _numbered_period(name, found)
    return _moment(name, found, column)


def _period(name: str, found: pa.DataType, column: Column) -> Target:
    if pt.is_integer(found) or pt.is_floating(found):
        return _numbered_period(name, found)
    if pt.is_timestamp(found) and found.tz is not None:
        raise TimezoneError(
            f"Column {name!r} has the time zone {found.tz}, but a period is a calendar date: "
            "give its first day without a zone, for instance by dt.tz_localize(None)."
        )
    if pt.is_timestamp(found) or pt.is_date(found):
        value = sql("CAST({c} AS DATE)", c=name)
        rules = [plausible(name, value)]
        if pt.is_timestamp(found):
            rules.append(
                Rule(
                    error=DtypeError,
                    when=sql("CAST({c} AS TIMESTAMP) <> CAST({c} AS DATE)", c=name),
                    found=f"Column {name!r} has a time of day",
                    fix="give the first day of each period, not a moment in it",
                )
            )
        return Target(name=name, sql_type="DATE", value=value, rules=tuple(rules))
    fix = "parse it first, for instance with pandas.to_datetime, or by dt.to_timestamp()"
    raise _dtype_error(name, found, column, fix)


def _attribute(name: str, found: pa.DataType) -> Target:
    if pt.is_boolean(found):
        return Target(name=name, sql_type="BOOLEAN", value=sql("{c}", c=name))
    if pt.is_integer(found):
        return _whole(name, found, DtypeError)
    if pt.is_floating(found):
        return _float(name)
    if pt.is_decimal(found):
        return Target(name=name, sql_type="DOUBLE", value=sql("CAST({c} AS DOUBLE)", c=name))
    if _is_text(found):
        return Target(name=name, sql_type="VARCHAR", value=sql("CAST({c} AS VARCHAR)", c=name))
    if pt.is_date(found):
        return Target(name=name, sql_type="DATE", value=sql("CAST({c} AS DATE)", c=name))
    if pt.is_timestamp(found):
        return Target(name=name, sql_type="TIMESTAMP", value=_as_utc(name, found))
    raise DtypeError(
        f"Column {name!r} has type {found}; an attribute holds numbers, text, dates or true and "
        "false: convert it, or leave it out."
    )


def _numbered_period(name: str, found: pa.DataType) -> Target:
    large = Rule(
        error=DtypeError,
        when=sql("abs({c}) > ?", c=name),
        found=f"Column {name!r} is a number beyond {MAX_NUMBERED_PERIOD}, which looks like a date",
        fix="give parsed dates, or years, or number the periods from 1",
        values=(MAX_NUMBERED_PERIOD,),
    )
    if pt.is_integer(found):
        return Target(
            name=name, sql_type="BIGINT", value=sql("CAST({c} AS BIGINT)", c=name), rules=(large,)
        )
    return _whole_float(name, (large,), "numbered periods are whole numbers")


def _whole(name: str, found: pa.DataType, error: type[DataError]) -> Target:
    rules: tuple[Rule, ...] = ()
    if pt.is_uint64(found):
        over = Rule(
            error=error,
            when=sql("{c} > ?", c=name),
            found=f"Column {name!r} exceeds 64-bit integers",
            fix="give it as text",
            values=(MAX_INTEGER,),
        )
        rules = (over,)
    value = sql("CAST({c} AS BIGINT)", c=name)
    return Target(name=name, sql_type="BIGINT", value=value, rules=rules)


def _whole_float(name: str, rules: tuple[Rule, ...], fix: str) -> Target:
    number = sql("CAST({c} AS DOUBLE)", c=name)
    between = Rule(
        error=DtypeError,
        when=sql("NOT isnan({c}) AND ({c} <> round({c}) OR abs({c}) > ?)", c=number),
        found=f"Column {name!r} is not a whole number",
        fix=fix,
        values=(MAX_EXACT_INTEGER,),
    )
    return Target(
        name=name, sql_type="BIGINT", value=_float_to("BIGINT", name), rules=(*rules, between)
    )


def _float(name: str) -> Target:
    infinite = Rule(
        error=NonFiniteError,
        when=sql("isinf({c})", c=name),
        found=f"Column {name!r} is infinite",
        fix="correct those values",
    )
    return Target(name=name, sql_type="DOUBLE", value=_float_to("DOUBLE", name), rules=(infinite,))


def _float_to(sql_type: str, name: str) -> Fragment:
    return sql(
        "CASE WHEN isnan({c}) THEN NULL ELSE CAST({c} AS {type}) END",
        c=sql("CAST({c} AS DOUBLE)", c=name),
        type=type_name(sql_type),
    )


def _as_utc(name: str, found: pa.DataType) -> Fragment:
    if found.tz is None:
        return sql("CAST({c} AS TIMESTAMP)", c=name)
    return sql("timezone('UTC', CAST({c} AS TIMESTAMPTZ))", c=name)


def _is_text(found: pa.DataType) -> bool:
    return pt.is_string(found) or pt.is_large_string(found) or pt.is_string_view(found)


def _is_number(found: pa.DataType) -> bool:
    return pt.is_integer(found) or pt.is_floating(found) or pt.is_decimal(found)


def _dtype_error(name: str, found: pa.DataType, column: Column, fix: str) -> DtypeError:
    return DtypeError(f"Column {name!r} has type {found}; expected {column.kind.value}: {fix}.")


_MAKERS: dict[Kind, Callable[[str, pa.DataType, Column], Target]] = {
    Kind.ID: _id,
    Kind.TEXT: _text,
    Kind.FLAG: _flag,
    Kind.NUMBER: _number,
    Kind.COUNT: _count,
    Kind.MOMENT: _moment,
    Kind.TIME: _time,
    Kind.PERIOD: _period,
}
