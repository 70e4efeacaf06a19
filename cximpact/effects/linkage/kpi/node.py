"""One KPI of a graph: its level, its causes and how it depends on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from cximpact.core.errors import ConfigError, DtypeError, GraphError
from cximpact.core.units import check_currency
from cximpact.core.validate import check_choice, check_number
from cximpact.effects.linkage.models.families import FAMILIES

LEVELS = ("context", "technical", "operational", "perceptive", "strategic", "outcome")
SHAPES = ("linear", "log", "curved")


@dataclass(frozen=True, kw_only=True, eq=False)
class KpiNode:
    """A KPI, what causes it, and the model of the one given the other.

    Parameters
    ----------
    name : str
        Name of the node.
    level : {"context", "technical", "operational", "perceptive", "strategic", "outcome"}
        Where it stands. Causes never stand on a later level than their effects.
    parents : sequence of str or mapping of str to str
        Direct causes. A mapping says in which shape each enters: ``"linear"``, ``"log"`` or
        ``"curved"`` (with its square).
    family : {"normal", "lognormal", "binary", "ordinal", "count", "hurdle"}, optional
        Model of a node that has parents. None where there are no parents, or a rule.
    interactions : sequence of tuple of str
        Pairs of parents whose product enters too.
    rule : mapping of str to float, optional
        For a node that is computed: what each unit of a parent adds, such as
        ``{"retained": 180.0, "contacts": -6.0}``. Its parents are the keys.
    column : str, optional
        Column of the frame; the name by default. A computed node needs none.
    time : str, optional
        Column with the date or period at which it was measured. A node that was measured before
        one of its causes is then refused.
    currency : str, optional
        ISO code where the node is money per customer.

    Raises
    ------
    GraphError, ConfigError
        If parents, model and rule do not fit each other.
    """

    name: str = field(kw_only=False)
    level: str
    parents: Sequence[str] | Mapping[str, str] = ()
    family: str | None = None
    interactions: Sequence[tuple[str, str]] = ()
    rule: Mapping[str, float] | None = None
    column: str | None = None
    time: str | None = None
    currency: str | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name or ":" in self.name:
            raise ConfigError(f"a node is named {self.name!r}; expected text without a colon.")
        check_choice(self.level, f"level of {self.name!r}", LEVELS)
        if self.currency is not None:
            check_currency(self.currency)
        object.__setattr__(self, "parents", MappingProxyType(_shapes(self)))
        object.__setattr__(self, "interactions", tuple(tuple(p) for p in self.interactions))
        _check_model(self)

    @property
    def shapes(self) -> Mapping[str, str]:
        """Parents, and the shape in which each enters."""
        return dict(self.parents) if isinstance(self.parents, Mapping) else {}

    @property
    def source(self) -> str:
        """Column of the frame."""
        return self.column or self.name

    @property
    def is_root(self) -> bool:
        """Whether nothing in the graph causes it."""
        return not self.parents


def _shapes(node: KpiNode) -> dict[str, str]:
    if node.rule is not None:
        if node.parents or node.family or node.interactions:
            raise GraphError(
                f"node {node.name!r} has a rule; parents, family and interactions come with it: "
                "leave them out."
            )
        for parent, amount in node.rule.items():
            check_number(amount, f"rule of {node.name!r} for {parent!r}")
        object.__setattr__(node, "rule", MappingProxyType(dict(node.rule)))
        return dict.fromkeys(node.rule, "linear")
    if isinstance(node.parents, str):
        raise DtypeError(f"parents of {node.name!r} is a text; expected a list of nodes.")
    if not isinstance(node.parents, Mapping):
        return dict.fromkeys(node.parents, "linear")
    for parent, shape in node.parents.items():
        check_choice(shape, f"shape of {parent!r} in {node.name!r}", SHAPES)
    return dict(node.parents)


def _check_model(node: KpiNode) -> None:
    if node.rule is not None:
        return
    if node.parents and node.family is None:
        raise GraphError(
            f"node {node.name!r} has parents but no model; say family= (one of "
            f"{', '.join(FAMILIES)}) or rule=."
        )
    if node.family is not None:
        check_choice(node.family, f"family of {node.name!r}", FAMILIES)
        if not node.parents:
            raise GraphError(
                f"node {node.name!r} has a model but no parents; leave family= out: a node "
                "without causes is taken as it is in the data."
            )
    for pair in node.interactions:
        if len(pair) != 2 or not set(pair) <= set(node.parents) or pair[0] == pair[1]:
            raise GraphError(
                f"interaction {pair} of {node.name!r} is no pair of its parents "
                f"{list(node.parents)}."
            )
