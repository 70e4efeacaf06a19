"""From a declared graph and a frame to fitted models of all nodes."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from cximpact.core.errors import AssumptionWarning, ConfigError
from cximpact.core.fingerprint import fingerprint
from cximpact.core.provenance import Provenance
from cximpact.core.rng import RngLike, seed_of, spawn
from cximpact.core.versions import versions
from cximpact.data import frames
from cximpact.effects.linkage.kpi.independence import independence_tests
from cximpact.effects.linkage.kpi.kpi_model import KpiModel
from cximpact.effects.linkage.kpi.mechanism import Mechanism
from cximpact.effects.linkage.kpi.node import KpiNode
from cximpact.effects.linkage.kpi.terms import TermDesign, learn_design
from cximpact.effects.linkage.models.families import Family, family_of
from cximpact.effects.linkage.models.fit import ModelFit
from cximpact.effects.linkage.models.joint import join_fits
from cximpact.effects.linkage.rows import LinkedRows, link_rows
from cximpact.effects.linkage.timing import check_time_order

if TYPE_CHECKING:
    from cximpact.effects.linkage.kpi.graph import KpiGraph


def fit_graph(
    graph: KpiGraph,
    frame: Any,
    *,
    weight: str | None,
    cluster: str | None,
    despite: str | None,
    rng: RngLike,
) -> KpiModel:
    """Fit the model of every node of a graph.

    Parameters
    ----------
    graph : KpiGraph
        The graph.
    frame : frame
        One row a customer.
    weight, cluster, despite, rng
        As in `KpiGraph.fit`.

    Returns
    -------
    KpiModel
        The fitted graph.
    """
    if despite is not None and not (isinstance(despite, str) and despite.strip()):
        raise ConfigError("despite is empty; give the reason as text, or leave it out.")
    nodes = {name: _node(graph, name) for name in graph.parents}
    _check_times(nodes, frame)
    rows, values, levels = _read(graph, nodes, frame, weight, cluster)
    families, designs, fits, residuals = _fit_nodes(nodes, values, levels, rows)
    seed = seed_of(rng)
    joint = join_fits(fits, rows.cluster)
    (stream,) = spawn(seed, "parameters of the graph")
    tests = independence_tests(
        graph.parents,
        {name: v for name, v in values.items() if name not in levels},
        {name: designs[name].matrix(values) for name in fits},
        residuals,
        rows.cluster,
        permutations=graph.permutations,
        rng=spawn(seed, "permutations")[0],
    )
    notes = (*rows.notes, *_verdict(tests, despite))
    settings = {"nodes": [_described(n) for n in nodes.values()], "draws": graph.draws}
    return KpiModel(
        mechanism=Mechanism(nodes=nodes, families=families, designs=designs),
        parameters=joint.draw(graph.draws, rng=stream),
        fits=fits,
        values=values,
        levels=levels,
        weight=rows.weight,
        independencies=tests,
        trusted=bool(not tests["rejected"].any() or despite is not None),
        provenance=Provenance(
            method="KpiGraph",
            data_hash=fingerprint(rows.data_hash, {k: v for k, v in values.items()}),
            settings=settings | {"weight": weight or "", "cluster": cluster or ""},
            seed=seed,
            versions=versions("numpy", "scipy"),
            notes=notes,
        ),
    )


def _node(graph: KpiGraph, name: str) -> KpiNode:
    return next(n for n in graph.nodes if n.name == name)


def _check_times(nodes: Mapping[str, KpiNode], frame: Any) -> None:
    for node in nodes.values():
        for parent in node.parents:
            first = nodes[parent].time
            if first is not None and node.time is not None and first != node.time:
                check_time_order(
                    frame, first, node.time, what=f"{node.name!r}, caused by {parent!r},"
                )


def _read(
    graph: KpiGraph,
    nodes: Mapping[str, KpiNode],
    frame: Any,
    weight: str | None,
    cluster: str | None,
) -> tuple[LinkedRows, dict[str, np.ndarray], dict[str, tuple[str, ...]]]:
    """Bring the columns of the nodes into memory; categories become numbers of their levels."""
    opened = frames.open_frame(frame)
    measured = {name: node for name, node in nodes.items() if node.rule is None}
    frames.check_columns(opened, {name: node.source for name, node in measured.items()})
    schema = opened.collect_schema()
    texts = {
        name: node
        for name, node in measured.items()
        if node.is_root and not schema[node.source].is_numeric()
    }
    rows = link_rows(
        frame,
        {name: node.source for name, node in measured.items() if name not in texts},
        [node.source for node in texts.values()],
        weight=weight,
        cluster=cluster,
        missing=graph.missing,
    )
    values, levels = dict(rows.numbers), {}
    for name, node in texts.items():
        series = frames.collect(frames.select(opened, {name: node.source}))[name]
        codes, found = pd.factorize(series.iloc[rows.kept], sort=True)
        values[name], levels[name] = codes.astype(float), tuple(map(str, found))
    return rows, values, levels


def _fit_nodes(
    nodes: Mapping[str, KpiNode],
    values: dict[str, np.ndarray],
    levels: Mapping[str, tuple[str, ...]],
    rows: LinkedRows,
) -> tuple[dict[str, Family], dict[str, TermDesign], dict[str, ModelFit], dict[str, np.ndarray]]:
    """Fit what has a model, compute what has a rule; add the computed values."""
    families: dict[str, Family] = {}
    designs: dict[str, TermDesign] = {}
    fits: dict[str, ModelFit] = {}
    residuals: dict[str, np.ndarray] = {}
    for name, node in nodes.items():
        if node.rule is not None:
            values[name] = sum((a * values[p] for p, a in node.rule.items()), np.zeros(1))
        elif node.family is not None:
            y = values[name]
            family = family_of(node.family, y)
            family.check(y, name)
            design = learn_design(name, node.shapes, node.interactions, values, levels)
            x = design.matrix(values)
            fits[name] = family.fit(x, y, rows.weight, design.names)
            families[name], designs[name] = family, design
            mean = family.mean(fits[name].values, x)
            left = np.log(y / mean) if node.family == "lognormal" else y - mean
            residuals[name] = rows.weight * left
    return families, designs, fits, residuals


def _verdict(tests: pd.DataFrame, despite: str | None) -> tuple[str, ...]:
    """Warn where the data contradict the graph; return what a reader must know."""
    rejected = tests[tests["rejected"]]
    if rejected.empty:
        return ()
    pairs = "; ".join(
        f"{r.node} and {r.independent_of} given {r.given} "
        f"(partial correlation {r.partial_correlation:+.2f})"
        for r in rejected.head(5).itertuples()
    )
    more = f" and {len(rejected) - 5} more" if len(rejected) > 5 else ""
    found = (
        f"The data contradict the graph in {len(rejected)} of {len(tests)} independencies: "
        f"{pairs}{more}."
    )
    if despite is not None:
        return (found, f"It is used nevertheless, because: {despite}.")
    warnings.warn(
        f"{found} Add the missing arrow or a common cause. Until then effects of this graph are "
        "descriptive; despite='reason' overrules that.",
        AssumptionWarning,
        stacklevel=4,
    )
    return (found,)


def _described(node: KpiNode) -> dict[str, Any]:
    return {
        "name": node.name,
        "level": node.level,
        "parents": dict(node.shapes),
        "family": node.family or "",
        "interactions": [list(p) for p in node.interactions],
        "rule": dict(node.rule or {}),
        "column": node.source,
    }
