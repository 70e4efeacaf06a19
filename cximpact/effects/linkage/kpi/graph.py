"""The graph of KPIs as it is declared, and checked before it meets data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from cximpact.core.errors import ConfigError, GraphError, MissingColumnError, join_names
from cximpact.core.rng import RngLike
from cximpact.core.validate import check_choice, check_count
from cximpact.effects.linkage.kpi.fitting import fit_graph
from cximpact.effects.linkage.kpi.kpi_model import KpiModel
from cximpact.effects.linkage.kpi.network import causal_order
from cximpact.effects.linkage.kpi.node import LEVELS, KpiNode
from cximpact.effects.linkage.rows import MISSING


@dataclass(frozen=True, kw_only=True, eq=False)
class KpiGraph:
    """Which KPI causes which: a directed graph without cycles, from technology to money.

    Parameters
    ----------
    nodes : sequence of KpiNode
        The KPIs. Whatever moves two of them has to be a node as well.
    missing : {"raise", "drop"}
        What to do with rows that lack a KPI.
    draws : int, default 1000
        Draws of the parameters.
    permutations : int, default 499
        Permutations of each test of what the graph implies.

    Raises
    ------
    GraphError
        If a parent is no node, arrows form a cycle, or an arrow leads from a later level to an
        earlier one.

    Notes
    -----
    The arrows that are not drawn are the assumptions: each says that one KPI does not act on
    another, and that nothing outside the graph acts on both. `fit` tests those that leave traces
    in the data.
    """

    nodes: Sequence[KpiNode] = field(kw_only=False)
    missing: str = "raise"
    draws: int = 1000
    permutations: int = 499

    def __post_init__(self) -> None:
        nodes = tuple(self.nodes)
        if not nodes or not all(isinstance(n, KpiNode) for n in nodes):
            raise ConfigError("nodes holds something else than KpiNode; give at least one node.")
        object.__setattr__(self, "nodes", nodes)
        check_choice(self.missing, "missing", MISSING)
        check_count(self.draws, "draws", low=2)
        check_count(self.permutations, "permutations", low=99)
        _check_arrows(nodes)

    @property
    def parents(self) -> dict[str, tuple[str, ...]]:
        """Each node with its direct causes, causes first."""
        arrows = {n.name: tuple(n.parents) for n in self.nodes}
        return {name: arrows[name] for name in causal_order(arrows)}

    def fit(
        self,
        frame: Any,
        *,
        weight: str | None = None,
        cluster: str | None = None,
        despite: str | None = None,
        rng: RngLike = None,
    ) -> KpiModel:
        """Fit the model of every node, and test what the graph implies.

        Parameters
        ----------
        frame : frame
            One row a customer; any engine.
        weight, cluster : str, optional
            Columns of weights, and of clusters at which errors are dependent.
        despite : str, optional
            Reason for using the graph although the data contradict it. Without one, effects of
            a graph that failed a test are marked as descriptive, and no money is made of them.
        rng : int or Generator, optional
            Randomness of the draws.

        Returns
        -------
        KpiModel
            For `KpiModel.do`, `KpiModel.elasticities` and the picture.
        """
        return fit_graph(self, frame, weight=weight, cluster=cluster, despite=despite, rng=rng)


def _check_arrows(nodes: Sequence[KpiNode]) -> None:
    by_name = {n.name: n for n in nodes}
    if len(by_name) < len(nodes):
        names = [n.name for n in nodes]
        twice = sorted({name for name in names if names.count(name) > 1})
        raise GraphError(f"node {join_names(twice)} occurs more than once; merge them.")
    for node in nodes:
        if unknown := [p for p in node.parents if p not in by_name]:
            hint = MissingColumnError.from_names(unknown, list(by_name), role="node")
            raise GraphError(
                f"node {node.name!r} has the parent {join_names(unknown)}, which is no node and "
                f"has no model. {hint}"
            )
        for parent in node.parents:
            if LEVELS.index(by_name[parent].level) > LEVELS.index(node.level):
                raise GraphError(
                    f"the arrow {parent} -> {node.name} leads from the level "
                    f"{by_name[parent].level!r} back to {node.level!r}; turn it round, or give "
                    "one of the two another level."
                )
    causal_order({n.name: n.parents for n in nodes})
