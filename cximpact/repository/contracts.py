"""What each table of the repository holds, written as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType


class Kind(Enum):
    """What a column may hold."""

    ID = "text or whole numbers"
    TEXT = "text"
    FLAG = "true and false, or 1 and 0"
    NUMBER = "numbers"
    COUNT = "whole numbers from 0"
    MOMENT = "dates with times"
    PERIOD = "first days of periods as dates, or numbered periods"
    TIME = "dates with times, or numbered periods"


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column of a contract.

    Parameters
    ----------
    name : str
        Name in the repository.
    kind : Kind
        What it may hold.
    meaning : str
        What it means, with its unit.
    required : bool, default False
        Whether every row needs a value.
    low : float, optional
        Smallest allowed value.
    references : str, optional
        Table in which the value must occur, under the same name.
    past : bool, default False
        Whether a time in the future is an error.
    """

    name: str
    kind: Kind
    meaning: str
    required: bool = False
    low: float | None = None
    references: str | None = None
    past: bool = False


@dataclass(frozen=True, kw_only=True)
class Contract:
    """A table: its columns, its key and what must agree within a row.

    Parameters
    ----------
    table : str
        Name.
    columns : tuple of Column
        Columns, in order.
    key : tuple of str
        Columns that identify a row; missing values count as equal.
    attributes : bool
        Whether further columns are kept.
    implies : tuple of (str, str)
        Pairs of columns: where the first is true or has a value, the second cannot be false.
    reserved : tuple of str
        Names that no attribute may have.
    key_hint : str
        How to tell apart rows that share a key.
    """

    table: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    attributes: bool = False
    implies: tuple[tuple[str, str], ...] = ()
    reserved: tuple[str, ...] = ()
    key_hint: str = "keep one row for each"

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns."""
        return tuple(c.name for c in self.columns)

    def column(self, name: str) -> Column | None:
        """Return a column, or None for an attribute.

        Parameters
        ----------
        name : str
            Its name.

        Returns
        -------
        Column or None
            What the contract says of it.
        """
        return next((c for c in self.columns if c.name == name), None)


STAGES = ("delivered", "opened", "started", "completed")
# Columns that waves and panels add to the attributes of customers.
RESERVED_ATTRIBUTES = ("period", "period_start", "first_treated", "invited", *STAGES)

_CUSTOMER = Column(
    name="customer",
    kind=Kind.ID,
    meaning="the customer, as in the table customers",
    required=True,
    references="customers",
)
_INITIATIVE = Column(
    name="initiative", kind=Kind.TEXT, meaning="name of the initiative", required=True
)
_PERIOD = Column(
    name="period",
    kind=Kind.PERIOD,
    meaning="first day of the period, or its number",
    required=True,
)

_CUSTOMERS = Contract(
    table="customers",
    columns=(Column(name="customer", kind=Kind.ID, meaning="the customer", required=True),),
    key=("customer",),
    attributes=True,
    reserved=RESERVED_ATTRIBUTES,
)
_IDENTITIES = Contract(
    table="identities",
    columns=(
        Column(name="source", kind=Kind.TEXT, meaning="the system", required=True),
        Column(name="source_id", kind=Kind.ID, meaning="its identifier", required=True),
        _CUSTOMER,
    ),
    key=("source", "source_id"),
)
_INTERACTIONS = Contract(
    table="interactions",
    columns=(
        _CUSTOMER,
        Column(name="time", kind=Kind.MOMENT, meaning="when it began", required=True, past=True),
        Column(name="event", kind=Kind.ID, meaning="identifier, orders equal times"),
        Column(name="channel", kind=Kind.TEXT, meaning="phone, web, store ...", required=True),
        Column(name="touchpoint", kind=Kind.TEXT, meaning="where in the journey"),
        Column(name="wait", kind=Kind.NUMBER, meaning="seconds before an answer", low=0),
        Column(name="transfers", kind=Kind.COUNT, meaning="how often it was handed on", low=0),
        Column(name="handle_time", kind=Kind.NUMBER, meaning="seconds of service", low=0),
        Column(name="resolved", kind=Kind.FLAG, meaning="whether the matter was settled"),
    ),
    key=("customer", "time", "event"),
    attributes=True,
    key_hint="give an 'event' identifier, which also orders contacts at the same time",
)
_SURVEYS = Contract(
    table="surveys",
    columns=(
        _CUSTOMER,
        Column(
            name="invited",
            kind=Kind.TIME,
            meaning="when, or in which period",
            required=True,
            past=True,
        ),
        Column(name="survey", kind=Kind.TEXT, meaning="name of the survey", required=True),
        Column(name="question", kind=Kind.TEXT, meaning="name of the question"),
        Column(name="delivered", kind=Kind.FLAG, meaning="the invitation arrived"),
        Column(name="opened", kind=Kind.FLAG, meaning="it was opened"),
        Column(name="started", kind=Kind.FLAG, meaning="the survey was started"),
        Column(name="completed", kind=Kind.FLAG, meaning="it was finished"),
        Column(name="answer", kind=Kind.NUMBER, meaning="the answer, on its scale"),
    ),
    key=("customer", "invited", "survey", "question"),
    attributes=True,
    # An invitation can be answered although no opening was seen: mail programs block the mark.
    implies=(
        ("opened", "delivered"),
        ("started", "delivered"),
        ("completed", "started"),
        ("answer", "started"),
        ("answer", "delivered"),
    ),
    key_hint="keep one row for each invitation and question",
)
_BEHAVIOR = Contract(
    table="behavior",
    columns=(
        _CUSTOMER,
        _PERIOD,
        Column(name="retained", kind=Kind.FLAG, meaning="still a customer at the end"),
        Column(name="orders", kind=Kind.COUNT, meaning="number of orders", low=0),
        Column(name="spend", kind=Kind.NUMBER, meaning="money, less refunds"),
        Column(name="margin", kind=Kind.NUMBER, meaning="money left after variable cost"),
    ),
    key=("customer", "period"),
    key_hint="add up the rows of each customer and period",
)
_EXPOSURES = Contract(
    table="exposures",
    columns=(
        _INITIATIVE,
        _CUSTOMER,
        Column(name="time", kind=Kind.TIME, meaning="when it reached them", required=True),
    ),
    key=("initiative", "customer", "time"),
)
_COSTS = Contract(
    table="costs",
    columns=(
        _INITIATIVE,
        _PERIOD,
        Column(name="amount", kind=Kind.NUMBER, meaning="money", required=True, low=0),
        Column(name="currency", kind=Kind.TEXT, meaning="ISO code, one for all", required=True),
    ),
    key=("initiative", "period"),
    key_hint="add up the costs of each initiative and period",
)

CONTRACTS: Mapping[str, Contract] = MappingProxyType(
    {
        c.table: c
        for c in (
            _CUSTOMERS,
            _IDENTITIES,
            _INTERACTIONS,
            _SURVEYS,
            _BEHAVIOR,
            _EXPOSURES,
            _COSTS,
        )
    }
)
