"""Adding a batch: all of it or nothing, and never twice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from zoneinfo import ZoneInfo

import duckdb

from cximpact.core.errors import (
    BatchError,
    ConfigError,
    DanglingReferenceError,
    TimezoneError,
)
from cximpact.core.scale import ScoreScale
from cximpact.core.validate import check_choice
from cximpact.repository import checks, scales
from cximpact.repository.columns import Target
from cximpact.repository.contracts import CONTRACTS, Contract
from cximpact.repository.evolving import evolve
from cximpact.repository.rules import Rule
from cximpact.repository.sql import sql
from cximpact.repository.staging import (
    CLEAN,
    STAGED,
    content_hash,
    create_clean_view,
    drop_empty,
    open_rows,
    staged,
    targets,
    time_zone,
    warn_float_ids,
)
from cximpact.repository.store import (
    BATCHES,
    get_meta,
    set_meta,
    stored_types,
)


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """What `Repository.add` did.

    Parameters
    ----------
    table : str
        Where the rows went.
    batch : str
        Identifier of the batch.
    rows : int
        Rows that were added; 0 when it was skipped.
    skipped : bool
        Whether the batch was there already.
    """

    table: str
    batch: str
    rows: int
    skipped: bool


@dataclass(frozen=True, kw_only=True)
class Order:
    """What is to be added, and how.

    Parameters
    ----------
    table : str
        Name of the table.
    columns : mapping of str to str, optional
        Their name to ours.
    batch : str, optional
        Identifier; the hash of the content by default.
    if_exists : {"refuse", "skip"}
        What to do with a batch that was added before.
    source : str, optional
        System whose identifiers came in.
    scale : ScoreScale, optional
        Scale of the answers.
    """

    table: str
    columns: Mapping[str, str] | None = None
    batch: str | None = None
    if_exists: str = "refuse"
    source: str | None = None
    scale: ScoreScale | None = None

    def __post_init__(self) -> None:
        check_choice(self.table, "table", tuple(CONTRACTS))
        check_choice(self.if_exists, "if_exists", ("refuse", "skip"))
        for name in ("batch", "source"):
            value = getattr(self, name)
            if value is not None and (not isinstance(value, str) or not value):
                raise ConfigError(f"{name} is {value!r}; expected a text, or nothing.")
        if self.source is not None and self.table in ("customers", "costs"):
            raise ConfigError(f"source= has no meaning for the table {self.table}; leave it out.")
        if self.scale is not None and self.table != "surveys":
            raise ConfigError(f"scale= has no meaning for the table {self.table}; leave it out.")
        if self.scale is not None and not isinstance(self.scale, ScoreScale):
            raise ConfigError("scale is not a ScoreScale; give one such as cximpact.scores.NPS.")

    @property
    def contract(self) -> Contract:
        """The contract of the table."""
        return CONTRACTS[self.table]

    @property
    def resolve_from(self) -> str | None:
        """The source whose identifiers must be replaced by customers, if any."""
        return None if self.table == "identities" else self.source


def add(connection: duckdb.DuckDBPyConnection, frame_or_path: Any, order: Order) -> Receipt:
    """Add a batch in one transaction.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The store.
    frame_or_path : frame, str or Path
        The rows.
    order : Order
        Where they go, and how.

    Returns
    -------
    Receipt
        What was done.
    """
    contract = order.contract
    given = {"source"} if order.table == "identities" and order.source is not None else set()
    incoming = open_rows(
        frame_or_path, contract, order.columns, given, _known_types(connection, order)
    )
    made = targets(incoming, contract)
    zone = time_zone(incoming, contract)
    with staged(connection, incoming):
        made = _add_source(connection, made, order)
        checks.check_rules(connection, STAGED, _rules(connection, made, order))
        made = drop_empty(connection, made)
        _check_id_types(connection, made, order)
        create_clean_view(connection, [_as_stored(t) for t in made], order.resolve_from)
        names = [t.name for t in made]
        content = content_hash(connection, order.table, names)
        batch = order.batch or content
        known = _known_batch(connection, order, batch, content)
        if known is not None:
            receipt = Receipt(table=order.table, batch=known, rows=0, skipped=True)
        else:
            stored = bool(stored_types(connection, order.table))
            _keep_facts(connection, order, made, zone)
            _make_room(connection, order, made)
            _check_clean(connection, order, names, stored)
            rows = _insert(connection, order, names, batch, content)
            receipt = Receipt(table=order.table, batch=batch, rows=rows, skipped=False)
    warn_float_ids(made)
    return receipt


def _known_types(connection: duckdb.DuckDBPyConnection, order: Order) -> dict[str, str]:
    known = stored_types(connection, order.table)
    customer = get_meta(connection, "customer_type")
    if order.resolve_from is not None:
        customer = get_meta(connection, f"source_type:{order.source}")
    if customer is not None:
        known["customer"] = customer
    if order.table == "identities":
        known.pop("source_id", None)
        if (found := get_meta(connection, f"source_type:{order.source}")) is not None:
            known["source_id"] = found
    return known


def _add_source(
    connection: duckdb.DuckDBPyConnection, made: list[Target], order: Order
) -> list[Target]:
    if order.table != "identities" or order.source is None:
        return made
    if any(t.name == "source" for t in made):
        raise ConfigError("the rows have a column 'source'; leave out source=, or the column.")
    connection.execute(sql("ALTER TABLE {staged} ADD COLUMN source VARCHAR", staged=STAGED))
    connection.execute(sql("UPDATE {staged} SET source = ?", staged=STAGED), [order.source])
    return [*made, Target(name="source", sql_type="VARCHAR", value=sql("source"))]


def _as_stored(t: Target) -> Target:
    """Write the identifiers of all sources as text; the type of each source is remembered."""
    if t.name != "source_id":
        return t
    return replace(t, sql_type="VARCHAR", value=sql("CAST({v} AS VARCHAR)", v=t.value))


def _rules(
    connection: duckdb.DuckDBPyConnection, made: Sequence[Target], order: Order
) -> list[Rule]:
    rules = [rule for t in made for rule in t.rules]
    answer = next((t for t in made if order.table == "surveys" and t.name == "answer"), None)
    if answer is not None:
        rules += scales.rules(connection, order.scale, answer)
    return rules


def _check_id_types(
    connection: duckdb.DuckDBPyConnection, made: Sequence[Target], order: Order
) -> None:
    types = {t.name: t.sql_type for t in made}
    if "customer" not in types:
        return
    if order.resolve_from is not None:
        expected = get_meta(connection, f"source_type:{order.source}")
        if expected is None:
            raise DanglingReferenceError(
                f"there are no identities of source {order.source!r} yet; add them first."
            )
        what = f"the identifier of source {order.source!r}"
    else:
        expected = get_meta(connection, "customer_type")
        if expected is None and order.table != "customers":
            raise DanglingReferenceError(
                "there are no customers yet; add the table customers first."
            )
        what = "the customer in the table customers"
    checks.check_id_type(types["customer"], expected, "customer", what)


def _known_batch(
    connection: duckdb.DuckDBPyConnection, order: Order, batch: str, content: str
) -> str | None:
    statement = sql(
        "SELECT batch, content FROM {t} WHERE table_name = ? AND (batch = ? OR content = ?)",
        t=BATCHES,
    )
    found = connection.execute(statement, [order.table, batch, content]).fetchall()
    if any(known == batch and of != content for known, of in found):
        raise BatchError(
            f"batch {batch!r} of table {order.table} was added before with other content; give "
            "the new rows a batch of their own."
        )
    if found and order.if_exists == "refuse":
        raise BatchError(
            f"the same rows were added to table {order.table} before, as batch {found[0][0]!r}; "
            "say if_exists='skip' to pass over them."
        )
    return str(found[0][0]) if found else None


def _check_clean(
    connection: duckdb.DuckDBPyConnection, order: Order, names: Sequence[str], stored: bool
) -> None:
    contract = order.contract
    checks.check_rules(connection, CLEAN, checks.implication_rules(contract, names))
    if any(c.references for c in contract.columns):
        checks.check_references(connection, order.resolve_from)
    if order.table == "identities":
        checks.check_identities(connection, stored)
    if order.table == "costs":
        checks.check_currency_column(connection, stored)
    checks.check_keys(connection, contract, names, stored)


def _keep_facts(
    connection: duckdb.DuckDBPyConnection, order: Order, made: Sequence[Target], zone: str | None
) -> None:
    types = {t.name: t.sql_type for t in made}
    if order.table == "customers" and get_meta(connection, "customer_type") is None:
        set_meta(connection, "customer_type", types["customer"])
    if order.table == "identities":
        _keep_source_types(connection, types["source_id"])
    if zone is not None:
        _keep_zone(connection, zone)
    if order.table == "surveys":
        scales.keep(connection, order.scale, "answer" in types, "question" in types)


def _keep_source_types(connection: duckdb.DuckDBPyConnection, found: str) -> None:
    sources = connection.execute(sql("SELECT DISTINCT source FROM {clean}", clean=CLEAN))
    for (source,) in sources.fetchall():
        key = f"source_type:{source}"
        expected = get_meta(connection, key)
        checks.check_id_type(
            found, expected, "source_id", f"the identifier of source {source!r} so far"
        )
        if expected is None:
            set_meta(connection, key, found)


def _keep_zone(connection: duckdb.DuckDBPyConnection, zone: str) -> None:
    known = get_meta(connection, "time_zone")
    if known is None:
        if zone:
            _check_zone(connection, zone)
        set_meta(connection, "time_zone", zone)
    elif known != zone:
        fix = f"use dt.tz_convert({known!r})" if zone and known else "use dt.tz_localize"
        raise TimezoneError(
            f"times are in {zone or 'no zone'}, but those in the repository are in "
            f"{known or 'no zone'}; {fix}, so that no time is read in two ways."
        )


def _check_zone(connection: duckdb.DuckDBPyConnection, zone: str) -> None:
    try:
        ZoneInfo(zone)
        connection.execute("SELECT timezone(?, TIMESTAMP '2024-01-01')", [zone])
    except (duckdb.Error, KeyError, ValueError, OSError):
        raise TimezoneError(
            f"the time zone {zone!r} has no name that keeps summer time; convert to a named zone "
            "such as 'Europe/Berlin', or to 'UTC'."
        ) from None


def _make_room(connection: duckdb.DuckDBPyConnection, order: Order, made: Sequence[Target]) -> None:
    types = {t.name: _as_stored(t).sql_type for t in made}
    if "customer" in types:
        types["customer"] = get_meta(connection, "customer_type") or types["customer"]
    evolve(connection, order.contract, types)


def _insert(
    connection: duckdb.DuckDBPyConnection,
    order: Order,
    names: Sequence[str],
    batch: str,
    content: str,
) -> int:
    found = connection.execute(
        sql(
            "INSERT INTO {table} ({names}) SELECT {names} FROM {clean} ORDER BY {key}",
            table=order.table,
            names=names,
            clean=CLEAN,
            key=[k for k in order.contract.key if k in names],
        )
    ).fetchone()
    rows = 0 if found is None else int(found[0])
    connection.execute(
        sql("INSERT INTO {t} VALUES (?, ?, ?, ?)", t=BATCHES), [order.table, batch, content, rows]
    )
    return rows
