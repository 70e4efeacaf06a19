"""What makes the values of every node of a fitted graph."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from cximpact.effects.linkage.kpi.node import KpiNode
from cximpact.effects.linkage.kpi.terms import TermDesign
from cximpact.effects.linkage.models.families import Family


@dataclass(frozen=True, kw_only=True, eq=False)
class Mechanism:
    """Models of the nodes, in causal order.

    Parameters
    ----------
    nodes : mapping of str to KpiNode
        Nodes, causes first.
    families : mapping of str to Family
        Models of the nodes that have one.
    designs : mapping of str to TermDesign
        Terms of those models.
    """

    nodes: Mapping[str, KpiNode] = field(repr=False)
    families: Mapping[str, Family] = field(repr=False)
    designs: Mapping[str, TermDesign] = field(repr=False)

    @property
    def parents(self) -> dict[str, tuple[str, ...]]:
        """Each node with its direct causes."""
        return {name: tuple(node.parents) for name, node in self.nodes.items()}
