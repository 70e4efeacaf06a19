"""What the rows of a batch must satisfy, among themselves and towards what is stored."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import duckdb

from cximpact.core.errors import (
    DanglingReferenceError,
    DataError,
    DuplicateKeyError,
    IdTypeError,
    MergeError,
    UnitsError,
    join_names,
    rows_phrase,
)
from cximpact.core.units import check_currency
from cximpact.repository.contracts import Contract, Kind
from cximpact.repository.reading import POSITION
from cximpact.repository.rules import Rule
from cximpact.repository.sql import Fragment, all_of, sql
from cximpact.repository.staging import CLEAN


def check_rules(connection: duckdb.DuckDBPyConnection, table: str, rules: Sequence[Rule]) -> None:
    """Check every rule in one scan; the first that is broken raises.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The store.
    table : str
        Staged rows, or their clean view.
    rules : sequence of Rule
        What no row may meet.

    Raises
    ------
    DataError
        Of the class that the rule names, with the rows.
    """
    if not rules:
        return
    counts = [sql("count(*) FILTER (WHERE {when})", when=rule.when) for rule in rules]
    statement = sql("SELECT {counts} FROM {table}", counts=counts, table=table)
    values = [value for rule in rules for value in rule.values]
    found = connection.execute(statement, values).fetchone() or ()
    for rule, n in zip(rules, found, strict=True):
        if n:
            statement = sql(
                "SELECT {p} FROM {table} WHERE {when} ORDER BY 1",
                p=POSITION,
                table=table,
                when=rule.when,
            )
            rows = positions(connection, statement, rule.values)
            raise rule.error(f"{rule.found} in {rows_phrase(rows)}; {rule.fix}.")


def implication_rules(contract: Contract, names: Sequence[str]) -> list[Rule]:
    """Return the rules about columns that must agree within a row.

    Parameters
    ----------
    contract : Contract
        The table.
    names : sequence of str
        Columns that came in, with values.

    Returns
    -------
    list of Rule
        For the pairs of which both are there; read on the clean values.
    """
    rules = []
    for later, earlier in contract.implies:
        if later not in names or earlier not in names:
            continue
        is_flag = contract.column(later).kind is Kind.FLAG  # type: ignore[union-attr]
        holds = sql("{c}", c=later) if is_flag else sql("{c} IS NOT NULL", c=later)
        rules.append(
            Rule(
                error=DataError,
                when=sql("{holds} AND NOT {earlier}", holds=holds, earlier=earlier),
                found=f"Column {later!r} contradicts {earlier!r}, which is false,",
                fix="correct one of them, or make it missing where nobody knows",
            )
        )
    return rules


def positions(
    connection: duckdb.DuckDBPyConnection, statement: Fragment, values: Sequence[Any] = ()
) -> list[int]:
    """Run a query for row positions.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The store.
    statement : Fragment
        A query of one column.
    values : sequence
        Values to bind.

    Returns
    -------
    list of int
        Positions.
    """
    return [row[0] for row in connection.execute(statement, list(values)).fetchall()]


def check_keys(
    connection: duckdb.DuckDBPyConnection, contract: Contract, names: Sequence[str], stored: bool
) -> None:
    """Check that no key occurs twice, in the batch or with what is stored.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The store, with the clean view.
    contract : Contract
        The table.
    names : sequence of str
        Columns that came in.
    stored : bool
        Whether the table has rows already.

    Raises
    ------
    DuplicateKeyError
        With the rows.
    """
    key = [name for name in contract.key if name in names]
    what = f"The key {join_names(contract.key)} of table {contract.table}"
    twice = sql("SELECT {k} FROM {clean} GROUP BY {k} HAVING count(*) > 1", k=key, clean=CLEAN)
    if connection.execute(sql("SELECT count(*) FROM ({twice})", twice=twice)).fetchone() != (0,):
        statement = sql(
            "SELECT {p} FROM {clean} QUALIFY count(*) OVER (PARTITION BY {k}) > 1 ORDER BY 1",
            p=POSITION,
            clean=CLEAN,
            k=key,
        )
        rows = rows_phrase(positions(connection, statement))
        raise DuplicateKeyError(f"{what} occurs more than once in {rows}; {contract.key_hint}.")
    if not stored:
        return
    same = [_same(name, name in names) for name in contract.key]
    if rows := positions(connection, _semi_join(contract.table, same)):
        raise DuplicateKeyError(
            f"{what} is in the repository already for {rows_phrase(rows)}; a batch only adds: "
            f"leave those rows out, or {contract.key_hint}."
        )


def check_references(connection: duckdb.DuckDBPyConnection, source: str | None) -> None:
    """Check that every customer of the batch is in the table customers.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The store, with the clean view.
    source : str or None
        System whose identifiers were replaced by customers.

    Raises
    ------
    DanglingReferenceError
        With the rows.
    """
    statement = sql(
        "SELECT {p} FROM {clean} AS new ANTI JOIN customers AS old "
        "ON new.customer = old.customer ORDER BY 1",
        p=POSITION,
        clean=CLEAN,
    )
    if rows := positions(connection, statement):
        if source is not None:
            raise DanglingReferenceError(
                f"Column 'customer' has identifiers of source {source!r} that are not in the "
                f"table identities: {rows_phrase(rows)}. Add them there first."
            )
        raise DanglingReferenceError(
            f"Column 'customer' has customers that are not in the table customers: "
            f"{rows_phrase(rows)}. Add them there first, or leave those rows out."
        )


def check_identities(connection: duckdb.DuckDBPyConnection, stored: bool) -> None:
    """Check that one identifier of a source belongs to one customer.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The store, with the clean view.
    stored : bool
        Whether there are identities already.

    Raises
    ------
    MergeError
        With the rows in conflict.
    """
    statement = sql(
        "SELECT {p} FROM {clean} WINDOW w AS (PARTITION BY source, source_id) "
        "QUALIFY min(customer) OVER w <> max(customer) OVER w ORDER BY 1",
        p=POSITION,
        clean=CLEAN,
    )
    rows = positions(connection, statement)
    if not rows and stored:
        same = [_same("source", True), _same("source_id", True)]
        same.append(sql("new.customer <> old.customer"))
        rows = positions(connection, _semi_join("identities", same))
    if rows:
        raise MergeError(
            f"One identifier of a source leads to several customers in {rows_phrase(rows)}; "
            "expected many identifiers to one customer: correct the mapping, or merge the "
            "customers."
        )


def check_id_type(found: str, expected: str | None, name: str, what: str) -> None:
    """Check that identifiers have the type of those they must match.

    Parameters
    ----------
    found, expected : str
        SQL types; None where nothing is known yet.
    name : str
        Column.
    what : str
        Whom they must match.

    Raises
    ------
    IdTypeError
        If one is text and the other a number.
    """
    if expected is not None and found != expected:
        words = {"VARCHAR": "text", "BIGINT": "integer"}
        raise IdTypeError(
            f"Identifier {name!r} is {words[found]}, but {what} is {words[expected]}: convert it "
            "explicitly, so that no identifier is missed in silence."
        )


def check_currency_column(connection: duckdb.DuckDBPyConnection, stored: bool) -> None:
    """Check that all costs are in one currency.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The store, with the clean view.
    stored : bool
        Whether there are costs already.

    Raises
    ------
    UnitsError
        If there are several, or it is no ISO code.
    """
    origin = sql("SELECT currency FROM {clean}", clean=CLEAN)
    if stored:
        origin = sql("{origin} UNION ALL SELECT currency FROM costs", origin=origin)
    rows = connection.execute(sql("SELECT DISTINCT currency FROM ({o}) ORDER BY 1", o=origin))
    found = [row[0] for row in rows.fetchall()]
    if len(found) > 1:
        raise UnitsError(f"Column 'currency' mixes {join_names(found)}; convert costs to one.")
    check_currency(found[0])


def _same(name: str, came_in: bool) -> Fragment:
    if not came_in:
        return sql("old.{c} IS NULL", c=name)
    return sql("new.{c} IS NOT DISTINCT FROM old.{c}", c=name)


def _semi_join(table: str, conditions: Sequence[Fragment]) -> Fragment:
    return sql(
        "SELECT {p} FROM {clean} AS new SEMI JOIN {table} AS old ON {conditions} ORDER BY 1",
        p=POSITION,
        clean=CLEAN,
        table=table,
        conditions=all_of(conditions),
    )
